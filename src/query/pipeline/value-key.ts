/** Keys for maps of values: equal in BSON's order (1 equals 1.0) if and only if the keys are the same. */
import {
  Binary,
  type BSONRegExp,
  type BSONSymbol,
  type Decimal128,
  Double,
  type ObjectId,
  type Timestamp,
} from "bson";
import { decimalParts } from "../decimal.ts";
import { compareValues } from "../order.ts";
import { type Document, typeOf, type Value } from "../values.ts";

export type ValueKey = number | string | boolean | null | undefined;

/** The key of a value; missing has one of its own. */
export function valueKey(value: Value | undefined): ValueKey {
  switch (typeof value) {
    case "number":
      return value;
    case "string":
      return `"${value}`;
    case "boolean":
    case "undefined":
      return value;
    case "bigint":
      return bigintKey(value);
    default:
      return value === null ? null : objectKey(value);
  }
}

function bigintKey(value: bigint): number | string {
  const number = Number(value);
  return BigInt(number) === value ? number : `l${value}`;
}

function objectKey(value: Exclude<Value, number | string | boolean | bigint | null>): ValueKey {
  if (value instanceof Double) return value.value;
  if (Array.isArray(value)) return `[${value.map(part).join()}]`;
  switch (typeOf(value)) {
    case "object":
      return documentKey(value as Document);
    case "decimal":
      return decimalKey(value as Decimal128);
    case "date":
      return `D${(value as Date).getTime()}`;
    case "binData":
      return binaryKey(value as Binary | Uint8Array);
    case "objectId":
      return `o${(value as ObjectId).toHexString()}`;
    case "timestamp":
      return `t${(value as Timestamp).t}:${(value as Timestamp).i}`;
    case "regex":
      return `r${JSON.stringify([(value as BSONRegExp).pattern, (value as BSONRegExp).options])}`;
    case "symbol":
      return `"${(value as BSONSymbol).value}`;
    default:
      return `${typeOf(value)}${JSON.stringify(value)}`;
  }
}

function part(value: Value | undefined): string {
  const key = valueKey(value);
  // With its length in front no text can be taken for another; escapes would double at each level.
  return typeof key === "string" ? `${key.length}:${key}` : String(key === 0 ? 0 : key);
}

function documentKey(document: Document): string {
  const fields: string[] = [];
  for (const name of Object.keys(document)) {
    const value = document[name];
    if (value !== undefined) fields.push(`${JSON.stringify(name)}:${part(value)}`);
  }
  return `{${fields.join()}}`;
}

function decimalKey(value: Decimal128): number | string {
  const parts = decimalParts(value);
  if (parts.kind === "nan") return Number.NaN;
  const number = Number(value.toString());
  if (compareValues(number, value) === 0) return number;
  if (parts.kind === "infinite") return number;
  const digits = String(parts.coefficient);
  const significant = digits.replace(/0+$/, "");
  const exponent = parts.exponent + digits.length - significant.length;
  if (exponent >= 0 && exponent < 40)
    return `l${parts.negative ? "-" : ""}${significant}${"0".repeat(exponent)}`;
  return `d${parts.negative ? "-" : ""}${significant}e${exponent}`;
}

function binaryKey(value: Binary | Uint8Array): string {
  const bytes = value instanceof Binary ? value.value() : value;
  const subtype = value instanceof Binary ? value.sub_type : 0;
  return `b${subtype}:${Buffer.from(bytes).toString("base64")}`;
}
