/** `$exp $ln $log $log10 $pow $sqrt` and the trigonometric operators. */
import { Double } from "bson";
import { type Code, code } from "../../code.ts";
import { QueryError } from "../../errors.ts";
import { double, type Value } from "../../values.ts";
import { finite, makeDecimal, multiplyDecimals, squareRoot } from "../decimal-arithmetic.ts";
import type { Operator, OperatorCategory, OperatorExample } from "../nodes.ts";
import {
  asBigint,
  asDecimal,
  asDouble,
  DECIMAL,
  DOUBLE,
  INT,
  integerOf,
  isInt64,
  isNullish,
  LONG,
  needNumber,
} from "../numbers.ts";
import { power } from "../power.ts";
import { NUMERIC, T } from "../types.ts";
import { example, list } from "./describe.ts";

/** A function of one double. */
interface DoubleFunction {
  readonly name: string;
  readonly category: OperatorCategory;
  readonly summary: string;
  readonly example: OperatorExample;
  readonly compute: (x: number) => number;
  /** The same as code. */
  readonly emit: (x: Code) => Code;
  /** Where it has a value (NaN aside, which gives NaN), as a test, as code, and in words. */
  readonly domain?: readonly [test: (x: number) => boolean, code: (x: Code) => Code, words: string];
}

const NO_DECIMALS = "decimal128 operands are refused (the server's last digit is not defined); use $toDouble";

function refuseDecimal(at: string): never {
  throw new QueryError("unsupported", at, "does not take decimal128; convert with $toDouble");
}

/** A double that is in the domain, or NaN; throws for all else. */
function needInDomain(at: string, x: number, domain: DoubleFunction["domain"]): number {
  if (domain === undefined || Number.isNaN(x) || domain[0](x)) return x;
  throw new QueryError("runtime", at, `needs ${domain[2]}`);
}

function doubleFunction(description: DoubleFunction): Operator {
  const { name, category, summary, compute, emit, domain } = description;
  return {
    name,
    category,
    summary,
    arguments: list(1),
    result: T.DOUBLE | T.DECIMAL | T.NULL,
    example: description.example,
    limits: NO_DECIMALS,
    run: (at, value) => {
      if (isNullish(value)) return null;
      if (needNumber(at, value) === DECIMAL) return refuseDecimal(at);
      return double(compute(needInDomain(at, asDouble(value), domain)));
    },
    raw: {
      double: "always",
      emit: ([x]) => emit(x ?? code`NaN`),
      ...(domain === undefined ? {} : { guard: ([x]) => domain[1](x ?? code`NaN`) }),
      bound: () => 0,
      operands: (count) => count === 1,
    },
  };
}

const FINITE = [Number.isFinite, (x: Code) => code`Number.isFinite(${x})`, "a finite number"] as const;
const POSITIVE = [(x: number) => x > 0, (x: Code) => code`${x} > 0`, "a positive number"] as const;
const WITHIN_ONE = [
  (x: number) => x >= -1 && x <= 1,
  (x: Code) => code`${x} >= -1 && ${x} <= 1`,
  "a number from −1 to 1",
] as const;
const FROM_ONE = [(x: number) => x >= 1, (x: Code) => code`${x} >= 1`, "a number from 1 on"] as const;

function trigonometric(
  name: string,
  words: string,
  sample: readonly [Value, Value],
  functions: Pick<DoubleFunction, "compute" | "emit" | "domain">,
): Operator {
  const [x, result] = sample;
  return doubleFunction({
    name,
    category: "trigonometry",
    summary: `The ${words}.`,
    example: example({ [name]: "$x" }, { x }, result),
    ...functions,
  });
}

function log(at: string, value: Value | undefined, base: Value | undefined): Value {
  if (isNullish(value) || isNullish(base)) return null;
  if (Math.max(needNumber(at, value), needNumber(at, base)) === DECIMAL) return refuseDecimal(at);
  const x = needInDomain(at, asDouble(value), POSITIVE);
  const b = asDouble(base);
  if (b <= 0 || b === 1) throw new QueryError("runtime", at, "needs a base that is positive and not 1");
  return double(Math.log(x) / Math.log(b));
}

function raiseIntegers(base: bigint, exponent: bigint): bigint | undefined {
  if (base === 1n || exponent === 0n) return 1n;
  if (base === -1n) return exponent % 2n === 0n ? 1n : -1n;
  if (base === 0n) return 0n;
  if (exponent < 0n || exponent > 63n) return undefined;
  const result = base ** exponent;
  return isInt64(result) ? result : undefined;
}

