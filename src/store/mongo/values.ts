/**
 * Values between BSON and the house's one representation.
 *
 * Answers are asked for as raw BSON and read here: the driver has classes of its own (it loads another build
 * of the same library), which nothing else in the house would recognise.
 */
import {
  Binary,
  BSONValue,
  type Document as BsonDocument,
  Double,
  deserialize,
  Int32,
  Long,
  serialize,
} from "bson";
import type { Document, Value } from "../../query/index.ts";

/** Every number as its class, so that int32, int64 and double stay apart. */
const READ_OPTIONS = { promoteValues: false, bsonRegExp: true } as const;
/** A field that is `undefined` is a field that is not there. */
export const WRITE_OPTIONS = { ignoreUndefined: true } as const;

/** The document of raw BSON. */
export function documentOf(bytes: Uint8Array): Document {
  return plain(deserialize(bytes, READ_OPTIONS)) as Document;
}

/** A document as bytes, to travel between threads. */
export function toBytes(document: Document): Uint8Array {
  return serialize(document, WRITE_OPTIONS);
}

/** What `toBytes` made, as the driver takes it: numbers keep their classes. */
export function bytesToDriver(bytes: Uint8Array): BsonDocument {
  return deserialize(bytes, READ_OPTIONS);
}

/** A value as it was deserialized, in the house's representation. Changes documents in place. */
function plain(value: unknown): Value {
  if (typeof value !== "object" || value === null) return value as Value;
  if (value instanceof BSONValue) return plainScalar(value);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = plain(value[i]);
    return value as Value[];
  }
  if (value instanceof Date || value instanceof Uint8Array) return value;
  const document = value as Record<string, unknown>;
  for (const name in document) document[name] = plain(document[name]);
  return document as Document;
}

function plainScalar(value: BSONValue): Value {
  if (value instanceof Int32) return value.value;
  if (value instanceof Double) return Number.isInteger(value.value) ? value : value.value;
  if (value instanceof Long) return value.toBigInt();
  if (value instanceof Binary && value.sub_type === Binary.SUBTYPE_DEFAULT) return value.value();
  return value as unknown as Value;
}
