/** `$add $subtract $multiply $divide $mod $abs`. */
import { Decimal128, Double } from "bson";
import { code, join } from "../../code.ts";
import { QueryError } from "../../errors.ts";
import { truncateToInt64 } from "../../match/numbers.ts";
import { double, isInt32, type Value } from "../../values.ts";
import {
  addDecimals,
  type Decimal,
  divideDecimals,
  isZero,
  makeDecimal,
  multiplyDecimals,
  negate,
  remainderDecimals,
  toIntegral,
} from "../decimal-arithmetic.ts";
import type { Operator, RawArithmetic } from "../nodes.ts";
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
  MIN_INT64,
  makeDate,
  needNumber,
  type Width,
  widthOf,
  wrongType,
} from "../numbers.ts";
import { Summation, sumOf, sumOfThree } from "../summation.ts";
import { NUMERIC, T } from "../types.ts";
import { example, list } from "./describe.ts";

export function add(at: string, ...args: (Value | undefined)[]): Value {
  const total = new Summation();
  let decimals: Decimal | undefined;
  let width: Width = INT;
  let isDate = false;
  for (const arg of args) {
    if (isNullish(arg)) return null;
    if (arg instanceof Date) {
      if (isDate) throw new QueryError("runtime", at, "can add to one date only");
      isDate = true;
      total.addLong(BigInt(arg.getTime()));
      continue;
    }
    const own = widthOf(arg);
    if (own === 0) throw wrongType(at, "numbers or a date", arg);
    width = Math.max(width, own) as Width;
    if (own === DECIMAL) decimals = addDecimals(decimals ?? asDecimal(0), asDecimal(arg));
    else if (typeof arg === "bigint") total.addLong(arg);
    else total.add(asDouble(arg));
  }
  if (decimals !== undefined) {
    const sum = makeDecimal(addDecimals(decimals, total.decimal));
    // What is no int64 is the least of them on a server.
    return isDate ? makeDate(at, roundToLong(sum) ?? MIN_INT64) : sum;
  }
  if (isDate) return makeDate(at, needLong(at, total.integer));
  const { integer } = total;
  return width === DOUBLE || integer === undefined ? double(total.double) : integerOf(width, integer);
}

/**
 * The sum of two numbers as stages along an order form it: beside a double all else is a double, and beside a
 * decimal a double counts with the 15 digits that are certain of it, both unlike in `$add`. Null with null.
 */
export function addPair(at: string, a: Value, b: Value): Value {
  const width = Math.max(widthOf(a), widthOf(b));
  if (width < DOUBLE || widthOf(a) === 0 || widthOf(b) === 0) return add(at, a, b);
  if (width === DECIMAL) return makeDecimal(addDecimals(asDecimal(a), asDecimal(b)));
  return double(asDouble(a) + asDouble(b));
}

/** A decimal rounded half to even to an int64. */
export function roundToLong(value: Decimal128): bigint | undefined {
  return truncateToInt64(makeDecimal(toIntegral(asDecimal(value), "halfEven")));
}

function needLong(at: string, value: bigint | undefined): bigint {
  if (value === undefined) throw new QueryError("runtime", at, "the number is out of the range of int64");
  return value;
}

/** The product in integers as far as it fits and, beside it, in doubles from the first number on: so does a server. */
export function multiply(at: string, ...args: (Value | undefined)[]): Value {
  let width: Width = INT;
  let integer = 1n;
  let product = 1;
  let decimal = asDecimal(1);
  for (const arg of args) {
    if (isNullish(arg)) return null;
    const own = Math.max(width, needNumber(at, arg)) as Width;
    if (own === DECIMAL && width !== DECIMAL) {
      decimal = width === DOUBLE ? asDecimal(double(product)) : asDecimal(integer);
    }
    width = own;
    if (width === DECIMAL) {
      decimal = multiplyDecimals(decimal, asDecimal(arg));
      continue;
    }
    product *= asDouble(arg);
    if (width === DOUBLE) continue;
    const exact = integer * asBigint(arg);
    if (isInt64(exact)) integer = exact;
    else width = DOUBLE;
  }
  if (width === DECIMAL) return makeDecimal(decimal);
  return width === DOUBLE ? double(product) : integerOf(width, integer);
}