function pow(at: string, base: Value | undefined, exponent: Value | undefined): Value {
  if (isNullish(base) || isNullish(exponent)) return null;
  const left = needNumber(at, base);
  const right = needNumber(at, exponent);
  if (left === DECIMAL || right === DECIMAL) return refuseDecimal(at);
  const [x, y] = [asDouble(base), asDouble(exponent)];
  if (x === 0 && y < 0) throw new QueryError("runtime", at, "cannot raise 0 to a negative power");
  if (left === DOUBLE || right === DOUBLE) return double(power(x, y));
  const exact = raiseIntegers(asBigint(base), asBigint(exponent));
  return exact === undefined
    ? double(power(x, y))
    : integerOf(left === LONG || right === LONG ? LONG : INT, exact);
}

function sqrt(at: string, value: Value | undefined): Value {
  if (isNullish(value)) return null;
  if (needNumber(at, value) === DECIMAL) {
    const decimal = asDecimal(value);
    const negative = decimal.kind !== "nan" && decimal.negative;
    const zero = decimal.kind === "finite" && decimal.coefficient === 0n;
    if (negative && !zero) throw new QueryError("runtime", at, "needs a number that is not negative");
    return makeDecimal(squareRoot(decimal));
  }
  const x = asDouble(value);
  if (x < 0) throw new QueryError("runtime", at, "needs a number that is not negative");
  return double(Math.sqrt(x));
}

function atan2(at: string, y: Value | undefined, x: Value | undefined): Value {
  if (isNullish(y)) return null;
  const width = needNumber(at, y);
  if (isNullish(x)) return null;
  if (Math.max(width, needNumber(at, x)) === DECIMAL) return refuseDecimal(at);
  return double(Math.atan2(asDouble(y), asDouble(x)));
}

const DEGREE = Math.PI / 180;
/** One degree in radians and one radian in degrees, to the 34 digits of a decimal. */
const DECIMAL_DEGREE = finite(false, 1745329251994329576923690768488613n, -35);
const DECIMAL_RADIAN = finite(false, 5729577951308232087679815481410517n, -32);

function angle(name: string, words: string, sample: OperatorExample, toRadians: boolean): Operator {
  const factor = toRadians ? DECIMAL_DEGREE : DECIMAL_RADIAN;
  const convert = (x: number) => (toRadians ? x * DEGREE : x * (180 / Math.PI));
  return {
    name,
    category: "trigonometry",
    summary: words,
    arguments: list(1),
    result: T.DOUBLE | T.DECIMAL | T.NULL,
    example: sample,
    run: (at, value) => {
      if (isNullish(value)) return null;
      if (needNumber(at, value) === DECIMAL) return makeDecimal(multiplyDecimals(asDecimal(value), factor));
      return double(convert(asDouble(value)));
    },
    raw: {
      double: "always",
      emit: ([x]) => code`(${x ?? code`NaN`} * ${convert(1)})`,
      bound: () => 0,
      operands: (count) => count === 1,
    },
  };
}

const TRIGONOMETRIC: readonly Operator[] = [
  trigonometric("$acos", "angle in radians whose cosine a number is", [1, new Double(0)], {
    compute: Math.acos,
    emit: (x) => code`Math.acos(${x})`,
    domain: WITHIN_ONE,
  }),
  trigonometric("$acosh", "number whose hyperbolic cosine a number is", [1, new Double(0)], {
    compute: Math.acosh,
    emit: (x) => code`Math.acosh(${x})`,
    domain: FROM_ONE,
  }),
  trigonometric("$asin", "angle in radians whose sine a number is", [0, new Double(0)], {
    compute: Math.asin,
    emit: (x) => code`Math.asin(${x})`,
    domain: WITHIN_ONE,
  }),
  trigonometric("$asinh", "number whose hyperbolic sine a number is", [0, new Double(0)], {
    compute: Math.asinh,
    emit: (x) => code`Math.asinh(${x})`,
  }),
  trigonometric("$atan", "angle in radians whose tangent a number is", [0, new Double(0)], {
    compute: Math.atan,
    emit: (x) => code`Math.atan(${x})`,
  }),
  trigonometric("$atanh", "number whose hyperbolic tangent a number is", [0, new Double(0)], {
    compute: Math.atanh,
    emit: (x) => code`Math.atanh(${x})`,
    domain: WITHIN_ONE,
  }),
  trigonometric("$cos", "cosine of an angle in radians", [0, new Double(1)], {
    compute: Math.cos,
    emit: (x) => code`Math.cos(${x})`,
    domain: FINITE,
  }),
  trigonometric("$cosh", "hyperbolic cosine", [0, new Double(1)], {
    compute: Math.cosh,
    emit: (x) => code`Math.cosh(${x})`,
  }),
  trigonometric("$sin", "sine of an angle in radians", [0, new Double(0)], {
    compute: Math.sin,
    emit: (x) => code`Math.sin(${x})`,
    domain: FINITE,
  }),
  trigonometric("$sinh", "hyperbolic sine", [0, new Double(0)], {
    compute: Math.sinh,
    emit: (x) => code`Math.sinh(${x})`,
  }),
  trigonometric("$tan", "tangent of an angle in radians", [0, new Double(0)], {
    compute: Math.tan,
    emit: (x) => code`Math.tan(${x})`,
    domain: FINITE,
  }),
  trigonometric("$tanh", "hyperbolic tangent", [0, new Double(0)], {
    compute: Math.tanh,
    emit: (x) => code`Math.tanh(${x})`,
  }),
];

