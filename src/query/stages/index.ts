/** The registry of stages. A new one is a file of its own and a line here. */
import type { StageDefinition } from "../pipeline/reader.ts";
import { limit, skip } from "./cut.ts";
import { match } from "./match.ts";
import { addFields, project, set, unset } from "./project.ts";
import { replaceRoot, replaceWith } from "./replace.ts";
import { sort } from "./sort.ts";
import { unwind } from "./unwind.ts";

const DEFINITIONS: readonly StageDefinition[] = [
  addFields,
  limit,
  match,
  project,
  replaceRoot,
  replaceWith,
  set,
  skip,
  sort,
  unset,
  unwind,
];

export const STAGES: ReadonlyMap<string, StageDefinition> = new Map(
  DEFINITIONS.map((definition) => [definition.name, definition]),
);
