/** Active filters for benchmarks, as their authors write them: variants of a few recipes. */
import type { FilterDocument } from "../src/filters/index.ts";
import { type Document, isDocument, printJson, type Value } from "../src/query/index.ts";
import { surveyFilters } from "../test/query/filters/index.ts";

/** Authors start from the same recipe and choose their own thresholds: so many variants of each. */
const VARIANTS = 20;
/** Each looks at its own half magnitude, which keeps it about as selective as one must be to be switched on. */
const MAGNITUDES = { from: 15, width: 0.5, step: 0.21 } as const;
const PROGRAMS = [[1], [1, 2], [1, 2, 3]];

/** The numbers of a condition, moved a little. */
function moved(value: Value, factor: number): Value {
  if (typeof value === "number" && !Number.isInteger(value)) return value * factor;
  if (Array.isArray(value)) return value.map((item) => moved(item, factor));
  if (!isDocument(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, below]) => [name, moved(below ?? null, factor)]),
  );
}

/** A filter of this number; numbers that differ make filters that differ. */
export function benchFilter(number: number): FilterDocument {
  const recipe = surveyFilters[number % surveyFilters.length];
  if (recipe === undefined) throw new Error("there are no filters");
  const factor = 1 + ((Math.floor(number / surveyFilters.length) % VARIANTS) - VARIANTS / 2) / 500;
  const [first, ...rest] = recipe.pipeline;
  const faintest = MAGNITUDES.from + ((number * MAGNITUDES.step) % 5);
  const window = { $gt: faintest, $lt: faintest + MAGNITUDES.width };
  const leading = moved(first?.["$match"] ?? {}, factor);
  const pipeline: Document[] = [{ $match: { $and: [leading, { "candidate.magpsf": window }] } }, ...rest];
  const now = new Date();
  return {
    _id: `1/${number + 1}`,
    filter_id: number + 1,
    group_id: 1,
    catalog: "ZTF_alerts",
    permissions: PROGRAMS[number % PROGRAMS.length] ?? [1],
    active: true,
    autosave: false,
    auto_followup: {},
    update_annotations: false,
    active_fid: "aaaaaa",
    fv: [{ fid: "aaaaaa", pipeline: printJson(pipeline), created_at: now }],
    created_at: now,
    last_modified: now,
  };
}
