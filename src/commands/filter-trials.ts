/** `kowalski filter test` and `backfill`: filters on stored alerts. */
import { existsSync } from "node:fs";
import { type Filters, readSavedTry, readUnsavedTry, type TryRequest } from "../filters/index.ts";
import type { Document } from "../query/index.ts";
import { defineCommand, type OptionSpecs, type OptionValues } from "./command.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import {
  AUTHOR,
  GROUP,
  ID,
  idOf,
  PERMISSIONS,
  pipelineOf,
  programsOf,
  readFilterFile,
  withFilters,
} from "./filter-words.ts";

const DEFAULT_ROWS = 20;
/** As long as the API allows, milliseconds. */
const LONGEST_MS = 300_000;

const CHOICE = {
  objects: { type: "text", value: "NAMES", help: "only alerts of these objects, separated by commas" },
  from: { type: "text", value: "DATE", help: "first date: Julian, or ISO 8601 such as 2023-10-12" },
  to: { type: "text", value: "DATE", help: "last date" },
  last: { type: "integer", min: 1, value: "N", help: "the newest so many alerts" },
} as const satisfies OptionSpecs;

const testOptions = {
  ...CHOICE,
  catalog: { type: "text", value: "NAME", default: "ZTF_alerts", help: "whose alerts" },
  ...PERMISSIONS,
  ...GROUP,
  rows: { type: "integer", min: 0, default: DEFAULT_ROWS, value: "N", help: "how many rows are printed" },
} as const;

export const testCommand = defineCommand({
  name: "test",
  summary: "try a filter on stored alerts",
  description:
    "Runs a pipeline from a file, or the last version of a saved filter, over stored alerts, each joined with its " +
    "history before it, and prints what each stage and condition lets through, and the rows.",
  positionals: [{ name: "FILE", help: "a file with the stages as JSON, or the number of a saved filter" }],
  options: testOptions,
  examples: [
    { line: "kowalski filter test mine.json --last 1000", help: "on the newest thousand alerts" },
    { line: "kowalski filter test 7 --from 2023-10-01 --to 2023-11-01", help: "a saved filter on a month" },
  ],
  async run(context) {
    const [given = ""] = context.args;
    await withFilters(context, async (filters) => {
      const request = await tryRequest(filters, given, context.options);
      const progress = context.output.progress({ unit: "alerts" });
      let count = 0;
      const rows: string[] = [];
      const summary = await filters.trials.try(request.stages, request.scope, context.options.rows, {
        progress: (seen, total) => {
          count = seen;
          progress.update({ count, note: `of ${total}` });
        },
        rows: (texts) => void rows.push(...texts),
        signal: context.signal,
      });
      progress.finish({ count });
      const { stages = [], ...counts } = summary;
      if (context.output.isJson) {
        for (const row of rows) context.output.raw(`{"event":"row","row":${row}}\n`);
        context.output.json({ event: "summary", ...counts, explain: stages });
        return;
      }
      context.output.table(
        ["stage", "in", "out", "ms"],
        stages.flatMap((stage) => [stage, ...(stage.conditions ?? [])]).map(passageRow),
      );
      context.output.line(`\n${counts.passed} of ${counts.seen} alerts pass, ${counts.errors} errors`);
      for (const { candid, message } of counts.failures)
        context.output.line(`error on ${candid}: ${message}`);
      for (const row of rows) context.output.line(row);
    });
    return EXIT_DONE;
  },
});

function passageRow(passage: {
  readonly at: string;
  readonly documentsIn: number;
  readonly documentsOut: number;
  readonly milliseconds: number;
}) {
  return {
    stage: passage.at,
    in: passage.documentsIn,
    out: passage.documentsOut,
    ms: Number(passage.milliseconds.toFixed(2)),
  };
}

async function tryRequest(
  filters: Filters,
  given: string,
  options: OptionValues<typeof testOptions>,
): Promise<TryRequest> {
  const body = choiceOf(options);
  if (/^\d+$/.test(given) && !existsSync(given)) {
    return readSavedTry(AUTHOR, await filters.get(AUTHOR, Number(given), options.group), body);
  }
  const pipeline = pipelineOf(readFilterFile(given), given);
  const permissions = programsOf(options.permissions);
  return readUnsavedTry(AUTHOR, {
    ...body,
    catalog: options.catalog,
    pipeline,
    ...(permissions === undefined ? {} : { permissions }),
  });
}

/** Which alerts are meant, as the API takes it. */
function choiceOf({ objects, from, to, last }: OptionValues<typeof CHOICE>): Document {
  if (objects === undefined && from === undefined && to === undefined && last === undefined) {
    throw new UsageError("on which alerts? Give --last, --from with --to, or --objects");
  }
  return {
    ...(objects === undefined ? {} : { object_ids: objects.split(",").map((name) => name.trim()) }),
    ...(from === undefined ? {} : { start_date: from }),
    ...(to === undefined ? {} : { end_date: to }),
    ...(last === undefined ? {} : { last }),
    max_time_ms: LONGEST_MS,
  };
}

export const backfillCommand = defineCommand({
  name: "backfill",
  summary: "deliver what a filter would have matched in stored alerts",
  description:
    "Runs the active version of a saved filter over stored alerts, each joined with its history before it, and " +
    "records as matches, marked as backfill, what was not recorded before. The server delivers them to the sinks.",
  positionals: [ID],
  options: { ...CHOICE, ...GROUP },
  examples: [
    { line: "kowalski filter backfill 7 --from 2023-10-01 --to 2023-11-01", help: "a month" },
    { line: "kowalski filter backfill 7 --objects ZTF20aaelulu", help: "one object" },
  ],
  async run(context) {
    const body = choiceOf(context.options);
    await withFilters(context, async (filters) => {
      const filter = await filters.get(AUTHOR, idOf(context.args), context.options.group);
      const progress = context.output.progress({ unit: "alerts" });
      let count = 0;
      const { delivered, ...summary } = await filters.backfill(AUTHOR, filter, body, {
        progress: (seen, total) => {
          count = seen;
          progress.update({ count, note: `of ${total}` });
        },
        signal: context.signal,
      });
      progress.finish({ count });
      context.output.line(
        `${summary.passed} of ${summary.seen} alerts pass filter ${filter._id}, ${summary.errors} errors; ` +
          `${delivered} matches are new`,
      );
      for (const { candid, message } of summary.failures) {
        context.output.line(`error on ${candid}: ${message}`);
      }
      context.output.json({ event: "summary", filter: filter._id, ...summary, delivered });
    });
    return EXIT_DONE;
  },
});
