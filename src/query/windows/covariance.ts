/** Window functions of two numbers: `$covariancePop`, `$covarianceSamp`. */
import { Decimal128, Double } from "bson";
import type { Accumulator } from "../accumulators/accumulator.ts";
import { plain } from "../accumulators/accumulator.ts";
import { makeDecimal } from "../expressions/decimal-arithmetic.ts";
import { asDecimal, asDouble, widthOf } from "../expressions/numbers.ts";
import { divide, multiply, subtract } from "../expressions/operators/arithmetic.ts";
import { double, type Value } from "../values.ts";
import { isFiniteNumber, MovingSum, slide } from "./accumulate.ts";
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
      const expression = context.reader.expression(argument, at);
      return () => {
        const evaluate = expression.compile();
        return (partition) => slide(partition, window, evaluate, () => covariance(ofSample, at), at);
      };
    },
  };
}

/** Covariance in one pass, with pairs that can be taken back, as the server forms it. */
function covariance(ofSample: boolean, at: string): Accumulator {
  let count = 0;
  let meanX = new MovingSum();
  let meanY = new MovingSum();
  let together = new MovingSum();
  const product = ([x, y]: Pair) => multiply(at, subtract(at, x, meanX.mean), subtract(at, y, meanY.mean));
  return {
    add(input) {
      const pair = pairOf(plain(input));
      if (pair === undefined) return;
      if (!pair.every(isFiniteNumber)) return together.add(specialOf(pair));
      const [x, y] = pair;
      count++;
      const fromMean = subtract(at, x, meanX.mean);
      meanX.add(x);
      meanY.add(y);
      together.add(multiply(at, fromMean, subtract(at, y, meanY.mean)));
    },
    remove(input) {
      const pair = pairOf(plain(input));
      if (pair === undefined) return;
      if (!pair.every(isFiniteNumber)) return together.remove(specialOf(pair));
      count--;
      if (count === 0) {
        meanX = new MovingSum();
        meanY = new MovingSum();
        together = new MovingSum();
        return;
      }
      meanX.remove(pair[0]);
      together.remove(product(pair));
      meanY.remove(pair[1]);
    },
    result() {
      if (count === 1 && !ofSample) return new Double(0);
      const divisor = ofSample ? count - 1 : count;
      if (divisor <= 0) return null;
      const sum = together.value;
      return sum instanceof Decimal128 ? divide(at, sum, double(divisor)) : double(asDouble(sum) / divisor);
    },
  };
}

type Pair = readonly [x: Value, y: Value];

function pairOf(value: Value | undefined): Pair | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [x, y] = value as [Value, Value];
  return widthOf(x) === 0 || widthOf(y) === 0 ? undefined : [x, y];
}

/** What a pair with infinities or NaN makes of the covariance. */
function specialOf(pair: Pair): Value {
  const numbers = pair.filter((value) => !isFiniteNumber(value)).map(asDouble);
  const sum = numbers.reduce((a, b) => a + b, 0);
  const decimal = pair.some((value) => value instanceof Decimal128 && asDecimal(value).kind !== "nan");
  return decimal ? makeDecimal(asDecimal(sum)) : sum;
}

export const covariancePop = define("$covariancePop", false, new Double(2));
export const covarianceSamp = define("$covarianceSamp", true, new Double(4));
