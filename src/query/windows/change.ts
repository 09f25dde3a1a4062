/** Window functions of change along the order: `$derivative`, `$integral`, `$expMovingAvg`. */
import { Decimal128, Double } from "bson";
import { QueryError } from "../errors.ts";
import {
  addDecimals,
  divideDecimals,
  finite,
  makeDecimal,
  multiplyDecimals,
  negate,
} from "../expressions/decimal-arithmetic.ts";
import { followPath } from "../expressions/field-path.ts";
import { asDecimal, asDouble, widthOf } from "../expressions/numbers.ts";
import { integerOf, readOptions } from "../stages/arguments.ts";
import { type Document, double, getField, type Value } from "../values.ts";
import { MovingSum } from "./accumulate.ts";
import { readWindow, spansOf, type Window } from "./bounds.ts";
import { needOrder, refuseWindow } from "./ranks.ts";
import type { Partition, WindowContext, WindowFunctionDefinition } from "./window.ts";

/** Units of time that have a fixed length, milliseconds. */
const LENGTHS = new Map([
  ["week", 604_800_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
  ["millisecond", 1],
]);

function readLength(options: Document, at: string): number | undefined {
  const unit = getField(options, "unit");
  if (unit === undefined) return undefined;
  const length = typeof unit === "string" ? LENGTHS.get(unit) : undefined;
  if (length !== undefined) return length;
  throw new QueryError("invalid", `${at}.unit`, `needs one of ${[...LENGTHS.keys()].join(", ")}`);
}

/** The place of a document along the order: a number, or a date in milliseconds where there is a unit. */
function placeOf(
  document: Document,
  path: readonly string[],
  length: number | undefined,
  at: string,
): number {
  const key = followPath(document, path);
  if (length !== undefined && key instanceof Date) return key.getTime();
  if (length === undefined && widthOf(key) !== 0) return asDouble(key);
  const wanted = length === undefined ? "a number (dates need a unit)" : "a date, as there is a unit";
  throw new QueryError("runtime", at, `needs ${wanted} at the path of sortBy`);
}

/** What a function of change looks at: a value along the order. */
interface Along {
  readonly place: number;
  readonly value: Value | undefined;
}

function parseChange(
  argument: Value,
  at: string,
  context: WindowContext,
  evaluate: (
    along: readonly Along[],
    partition: Partition,
    length: number | undefined,
  ) => (Value | undefined)[],
): () => (partition: Partition) => (Value | undefined)[] {
  const options = readOptions(argument, at, ["input"], ["unit"]);
  const [[path] = [""]] = needOrder(context, at);
  const length = readLength(options, at);
  const input = context.reader.expression(getField(options, "input") ?? null, `${at}.input`);
  return () => {
    const value = input.compile();
    return (partition) => {
      const along = partition.documents.map((document): Along => {
        return {
          place: placeOf(document, path.split("."), length, at),
          value: value(document, partition.variables),
        };
      });
      return evaluate(along, partition, length);
    };
  };
}

export const derivative: WindowFunctionDefinition = {
  name: "$derivative",
  summary: "The rise of a value from the first to the last document of the window, per unit of the order.",
  example: {
    sortBy: { t: 1 },
    function: { $derivative: { input: "$a" }, window: { documents: [-1, 0] } },
    documents: [
      { t: 0, a: 1 },
      { t: 2, a: 5 },
    ],
    result: [null, new Double(2)],
  },
  parse(argument, at, context) {
    if (context.window === undefined) throw new QueryError("invalid", at, "needs a window");
    const window = readWindow(context);
    return parseChange(argument, at, context, (along, partition, length) =>
      spansOf(window, partition, at).map(([from, to]) => {
        const first = along[from];
        const last = along[to - 1];
        if (first === undefined || last === undefined || from === to - 1 || to <= from) return null;
        return slope(first, last, length ?? 1, at);
      }),
    );
  },
};

/** The rise per unit; the unit comes last, as in the server, which shows in the last bit. */
function slope(first: Along, last: Along, length: number, at: string): Value {
  if (first.value === null || first.value === undefined || last.value === null || last.value === undefined)
    return null;
  if (widthOf(first.value) === 0 || widthOf(last.value) === 0)
    throw new QueryError("runtime", at, "needs numbers");
  const run = last.place - first.place;
  if (run === 0) return null;
  if (first.value instanceof Decimal128 || last.value instanceof Decimal128) {
    const rise = addDecimals(asDecimal(last.value), negate(asDecimal(first.value)));
    return makeDecimal(
      multiplyDecimals(divideDecimals(rise, asDecimal(double(run))), asDecimal(double(length))),
    );
  }
  return double(((asDouble(last.value) - asDouble(first.value)) / run) * length);
}

export const integral: WindowFunctionDefinition = {
  name: "$integral",
  summary: "The area under a value along the order, by trapezoids.",
  example: {
    sortBy: { t: 1 },
    function: { $integral: { input: "$a" }, window: { documents: ["unbounded", "current"] } },
    documents: [
      { t: 0, a: 1 },
      { t: 2, a: 3 },
    ],
    result: [0, new Double(4)],
  },
  parse(argument, at, context) {
    const window = readWindow(context);
    return parseChange(argument, at, context, (along, partition, length) => {
      for (const { value } of along)
        if (widthOf(value) === 0) throw new QueryError("runtime", at, "needs numbers");
      // Trapezoids between neighbours; one falls in or out with the document at its end.
      const areas = along.map((point, i) => trapezoid(along[i - 1], point));
      return spansWithin(window, partition, at, areas).map((area) =>
        length === undefined || area === null ? area : perUnit(area, length),
      );
    });
  },
};

function perUnit(area: Value, length: number): Value {
  if (area instanceof Decimal128)
    return makeDecimal(divideDecimals(asDecimal(area), asDecimal(double(length))));
  return double(asDouble(area) / length);
}

function trapezoid(before: Along | undefined, { place, value }: Along): Value {
  if (before === undefined) return 0;
  if (value instanceof Decimal128 || before.value instanceof Decimal128) {
    const heights = addDecimals(asDecimal(value), asDecimal(before.value));
    const area = multiplyDecimals(heights, asDecimal(place - before.place));
    return makeDecimal(divideDecimals(area, finite(false, 2n, 0)));
  }
  const area = ((asDouble(value) + asDouble(before.value)) * (place - before.place)) / 2;
  return Number.isNaN(area) ? 0 : double(area);
}

/** The sum of the trapezoids inside each window: none of a single document, null of none. */
function spansWithin(window: Window, partition: Partition, at: string, areas: readonly Value[]): Value[] {
  const sum = new MovingSum();
  let from = 0;
  let to = 0;
  return spansOf(window, partition, at).map(([low, high]) => {
    for (; to < high; to++) if (to > from) sum.add(areas[to]);
    for (; from < low; from++) if (from + 1 < to) sum.remove(areas[from + 1]);
    to = Math.max(to, from);
    return low === high ? null : sum.value;
  });
}

export const expMovingAvg: WindowFunctionDefinition = {
  name: "$expMovingAvg",
  summary: "A mean in which earlier values count less and less.",
  example: {
    sortBy: { t: 1 },
    function: { $expMovingAvg: { input: "$a", alpha: 0.75 } },
    documents: [
      { t: 1, a: 1 },
      { t: 2, a: 5 },
    ],
    result: [new Double(1), new Double(4)],
  },
  parse(argument, at, context) {
    refuseWindow(context);
    const options = readOptions(argument, at, ["input"], ["N", "alpha"]);
    if (context.sortBy === undefined) throw new QueryError("invalid", at, "needs a sortBy");
    const weight = readWeight(options, at);
    const input = context.reader.expression(getField(options, "input") ?? null, `${at}.input`);
    return () => {
      const evaluate = input.compile();
      return ({ documents, variables }) => {
        let average: Value = null;
        return documents.map((document) => {
          const value = evaluate(document, variables);
          if (widthOf(value) !== 0) average = mixed(average, value, weight);
          return average;
        });
      };
    };
  },
};

function readWeight(options: Document, at: string): Value {
  const n = getField(options, "N");
  const alpha = getField(options, "alpha");
  if ((n === undefined) === (alpha === undefined))
    throw new QueryError("invalid", at, "needs either N or alpha");
  if (n !== undefined) {
    const count = integerOf(n);
    if (count === undefined || count < 1n)
      throw new QueryError("invalid", `${at}.N`, "needs a positive integer");
    return makeDecimal(divideDecimals(finite(false, 2n, 0), finite(false, count + 1n, 0)));
  }
  const weight = alpha === undefined || widthOf(alpha) === 0 ? Number.NaN : asDouble(alpha);
  if (!(weight > 0 && weight < 1))
    throw new QueryError("invalid", `${at}.alpha`, "needs a number between 0 and 1");
  return alpha ?? null;
}

/** The new average; worked out in decimals, as the server does. */
function mixed(average: Value, value: Value | undefined, weight: Value): Value {
  const decimals = value instanceof Decimal128 || average instanceof Decimal128;
  if (average === null) return decimals ? (value ?? null) : double(asDouble(value));
  const alpha = asDecimal(weight);
  const rest = addDecimals(finite(false, 1n, 0), negate(alpha));
  const sum = addDecimals(
    multiplyDecimals(asDecimal(value), alpha),
    multiplyDecimals(asDecimal(average), rest),
  );
  return decimals ? makeDecimal(sum) : double(Number(makeDecimal(sum).toString()));
}
