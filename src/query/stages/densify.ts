/** `$densify`: documents in the gaps of a field's values. */
import { tick } from "../deadline.ts";
import { QueryError } from "../errors.ts";
import { addUnits, readUnit, type Unit } from "../expressions/dates/arithmetic.ts";
import { UTC } from "../expressions/dates/time-zones.ts";
import { widthOf } from "../expressions/numbers.ts";
import { add } from "../expressions/operators/arithmetic.ts";
import { compareValues } from "../order.ts";
import { MemoryAccount, sizeOf } from "../pipeline/memory.ts";
import type { Flow, RunContext, Running } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { type ValueKey, valueKey } from "../pipeline/value-key.ts";
import { type Document, getField, typeOf, type Value } from "../values.ts";
import { integerOf, readOptions, readPlainPath } from "./arguments.ts";
import { valueAt, withValueAt } from "./paths.ts";

/** The server's limit of documents that one stage makes. */
const MOST_GENERATED = 500_000;

export const densify: StageDefinition = {
  name: "$densify",
  summary: "Adds documents where the values of a field leave gaps wider than a step.",
  example: {
    stage: { $densify: { field: "t", range: { step: 1, bounds: "full" } } },
    documents: [{ t: 1 }, { t: 3 }],
    result: [{ t: 1 }, { t: 2 }, { t: 3 }],
  },
  parse(argument, at) {
    const options = readOptions(argument, at, ["field", "range"], ["partitionByFields"]);
    const range = readOptions(
      getField(options, "range") ?? null,
      `${at}.range`,
      ["step", "bounds"],
      ["unit"],
    );
    const unit = getField(range, "unit");
    const how: Densify = {
      at,
      field: readPlainPath(getField(options, "field"), `${at}.field`),
      partition: readFields(getField(options, "partitionByFields"), `${at}.partitionByFields`),
      ...readStep(range, unit === undefined ? undefined : readUnit(`${at}.range.unit`, unit), `${at}.range`),
    };
    if (how.bounds === "partition" && how.partition.length === 0)
      throw new QueryError("invalid", `${at}.range.bounds`, "partition needs partitionByFields; use full");
    if (how.partition.some((path) => path.join(".") === how.field.join(".")))
      throw new QueryError("invalid", at, "the field cannot be one of the partition's");
    return {
      at,
      pipelines: [],
      compile: () => ({ kind: "flow", run: (input, context) => densified(input, how, context) }),
    };
  },
};

interface Densify {
  readonly at: string;
  readonly field: readonly string[];
  readonly partition: readonly (readonly string[])[];
  readonly step: Value;
  readonly unit: Unit | undefined;
  readonly bounds: "full" | "partition" | readonly [Value, Value];
}

function readFields(value: Value | undefined, at: string): string[][] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new QueryError("invalid", at, "needs an array of field names");
  return value.map((path, i) => readPlainPath(path, `${at}[${i}]`));
}

function readStep(
  range: Document,
  unit: Unit | undefined,
  at: string,
): Pick<Densify, "step" | "unit" | "bounds"> {
  const step = getField(range, "step") ?? null;
  if (widthOf(step) === 0 || compareValues(step, 0) <= 0)
    throw new QueryError("invalid", `${at}.step`, "needs a positive number");
  if (unit !== undefined && integerOf(step) === undefined)
    throw new QueryError("invalid", `${at}.step`, "a step in a unit of time must be an integer");
  const bounds = getField(range, "bounds") ?? null;
  if (bounds === "full" || bounds === "partition") return { step, unit, bounds };
  const fits = (value: Value) => (unit === undefined ? widthOf(value) !== 0 : value instanceof Date);
  if (!Array.isArray(bounds) || bounds.length !== 2 || !bounds.every(fits)) {
    const wanted = unit === undefined ? "two numbers" : "two dates";
    throw new QueryError("invalid", `${at}.bounds`, `needs full, partition or ${wanted} [lower, upper]`);
  }
  const [low, high] = bounds as [Value, Value];
  if (unit === undefined && new Set([low, high, step].map(typeOf)).size > 1)
    throw new QueryError("invalid", at, "the bounds and the step must be numbers of the same type");
  if (compareValues(low, high) > 0)
    throw new QueryError("invalid", `${at}.bounds`, "the lower bound lies above the upper");
  return { step, unit, bounds: [low, high] };
}

