/** Conversions between types: what `$convert` and `$toInt` and its like do. */
import { Decimal128, ObjectId, Timestamp } from "bson";
import { tick } from "../deadline.ts";
import { decimalParts } from "../decimal.ts";
import { QueryError } from "../errors.ts";
import { truncateToInt64 } from "../match/numbers.ts";
import { readTypes } from "../match/types.ts";
import { double, isInt32, type TypeName, truthy, typeOf, type Value } from "../values.ts";
import { parseDate } from "./dates/parse.ts";
import { DECIMAL_DIGITS, DECIMAL_NAN, finite, infinite, makeDecimal } from "./decimal-arithmetic.ts";
import { asDecimal, asDouble, DOUBLE, isNullish, LONG, makeDate, widthOf } from "./numbers.ts";
import { formatDouble, formatIsoDate } from "./text.ts";

/** A value that cannot be converted: what `onError` of `$convert` is for. */
export class ConversionError extends QueryError {
  constructor(path: string, reason: string) {
    super("runtime", path, reason);
  }
}

type Convert = (at: string, value: Value) => Value;

/** The type that `to` names, by name or number. */
export function readTarget(at: string, to: Value): TypeName {
  // The server takes this name too, and then converts nothing to it.
  if (to === "missing") return "missing";
  const where = `${at}.to`;
  if (typeof to !== "string" && widthOf(to) === 0) {
    throw new QueryError("runtime", where, `needs the name or number of a type, not ${typeOf(to)}`);
  }
  const [type] = [...readTypes(to, where)];
  if (type === undefined || to === "number")
    throw new QueryError("runtime", where, `cannot convert to ${String(to)}`);
  return type;
}

/** Converts a value that is neither null nor missing; throws a `ConversionError` where it cannot. */
export function convert(at: string, value: Value, target: TypeName): Value {
  const how = TARGETS[target];
  if (how === undefined) throw unsupported(at, value, target);
  return how(at, value);
}

function unsupported(at: string, value: Value, target: string): ConversionError {
  return new ConversionError(at, `cannot convert ${typeOf(value)} to ${target}`);
}

function toDouble(at: string, value: Value): Value {
  if (typeof value === "boolean") return double(value ? 1 : 0);
  if (value instanceof Date) return double(value.getTime());
  if (typeof value === "string") return double(parseDouble(at, value));
  if (widthOf(value) === 0) throw unsupported(at, value, "double");
  const number = asDouble(value);
  if (value instanceof Decimal128 && isBeyondDoubles(value, number)) {
    throw new ConversionError(at, "the decimal is beyond the range of doubles");
  }
  return double(number);
}

/** Whether a decimal is too large, or too near to 0, for the double it was turned into. */
function isBeyondDoubles(value: Decimal128, number: number): boolean {
  const parts = decimalParts(value);
  if (parts.kind !== "finite" || parts.coefficient === 0n) return false;
  return !Number.isFinite(number) || Math.abs(number) < LEAST_NORMAL;
}

/** The least double that has all its bits. */
const LEAST_NORMAL = 2 ** -1022;

function parseDouble(at: string, text: string): number {
  tick(text.length >> 4);
  const special = parseSpecial(text);
  if (special !== undefined) return special;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw notANumber(at, text);
  const number = Number(text);
  const lost = Math.abs(number) < LEAST_NORMAL && /[1-9]/.test(text.replace(/e.*/i, ""));
  if (!Number.isFinite(number) || lost)
    throw new ConversionError(at, `${JSON.stringify(text)} is beyond the range of doubles`);
  return number;
}

function parseSpecial(text: string): number | undefined {
  if (/^[+-]?nan$/i.test(text)) return Number.NaN;
  if (/^\+?inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
  return /^-inf(inity)?$/i.test(text) ? Number.NEGATIVE_INFINITY : undefined;
}

function notANumber(at: string, text: string): ConversionError {
  return new ConversionError(at, `${JSON.stringify(text.slice(0, 40))} is not a number`);
}

function parseInteger(at: string, text: string): bigint {
  if (text.length > 400) throw new ConversionError(at, "the number is too large");
  if (!/^[+-]?\d+$/.test(text)) throw notANumber(at, text);
  return BigInt(text.replace(/^\+/, ""));
}

/** The integer a value stands for without its fraction. */
function integerOfValue(at: string, value: Value, target: string): bigint {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "string") return parseInteger(at, value);
  if (widthOf(value) === 0) throw unsupported(at, value, target);
  const integer = truncateToInt64(value);
  if (integer === undefined) throw new ConversionError(at, `the number is beyond the range of ${target}`);
  return integer;
}

