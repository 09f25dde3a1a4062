/** Reads integers from arguments of any number type, as the server does. */
import { Decimal128 } from "bson";
import { decimalParts } from "../decimal.ts";
import { QueryError } from "../errors.ts";
import { toNumber, type Value } from "../values.ts";

/** The integer that a number of any type stands for; throws when it is none or beyond int64. */
export function readInt64(value: Value | undefined, at: string): bigint {
  const exact = toInt64(value);
  if (exact === undefined) throw new QueryError("invalid", at, "needs an integer within int64");
  return exact;
}

/** The integer that a number of any type stands for; undefined when it has a fraction or is beyond int64. */
export function toInt64(value: Value | undefined): bigint | undefined {
  const truncated = truncateToInt64(value);
  if (truncated === undefined || typeof value === "bigint") return truncated;
  if (value instanceof Decimal128) {
    const parts = decimalParts(value);
    if (parts.kind !== "finite" || parts.exponent >= 0) return truncated;
    return parts.coefficient % 10n ** BigInt(-parts.exponent) === 0n ? truncated : undefined;
  }
  return Number.isInteger(toNumber(value)) ? truncated : undefined;
}

/** A number of any type without its fraction; undefined when it is no number or beyond int64. */
export function truncateToInt64(value: Value | undefined): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (value instanceof Decimal128) return truncateDecimal(value);
  const number = toNumber(value);
  if (number === undefined || !Number.isFinite(number)) return undefined;
  return within(number, () => BigInt(Math.trunc(number)));
}

function within(number: number, make: () => bigint): bigint | undefined {
  return number >= -(2 ** 63) && number < 2 ** 63 ? make() : undefined;
}

function truncateDecimal(value: Decimal128): bigint | undefined {
  const parts = decimalParts(value);
  if (parts.kind !== "finite") return undefined;
  if (parts.exponent > 19) return parts.coefficient === 0n ? 0n : undefined;
  const size = BigInt(Math.abs(parts.exponent));
  const magnitude = parts.exponent >= 0 ? parts.coefficient * 10n ** size : parts.coefficient / 10n ** size;
  const result = parts.negative ? -magnitude : magnitude;
  return BigInt.asIntN(64, result) === result ? result : undefined;
}

/**
 * The int32 nearest to a number of any type, fractions cut off (those of decimals rounded half to even), as the
 * server reads small integers in options. NaN is 0; undefined for what is no number.
 */
export function toInt32(value: Value | undefined): number | undefined {
  if (value instanceof Decimal128) return within32(Number(roundDecimal(value) ?? decimalLimit(value)));
  const number = toNumber(value);
  if (number === undefined) return undefined;
  return Number.isNaN(number) ? 0 : within32(Math.trunc(number));
}

function within32(number: number): number {
  return Math.max(-2147483648, Math.min(2147483647, number));
}

function decimalLimit(value: Decimal128): number {
  const parts = decimalParts(value);
  return parts.kind === "nan" ? 0 : parts.negative ? -Infinity : Infinity;
}

/** A decimal rounded half to even; undefined when that is no int64. */
export function roundDecimal(value: Decimal128): bigint | undefined {
  const parts = decimalParts(value);
  const whole = truncateDecimal(value);
  if (parts.kind !== "finite" || whole === undefined || parts.exponent >= 0) return whole;
  const unit = 10n ** BigInt(-parts.exponent);
  const twice = (parts.coefficient % unit) * 2n;
  const up = twice > unit || (twice === unit && whole % 2n !== 0n);
  return up ? whole + (parts.negative ? -1n : 1n) : whole;
}

/** Reads `[divisor, remainder]`; fractions are cut off. */
export function readMod(value: Value, at: string): { divisor: bigint; remainder: bigint } {
  if (!Array.isArray(value) || value.length !== 2) {
    throw new QueryError("invalid", at, "needs an array of two numbers, [divisor, remainder]");
  }
  const [divisor, remainder] = value.map(truncateToInt64);
  if (divisor === undefined)
    throw new QueryError("invalid", `${at}[0]`, "the divisor must be a number within int64");
  if (remainder === undefined) {
    throw new QueryError("invalid", `${at}[1]`, "the remainder must be a number within int64");
  }
  if (divisor === 0n) throw new QueryError("invalid", `${at}[0]`, "the divisor cannot be 0");
  return { divisor, remainder };
}

/** The double nearest to a number of any type, decimals too; undefined for what is no number. */
export function coordinate(value: Value | undefined): number | undefined {
  return value instanceof Decimal128 ? Number(value.toString()) : toNumber(value);
}
