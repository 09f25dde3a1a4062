/** What the commands of `kowalski filter` have in common: how they reach the filters and read what they are given. */
import { existsSync, readFileSync } from "node:fs";
import type { Author, Filters } from "../filters/index.ts";
import { isDocument, parseJson, type Value } from "../query/index.ts";
import type { CommandContext, OptionSpecs } from "./command.ts";
import { CommandError, UsageError } from "./errors.ts";
import { openConfiguredStore, openFilters } from "./open-store.ts";

/** Whoever has the data folder may do everything. */
export const AUTHOR: Author = {
  name: "command line",
  isAdministrator: true,
  groups: [],
  programs: () => undefined,
};

export const ID = { name: "ID", help: "number of the filter" } as const;
export const GROUP = {
  group: { type: "integer", min: 1, value: "N", help: "group of the filter, where several use the number" },
} as const satisfies OptionSpecs;
export const PERMISSIONS = {
  permissions: {
    type: "text",
    value: "1,2",
    help: "program ids that the filter sees: 1 public, 2 partnership, 3 Caltech",
  },
} as const satisfies OptionSpecs;

export async function withFilters<T, S extends OptionSpecs>(
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

/** The stages of a file: it holds them, or a whole filter. */
export function pipelineOf(content: Value, file: string): Value {
  if (Array.isArray(content)) return content;
  if (isDocument(content) && content["pipeline"] !== undefined) return content["pipeline"];
  throw new CommandError(`${file}: expected a list of stages, or an object with a pipeline`);
}

export function readFilterFile(path: string): Value {
  if (!existsSync(path))
    throw new CommandError(`${path}: there is no such file, and no filter of that number`);
  return parseJson(readFileSync(path, "utf8"), { path });
}

export function programsOf(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  const ids = text.split(",").map((id) => id.trim());
  if (ids.every((id) => /^\d{1,4}$/.test(id))) return ids.map(Number);
  throw new UsageError(`--permissions: expected numbers such as 1,2, got ${text}`);
}

export function idOf([id = ""]: readonly string[]): number {
  if (/^\d{1,9}$/.test(id)) return Number(id);
  throw new UsageError(`ID: expected the number of a filter, got ${id}`);
}
