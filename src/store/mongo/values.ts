/**
 * Values between BSON and the house's one representation.
 *
 * Answers are asked for as raw BSON and read here: the driver has classes of its own (it loads another build
 * of the same library), which nothing else in the house would recognise.
 */
import { type Document as BsonDocument, deserialize } from "bson";
import type { Document } from "../../query/index.ts";
import { BsonReader } from "./bson-reader.ts";
import { BsonWriter } from "./bson-writer.ts";

/** A field that is `undefined` is a field that is not there. */
export const WRITE_OPTIONS = { ignoreUndefined: true } as const;

const writer = new BsonWriter();

/** The document of raw BSON. */
export function documentOf(bytes: Uint8Array): Document {
  return new BsonReader(bytes).document(0);
}

/** A document as BSON. */
export function toBytes(document: Document): Uint8Array {
  writer.clear();
  writer.document(document);
  return writer.take();
}

/** A document as the driver takes it where it takes no bytes: numbers in classes that keep their types. */
export function toDriver(document: Document): BsonDocument {
  return deserialize(toBytes(document), { promoteValues: false, bsonRegExp: true });
}
