/** `$ceil $floor $round $trunc`: on decimals and doubles by exact decimal digits. */
import { Double } from "bson";
import { code } from "../../code.ts";
import { QueryError } from "../../errors.ts";
import { double, type Value } from "../../values.ts";
import {
  DECIMAL_DIGITS,
  DECIMAL_NAN,
  type Decimal,
  makeDecimal,
  quantize,
  type Rounding,
  toDigits,
} from "../decimal-arithmetic.ts";
import type { Operator } from "../nodes.ts";
import {
  asDecimal,
  asDouble,
  DECIMAL,
  DOUBLE,
  exactDecimal,
  intOrLong,
  isInt64,
  isNullish,
  LONG,
  needNumber,
} from "../numbers.ts";
import { NUMERIC, T } from "../types.ts";
import { needInt32 } from "./array-items.ts";
import { example, list } from "./describe.ts";

const RESULT = NUMERIC | T.NULL;

/** The integer that the server makes of a decimal, with an exponent of 0; NaN where there is no room for that. */
function toWhole(value: Decimal, rounding: Rounding): Decimal {
  return value.kind === "infinite" ? DECIMAL_NAN : quantize(value, 0, rounding);
}

function towards(name: "$ceil" | "$floor"): Operator {
  const compute = name === "$ceil" ? Math.ceil : Math.floor;
  const rounding: Rounding = name === "$ceil" ? "ceiling" : "floor";
  return {
    name,
    category: "arithmetic",
    summary:
      name === "$ceil" ? "The least integer not below a number." : "The greatest integer not above a number.",
    arguments: list(1),
    result: RESULT,
    example: example({ [name]: "$x" }, { x: 1.5 }, new Double(compute(1.5))),
    run: (at, value) => {
      if (isNullish(value)) return null;
      const width = needNumber(at, value);
      if (width === DECIMAL) return makeDecimal(toWhole(asDecimal(value), rounding));
      return width === DOUBLE ? double(compute(asDouble(value))) : value;
    },
    raw: {
      double: "some",
      emit: ([x]) => (name === "$ceil" ? code`Math.ceil(${x ?? 0})` : code`Math.floor(${x ?? 0})`),
      bound: ([x]) => x ?? 0,
      operands: (count) => count === 1,
    },
  };
}

const MIN_INT32 = -(2n ** 31n);
const LEAST_PLACE = -20;
const GREATEST_PLACE = 100;

function needPlace(at: string, value: Value | undefined): number {
  const place = value === undefined ? 0 : needInt32(at, value, "a place within int32");
  if (place < LEAST_PLACE || place > GREATEST_PLACE) {
    throw new QueryError(
      "runtime",
      at,
      `needs a place from ${LEAST_PLACE} to ${GREATEST_PLACE}, not ${place}`,
    );
  }
  return place;
}

/** Rounds at a decimal place; what has no digit there stays as it is. */
function atPlace(value: Decimal, place: number, rounding: Rounding): Decimal {
  const rounded = quantize(value, -place, rounding);
  return rounded.kind === "nan" ? toDigits(value, DECIMAL_DIGITS) : rounded;
}

const POWERS = Array.from({ length: 16 }, (_, place) => 10 ** place);

/** Doubles of usual size at usual places, without decimals; undefined where these must tell. */
function roundQuickly(x: number, place: number, rounding: Rounding): number | undefined {
  if (rounding === "down") return place === 0 ? Math.trunc(x) : undefined;
  const power = POWERS[place];
  if (power === undefined || Math.abs(x) > 1e6) return undefined;
  const scaled = x * power;
  const nearest = Math.round(scaled);
  // The product is off by an eighth at most, or by far less where it is small; and the quotient of such integers
  // is the double that is next to the decimal number.
  const certain = Math.abs(scaled) < 2 ** 31 ? 0.499999 : 0.375;
  if (place < 10 && Math.abs(scaled - nearest) < certain) return nearest / power;
  // A tie is exact in binary, and then so is its double times the power of ten.
  if ((scaled * 2) % 2 !== 0 && Number.isInteger(scaled * 2)) return undefined;
  return Number(x.toFixed(place));
}

function roundAt(at: string, value: Value | undefined, place: Value | undefined, rounding: Rounding): Value {
  if (isNullish(value)) return null;
  const width = needNumber(at, value);
  if (place === null) return null;
  const digits = needPlace(at, place);
  if (width === DECIMAL) return makeDecimal(atPlace(asDecimal(value), digits, rounding));
  if (width === DOUBLE) {
    const x = asDouble(value);
    if (!Number.isFinite(x)) return value;
    const quick = roundQuickly(x, digits, rounding);
    return double(quick ?? Number(makeDecimal(atPlace(exactDecimal(x), digits, rounding)).toString()));
  }
  if (digits >= 0) return value;
  const rounded = atPlace(asDecimal(value), digits, rounding);
  const integer =
    rounded.kind === "finite" ? asSigned(rounded.coefficient * 10n ** BigInt(rounded.exponent), rounded) : 0n;
  if (!isInt64(integer)) throw new QueryError("runtime", at, "the rounded number is beyond int64");
  if (width === LONG) return integer;
  // Below its range the server lets an int32 run over.
  return integer < MIN_INT32 ? Number(BigInt.asIntN(32, integer)) : intOrLong(integer);
}

function asSigned(magnitude: bigint, { negative }: { readonly negative: boolean }): bigint {
  return negative ? -magnitude : magnitude;
}

export const roundingOperators: readonly Operator[] = [
  towards("$ceil"),
  towards("$floor"),
  {
    name: "$round",
    category: "arithmetic",
    summary: "A number rounded to a decimal place (0 unless given), ties to even.",
    arguments: list(1, 2),
    stopsAtNull: "first",
    result: RESULT,
    example: example({ $round: ["$mag", 1] }, { mag: 18.26 }, 18.3),
    run: (at, value, place) => roundAt(at, value, place, "halfEven"),
  },
  {
    name: "$trunc",
    category: "arithmetic",
    summary: "A number cut off at a decimal place (0 unless given).",
    arguments: list(1, 2),
    stopsAtNull: "first",
    result: RESULT,
    example: example({ $trunc: ["$mag", 1] }, { mag: 18.26 }, 18.2),
    run: (at, value, place) => roundAt(at, value, place, "down"),
  },
];
