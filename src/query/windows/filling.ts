/** Window functions that fill gaps: `$locf` and `$linearFill`. */
import { Decimal128 } from "bson";
import { QueryError } from "../errors.ts";
import { followPath } from "../expressions/field-path.ts";
import { asDouble, widthOf } from "../expressions/numbers.ts";
import { double, type Value } from "../values.ts";
import { needOrder, refuseWindow } from "./ranks.ts";
import type { WindowFunctionDefinition } from "./window.ts";

export const locf: WindowFunctionDefinition = {
  name: "$locf",
  summary: "The last value that was there, in the place of null and missing ones.",
  example: {
    sortBy: { t: 1 },
    function: { $locf: "$a" },
    documents: [
      { t: 1, a: 5 },
      { t: 2, a: null },
    ],
    result: [5, 5],
  },
  parse(argument, at, context) {
    refuseWindow(context);
    const expression = context.reader.expression(argument, at);
    return () => {
      const evaluate = expression.compile();
      return ({ documents, variables }) => {
        let last: Value = null;
        return documents.map((document) => {
          last = evaluate(document, variables) ?? last;
          return last;
        });
      };
    };
  },
};

export const linearFill: WindowFunctionDefinition = {
  name: "$linearFill",
  summary: "Fills null and missing values on the line between their neighbours in the order.",
  example: {
    sortBy: { t: 1 },
    function: { $linearFill: "$a" },
    documents: [
      { t: 1, a: 5 },
      { t: 2, a: null },
      { t: 3, a: 8 },
    ],
    result: [5, 6.5, 8],
  },
  parse(argument, at, context) {
    refuseWindow(context);
    const [[path] = [""]] = needOrder(context, at);
    const parts = path.split(".");
    const expression = context.reader.expression(argument, at);
    return () => {
      const evaluate = expression.compile();
      return ({ documents, variables }) => {
        const values = documents.map((document) => evaluate(document, variables) ?? null);
        const places = documents.map((document) => placeOf(followPath(document, parts), at));
        return filled(values, places, at);
      };
    };
  },
};

function placeOf(key: Value | undefined, at: string): number {
  if (key instanceof Date) return key.getTime();
  if (widthOf(key) !== 0) return asDouble(key);
  throw new QueryError("runtime", at, "needs a number or a date at the path of sortBy");
}

function filled(values: readonly Value[], places: readonly number[], at: string): Value[] {
  checkOrder(places, at);
  const output = [...values];
  let before = -1;
  values.forEach((value, i) => {
    if (value === null) return;
    if (widthOf(value) === 0) throw new QueryError("runtime", at, "fills numbers only");
    if (before >= 0) fillBetween(output, places, before, i);
    before = i;
  });
  return output;
}

function checkOrder(places: readonly number[], at: string): void {
  for (let i = 1; i < places.length; i++) {
    if (places[i] === places[i - 1])
      throw new QueryError("runtime", at, "the values of sortBy must be different within a partition");
  }
}

function fillBetween(output: Value[], places: readonly number[], from: number, to: number): void {
  const left = asDouble(output[from]);
  const right = asDouble(output[to]);
  const start = places[from] ?? 0;
  const length = (places[to] ?? 0) - start;
  for (let i = from + 1; i < to; i++) {
    const value = left + ((places[i] ?? 0) - start) * ((right - left) / length);
    const decimal = output[from] instanceof Decimal128 || output[to] instanceof Decimal128;
    output[i] = decimal ? Decimal128.fromString(String(value)) : double(value);
  }
}
