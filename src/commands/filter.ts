/** `kowalski filter`: filters of the data folder, tried, made, listed and switched, also beside a running server. */
import type { FilterDocument } from "../filters/index.ts";
import { type Document, isDocument, parseJson, type Value } from "../query/index.ts";
import { type Command, defineCommand, entry } from "./command.ts";
import { EXIT_DONE } from "./errors.ts";
import { backfillCommand, testCommand } from "./filter-trials.ts";
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
import { jsonText } from "./output.ts";

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
    const content = readFilterFile(file);
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

export const command: Command = {
  name: "filter",
  summary: "try, make, list, switch and backfill filters",
  description:
    "Works on the filters of the data folder, also beside a running server, where a change is in effect within " +
    "seconds.",
  subcommands: [testCommand, backfillCommand, list, show, add, switched("on"), switched("off")].map(entry),
};
