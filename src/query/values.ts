/**
 * The one representation of BSON values in memory, from the Avro decoder to the sinks.
 *
 * | BSON type  | in memory                                                           |
 * |------------|---------------------------------------------------------------------|
 * | double     | a fractional, infinite or NaN `number`; an integral one (-0.0 too) is a boxed `Double` |
 * | int32      | an integral `number` within int32                                    |
 * | int64      | `bigint`, small ones too                                             |
 * | decimal128 | `Decimal128`                                                         |
 * | string, boolean, null, array, object | `string`, `boolean`, `null`, `Array`, plain object |
 * | date       | `Date`                                                               |
 * | binary     | `Uint8Array` (subtype 0), other subtypes `Binary`                    |
 * | objectId, regex, timestamp, minKey, maxKey, code, symbol, dbPointer | the `bson` classes |
 *
 * A missing field is an absent property, read as `undefined`; `undefined` is never stored.
 */
import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  BSONValue,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from "bson";

export type Scalar =
  | null
  | boolean
  | number
  | bigint
  | string
  | Double
  | Decimal128
  | Date
  | Uint8Array
  | Binary
  | ObjectId
  | BSONRegExp
  | Timestamp
  | MinKey
  | MaxKey
  | Code
  | BSONSymbol
  | DBRef;

export type Value = Scalar | Value[] | Document;

/** A BSON document: field order is insertion order. */
export interface Document {
  [field: string]: Value | undefined;
}

/** BSON's types by the names that `$type` takes; `missing` is no value at all. */
export type TypeName =
  | "missing"
  | "double"
  | "string"
  | "object"
  | "array"
  | "binData"
  | "objectId"
  | "bool"
  | "date"
  | "null"
  | "regex"
  | "javascript"
  | "javascriptWithScope"
  | "symbol"
  | "int"
  | "timestamp"
  | "long"
  | "decimal"
  | "minKey"
  | "maxKey";

/** A double as a value: integral ones (−0 too) boxed, all others as they are. */
export function double(x: number): number | Double {
  return Number.isInteger(x) ? new Double(x) : x;
}

/** Whether a plain number is a BSON int32 (else it is a double). */
export function isInt32(x: number): boolean {
  return (x | 0) === x;
}

/** The BSON type of a value. A plain integral number beyond int32 counts as a double. */
export function typeOf(value: Value | undefined): TypeName {
  switch (typeof value) {
    case "undefined":
      return "missing";
    case "number":
      return (value | 0) === value ? "int" : "double";
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "bigint":
      return "long";
    default:
      return typeOfObject(value);
  }
}

function typeOfObject(value: Exclude<Value, number | string | boolean | bigint>): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (Object.getPrototypeOf(value) === Object.prototype) return "object";
  if (value instanceof Date) return "date";
  if (value instanceof Uint8Array) return "binData";
  return value instanceof BSONValue ? typeOfBson(value) : "object";
}

function typeOfBson(value: BSONValue): TypeName {
  if (value instanceof Double) return "double";
  if (value instanceof Decimal128) return "decimal";
  if (value instanceof ObjectId) return "objectId";
  if (value instanceof Binary) return "binData";
  if (value instanceof Timestamp) return "timestamp";
  if (value instanceof BSONRegExp) return "regex";
  if (value instanceof MinKey) return "minKey";
  if (value instanceof MaxKey) return "maxKey";
  if (value instanceof BSONSymbol) return "symbol";
  if (value instanceof Code) return value.scope === null ? "javascript" : "javascriptWithScope";
  if (value instanceof Long) return "long";
  if (value instanceof Int32) return "int";
  return "object";
}

/** Whether a value is an embedded document (not an array, date, bytes or another BSON class). */
export function isDocument(value: unknown): value is Document {
  if (typeof value !== "object" || value === null) return false;
  if (Object.getPrototypeOf(value) === Object.prototype) return true;
  return !(
    Array.isArray(value) ||
    value instanceof Date ||
    value instanceof Uint8Array ||
    (value instanceof BSONValue && !(value instanceof DBRef))
  );
}

/** A field of a document by any name: names of Object.prototype are plain names here. */
export function getField(document: Document, name: string): Value | undefined {
  const value = document[name];
  // What Object.prototype has are functions, which are no values, and `__proto__`.
  if (typeof value !== "function" && name !== "__proto__") return value;
  return Object.hasOwn(document, name) ? value : undefined;
}

/** Sets a field by any name; `__proto__` too becomes an ordinary field. */
export function setField(document: Document, name: string, value: Value): void {
  if (name === "__proto__") {
    Object.defineProperty(document, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    document[name] = value;
  }
}

/** The number that a plain or boxed double, int32 or int64 stands for; undefined for all else. */
export function toNumber(value: Value | undefined): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  return value instanceof Double ? value.value : undefined;
}

/** Truth as expressions and `$expr` see it: false, null, missing and zero are false, all else is true. */
export function truthy(value: Value | undefined): boolean {
  switch (typeof value) {
    case "undefined":
      return false;
    case "boolean":
      return value;
    case "number":
      return value !== 0;
    case "bigint":
      return value !== 0n;
    case "string":
      return true;
    default:
      if (value === null) return false;
      if (value instanceof Double) return value.value !== 0;
      if (value instanceof Decimal128) return !/^-?0(\.0*)?(E[+-]?\d+)?$/.test(value.toString());
      return true;
  }
}
