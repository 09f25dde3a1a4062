/** The registry of stages. A new one is a file of its own and a line here. */
import type { StageDefinition } from "../pipeline/reader.ts";
import { bucket } from "./bucket.ts";
import { bucketAuto } from "./bucket-auto.ts";
import { documents, unionWith } from "./collections.ts";
import { count, sortByCount } from "./count.ts";
import { limit, skip } from "./cut.ts";
import { densify } from "./densify.ts";
import { facet } from "./facet.ts";
import { fill } from "./fill.ts";
import { geoNear } from "./geo-near.ts";
import { graphLookup } from "./graph-lookup.ts";
import { group } from "./group.ts";
import { lookup } from "./lookup.ts";
import { match } from "./match.ts";
import { addFields, project, set, unset } from "./project.ts";
import { redact } from "./redact.ts";
import { replaceRoot, replaceWith } from "./replace.ts";
import { sample } from "./sample.ts";
import { setWindowFields } from "./set-window-fields.ts";
import { sort } from "./sort.ts";
import { unwind } from "./unwind.ts";

const DEFINITIONS: readonly StageDefinition[] = [
  addFields,
  bucket,
  bucketAuto,
  count,
  densify,
  documents,
  facet,
  fill,
  geoNear,
  graphLookup,
  group,
  limit,
  lookup,
  match,
  project,
  redact,
  replaceRoot,
  replaceWith,
  sample,
  set,
  setWindowFields,
  skip,
  sort,
  sortByCount,
  unionWith,
  unset,
  unwind,
];

export const STAGES: ReadonlyMap<string, StageDefinition> = new Map(
  DEFINITIONS.map((definition) => [definition.name, definition]),
);
