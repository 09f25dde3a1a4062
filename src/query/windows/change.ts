/** Window functions of change along the order: `$derivative`, `$integral`, `$expMovingAvg`. */
import { Decimal128, Double } from "bson";
import { type Accumulator, plain } from "../accumulators/accumulator.ts";
import { QueryError } from "../errors.ts";
import {
  addDecimals,
  type Decimal,
  divideDecimals,
  finite,
  makeDecimal,
  multiplyDecimals,
  negate,
} from "../expressions/decimal-arithmetic.ts";
import { followPath } from "../expressions/field-path.ts";
import { asDecimal, asDouble, widthOf } from "../expressions/numbers.ts";
import { addPair, divide, multiply, subtract } from "../expressions/operators/arithmetic.ts";
import type { Expression } from "../pipeline/expression.ts";
import type { Variables } from "../pipeline/nodes.ts";
import { integerOf, readOptions } from "../stages/arguments.ts";
import { type Document, double, getField, type Value } from "../values.ts";
import { MovingSum, slide } from "./accumulate.ts";
import { readWindow, spansOf } from "./bounds.ts";
import { needOrder, refuseWindow } from "./ranks.ts";
import type { WindowContext, WindowFunctionDefinition } from "./window.ts";

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

/** Checks the place of a document along the order: a number, or a date where there is a unit. */
function checkPlace(place: Value | undefined, length: number | undefined, at: string): void {
  if (length === undefined ? widthOf(place) !== 0 : place instanceof Date) return;
  const wanted = length === undefined ? "a number (dates need a unit)" : "a date, as there is a unit";
  throw new QueryError("runtime", at, `needs ${wanted} at the path of sortBy`);
}

/** A function of change, read: the order's path, the value that changes, and the length of the unit, ms. */
interface Change {
  readonly path: readonly string[];
  readonly input: Expression;
  readonly length: number | undefined;
}

function readChange(argument: Value, at: string, context: WindowContext): Change {
  const options = readOptions(argument, at, ["input"], ["unit"]);
  const [[path] = [""]] = needOrder(context, at);
  const input = context.reader.expression(getField(options, "input") ?? null, `${at}.input`);
  return { path: path.split("."), input, length: readLength(options, at) };
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
    const { path, input, length } = readChange(argument, at, context);
    return () => {
      const value = input.compile();
      return (partition) => {
        const { documents, variables } = partition;
        const spans = spansOf(window, partition, at);
        const along = (document: Document): Along => ({
          place: followPath(document, path),
          value: () => value(document, variables),
        });
        return (place) => {
          const [from, to] = spans(place);
          const [first, last] = [documents[from], documents[to - 1]];
          return from === to || first === undefined || last === undefined
            ? null
            : slope(along(first), along(last), length, at);
        };
      };
    };
  },
};

interface Along {
  readonly place: Value | undefined;
  readonly value: () => Value | undefined;
}

/** The rise per unit; the unit comes last, as in the server, which shows in the last bit. */
function slope(first: Along, last: Along, length: number | undefined, at: string): Value {
  for (const { place } of [first, last]) checkPlace(place, length, at);
  const run = subtract(at, last.place, first.place);
  const rise = subtract(at, last.value(), first.value());
  if (rise === null) throw new QueryError("runtime", at, "needs a value that is not null or missing");
  if (widthOf(rise) !== 0 && asDouble(run) === 0) return null;
  const result = divide(at, rise, run);
  return length === undefined ? result : multiply(at, result, BigInt(length));
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
    const { path, input, length } = readChange(argument, at, context);
    return () => {
      const value = input.compile();
      return (partition) => {
        const pair = (document: Document, variables: Variables): Value[] => {
          const place = followPath(document, path);
          const height = value(document, variables);
          if (widthOf(height) === 0) throw new QueryError("runtime", at, "needs numbers");
          checkPlace(place, length, at);
          return [place ?? null, height ?? null];
        };
        return slide(partition, window, pair, () => area(length, at), at);
      };
    };
  },
};

/** The area under the points of a window, as trapezoids that come in and fall out with the points. */
function area(length: number | undefined, at: string): Accumulator {
  const points: Value[][] = [];
  const sum = new MovingSum();
  let special = 0;
  const isSpecial = (point: readonly Value[]) => point.some((value) => Number.isNaN(asDouble(value)));
  return {
    add(input) {
      const point = plain(input) as Value[];
      const before = points.at(-1);
      if (isSpecial(point)) special++;
      if (before !== undefined) sum.add(trapezoid(before, point, at));
      points.push(point);
    },
    remove(input) {
      const point = plain(input) as Value[];
      if (isSpecial(point)) special--;
      points.shift();
      const [next] = points;
      if (next !== undefined) sum.remove(trapezoid(point, next, at));
    },
    result() {
      if (points.length === 0) return null;
      if (special > 0) return Number.NaN;
      return length === undefined ? sum.value : divide(at, sum.value, BigInt(length));
    },
  };
}

function trapezoid(before: readonly Value[], after: readonly Value[], at: string): Value {
  if ([...before, ...after].some((value) => Number.isNaN(asDouble(value)))) return 0;
  const [x1, y1 = null] = before;
  const [x2, y2 = null] = after;
  // By a double: the digits of a decimal show it.
  return divide(at, multiply(at, addPair(at, y2, y1), subtract(at, x2, x1)), double(2));
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
        const average = new Average(weight);
        return (place) => {
          average.add(evaluate(documents[place] as Document, variables));
          return average.value;
        };
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

/** Worked out in decimals, as the server does; only what is shown of it is a double where none went in. */
class Average {
  readonly #weight: Decimal;
  readonly #rest: Decimal;
  #average: Decimal | undefined;
  #ofDecimals = false;

  constructor(weight: Value) {
    this.#weight = asDecimal(weight);
    this.#rest = addDecimals(finite(false, 1n, 0), negate(this.#weight));
  }

  add(value: Value | undefined): void {
    if (widthOf(value) === 0) return;
    if (value instanceof Decimal128) this.#ofDecimals = true;
    const number = asDecimal(value);
    this.#average =
      this.#average === undefined
        ? number
        : addDecimals(multiplyDecimals(number, this.#weight), multiplyDecimals(this.#average, this.#rest));
  }

  get value(): Value {
    if (this.#average === undefined) return null;
    const decimal = makeDecimal(this.#average);
    return this.#ofDecimals ? decimal : double(Number(decimal.toString()));
  }
}
