/** Accumulators of numbers: `$sum`, `$avg`, `$count`, `$stdDevPop`, `$stdDevSamp`. */
import { Decimal128, Double } from "bson";
import { decimalParts } from "../decimal.ts";
import { QueryError } from "../errors.ts";
import { divideDecimals, finite, makeDecimal, negate } from "../expressions/decimal-arithmetic.ts";
import { asDouble, widthOf } from "../expressions/numbers.ts";
import { double, isDocument, type Value } from "../values.ts";
import { type Accumulator, type AccumulatorDefinition, ofOneExpression, plain } from "./accumulator.ts";
import { Total } from "./total.ts";

function sumOf(): Accumulator {
  const total = new Total();
  return { add: (input) => total.add(plain(input)), result: () => total.value };
}

function averageOf(): Accumulator {
  const total = new Total();
  return {
    add: (input) => total.add(plain(input)),
    result() {
      if (total.count === 0) return null;
      if (!total.isDecimal) return double(total.double / total.count);
      return makeDecimal(divideDecimals(total.decimal, finite(false, BigInt(total.count), 0)));
    },
  };
}

/** Mean and spread in one pass, by Welford's recurrence. */
export class Spread {
  count = 0;
  #mean = 0;
  #squares = 0;

  add(value: Value | undefined): void {
    if (widthOf(value) === 0) return;
    const x = asDouble(value);
    this.count++;
    const delta = x - this.#mean;
    if (delta === 0) return;
    this.#mean += delta / this.count;
    this.#squares += delta * (x - this.#mean);
  }

  /** The standard deviation; null of too few numbers. */
  deviation(ofSample: boolean): Value {
    const divisor = ofSample ? this.count - 1 : this.count;
    return divisor <= 0 ? null : double(Math.sqrt(this.#squares / divisor));
  }
}

function deviationOf(ofSample: boolean): () => Accumulator {
  return () => {
    const spread = new Spread();
    return { add: (input) => spread.add(plain(input)), result: () => spread.deviation(ofSample) };
  };
}

const NUMBERS = [{ a: 2 }, { a: 4 }, { a: 9 }];

export const sum: AccumulatorDefinition = {
  name: "$sum",
  summary: "The sum of the numbers.",
  example: { argument: "$a", documents: NUMBERS, result: 15 },
  parse: ofOneExpression(sumOf),
};

export const avg: AccumulatorDefinition = {
  name: "$avg",
  summary: "The mean of the numbers, or null.",
  example: { argument: "$a", documents: NUMBERS, result: new Double(5) },
  parse: ofOneExpression(averageOf),
};

export const count: AccumulatorDefinition = {
  name: "$count",
  summary: "How many documents there are.",
  example: { argument: {}, documents: NUMBERS, result: 3 },
  parse(argument, at) {
    if (!isDocument(argument) || Object.keys(argument).length > 0)
      throw new QueryError("invalid", at, "takes no arguments: write {$count: {}}");
    return { compile: () => ({ input: () => 1, start: sumOf }) };
  },
};

export const stdDevPop: AccumulatorDefinition = {
  name: "$stdDevPop",
  summary: "The standard deviation of the numbers as a whole population.",
  example: { argument: "$a", documents: [{ a: 1 }, { a: 3 }], result: new Double(1) },
  parse: ofOneExpression(deviationOf(false)),
};

export const stdDevSamp: AccumulatorDefinition = {
  name: "$stdDevSamp",
  summary: "The standard deviation of the numbers as a sample; null of fewer than two.",
  example: { argument: "$a", documents: [{ a: 1 }, { a: 3 }], result: Math.SQRT2 },
  parse: ofOneExpression(deviationOf(true)),
};

/** The number with the opposite sign; what is no number as it is. */
export function negated(value: Value | undefined): Value | undefined {
  if (typeof value === "bigint") return -value;
  if (value instanceof Decimal128) return makeDecimal(negate(decimalParts(value)));
  return widthOf(value) === 0 ? value : typeof value === "number" ? -value : new Double(-asDouble(value));
}