function toInt(at: string, value: Value): Value {
  const integer = integerOfValue(at, value, "int");
  const number = Number(integer);
  if (!isInt32(number)) throw new ConversionError(at, "the number is beyond the range of int");
  return number;
}

function toLong(at: string, value: Value): Value {
  if (value instanceof Date) return BigInt(value.getTime());
  const integer = integerOfValue(at, value, "long");
  if (BigInt.asIntN(64, integer) !== integer)
    throw new ConversionError(at, "the number is beyond the range of long");
  return integer;
}

function toDecimal(at: string, value: Value): Value {
  if (value instanceof Decimal128) return value;
  if (typeof value === "boolean") return makeDecimal(asDecimal(value ? 1 : 0));
  if (value instanceof Date) return makeDecimal(asDecimal(BigInt(value.getTime())));
  if (typeof value === "string") return parseDecimal(at, value);
  if (widthOf(value) === 0) throw unsupported(at, value, "decimal");
  return makeDecimal(asDecimal(value));
}

function parseDecimal(at: string, text: string): Value {
  const special = parseSpecial(text);
  if (special !== undefined) return makeDecimal(Number.isNaN(special) ? DECIMAL_NAN : infinite(special < 0));
  const match = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  const [, sign, whole = "", fraction = "", exponent = "0"] = match ?? [];
  if (match === null || whole + fraction === "" || text.length > 1000) throw notANumber(at, text);
  const all = (whole + fraction).replace(/^0+/, "");
  // Digits beyond the 34th are cut off, not rounded, as on the server.
  const digits = all.slice(0, DECIMAL_DIGITS);
  const power = Number(exponent) - fraction.length + all.length - digits.length;
  if (Math.abs(power) > 10_000)
    throw new ConversionError(at, `${JSON.stringify(text)} is beyond the range of decimals`);
  const decimal = makeDecimal(finite(sign === "-", BigInt(digits || "0"), power));
  if (decimalParts(decimal).kind !== "finite") {
    throw new ConversionError(at, `${JSON.stringify(text)} is beyond the range of decimals`);
  }
  return decimal;
}

function toBool(_at: string, value: Value): Value {
  return truthy(value);
}

function toText(at: string, value: Value): Value {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof Decimal128 || value instanceof ObjectId) return value.toString();
  if (value instanceof Date) return formatIsoDate(at, value);
  if (widthOf(value) === 0) throw unsupported(at, value, "string");
  return widthOf(value) === DOUBLE ? formatDouble(asDouble(value)) : String(value);
}

function toDate(at: string, value: Value): Value {
  if (value instanceof Date) return value;
  if (value instanceof ObjectId) return value.getTimestamp();
  if (value instanceof Timestamp) return new Date(value.t * 1000);
  if (typeof value === "string") return asConversion(at, () => parseDate(at, value));
  if (widthOf(value) < LONG) throw unsupported(at, value, "date");
  const milliseconds = truncateToInt64(value);
  if (milliseconds === undefined) throw new ConversionError(at, "the number is beyond the range of dates");
  return makeDate(at, milliseconds);
}

/** Runs a part of a conversion whose failure is one of the conversion. */
function asConversion<R>(at: string, work: () => R): R {
  try {
    return work();
  } catch (error) {
    if (error instanceof QueryError && error.kind === "runtime") throw new ConversionError(at, error.reason);
    throw error;
  }
}

function toObjectId(at: string, value: Value): Value {
  if (value instanceof ObjectId) return value;
  if (typeof value !== "string") throw unsupported(at, value, "objectId");
  if (!/^[0-9a-f]{24}$/i.test(value)) throw new ConversionError(at, "needs 24 hexadecimal digits");
  return new ObjectId(value);
}

const TARGETS: Partial<Record<TypeName, Convert>> = {
  double: toDouble,
  int: toInt,
  long: toLong,
  decimal: toDecimal,
  bool: toBool,
  string: toText,
  date: toDate,
  objectId: toObjectId,
};

/** Converts, or null of null and missing. */
export function convertOrNull(at: string, value: Value | undefined, target: TypeName): Value {
  return isNullish(value) ? null : convert(at, value, target);
}
