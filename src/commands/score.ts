/** `kowalski score`: scores stored alerts with the configured networks. */
import os from "node:os";
import {
  prepareScores,
  type Rescored,
  rescore,
  rescoreFilter,
  runtimeText,
  type ScoreSettings,
  ScoreTally,
} from "../enrich/scores/index.ts";
import { julianDate } from "../filters/index.ts";
import { type Document, isDocument, parseJson } from "../query/index.ts";
import type { Store } from "../store/index.ts";
import { type Survey, surveyByName, surveys } from "../surveys/index.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { CommandError, EXIT_DONE, EXIT_FAILED, UsageError } from "./errors.ts";
import { openConfiguredStore } from "./open-store.ts";
import { scoreLines } from "./score-lines.ts";

const options = {
  survey: { type: "text", value: "NAME", help: "only alerts of this survey (default: of all with networks)" },
  from: { type: "text", value: "DATE", help: "first date: Julian, or ISO 8601 such as 2023-10-12" },
  to: { type: "text", value: "DATE", help: "the date before which to end" },
  filter: { type: "text", value: "JSON", help: "only alerts that match this find filter" },
  model: { type: "text", value: "NAME", repeat: true, help: "only this network; may be given several times" },
  missing: {
    type: "flag",
    help: "leave out alerts that have scores of all the networks in their configured versions",
  },
  workers: { type: "integer", min: 1, value: "N", help: "threads that run networks (default: one per core)" },
} as const;

const COUNT_MS = 3_600_000;

export const command = defineCommand({
  name: "score",
  summary: "score stored alerts with the configured networks",
  description:
    "Runs the networks of the configuration on stored alerts, from their stored cutouts, and writes the scores that are " +
    "new or differ: after a network was added, or for a new version. May be stopped and run again at any time, with " +
    "--missing to go on where it stopped. A score that cannot be made again stays as it is. Works beside a running " +
    "`kowalski serve`; filters do not run again.",
  options,
  examples: [
    { line: "kowalski score --missing", help: "what has no score of the configured versions yet" },
    {
      line: "kowalski score --from 2023-10-12 --to 2023-10-13 --model braai",
      help: "one network on one night",
    },
  ],
  async run(context) {
    const { output, options: given } = context;
    const { config } = context.loadConfig();
    const names = given.model ?? [];
    const unknown = names.find((name) => !Object.hasOwn(config.models, name));
    if (unknown !== undefined) throw new UsageError(`--model: there is no network ${unknown} in \`models\``);
    const chosen = Object.entries(config.models).filter(
      ([name]) => names.length === 0 || names.includes(name),
    );
    const scores = await prepareScores({ ...config, models: Object.fromEntries(chosen) });
    if (scores === undefined) throw new CommandError("no networks are configured: see docs/models.md");
    if (scores.runtime.kind === "webassembly") output.note(`Networks run by ${runtimeText(scores.runtime)}`);
    const wanted = surveysOf(scores, given.survey);
    const choice = choiceOf(given);
    const store = await openConfiguredStore(config);
    try {
      return await scoreSurveys(context, { store, scores, wanted, choice });
    } finally {
      await store.close();
    }
  },
});

interface Work {
  readonly store: Store;
  readonly scores: ScoreSettings;
  readonly wanted: readonly Survey[];
  readonly choice: Choice;
}

async function scoreSurveys(
  { output, options: given, signal }: CommandContext<typeof options>,
  { store, scores, wanted, choice }: Work,
): Promise<number> {
  const modelsOf = ({ name }: Survey) => scores.models.filter(({ survey }) => survey === name);
  const counts = wanted.map((survey) => {
    const filter = rescoreFilter(modelsOf(survey), choice);
    return store.count({ collection: survey.collections.alerts, filter, maxTimeMs: COUNT_MS });
  });
  const total = (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  const progress = output.progress({ unit: "alerts", total });
  const done: Rescored[] = [];
  const seenBefore = () => done.reduce((sum, { seen }) => sum + seen, 0);
  for (const survey of wanted) {
    if (signal.aborted) break;
    const before = seenBefore();
    done.push(
      await rescore(store, survey, scores, {
        ...choice,
        threads: given.workers ?? os.availableParallelism(),
        signal,
        progress: (seen) => progress.update({ count: before + seen }),
      }),
    );
  }
  progress.finish({ count: seenBefore() });
  const changed = done.reduce((sum, one) => sum + one.changed, 0);
  const unnamed = done.reduce((sum, one) => sum + one.unnamed, 0);
  const tally = new ScoreTally();
  for (const { news } of done) tally.add(news);
  const { counts: outcomes, failures } = tally.take();
  for (const failure of Object.values(failures)) output.note(failure);
  output.json({
    event: "summary",
    alerts: seenBefore(),
    changed,
    unnamed,
    scores: outcomes,
    stopped: signal.aborted,
  });
  output.line(`looked at   ${seenBefore()} alerts`);
  output.line(`changed     ${changed} alerts`);
  for (const line of scoreLines(outcomes)) output.line(line);
  if (unnamed > 0) output.line(`passed over ${unnamed} alerts whose candid is missing or no 64-bit integer`);
  if (signal.aborted) output.line("stopped     before the end: run it again, with --missing to go on");
  return signal.aborted || unnamed > 0 ? EXIT_FAILED : EXIT_DONE;
}

/** The surveys whose alerts are scored: those of the networks, or the one that is named. */
function surveysOf({ models }: ScoreSettings, named: string | undefined): Survey[] {
  const names = new Set(models.map(({ survey }) => survey));
  if (named === undefined) return surveys.filter(({ name }) => names.has(name));
  const survey = surveyByName(named);
  if (survey === undefined) throw new UsageError(`--survey: there is no survey ${named}`);
  if (!names.has(survey.name)) throw new CommandError(`no network of \`models\` is for ${survey.name}`);
  return [survey];
}

interface Choice {
  readonly filter?: Document;
  readonly from?: number;
  readonly to?: number;
  readonly missing: boolean;
}

function choiceOf(given: CommandContext<typeof options>["options"]): Choice {
  const { from, to, filter, missing } = given;
  return {
    missing,
    ...(from === undefined ? {} : { from: julianDate(from, "--from") }),
    ...(to === undefined ? {} : { to: julianDate(to, "--to") }),
    ...(filter === undefined ? {} : { filter: filterOf(filter) }),
  };
}

function filterOf(text: string): Document {
  const filter = parseJson(text, { path: "--filter" });
  if (!isDocument(filter)) throw new UsageError("--filter: expected an object of JSON");
  return filter;
}
