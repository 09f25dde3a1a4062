/** Prints values as MongoDB's relaxed extended JSON, int64 as bare integers and doubles as `30.0`. */
import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  DBRef,
  Decimal128,
  Double,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from "bson";
import { type Document, isInt32, type Value } from "./values.ts";

/** The JSON text of a value, without spaces. `undefined` fields are left out. */
export function printJson(value: Value): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return isInt32(value) ? String(value) : printDouble(value);
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return value.toString();
    default:
      return value === null ? "null" : printObject(value);
  }
}

function printDouble(x: number): string {
  if (!Number.isFinite(x)) return `{"$numberDouble":"${x}"}`;
  if (Object.is(x, -0)) return "-0.0";
  const digits = String(x);
  return Number.isInteger(x) && !digits.includes("e") ? `${digits}.0` : digits;
}

function printObject(value: Exclude<Value, null | number | string | boolean | bigint>): string {
  if (Array.isArray(value)) {
    let items = "";
    for (const item of value) items += `,${item === undefined ? "null" : printJson(item)}`;
    return `[${items.slice(1)}]`;
  }
  if (Object.getPrototypeOf(value) === Object.prototype) return printDocument(value as Document);
  if (value instanceof Double) return printDouble(value.value);
  if (value instanceof Date) return printDate(value);
  if (value instanceof Uint8Array) return printBinary(value, 0);
  return printBson(value) ?? printDocument(value as Document);
}

function printDocument(document: Document): string {
  let fields = "";
  for (const name of Object.keys(document)) {
    const value = document[name];
    if (value !== undefined) fields += `,${JSON.stringify(name)}:${printJson(value)}`;
  }
  return `{${fields.slice(1)}}`;
}

/** ISO text for the years 1970 to 9999, milliseconds only where there are any; the number for all others. */
function printDate(date: Date): string {
  const time = date.getTime();
  if (!(time >= 0 && time < 253402300800000)) return `{"$date":{"$numberLong":"${time}"}}`;
  return `{"$date":"${date.toISOString().replace(".000Z", "Z")}"}`;
}

function printBinary(bytes: Uint8Array, subtype: number): string {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  return `{"$binary":{"base64":"${base64}","subType":"${subtype.toString(16).padStart(2, "0")}"}}`;
}

function printBson(value: object): string | undefined {
  if (value instanceof ObjectId) return `{"$oid":"${value.toHexString()}"}`;
  if (value instanceof Decimal128) return `{"$numberDecimal":"${value.toString()}"}`;
  if (value instanceof Binary) return printBinary(value.value(), value.sub_type);
  if (value instanceof Timestamp) return `{"$timestamp":{"t":${value.t},"i":${value.i}}}`;
  if (value instanceof MinKey) return `{"$minKey":1}`;
  if (value instanceof MaxKey) return `{"$maxKey":1}`;
  if (value instanceof BSONSymbol) return `{"$symbol":${JSON.stringify(value.value)}}`;
  if (value instanceof DBRef) return printDocument(value.toJSON() as unknown as Document);
  if (value instanceof BSONRegExp) {
    const { pattern, options } = value;
    return `{"$regularExpression":{"pattern":${JSON.stringify(pattern)},"options":${JSON.stringify(options)}}}`;
  }
  if (value instanceof Code) {
    const scope = value.scope === null ? "" : `,"$scope":${printDocument(value.scope as Document)}`;
    return `{"$code":${JSON.stringify(value.code)}${scope}}`;
  }
  return undefined;
}
