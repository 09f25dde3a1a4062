/** Window functions of two numbers: `$covariancePop`, `$covarianceSamp`. */
import { Double } from "bson";
import type { Accumulator } from "../accumulators/accumulator.ts";
import { plain } from "../accumulators/accumulator.ts";
import { QueryError } from "../errors.ts";
import { asDouble, widthOf } from "../expressions/numbers.ts";
import { double, type Value } from "../values.ts";
import { MovingSum, slide } from "./accumulate.ts";
import { readWindow } from "./bounds.ts";
import type { WindowFunctionDefinition } from "./window.ts";

function define(name: string, ofSample: boolean, result: Value): WindowFunctionDefinition {
  return {
    name,
    summary: `The covariance of two numbers, given as [x, y], ${ofSample ? "as a sample" : "as a whole population"}.`,
    example: {
      sortBy: { x: 1 },
      function: { [name]: ["$x", "$y"] },
      documents: [
        { x: 1, y: 2 },
        { x: 3, y: 6 },
      ],
      result: [result, result],
    },
    parse(argument, at, context) {
      const window = readWindow(context);
      if (Array.isArray(argument) && argument.length !== 2)
        throw new QueryError("invalid", at, "needs two expressions, [x, y]");
      const expression = context.reader.expression(argument, at);
      return () => {
        const evaluate = expression.compile();
        return (partition) => {
          const inputs = partition.documents.map((document) => evaluate(document, partition.variables));
          return slide(partition, window, inputs, () => covariance(ofSample), at);
        };
      };
    },
  };
}

/** Covariance in one pass, with pairs that can be taken back, as the server forms it. */
function covariance(ofSample: boolean): Accumulator {
  let count = 0;
  let special = 0;
  let meanX = new MovingSum();
  let meanY = new MovingSum();
  let together = new MovingSum();
  const mean = (sum: MovingSum) => asDouble(sum.mean);
  const isSpecial = ([x, y]: readonly [number, number]) => !Number.isFinite(x) || !Number.isFinite(y);
  return {
    add(input) {
      const pair = pairOf(plain(input));
      if (pair === undefined) return;
      if (isSpecial(pair)) {
        special++;
        return;
      }
      const [x, y] = pair;
      count++;
      const delta = count === 1 ? 0 : x - mean(meanX);
      meanX.add(double(x));
      meanY.add(double(y));
      together.add(double(delta * (y - mean(meanY))));
    },
    remove(input) {
      const pair = pairOf(plain(input));
      if (pair === undefined) return;
      if (isSpecial(pair)) {
        special--;
        return;
      }
      const [x, y] = pair;
      count--;
      if (count === 0) {
        meanX = new MovingSum();
        meanY = new MovingSum();
        together = new MovingSum();
        return;
      }
      meanX.remove(double(x));
      together.remove(double((x - mean(meanX)) * (y - mean(meanY))));
      meanY.remove(double(y));
    },
    result() {
      if (special > 0) return Number.NaN;
      if (count === 1 && !ofSample) return new Double(0);
      const divisor = ofSample ? count - 1 : count;
      return divisor <= 0 ? null : double(asDouble(together.value) / divisor);
    },
  };
}

function pairOf(value: Value | undefined): [number, number] | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [x, y] = value;
  return widthOf(x) === 0 || widthOf(y) === 0 ? undefined : [asDouble(x), asDouble(y)];
}

export const covariancePop = define("$covariancePop", false, new Double(2));
export const covarianceSamp = define("$covarianceSamp", true, new Double(4));
