/** Values on their way to a real server and back, and the strict comparison of answers. */
import { Binary, type Decimal128, Double, deserialize, EJSON, Int32, Long, Timestamp } from "bson";
import { BSON, type Document as WireDocument } from "mongodb";
import { type Document, isDocument, setField, typeOf, type Value } from "../../../src/query/index.ts";
import { isInt32 } from "../../../src/query/values.ts";

/** Options with which the driver keeps every BSON type. */
export const KEEP_TYPES = {
  promoteValues: false,
  promoteLongs: false,
  promoteBuffers: false,
  bsonRegExp: true,
  // Operators on bytes of texts can cut a character in two.
  enableUtf8Validation: false,
  // With the driver's default, an ordinary object, arrays in a field `constructor` would come as raw bytes.
  fieldsAsRaw: Object.create(null) as Record<string, never>,
} as const;

/** Bytes are made of so many documents at a time. */
const AT_ONCE = 1000;

/**
 * Documents that the driver answers, in the representation of `src/query/values.ts`. They pass through bytes,
 * because the driver may have loaded another copy of the `bson` package, with other classes, than `src`.
 */
export function documentsFromWire(answer: readonly WireDocument[]): Document[] {
  const found: Document[] = [];
  for (let i = 0; i < answer.length; i += AT_ONCE) {
    const documents = answer.slice(i, i + AT_ONCE);
    const reread = deserialize(BSON.serialize({ documents }), KEEP_TYPES);
    found.push(...(fromWire(reread["documents"]) as Document[]));
  }
  return found;
}

function fromWire(value: unknown): Value {
  if (value === undefined || value === null) return null;
  if (value instanceof Int32) return value.value;
  if (value instanceof Long && !(value instanceof Timestamp)) return value.toBigInt();
  if (value instanceof Double) return Number.isInteger(value.value) ? value : value.value;
  if (value instanceof Binary) return value.sub_type === 0 ? new Uint8Array(value.value()) : value;
  if (Array.isArray(value)) return value.map(fromWire);
  if (isDocument(value)) return documentFromWire(value as WireDocument);
  return value as Value;
}

function documentFromWire(document: WireDocument): Document {
  const out: Document = {};
  for (const name of Object.keys(document)) setField(out, name, fromWire(document[name]));
  return out;
}

/**
 * Whether two values are the same to the last bit a user can see: types, −0, order of fields, decimal places.
 * `tolerance` is what doubles may differ by, relatively.
 */
export function identical(a: Value | undefined, b: Value | undefined, tolerance = 0): boolean {
  const type = typeOf(a);
  if (type !== typeOf(b)) return false;
  switch (type) {
    case "missing":
    case "null":
    case "minKey":
    case "maxKey":
      return true;
    case "double":
      return sameDoubles(plainDouble(a), plainDouble(b), tolerance);
    case "array":
      return sameItems(a as Value[], b as Value[], tolerance);
    case "object":
      return sameFields(a as Document, b as Document, tolerance);
    case "date":
      return (a as Date).getTime() === (b as Date).getTime();
    case "binData":
      return sameBytes(a as Binary | Uint8Array, b as Binary | Uint8Array);
    case "decimal":
      return (a as Decimal128).toString() === (b as Decimal128).toString();
    case "int":
    case "long":
    case "string":
    case "bool":
      return a === b;
    default:
      return JSON.stringify(a) === JSON.stringify(b);
  }
}

function plainDouble(value: Value | undefined): number {
  return value instanceof Double ? value.value : Number(value);
}

function sameDoubles(a: number, b: number, tolerance: number): boolean {
  return Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}

function sameItems(a: Value[], b: Value[], tolerance: number): boolean {
  return a.length === b.length && a.every((item, i) => identical(item, b[i], tolerance));
}

function sameFields(a: Document, b: Document, tolerance: number): boolean {
  const names = Object.keys(a).filter((name) => a[name] !== undefined);
  const others = Object.keys(b).filter((name) => b[name] !== undefined);
  return (
    names.length === others.length &&
    names.every((name, i) => name === others[i] && identical(a[name], b[name], tolerance))
  );
}

function sameBytes(a: Binary | Uint8Array, b: Binary | Uint8Array): boolean {
  const [x, y] = [a, b].map((value) => (value instanceof Binary ? value.value() : value));
  const [s, t] = [a, b].map((value) => (value instanceof Binary ? value.sub_type : 0));
  return s === t && Buffer.compare(x ?? new Uint8Array(), y ?? new Uint8Array()) === 0;
}

/** A value in canonical extended JSON, but for int32, which stand as they are; with fields of any name. */
export function printValue(value: Value): string {
  if (typeof value === "number" && isInt32(value)) return String(value);
  if (value instanceof Uint8Array) return EJSON.stringify(new Binary(value), { relaxed: false });
  if (Array.isArray(value)) return `[${value.map(printValue).join()}]`;
  if (!isDocument(value)) return EJSON.stringify(value, { relaxed: false });
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${printValue(field ?? null)}`).join()}}`;
}
