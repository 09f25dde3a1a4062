/**
 * Runs the active filters of one survey on alerts in memory.
 *
 * Filters are grouped by what they may see: an alert is joined once per distinct permission set, and leading
 * conditions are evaluated once. A filter that throws or overruns affects only itself.
 */
import { checkSize, Deadline, type Document, isDocument, QueryError, type Value } from "../query/index.ts";
import type { ObjectRecord } from "../store/index.ts";
import type { Survey } from "../surveys/index.ts";
import { alertProgramOf } from "../surveys/index.ts";
import type { CompiledVersion } from "./compiled.ts";
import { SharedConditions } from "./conditions.ts";
import { joinAlert, NEEDS_RECORD, type Programs } from "./joined.ts";
import type { Match } from "./match.ts";
import { addTally, countRun, emptyTally, nightOf, type Tally } from "./tally.ts";

/** Longest time of one filter on one alert, milliseconds of its thread's work. */
const FILTER_LIMIT_MS = 500;
/** Overruns after which a filter is switched off. */
export const MOST_OVERRUNS = 3;
/** Longest message that is kept of an error. */
const MOST_MESSAGE = 1000;

/** An alert on its way, as far as filters need it. */
export interface FilteredAlert {
  readonly candid: bigint;
  readonly objectId: string;
  /** Julian date, days. */
  readonly jd: number;
  readonly document: Document;
}

/** Filters of an alert that wait for its object's record: from `next` on, of one permission set. */
export interface Waiting {
  readonly alert: FilteredAlert;
  readonly set: PermissionSet;
  readonly next: number;
}

interface ActiveFilter {
  readonly version: CompiledVersion;
  readonly conditions: readonly number[];
  /** What is left to run once the conditions hold; undefined when they are all. */
  readonly rest: CompiledVersion["whole"] | undefined;
  overruns: number;
  /** Of the night that the engine is in. */
  tally: Tally;
}

/** Filters that may see the same programs. */
class PermissionSet {
  readonly filters: ActiveFilter[] = [];
  readonly conditions = new SharedConditions();

  constructor(readonly programs: Programs) {}

  add(version: CompiledVersion): void {
    const { leading, whole, behindLeading } = version;
    const fresh = { version, overruns: 0, tally: emptyTally() };
    if (leading === undefined) {
      this.filters.push({ ...fresh, conditions: [], rest: whole });
      return;
    }
    const conditions = this.conditions.numbersOf(leading.shared);
    this.filters.push({ ...fresh, conditions, rest: leading.complete ? behindLeading : whole });
  }
}

/** What one filter may report of one alert, bytes: entries of the outbox are read by the hundred. */
const MOST_RESULT_BYTES = 1024 * 1024;

export class FilterEngine {
  readonly #sets: PermissionSet[] = [];
  /** By night and filter: what was counted before the night that the filters' own tallies are of. */
  #tallies = new Map<string, Map<string, Tally>>();
  #night = "";
  #day = Number.NaN;

  constructor(
    readonly survey: Survey,
    versions: readonly CompiledVersion[],
    readonly options: { readonly backfill: boolean } = { backfill: false },
  ) {
    const sets = new Map<string, PermissionSet>();
    for (const version of versions) {
      const programs = survey.programPath === undefined ? undefined : new Set(version.filter.permissions);
      const key = programs === undefined ? "" : [...programs].sort((a, b) => a - b).join();
      let set = sets.get(key);
      if (set === undefined) {
        set = new PermissionSet(programs);
        sets.set(key, set);
      }
      set.add(version);
    }
    this.#sets = [...sets.values()];
  }

  /** Runs all filters on an alert, as far as they get without its object's record; `emit` gets the matches. */
  begin(alert: FilteredAlert, emit: (match: Match) => void): Waiting[] {
    const program = alertProgramOf(this.survey, alert.document);
    const waiting: Waiting[] = [];
    for (const set of this.#sets) {
      if (set.programs !== undefined && !(program !== undefined && set.programs.has(program))) continue;
      const next = this.#run(alert, set, 0, undefined, emit);
      if (next < set.filters.length) waiting.push({ alert, set, next });
    }
    return waiting;
  }

  /** Runs the filters that waited. */
  finish({ alert, set, next }: Waiting, record: ObjectRecord, emit: (match: Match) => void): void {
    this.#run(alert, set, next, record, emit);
  }

