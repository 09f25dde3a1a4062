/**
 * Filters on stored alerts, at the speed of the engine: tries of pipelines, the look at the last night before
 * a filter is switched on, and backfills. Runs on a thread of its own. Each alert is joined with what is
 * stored of its object before it: never with its future.
 */
import {
  type CompiledFilter,
  Deadline,
  type Document,
  explainFilter,
  QueryError,
  type StageExplanation,
} from "../query/index.ts";
import type { AlertEncoder, AlertReader, AlertSelection, AlertWriter, ObjectRecord } from "../store/index.ts";
import { jdOf, type Survey, surveyByName } from "../surveys/index.ts";
import { compileVersion } from "./compiled.ts";
import type { FilterDocument } from "./definition.ts";
import { FilterEngine, type FilteredAlert, filterDeadline } from "./engine.ts";
import { invalid } from "./errors.ts";
import { joinAlert, type Programs } from "./joined.ts";
import { type Match, outboxEntryOf } from "./match.ts";
import { compileStages, parseStages, readStages } from "./pipeline.ts";
import { type Choice, nightAround, selectionOf } from "./selection.ts";
import { addTally, emptyTally, nightOf } from "./tally.ts";

/** How many failures are told one by one. */
const MOST_FAILURES = 10;

/** What a trial runs on: plain data that travels. */
export interface TrialScope {
  /** Name of the survey. */
  readonly survey: string;
  readonly permissions: readonly number[];
  readonly choice: Choice;
  /** Milliseconds after which it ends with an error. */
  readonly maxTimeMs: number;
}

/** A pipeline as text, and how errors name it. */
export interface NamedStages {
  readonly path: string;
  readonly text: string;
}

export interface TrialFailure {
  readonly candid: bigint;
  readonly message: string;
}

export interface TrialSummary {
  /** Alerts that the filter may see. */
  readonly seen: number;
  readonly passed: number;
  readonly errors: number;
  /** The first errors. */
  readonly failures: readonly TrialFailure[];
  /** What each stage let through, where that was asked for. */
  readonly stages?: readonly StageExplanation[];
}

export interface NightSummary extends TrialSummary {
  /** 20231012; undefined when nothing is stored. */
  readonly night: string | undefined;
  /** Whether all alerts of the night were looked at in the time allowed. */
  readonly complete: boolean;
}

/** Who watches a trial. */
export interface TrialListener {
  progress(seen: number, total: number): void;
  row(row: Document): void;
}

/** Runs a pipeline on the chosen alerts and counts what its stages let through. Throws `QueryError` when it takes longer than it may. */
export async function tryStages(
  reader: AlertReader,
  stages: NamedStages,
  scope: TrialScope,
  listener: TrialListener,
): Promise<TrialSummary> {
  const survey = surveyOf(scope.survey);
  const selection = selectionOf(survey, scope.permissions, scope.choice);
  const explained = explainFilter(parseStages(readStages(stages.text, stages.path), stages.path));
  const count = new Counter(explained.run);
  const deadline = new Deadline(scope.maxTimeMs, "max_time_ms");
  const total = await reader.count(selection);
  for await (const piece of replay(reader, survey, selection)) {
    for (const alert of piece) {
      deadline.check();
      const row = count.run(alert, join(alert, survey, scope.permissions));
      if (row !== undefined) listener.row({ ...row, objectId: alert.objectId, candid: alert.candid });
    }
    listener.progress(count.seen, total);
  }
  return { ...count.summary(), stages: explained.explain() };
}

/**
 * Runs pipelines on the newest stored alert that the permissions allow; answers which that is and whether the
 * first passes it, undefined when there is none. Throws what a pipeline throws.
 */
export async function tryOnNewest(
  reader: AlertReader,
  pipelines: readonly NamedStages[],
  scope: Omit<TrialScope, "choice">,
): Promise<{ candid: bigint; passed: boolean } | undefined> {
  const survey = surveyOf(scope.survey);
  const compiled = pipelines.map(({ text, path }) => compileStages(text, path));
  const [alert] = await newestAlert(reader, survey, scope.permissions);
  if (alert === undefined) return undefined;
  const joined = join(alert, survey, scope.permissions);
  const rows = compiled.map((filter) => filter(joined, new Deadline(scope.maxTimeMs, "pipeline")));
  return { candid: alert.candid, passed: rows[0] !== undefined };
}