export function subtract(at: string, a: Value | undefined, b: Value | undefined): Value {
  if (isNullish(a) || isNullish(b)) return null;
  if (a instanceof Date) return subtractFromDate(at, a, b);
  const left = needNumber(at, a);
  const width = Math.max(left, needNumber(at, b)) as Width;
  if (width === DECIMAL) return makeDecimal(addDecimals(asDecimal(a), negate(asDecimal(b))));
  if (width === DOUBLE) return double(asDouble(a) - asDouble(b));
  const difference = asBigint(a) - asBigint(b);
  return isInt64(difference) ? integerOf(width, difference) : double(asDouble(a) - asDouble(b));
}

function subtractFromDate(at: string, a: Date, b: Value): Value {
  if (b instanceof Date) return BigInt(a.getTime()) - BigInt(b.getTime());
  const width = widthOf(b);
  if (width === 0) throw wrongType(at, "a date or number", b);
  const milliseconds = needLong(at, b instanceof Decimal128 ? roundToLong(b) : truncateToInt64(b));
  return makeDate(at, BigInt(a.getTime()) - milliseconds);
}

export function divide(at: string, a: Value | undefined, b: Value | undefined): Value {
  if (isNullish(a) || isNullish(b)) return null;
  const width = Math.max(needNumber(at, a), needNumber(at, b));
  if (width === DECIMAL) {
    const divisor = asDecimal(b);
    if (isZero(divisor)) throw new QueryError("runtime", at, "cannot divide by zero");
    return makeDecimal(divideDecimals(asDecimal(a), divisor));
  }
  const divisor = asDouble(b);
  if (divisor === 0) throw new QueryError("runtime", at, "cannot divide by zero");
  return double(asDouble(a) / divisor);
}

export function mod(at: string, a: Value | undefined, b: Value | undefined): Value {
  if (isNullish(a) || isNullish(b)) return null;
  const left = needNumber(at, a);
  const right = needNumber(at, b);
  const zero = b instanceof Decimal128 ? isZero(asDecimal(b)) : asDouble(b) === 0;
  if (zero) throw new QueryError("runtime", at, "cannot take a remainder by zero");
  if (left === DECIMAL || right === DECIMAL) {
    return makeDecimal(remainderDecimals(asDecimal(a), asDecimal(b)));
  }
  const divisor = asDouble(b);
  // A double divisor that is an int32 counts as one.
  if (left === DOUBLE || (right === DOUBLE && !isInt32(divisor))) return double(asDouble(a) % divisor);
  return integerOf(left === LONG || right === LONG ? LONG : INT, asBigint(a) % asBigint(b));
}

function abs(at: string, value: Value | undefined): Value {
  if (isNullish(value)) return null;
  switch (needNumber(at, value)) {
    case DECIMAL: {
      const decimal = asDecimal(value);
      return makeDecimal(decimal.kind === "nan" ? decimal : { ...decimal, negative: false });
    }
    case DOUBLE:
      return double(Math.abs(asDouble(value)));
    case LONG:
      if (value === MIN_INT64)
        throw new QueryError("runtime", at, "the smallest int64 has no absolute value");
      return (value as bigint) < 0n ? -(value as bigint) : value;
    default:
      return integerOf(INT, BigInt(Math.abs(asDouble(value))));
  }
}

/** More operands than this are added by the exact function. */
const MAX_RAW = 64;

