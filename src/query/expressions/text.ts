/** Values as texts, and positions in texts: in bytes of UTF-8 and in code points. */
import { BSONSymbol, Code, Decimal128, Timestamp } from "bson";
import { QueryError } from "../errors.ts";
import { isInt32, typeOf, type Value } from "../values.ts";
import { asDouble, isNullish, widthOf } from "./numbers.ts";

/** A double with six significant digits, as C's `%g`, which is how the server turns doubles into texts. */
export function formatDouble(x: number): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
  if (x === 0) return Object.is(x, -0) ? "-0" : "0";
  const [mantissa = "0", power = "0"] = x.toExponential(5).split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return trimZeros(x.toFixed(5 - exponent));
  const sign = exponent < 0 ? "-" : "+";
  return `${trimZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function trimZeros(digits: string): string {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}

/** A date as `$toString` and `$dateToString` have it unless told otherwise. */
export function formatIsoDate(at: string, date: Date): string {
  const year = date.getUTCFullYear();
  if (year < 0 || year > 9999) throw new QueryError("runtime", at, "the year must be within 0 to 9999");
  return date.toISOString();
}

/** A value as the text that string operators take it for; null and missing are the empty one. */
export function coerceToString(at: string, value: Value | undefined): string {
  if (typeof value === "string") return value;
  if (isNullish(value)) return "";
  if (typeof value === "number" || typeof value === "bigint" || widthOf(value) !== 0)
    return numberText(value);
  if (value instanceof Date) return formatIsoDate(at, value);
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof Code) return value.code;
  if (value instanceof BSONSymbol) return value.value;
  throw new QueryError("runtime", at, `cannot take ${typeOf(value)} for a string`);
}

/** Infinities and NaN look different here from what `$toString` makes of them. */
function numberText(value: Value): string {
  if (typeof value === "bigint" || value instanceof Decimal128) return value.toString();
  const x = asDouble(value);
  if (Number.isFinite(x)) return typeof value === "number" && isInt32(x) ? String(value) : formatDouble(x);
  return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
}

function timestampText(value: Timestamp): string {
  const date = new Date(value.t * 1000);
  const month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ")[date.getUTCMonth()];
  const day = String(date.getUTCDate()).padStart(2, " ");
  return `${month} ${day} ${date.toISOString().slice(11, 19)}:${value.i}`;
}

/** A text that must be one; throws for all else, null too. */
export function needString(at: string, value: Value | undefined): string {
  if (typeof value === "string") return value;
  throw new QueryError("runtime", at, `needs a string, not ${typeOf(value)}`);
}

/** Whether all characters are single UTF-16 units, so that positions in both are the same. */
function isFlat(text: string): boolean {
  return !/[\ud800-\udfff]/.test(text);
}

export function countCodePoints(text: string): number {
  if (isFlat(text)) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** The position in UTF-16 units of a code point; the length of the text where there are fewer. */
export function unitOfCodePoint(text: string, position: number): number {
  if (isFlat(text)) return Math.min(position, text.length);
  let unit = 0;
  for (let i = 0; i < position && unit < text.length; i++)
    unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
  return unit;
}

export function byteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