/** Runs a pipeline on the night of the newest alert, for as long as it may. */
export async function tryLastNight(
  reader: AlertReader,
  stages: NamedStages,
  scope: Omit<TrialScope, "choice">,
): Promise<NightSummary> {
  const survey = surveyOf(scope.survey);
  const count = new Counter(compileStages(stages.text, stages.path));
  const [newest] = await newestAlert(reader, survey, scope.permissions);
  if (newest === undefined) return { ...count.summary(), night: undefined, complete: true };
  const until = performance.now() + scope.maxTimeMs;
  const selection = selectionOf(survey, scope.permissions, nightAround(newest.jd));
  const night = nightOf(newest.jd);
  for await (const piece of replay(reader, survey, selection)) {
    for (const alert of piece) {
      if (performance.now() > until) return { ...count.summary(), night, complete: false };
      count.run(alert, join(alert, survey, scope.permissions));
    }
  }
  return { ...count.summary(), night, complete: true };
}

/** Where a backfill reads alerts and records matches. */
export interface BackfillParts {
  readonly reader: AlertReader;
  readonly writer: AlertWriter;
  /** Of the same store. */
  readonly encoder: AlertEncoder;
}

/** Runs a saved filter on the chosen alerts and records what it matches; entries that exist stay as they are. */
export async function backfill(
  { reader, writer, encoder }: BackfillParts,
  filter: FilterDocument,
  scope: TrialScope,
  listener: Pick<TrialListener, "progress">,
): Promise<TrialSummary> {
  const survey = surveyOf(scope.survey);
  const engine = new FilterEngine(survey, [compileVersion(filter)], { backfill: true });
  const selection = selectionOf(survey, filter.permissions, scope.choice);
  const deadline = new Deadline(scope.maxTimeMs, "max_time_ms");
  const total = await reader.count(selection);
  let seen = 0;
  for await (const piece of replay(reader, survey, selection)) {
    const matches: Match[] = [];
    for (const alert of piece) {
      deadline.check();
      const waiting = engine.begin(alert, (match) => matches.push(match));
      for (const rest of waiting) engine.finish(rest, alert.record, (match) => matches.push(match));
    }
    const outbox = matches.map((match) => encoder.encodeEntry(outboxEntryOf(match)));
    if (outbox.length > 0) await writer.write({ alerts: [], deadLetters: [], outbox, positions: [] });
    encoder.takeBuffers();
    seen += piece.length;
    listener.progress(seen, total);
  }
  const tally = emptyTally();
  for (const ofNight of engine.takeTallies().values())
    for (const one of ofNight.values()) addTally(tally, one);
  const { passed, errors, failure } = tally;
  const failures =
    failure === undefined ? [] : [{ candid: BigInt(failure.candid), message: failure.message }];
  return { seen, passed, errors, failures };
}

/** A stored alert with its object's record. */
interface StoredAlert extends FilteredAlert {
  readonly record: ObjectRecord;
}

/** Stored alerts in the order of their time, in pieces. */
async function* replay(
  reader: AlertReader,
  survey: Survey,
  selection: AlertSelection,
): AsyncGenerator<StoredAlert[]> {
  for await (const piece of reader.alerts(selection)) {
    const objects = await reader.records(
      survey.collections,
      piece.map(({ objectId }) => String(objectId)),
    );
    yield piece.flatMap((document) => {
      const { candid, objectId } = document;
      const record = objects.get(String(objectId));
      if (typeof candid !== "bigint" || record === undefined) return [];
      return [{ candid, objectId: String(objectId), jd: jdOf(document), document, record }];
    });
  }
}

async function newestAlert(
  reader: AlertReader,
  survey: Survey,
  permissions: readonly number[],
): Promise<StoredAlert[]> {
  for await (const piece of replay(reader, survey, selectionOf(survey, permissions, { newest: 1 })))
    return piece;
  return [];
}

function join(
  { document, jd, record }: StoredAlert,
  survey: Survey,
  permissions: readonly number[],
): Document {
  const programs: Programs = survey.programPath === undefined ? undefined : new Set(permissions);
  return joinAlert(document, jd, survey, programs, record);
}

/** Runs a filter on alerts one by one, each with the time limit of the broker, and counts. */
class Counter {
  seen = 0;
  #passed = 0;
  #errors = 0;
  readonly #failures: TrialFailure[] = [];

  constructor(readonly filter: CompiledFilter) {}

  /** The row that the filter makes of an alert. */
  run(alert: FilteredAlert, joined: Document): Document | undefined {
    this.seen++;
    try {
      const row = this.filter(joined, filterDeadline());
      if (row !== undefined) this.#passed++;
      return row;
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      this.#errors++;
      if (this.#failures.length < MOST_FAILURES) {
        this.#failures.push({ candid: alert.candid, message: error.message });
      }
      return undefined;
    }
  }

  summary(): TrialSummary {
    return { seen: this.seen, passed: this.#passed, errors: this.#errors, failures: this.#failures };
  }
}

function surveyOf(name: string): Survey {
  const survey = surveyByName(name);
  if (survey === undefined) throw invalid(`there is no survey ${name}`);
  return survey;
}