interface Series {
  /** With the partition's fields and no others. */
  readonly template: Document;
  readonly points: { readonly value: Value; readonly document: Document }[];
}

function* densified(input: Flow, how: Densify, context: RunContext): Running {
  const account = new MemoryAccount(how.at, context);
  const partitions = new Map<ValueKey, Series>();
  for (const document of input) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    const value = valueAt(document, how.field) ?? null;
    if (value === null) {
      yield document;
      continue;
    }
    checkValue(value, how);
    account.add(sizeOf(document));
    seriesOf(document, partitions, how).points.push({ value, document });
  }
  const all = [...partitions.values()];
  for (const { points } of all) points.sort((a, b) => compareValues(a.value, b.value));
  const range = rangeOf(all, how);
  const counter = { left: MOST_GENERATED };
  if (all.length === 0 && Array.isArray(how.bounds)) all.push({ template: {}, points: [] });
  for (const series of all) {
    yield* filledSeries(series, range ?? endsOf(series), how, counter);
  }
}

function checkValue(value: Value, { unit, at }: Densify): void {
  const fits = unit === undefined ? widthOf(value) !== 0 : value instanceof Date;
  if (fits) return;
  throw new QueryError(
    "runtime",
    at,
    unit === undefined ? "needs numbers (dates need a unit)" : "needs dates",
  );
}

function seriesOf(document: Document, partitions: Map<ValueKey, Series>, { partition }: Densify): Series {
  let template: Document = {};
  for (const path of partition) {
    const value = valueAt(document, path);
    if (value !== undefined) template = withValueAt(template, path, value);
  }
  const key = valueKey(template);
  let series = partitions.get(key);
  if (series === undefined) {
    series = { template, points: [] };
    partitions.set(key, series);
  }
  return series;
}

/** From where to where steps are made; `open`: not at the upper end itself. */
interface Range {
  readonly low: Value;
  readonly high: Value;
  readonly open: boolean;
}

function rangeOf(all: readonly Series[], { bounds }: Densify): Range | undefined {
  if (typeof bounds !== "string") return { low: bounds[0], high: bounds[1], open: true };
  if (bounds === "partition") return undefined;
  const ends = all.map(endsOf);
  const lows = ends.map(({ low }) => low).sort(compareValues);
  const highs = ends.map(({ high }) => high).sort(compareValues);
  return { low: lows[0] ?? 0, high: highs.at(-1) ?? 0, open: false };
}

function endsOf({ points }: Series): Range {
  return { low: points[0]?.value ?? 0, high: points.at(-1)?.value ?? 0, open: false };
}

function* filledSeries(
  { template, points }: Series,
  { low, high, open }: Range,
  how: Densify,
  counter: { left: number },
): Running {
  let next = 0;
  for (let step = 0, value = low; ; ) {
    const order = compareValues(value, high);
    if (open ? order >= 0 : order > 0) break;
    tick();
    // Documents that stand before this step, and the one on it, which is no gap then.
    let taken = false;
    for (; next < points.length; next++) {
      const place = compareValues(points[next]?.value, value);
      if (place > 0) break;
      if (place === 0) {
        taken = true;
        // The steps go on from the value as the document has it.
        value = points[next]?.value ?? value;
      }
      yield points[next]?.document;
    }
    if (!taken) {
      if (--counter.left < 0)
        throw new QueryError("limit", how.at, `makes more than ${MOST_GENERATED} documents`);
      yield withValueAt(template, how.field, value);
    }
    step++;
    value = stepped(low, value, step, how);
  }
  for (; next < points.length; next++) yield points[next]?.document;
}

function stepped(low: Value, value: Value, step: number, { unit, step: size, at }: Densify): Value {
  if (unit !== undefined && low instanceof Date)
    return addUnits(at, low, unit, BigInt(step) * (integerOf(size) ?? 1n), UTC);
  return add(at, value, size) ?? null;
}
