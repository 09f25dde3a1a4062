/** `$sum $avg $min $max $stdDevPop $stdDevSamp` as expressions: over their operands, or over one array. */
import { Decimal128, Double } from "bson";
import { tick } from "../../deadline.ts";
import { compareValues } from "../../order.ts";
import { double, type Value } from "../../values.ts";
import { addDecimals, type Decimal, divideDecimals, makeDecimal } from "../decimal-arithmetic.ts";
import type { Operator } from "../nodes.ts";
import { asDecimal, asDouble, DECIMAL, DOUBLE, INT, integerOf, type Width, widthOf } from "../numbers.ts";
import { Summation } from "../summation.ts";
import { ANY, NUMERIC, T } from "../types.ts";
import { example, list } from "./describe.ts";

/** A single array stands for its items. */
function itemsOf(args: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
  const [only] = args;
  const items = args.length === 1 && Array.isArray(only) ? only : args;
  tick(items.length);
  return items;
}

/** A sum over numbers of any types; all else is passed over. */
export class NumberSum {
  readonly #total = new Summation();
  #decimals: Decimal | undefined;
  #width: Width = INT;
  /** How many numbers went in. */
  count = 0;

  add(value: Value | undefined): void {
    const width = widthOf(value);
    if (width === 0) return;
    this.count++;
    if (width > this.#width) this.#width = width;
    if (value instanceof Decimal128)
      this.#decimals = addDecimals(this.#decimals ?? asDecimal(0), asDecimal(value));
    else if (typeof value === "bigint") this.#total.addLong(value);
    else this.#total.add(asDouble(value));
  }

  get sum(): Value {
    if (this.#decimals !== undefined) return makeDecimal(addDecimals(this.#decimals, this.#total.decimal));
    const { integer } = this.#total;
    if (this.#width === DOUBLE || integer === undefined) return double(this.#total.double);
    return integerOf(this.#width, integer);
  }

  /** The mean as a double or decimal; null of nothing. */
  get average(): Value {
    if (this.count === 0) return null;
    if (this.#width !== DECIMAL) return double(this.#total.double / this.count);
    const sum = addDecimals(this.#decimals ?? asDecimal(0), this.#total.decimal);
    return makeDecimal(divideDecimals(sum, asDecimal(this.count)));
  }
}

function sumUp(args: readonly (Value | undefined)[]): NumberSum {
  const total = new NumberSum();
  for (const item of itemsOf(args)) total.add(item);
  return total;
}

/** The least (sign 1) or greatest (−1) of the items that are there. */
function extreme(sign: 1 | -1, args: readonly (Value | undefined)[]): Value {
  let best: Value | undefined;
  for (const item of itemsOf(args)) {
    // Whatever compares as true in place is in order; NaN never does.
    if (typeof item === "number" && typeof best === "number") {
      if (sign > 0 ? item > best : item < best) continue;
      if (sign > 0 ? item < best : item > best) {
        best = item;
        continue;
      }
    }
    if (item === null || item === undefined) continue;
    if (best === undefined || sign * compareValues(item, best) < 0) best = item;
  }
  return best ?? null;
}

/** The standard deviation of numbers by Welford's way, as the server computes it; null of too few. */
export class Deviation {
  #count = 0;
  #mean = 0;
  #squares = 0;

  add(value: Value | undefined): void {
    if (widthOf(value) === 0) return;
    const x = asDouble(value);
    this.#count++;
    const delta = x - this.#mean;
    if (delta !== 0) {
      this.#mean += delta / this.#count;
      this.#squares += delta * (x - this.#mean);
    }
  }

  result(sample: boolean): Value {
    const divisor = sample ? this.#count - 1 : this.#count;
    if (divisor <= 0) return null;
    return double(Math.sqrt(this.#squares / divisor));
  }
}

function deviation(name: "$stdDevPop" | "$stdDevSamp"): Operator {
  const sample = name === "$stdDevSamp";
  return {
    name,
    category: "accumulator",
    summary: `The standard deviation of ${sample ? "a sample" : "a population"}; what is no number is passed over.`,
    arguments: list(0, Infinity),
    result: T.DOUBLE | T.NULL,
    example: example({ [name]: "$x" }, { x: [1, 3, 5] }, sample ? new Double(2) : Math.sqrt(8 / 3)),
    run: (_at, ...args) => {
      const total = new Deviation();
      for (const item of itemsOf(args)) total.add(item);
      return total.result(sample);
    },
    safe: true,
  };
}

function extremeOf(name: "$min" | "$max"): Operator {
  const sign = name === "$min" ? 1 : -1;
  return {
    name,
    category: "accumulator",
    summary: `The ${sign > 0 ? "smallest" : "greatest"} of the operands, or of the items of one array; nulls are passed over.`,
    arguments: list(0, Infinity),
    result: ANY,
    example: example({ [name]: "$x" }, { x: [2, 3, null] }, sign > 0 ? 2 : 3),
    run: (_at, ...args) => extreme(sign, args),
    regroup: "commutes",
    safe: true,
  };
}

export const accumulatorOperators: readonly Operator[] = [
  {
    name: "$avg",
    category: "accumulator",
    summary: "The mean of the operands, or of the items of one array; what is no number is passed over.",
    arguments: list(0, Infinity),
    result: T.DOUBLE | T.DECIMAL | T.NULL,
    example: example({ $avg: "$x" }, { x: [1, 2, "x"] }, 1.5),
    run: (_at, ...args) => sumUp(args).average,
    safe: true,
  },
  extremeOf("$max"),
  extremeOf("$min"),
  deviation("$stdDevPop"),
  deviation("$stdDevSamp"),
  {
    name: "$sum",
    category: "accumulator",
    summary: "The sum of the operands, or of the items of one array; what is no number is passed over.",
    arguments: list(0, Infinity),
    result: NUMERIC,
    example: example({ $sum: "$x" }, { x: [1, 2, "x"] }, 3),
    run: (_at, ...args) => sumUp(args).sum,
    regroup: "commutes",
    safe: true,
  },
];
