/** `kowalski filter`: filters of the data folder, tried, made, listed and switched, also beside a running server. */
import { existsSync, readFileSync } from "node:fs";
import type { Author, FilterDocument, Filters, TryRequest } from "../filters/index.ts";
import { readSavedTry, readUnsavedTry } from "../filters/index.ts";
import { type Document, isDocument, parseJson, type Value } from "../query/index.ts";
import {
  type Command,
  type CommandContext,
  defineCommand,
  entry,
  type OptionSpecs,
  type OptionValues,
} from "./command.ts";
import { CommandError, EXIT_DONE, UsageError } from "./errors.ts";
import { openConfiguredStore, openFilters } from "./open-store.ts";
import { jsonText } from "./output.ts";

/** Whoever has the data folder may do everything. */
const AUTHOR: Author = { name: "command line", isAdministrator: true, groups: [], programs: () => undefined };
const DEFAULT_ROWS = 20;

const ID = { name: "ID", help: "number of the filter" } as const;
const GROUP = {
  group: { type: "integer", min: 1, value: "N", help: "group of the filter, where several use the number" },
} as const satisfies OptionSpecs;
const PERMISSIONS = {
  permissions: {
    type: "text",
    value: "1,2",
    help: "program ids that the filter sees: 1 public, 2 partnership, 3 Caltech",
  },
} as const satisfies OptionSpecs;

async function withFilters<T, S extends OptionSpecs>(
  context: CommandContext<S>,
  work: (filters: Filters) => Promise<T>,
): Promise<T> {
  const { config } = context.loadConfig();
  const store = await openConfiguredStore(config);
  try {
    return await work(openFilters(store, config));
  } finally {
    await store.close();
  }
}

const testOptions = {
  objects: { type: "text", value: "NAMES", help: "only alerts of these objects, separated by commas" },
  from: { type: "text", value: "DATE", help: "first date: Julian, or ISO 8601 such as 2023-10-12" },
  to: { type: "text", value: "DATE", help: "last date" },
  last: { type: "integer", min: 1, value: "N", help: "the newest so many alerts" },
  catalog: { type: "text", value: "NAME", default: "ZTF_alerts", help: "whose alerts" },
  ...PERMISSIONS,
  ...GROUP,
  rows: { type: "integer", min: 0, default: DEFAULT_ROWS, value: "N", help: "how many rows are printed" },
} as const;