export const functionOperators: readonly Operator[] = [
  ...TRIGONOMETRIC,
  angle(
    "$degreesToRadians",
    "Degrees in radians.",
    example({ $degreesToRadians: "$ra" }, { ra: 180 }, Math.PI),
    true,
  ),
  angle(
    "$radiansToDegrees",
    "Radians in degrees.",
    example({ $radiansToDegrees: "$x" }, { x: Math.PI }, new Double(180)),
    false,
  ),
  {
    name: "$atan2",
    category: "trigonometry",
    summary: "The angle in radians of a point, given as y and x.",
    arguments: list(2),
    result: T.DOUBLE | T.NULL,
    example: example({ $atan2: ["$y", "$x"] }, { y: 1, x: 0 }, Math.PI / 2),
    limits: NO_DECIMALS,
    stopsAtNull: "first",
    run: atan2,
    raw: {
      double: "always",
      emit: ([y, x]) => code`Math.atan2(${y ?? code`NaN`}, ${x ?? code`NaN`})`,
      bound: () => 0,
      operands: (count) => count === 2,
    },
  },
  doubleFunction({
    name: "$exp",
    category: "arithmetic",
    summary: "e to the power of a number.",
    example: example({ $exp: "$x" }, { x: 0 }, new Double(1)),
    compute: Math.exp,
    emit: (x) => code`Math.exp(${x})`,
  }),
  doubleFunction({
    name: "$ln",
    category: "arithmetic",
    summary: "The natural logarithm.",
    example: example({ $ln: "$x" }, { x: 1 }, new Double(0)),
    compute: Math.log,
    emit: (x) => code`Math.log(${x})`,
    domain: POSITIVE,
  }),
  doubleFunction({
    name: "$log10",
    category: "arithmetic",
    summary: "The logarithm to base 10.",
    example: example({ $log10: "$flux" }, { flux: 100 }, new Double(2)),
    compute: Math.log10,
    emit: (x) => code`Math.log10(${x})`,
    domain: POSITIVE,
  }),
  {
    name: "$log",
    category: "arithmetic",
    summary: "The logarithm of a number to a base.",
    arguments: list(2),
    result: T.DOUBLE | T.NULL,
    example: example({ $log: ["$x", 2] }, { x: 8 }, new Double(3)),
    limits: NO_DECIMALS,
    run: log,
  },
  {
    name: "$pow",
    category: "arithmetic",
    summary: "A number to a power.",
    arguments: list(2),
    result: NUMERIC | T.NULL,
    example: example({ $pow: ["$x", 2] }, { x: 1.5 }, 2.25),
    limits: NO_DECIMALS,
    run: pow,
  },
  {
    name: "$sqrt",
    category: "arithmetic",
    summary: "The square root.",
    arguments: list(1),
    result: T.DOUBLE | T.DECIMAL | T.NULL,
    example: example({ $sqrt: "$x" }, { x: 2.25 }, 1.5),
    run: sqrt,
    raw: {
      double: "always",
      emit: ([x]) => code`Math.sqrt(${x ?? code`NaN`})`,
      guard: ([x]) => code`!(${x ?? code`NaN`} < 0)`,
      bound: () => 0,
      operands: (count) => count === 1,
    },
  },
];
