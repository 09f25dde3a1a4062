/** Arbitrary BSON values and documents for property tests. */
import { Binary, BSONValue, Decimal128, Double, MaxKey, MinKey, ObjectId, Timestamp } from "bson";
import fc from "fast-check";
import { type Document, isDocument, setField, type Value } from "../../src/query/index.ts";

/** Field names, those that JavaScript treats specially too. */
export const fieldName = fc.oneof(
  fc.constantFrom("a", "b", "_id", "__proto__", "constructor", "toString", "1", ""),
  fc.string({ maxLength: 5, unit: "binary" }),
);

const double = fc
  .oneof(fc.double(), fc.float(), fc.integer().map(Number), fc.constantFrom(-0, 1e300, 2 ** 53, -999))
  .map((x): Value => (Number.isInteger(x) ? new Double(x) : x));

/** Values that are neither documents nor arrays. */
export const scalar: fc.Arbitrary<Value> = fc.oneof(
  double,
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((x) => x + 0),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -3n, max: 3n }),
  fc.string({ unit: "binary" }),
  fc.constantFrom<Value>(null, true, false, "\ud800", "a\0b", "\u0001", ""),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes)),
  fc.constantFrom<Value>(new MinKey(), new MaxKey(), new Timestamp({ t: 5, i: 6 })),
  fc.constantFrom("1", "1.0", "-3.5", "1E+3").map((text) => Decimal128.fromString(text)),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => new Binary(bytes, 5)),
);

const { value } = fc.letrec<{ value: Value; document: Document }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, fc.array(tie("value"), { maxLength: 4 }), tie("document")),
  document: fc
    .uniqueArray(fc.tuple(fieldName, tie("value")), { selector: ([name]) => name, maxLength: 5 })
    .map((entries) => {
      const document: Document = {};
      for (const [name, item] of entries) setField(document, name, item);
      return document;
    }),
}));

/** Any value. */
export const anyValue: fc.Arbitrary<Value> = value;

/** Any document. */
export const anyDocument: fc.Arbitrary<Document> = fc
  .uniqueArray(fc.tuple(fieldName, value), { selector: ([name]) => name, maxLength: 8 })
  .map((entries) => {
    const document: Document = {};
    for (const [name, item] of entries) setField(document, name, item);
    return document;
  });

/** A value as text in which every difference of type, order and bits shows. */
export function exact(value: Value | undefined): string {
  if (typeof value === "number") return Object.is(value, -0) ? "number -0" : `number ${value}`;
  if (value instanceof Double) return `Double ${Object.is(value.value, -0) ? "-0" : value.value}`;
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(exact).join()}]`;
  if (value instanceof BSONValue) return `${value._bsontype} ${value.inspect()}`;
  if (isDocument(value)) {
    return `{${Object.keys(value).map((key) => `${JSON.stringify(key)}:${exact(Object.getOwnPropertyDescriptor(value, key)?.value)}`)}}`;
  }
  return `${typeof value} ${typeof value === "string" ? JSON.stringify(value) : value}`;
}