  /** What was counted since the last call, by night and filter. */
  takeTallies(): ReadonlyMap<string, ReadonlyMap<string, Tally>> {
    this.#leaveNight();
    const taken = this.#tallies;
    this.#tallies = new Map();
    return taken;
  }

  /** Runs filters from `from` on; answers the number of the first that needs the record, or how many there are. */
  #run(
    alert: FilteredAlert,
    set: PermissionSet,
    from: number,
    record: ObjectRecord | undefined,
    emit: (match: Match) => void,
  ): number {
    const joined = joinAlert(alert.document, alert.jd, this.survey, set.programs, record);
    this.#enterNight(alert.jd);
    set.conditions.begin();
    const { filters } = set;
    for (let number = from; number < filters.length; number++) {
      const active = filters[number];
      if (active === undefined || active.overruns >= MOST_OVERRUNS) continue;
      try {
        if (set.conditions.hold(active.conditions, joined)) this.#runOne(active, alert, joined, emit);
        active.tally.seen++;
      } catch (error) {
        if (error === NEEDS_RECORD) return number;
        active.tally.seen++;
        noteFailure(active, alert, error);
      }
    }
    return filters.length;
  }

  #runOne(active: ActiveFilter, alert: FilteredAlert, joined: Document, emit: (match: Match) => void): void {
    const started = workClock();
    let measured = true;
    try {
      const deadline = filterDeadline();
      const { rest, version } = active;
      const row = rest === undefined ? joined : rest(joined, deadline);
      if (row === undefined) return;
      const autosave = deadline.run(() => version.autosaveOf(joined));
      const followup = autosave === false ? null : deadline.run(() => version.followupOf(joined));
      const { annotations } = row;
      const { filter } = version;
      const match: Match = {
        filter: filter._id,
        group_id: filter.group_id,
        filter_id: filter.filter_id,
        fid: version.fid,
        survey: this.survey.name,
        candid: alert.candid,
        objectId: alert.objectId,
        jd: alert.jd,
        annotations: isDocument(annotations) ? annotations : {},
        permissions: filter.permissions,
        update_annotations: filter.update_annotations,
        autosave,
        auto_followup: followup,
        passed_at: new Date(),
        backfill: this.options.backfill,
      };
      // It is about to be written out, as what follows from this filter alone.
      for (const part of [match.annotations, autosave, followup]) {
        deadline.run(() => checkSize(part as Value, "annotations", MOST_RESULT_BYTES));
      }
      emit(match);
      active.tally.passed++;
    } catch (error) {
      // It will run again with the record.
      if (error === NEEDS_RECORD) measured = false;
      throw error;
    } finally {
      if (measured) countRun(active.tally, workClock() - started);
    }
  }

  #enterNight(jd: number): void {
    const day = Math.floor(jd - 0.5);
    if (day === this.#day) return;
    this.#leaveNight();
    this.#day = day;
    this.#night = Number.isFinite(jd) ? nightOf(jd) : "";
  }

  /** Puts away what the filters counted. */
  #leaveNight(): void {
    const tallies = this.#tallies.get(this.#night) ?? new Map<string, Tally>();
    for (const { filters } of this.#sets) {
      for (const active of filters) {
        if (active.tally.seen === 0) continue;
        const known = tallies.get(active.version.filter._id);
        if (known === undefined) tallies.set(active.version.filter._id, active.tally);
        else addTally(known, active.tally);
        active.tally = emptyTally();
      }
    }
    if (tallies.size > 0) this.#tallies.set(this.#night, tallies);
  }
}

/**
 * The time that this thread has worked, milliseconds. What a filter takes is measured by it: a filter is not at
 * fault when the machine is busy with others.
 */
function workClock(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The time limit of one filter on one alert, from now. */
export function filterDeadline(): Deadline {
  return new Deadline(FILTER_LIMIT_MS, "pipeline", workClock);
}

function noteFailure(active: ActiveFilter, alert: FilteredAlert, error: unknown): void {
  const { tally } = active;
  if (error instanceof QueryError && error.kind === "deadline") {
    active.overruns++;
    tally.overruns++;
  }
  tally.errors++;
  const message = error instanceof Error ? error.message : String(error);
  tally.failure = {
    candid: alert.candid.toString(),
    message: message.slice(0, MOST_MESSAGE),
    at: Date.now(),
  };
}
