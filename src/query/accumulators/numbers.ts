/** Accumulators of numbers: `$sum`, `$avg`, `$count`, `$stdDevPop`, `$stdDevSamp`. */
import { Double } from "bson";
import { QueryError } from "../errors.ts";
import { Deviation, NumberSum } from "../expressions/operators/accumulators.ts";
import { isDocument } from "../values.ts";
import { type Accumulator, type AccumulatorDefinition, ofOneExpression, plain } from "./accumulator.ts";

function sumOf(): Accumulator {
  const total = new NumberSum();
  return { add: (input) => total.add(plain(input)), result: () => total.sum };
}

function averageOf(): Accumulator {
  const total = new NumberSum();
  return { add: (input) => total.add(plain(input)), result: () => total.average };
}

function deviationOf(ofSample: boolean): () => Accumulator {
  return () => {
    const deviation = new Deviation();
    return { add: (input) => deviation.add(plain(input)), result: () => deviation.result(ofSample) };
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
