/** Numbers of the four BSON types: which one a value is, and how they widen into each other. */
import { Decimal128, Double } from "bson";
import { decimalOfBigint, decimalOfDouble, decimalParts } from "../decimal.ts";
import { QueryError } from "../errors.ts";
import { isInt32, typeOf, type Value } from "../values.ts";
import { type Decimal, toDigits } from "./decimal-arithmetic.ts";

/** The types of numbers from the narrowest to the widest; 0 is no number. */
export const INT = 1;
export const LONG = 2;
export const DOUBLE = 3;
export const DECIMAL = 4;
export type Width = 0 | typeof INT | typeof LONG | typeof DOUBLE | typeof DECIMAL;

/** The type of number that a value is; 0 when it is none. */
export function widthOf(value: Value | undefined): Width {
  if (typeof value === "number") return isInt32(value) ? INT : DOUBLE;
  if (typeof value === "bigint") return LONG;
  if (value instanceof Double) return DOUBLE;
  return value instanceof Decimal128 ? DECIMAL : 0;
}

/** A number of int32, int64 or double as a JavaScript number. */
export function asDouble(value: Value | undefined): number {
  if (typeof value === "number") return value;
  if (value instanceof Double) return value.value;
  if (value instanceof Decimal128) return Number(value.toString());
  return Number(value);
}

/** An int32 or int64 as a bigint; a double is truncated and clamped as the server's conversions do. */
export function asBigint(value: Value | undefined): bigint {
  if (typeof value === "bigint") return value;
  const number = asDouble(value);
  if (Number.isNaN(number)) return 0n;
  if (number >= 2 ** 63) return MAX_INT64;
  if (number < -(2 ** 63)) return MIN_INT64;
  return BigInt(Math.trunc(number));
}

/** Digits of a double that are certain in decimal: what the server keeps of it. */
const CERTAIN_DIGITS = 15;

/** Any number as a decimal; doubles are rounded (or padded with zeros) to 15 digits, as the server does. */
export function asDecimal(value: Value | undefined): Decimal {
  if (value instanceof Decimal128) return decimalParts(value);
  if (typeof value === "bigint") return decimalOfBigint(value);
  const number = asDouble(value);
  return widthOf(value) === INT
    ? decimalOfBigint(BigInt(number))
    : toDigits(exactDecimal(number), CERTAIN_DIGITS);
}

/** A double as a decimal with all the digits it has; 34 of them where it has more. */
export function exactDecimal(number: number): Decimal {
  const decimal = Number.isInteger(number) ? integral(number) : decimalOfDouble(number);
  return isExact(number, decimal) ? withoutFinalZeros(decimal) : decimal;
}

/** Whether a decimal made of a double lost no digits. */
function isExact(number: number, decimal: Decimal): boolean {
  if (decimal.kind !== "finite" || decimal.exponent >= 0) return true;
  let integer = Math.abs(number);
  let doublings = 0n;
  for (; !Number.isInteger(integer); doublings++) integer *= 2;
  return BigInt(integer) * 10n ** BigInt(-decimal.exponent) === decimal.coefficient << doublings;
}

function integral(number: number): Decimal {
  if (number !== 0 && Math.abs(number) < 1e34) return decimalOfBigint(BigInt(number));
  return decimalOfDouble(number);
}

/** Brings the exponent of a number with needless digits behind the point as near to 0 as can be. */
function withoutFinalZeros(value: Decimal): Decimal {
  if (value.kind !== "finite") return value;
  let { coefficient, exponent } = value;
  if (coefficient === 0n) exponent = Math.max(exponent, 0);
  while (exponent < 0 && coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent++;
  }
  return { ...value, coefficient, exponent };
}

export const MAX_INT64 = 2n ** 63n - 1n;
export const MIN_INT64 = -(2n ** 63n);

export function isInt64(value: bigint): boolean {
  return value >= MIN_INT64 && value <= MAX_INT64;
}

/** An integer as int32 where it fits, else as int64. */
export function intOrLong(value: number | bigint): number | bigint {
  if (typeof value === "number") return isInt32(value) ? value | 0 : BigInt(value);
  return value >= -2147483648n && value <= 2147483647n ? Number(value) : value;
}

/** A result of the given width: int32 widens to int64 where it must. */
export function integerOf(width: Width, value: bigint): Value {
  return width === LONG ? value : intOrLong(value);
}

export function isNullish(value: Value | undefined): value is null | undefined {
  return value === null || value === undefined;
}

/** Fails because an operator takes other types. */
export function wrongType(at: string, wanted: string, value: Value | undefined): QueryError {
  return new QueryError("runtime", at, `needs ${wanted}, not ${typeOf(value)}`);
}

/** The width of a number; throws for all else. */
export function needNumber(at: string, value: Value | undefined): Width {
  const width = widthOf(value);
  if (width === 0) throw wrongType(at, "a number", value);
  return width;
}

/** Milliseconds as a date. The server's dates go as far as int64, JavaScript's to the year 275760. */
export function makeDate(at: string, milliseconds: number | bigint): Date {
  const date = new Date(Number(milliseconds));
  if (!Number.isNaN(date.getTime())) return date;
  const held = typeof milliseconds === "bigint" ? isInt64(milliseconds) : Math.abs(milliseconds) < 2 ** 63;
  if (held) throw new QueryError("unsupported", at, "dates beyond the year 275760 are not supported");
  throw new QueryError("runtime", at, "the date is out of range");
}