const RAW_ADD: RawArithmetic = {
  double: "some",
  emit: (operands, emitter) => {
    if (operands.length <= 2) return code`(${join(operands, code` + `)})`;
    const exact = emitter.ref(operands.length === 3 ? sumOfThree : sumOf, "sum");
    return code`${exact}(${join(operands, code`, `)})`;
  },
  bound: (operands) => operands.reduce((sum, operand) => sum + operand, 0),
  operands: (count) => count > 0 && count <= MAX_RAW,
};

const RESULT = NUMERIC | T.NULL;

export const arithmeticOperators: readonly Operator[] = [
  {
    name: "$abs",
    category: "arithmetic",
    summary: "The absolute value of a number.",
    arguments: list(1),
    result: RESULT,
    example: example({ $abs: "$x" }, { x: -1.5 }, 1.5),
    run: abs,
    raw: {
      double: "some",
      emit: ([x]) => code`Math.abs(${x ?? 0})`,
      bound: ([x]) => x ?? 0,
      operands: (count) => count === 1,
    },
  },
  {
    name: "$add",
    category: "arithmetic",
    summary: "The sum of numbers; with one date, the date that many milliseconds later.",
    arguments: list(0, Infinity),
    result: RESULT | T.DATE,
    example: example({ $add: ["$a", "$b", 1] }, { a: 2147483646, b: 1 }, 2147483648n),
    run: add,
    stopsAtNull: "each",
    regroup: "commutes",
    raw: RAW_ADD,
  },
  {
    name: "$divide",
    category: "arithmetic",
    summary: "The quotient of two numbers, as a double or decimal.",
    arguments: list(2),
    result: T.DOUBLE | T.DECIMAL | T.NULL,
    example: example({ $divide: ["$flux", "$fluxerr"] }, { flux: 9, fluxerr: 2 }, 4.5),
    run: divide,
    raw: {
      double: "always",
      emit: ([a, b]) => code`(${a ?? 0} / ${b ?? 0})`,
      guard: ([, b]) => code`${b ?? 0} !== 0`,
      bound: () => Infinity,
      operands: (count) => count === 2,
    },
  },
  {
    name: "$mod",
    category: "arithmetic",
    summary: "The remainder of a division towards zero.",
    arguments: list(2),
    result: RESULT,
    example: example({ $mod: ["$candid", 10] }, { candid: 1127561440015015001n }, 1n),
    run: mod,
    raw: {
      double: "first",
      emit: ([a, b]) => code`(${a ?? 0} % ${b ?? 0})`,
      // An integer by a double can be an integer.
      guard: ([, b]) => code`${b ?? 0} !== 0 && (${b ?? 0} | 0) === ${b ?? 0}`,
      bound: ([, b]) => b ?? 0,
      operands: (count) => count === 2,
    },
  },
  {
    name: "$multiply",
    category: "arithmetic",
    summary: "The product of numbers.",
    arguments: list(0, Infinity),
    result: RESULT,
    example: example({ $multiply: ["$x", 2] }, { x: new Double(1) }, new Double(2)),
    run: multiply,
    stopsAtNull: "each",
    regroup: "commutes",
    raw: {
      double: "some",
      emit: (operands) => code`(${join(operands, code` * `)})`,
      bound: (operands) => operands.reduce((product, operand) => product * operand, 1),
      operands: (count) => count > 0 && count <= MAX_RAW,
    },
  },
  {
    name: "$subtract",
    category: "arithmetic",
    summary: "The difference of two numbers, of two dates in milliseconds, or a date that much earlier.",
    arguments: list(2),
    result: RESULT | T.DATE,
    example: example({ $subtract: ["$g", "$r"] }, { g: 18.5, r: 18.25 }, 0.25),
    run: subtract,
    raw: {
      double: "some",
      emit: ([a, b]) => code`(${a ?? 0} - ${b ?? 0})`,
      bound: ([a, b]) => (a ?? 0) + (b ?? 0),
      operands: (count) => count === 2,
    },
  },
];