const test = defineCommand({
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
  const { objects, from, to, last, group } = options;
  const body: Document = {
    ...(objects === undefined ? {} : { object_ids: objects.split(",").map((name) => name.trim()) }),
    ...(from === undefined ? {} : { start_date: from }),
    ...(to === undefined ? {} : { end_date: to }),
    ...(last === undefined ? {} : { last }),
    max_time_ms: 300_000,
  };
  if (objects === undefined && from === undefined && to === undefined && last === undefined) {
    throw new UsageError("on which alerts? Give --last, --from with --to, or --objects");
  }
  if (/^\d+$/.test(given) && !existsSync(given)) {
    return readSavedTry(AUTHOR, await filters.get(AUTHOR, Number(given), group), body);
  }
  const pipeline = pipelineOf(readFile(given), given);
  const permissions = programsOf(options.permissions);
  return readUnsavedTry(AUTHOR, {
    ...body,
    catalog: options.catalog,
    pipeline,
    ...(permissions === undefined ? {} : { permissions }),
  });
}

/** The stages of a file: it holds them, or a whole filter. */
function pipelineOf(content: Value, file: string): Value {
  if (Array.isArray(content)) return content;
  if (isDocument(content) && content["pipeline"] !== undefined) return content["pipeline"];
  throw new CommandError(`${file}: expected a list of stages, or an object with a pipeline`);
}

function readFile(path: string): Value {
  if (!existsSync(path))
    throw new CommandError(`${path}: there is no such file, and no filter of that number`);
  return parseJson(readFileSync(path, "utf8"), { path });
}

function programsOf(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  const ids = text.split(",").map((id) => id.trim());
  if (ids.every((id) => /^\d{1,4}$/.test(id))) return ids.map(Number);
  throw new UsageError(`--permissions: expected numbers such as 1,2, got ${text}`);
}

const list = defineCommand({
  name: "list",
  summary: "list the filters",
  options: { active: { type: "flag", help: "only those that are on" } },
  async run(context) {
    const found = await withFilters(context, (filters) =>
      filters.list(AUTHOR, context.options.active ? { active: true } : {}),
    );
    context.output.table(
      ["group", "filter", "state", "catalog", "permissions", "version", "versions", "modified"],
      found.map((filter) => ({
        group: filter.group_id,
        filter: filter.filter_id,
        state: filter.active ? "on" : "off",
        catalog: filter.catalog,
        permissions: filter.permissions.join(","),
        version: filter.active_fid,
        versions: filter.fv.length,
        modified: filter.last_modified.toISOString(),
      })),
    );
    return EXIT_DONE;
  },
});

const show = defineCommand({
  name: "show",
  summary: "show a filter with all its versions",
  positionals: [ID],
  options: GROUP,
  async run(context) {
    const filter = await withFilters(context, (filters) =>
      filters.get(AUTHOR, idOf(context.args), context.options.group),
    );
    context.output.json(filter);
    if (context.output.isJson) return EXIT_DONE;
    const { fv, switched_off: off, ...rest } = filter;
    for (const [field, value] of Object.entries(rest)) {
      context.output.line(
        `${field.padEnd(18)} ${value instanceof Date ? value.toISOString() : jsonText(value)}`,
      );
    }
    if (off !== undefined) context.output.line(`switched off       ${off.at.toISOString()}: ${off.reason}`);
    for (const version of fv) {
      const mark = version.fid === filter.active_fid ? " (active)" : "";
      context.output.line(`\n${version.fid}${mark}, ${version.created_at.toISOString()}`);
      for (const stage of parseJson(version.pipeline) as Value[]) context.output.line(`  ${jsonText(stage)}`);
    }
    return EXIT_DONE;
  },
});

const add = defineCommand({
  name: "add",
  summary: "make a filter, or add a version to one",
  description:
    "Reads a file with the stages, or with a whole filter as the API takes it; options fill in what the file leaves " +
    "out. The pipeline is tried on the newest stored alert, and one that would be on also on the last stored night.",
  positionals: [{ name: "FILE", help: "stages or a filter as JSON" }],
  options: {
    id: { type: "integer", min: 1, value: "N", help: "number of the filter within its group" },
    group: { type: "integer", min: 1, value: "N", help: "group of the filter" },
    catalog: { type: "text", value: "NAME", help: "whose alerts (default ZTF_alerts)" },
    ...PERMISSIONS,
    off: { type: "flag", help: "do not switch it on" },
    override: { type: "flag", help: "switch it on however much it selects" },
  },
  examples: [
    {
      line: "kowalski filter add mine.json --id 7 --group 1 --permissions 1",
      help: "a filter of public alerts",
    },
  ],
  async run(context) {
    const [file = ""] = context.args;
    const { id, group, catalog, permissions, off, override } = context.options;
    const content = readFile(file);
    const programs = programsOf(permissions);
    const body: Document = {
      catalog: "ZTF_alerts",
      ...(isDocument(content) ? content : {}),
      pipeline: pipelineOf(content, file),
      ...(id === undefined ? {} : { filter_id: id }),
      ...(group === undefined ? {} : { group_id: group }),
      ...(catalog === undefined ? {} : { catalog }),
      ...(programs === undefined ? {} : { permissions: programs }),
      ...(off ? { active: false } : {}),
      override,
    };
    const { filter, version, note } = await withFilters(context, (filters) => filters.save(AUTHOR, body));
    context.output.line(
      `${note}\nSaved version ${version.fid} of filter ${filter._id}, which is ${state(filter)}`,
    );
    context.output.json({ filter: filter._id, fid: version.fid, active: filter.active, note });
    return EXIT_DONE;
  },
});

const switched = (name: "on" | "off") =>
  defineCommand({
    name,
    summary: name === "on" ? "run a filter on new alerts" : "stop running a filter",
    positionals: [ID],
    options: {
      ...GROUP,
      ...(name === "on" ? { override: { type: "flag", help: "however much it selects" } as const } : {}),
    },
    async run(context) {
      const { group, override } = context.options as { group?: number; override?: boolean };
      const filter = await withFilters(context, (filters) =>
        filters.change(AUTHOR, {
          filter_id: idOf(context.args),
          ...(group === undefined ? {} : { group_id: group }),
          active: name === "on",
          override: override ?? false,
        }),
      );
      context.output.line(`Filter ${filter._id} is ${state(filter)}`);
      context.output.json({ filter: filter._id, active: filter.active });
      return EXIT_DONE;
    },
  });

const state = (filter: FilterDocument) => (filter.active ? "on" : "off");

function idOf([id = ""]: readonly string[]): number {
  if (/^\d{1,9}$/.test(id)) return Number(id);
  throw new UsageError(`ID: expected the number of a filter, got ${id}`);
}

export const command: Command = {
  name: "filter",
  summary: "try, make, list and switch filters",
  description:
    "Works on the filters of the data folder, also beside a running server, where a change is in effect within " +
    "seconds.",
  subcommands: [test, list, show, add, switched("on"), switched("off")].map(entry),
};
