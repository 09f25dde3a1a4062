/** Random stages that look along an order. */
import { type Document, double, isDocument, type Value } from "../../../src/query/index.ts";
import { operatorsIn } from "./cases.ts";
import { accumulator, type PipelineBuilder } from "./pipelines.ts";
import type { Random } from "./random.ts";
import { printValue } from "./wire.ts";

const WINDOW_BOUNDS: readonly Value[] = [
  ["unbounded", "current"],
  [-1, 1],
  ["current", "unbounded"],
  [-2, -1],
  ["unbounded", "unbounded"],
  [1, 2],
  [0, 0],
  [1, -1],
];
const WINDOW_RANGES: readonly Value[] = [
  [-1, 1],
  ["unbounded", "current"],
  [double(-1.5), 0],
  ["current", 2],
  [-1, "unbounded"],
  [1n, 3],
  [-3, -2],
];
const UNITS = ["second", "hour", "day", "month", "fortnight"];

function anyWindow({ random }: PipelineBuilder, dated: boolean): Document | undefined {
  return random.weighted<Document | undefined>([
    [2, () => undefined],
    [3, () => ({ documents: random.pick(WINDOW_BOUNDS) })],
    [
      2,
      () => ({
        range: random.pick(WINDOW_RANGES),
        ...(random.chance(dated ? 0.9 : 0.03) && { unit: random.pick(UNITS) }),
      }),
    ],
  ]);
}

/** A window function with its window. Documents along the order have one of: `_id`, the number `i`, the date `d`. */
function windowFunction(builder: PipelineBuilder, window: Document | undefined, dated: boolean): Document {
  const { random } = builder;
  const inWindow = window && { window };
  const unit = random.chance(dated ? 0.9 : 0.03) && { unit: random.pick(UNITS) };
  const number = () =>
    random.chance(0.8) ? random.pick(["$n", "$_id", "$o.b.x", "$i"]) : builder.expression("number");
  return random.weighted<Document>([
    [6, () => ({ ...(accumulator(builder) as Document), ...inWindow })],
    [1, () => ({ [random.pick(["$rank", "$denseRank", "$documentNumber"])]: {} })],
    [
      1,
      () => ({ $shift: { output: builder.expression(), by: random.pick([1, -1, 0, 2]), default: "none" } }),
    ],
    [1, () => ({ [random.pick(["$derivative", "$integral"])]: { input: number(), ...unit }, ...inWindow })],
    [
      1,
      () => ({
        [random.pick(["$covariancePop", "$covarianceSamp"])]: [number(), number()],
        ...inWindow,
      }),
    ],
    [
      0.5,
      () => ({
        $expMovingAvg: {
          input: random.pick(["$_id", "$i"]),
          ...random.pick<Document>([{ N: 2 }, { N: 5n }, { alpha: 0.5 }, { alpha: 0.3 }, { N: 0 }]),
        },
      }),
    ],
    [1, () => ({ [random.pick(["$linearFill", "$locf"])]: number() })],
  ]);
}

export function $setWindowFields(builder: PipelineBuilder): Value {
  const { random } = builder;
  const path = random.weighted<string>([
    [5, () => "_id"],
    [2, () => "i"],
    [2, () => "d"],
  ]);
  const dated = path === "d";
  const output: Document = {};
  for (const name of random.list(1, 2, () => random.pick(["w", "o.w", "n", "x"])))
    output[name] = windowFunction(builder, anyWindow(builder, dated), dated);
  const direction = random.chance(0.8) ? 1 : -1;
  // Documents that sort alike would stand in no certain order: one path is enough only for `_id`.
  const sortBy = path === "_id" ? { _id: direction } : { [path]: direction, _id: 1 };
  const partitionBy = random.chance(0.4) && random.pick<Value>(["$b", "$s", "$m.t", { $mod: ["$_id", 2] }]);
  const partitioned =
    partitionBy !== false && serverTellsApart(partitionBy, output, path === "_id" && builder.identified);
  return {
    ...(partitioned && { partitionBy }),
    sortBy: path === "_id" || random.chance(0.3) ? sortBy : { [path]: direction },
    output,
  };
}

/**
 * Whether the server keeps such partitions apart. It shows whole documents with a field for the partition's key,
 * where that is computed; decimals of one partition change the types of the `$expMovingAvg` of others; and `$linearFill`
 * takes the first of a partition for a repetition of the last of the one before where they are at the same place.
 */
function serverTellsApart(partitionBy: Value, output: Document, everyPlaceDiffers: boolean): boolean {
  const names = operatorsIn(output);
  if (isDocument(partitionBy) && /"\$\$(ROOT|CURRENT)"/.test(printValue(output))) return false;
  if (names.has("$expMovingAvg") && /"input":"\$i"/.test(printValue(output))) return false;
  return everyPlaceDiffers || !names.has("$linearFill");
}

/** Never between the least and the greatest of wild values: that would be half a million documents. */
export function $densify(builder: PipelineBuilder): Value {
  const { random } = builder;
  const whole = builder.identified && random.chance(0.5);
  const partitioned = !builder.inside && random.chance(0.3);
  const partition = partitioned && random.pick(["b", "s", "o.a", "m.t"]);
  // What stands at the paths but `_id` may be the same in several documents.
  if (!whole || partitioned) builder.ordered = false;
  const bounds = whole
    ? random.pick<Value>(["full", "full", "partition"])
    : random.pick<Value>([
        [0, 5],
        [double(-1), double(3)],
        [2n, 7n],
        [3, 3],
        [5, 0],
      ]);
  const [low] = Array.isArray(bounds) ? bounds : [];
  const step = random.pick<Value>([1, 2, 0.5, double(1), 3n, 0]);
  return {
    field: whole ? "_id" : random.pick(partitioned ? ["_id", "i"] : ["_id", "i", "o.b.x"]),
    ...(partition && { partitionByFields: random.chance(0.8) ? [partition] : [partition, "i"] }),
    range: { step: low === undefined || random.chance(0.1) ? step : sameType(random, low), bounds },
  };
}

/** A step of the type that a bound has. */
function sameType(random: Random, bound: Value): Value {
  if (typeof bound === "bigint") return random.pick([1n, 2n]);
  return typeof bound === "number" ? random.pick([1, 2]) : random.pick<Value>([0.5, double(1)]);
}

export function $fill(builder: PipelineBuilder): Value {
  const { random } = builder;
  const how = random.pick<Document>([
    { method: "locf" },
    { method: "linear" },
    { value: "$_id" },
    { value: 5 },
  ]);
  const apart = how["method"] !== "linear" || builder.identified;
  return {
    ...(random.chance(0.8) && { sortBy: { _id: 1 } }),
    ...(random.chance(0.3) && apart && { partitionByFields: ["b"] }),
    output: { [random.pick(["n", "i", "v", "o.a"])]: how },
  };
}
