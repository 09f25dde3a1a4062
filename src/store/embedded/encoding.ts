/**
 * A document as text: JSON, and behind it a list of the values that JSON cannot say.
 *
 * `{"candid":"1127","exptime":30}` + U+0001 + `{"l":[["candid"]],"d":[["exptime"]]}`: int64 and other
 * special values stand as strings or numbers in the JSON, and the list tells by kind which paths to turn
 * back. The lists repeat from alert to alert, so each is parsed once. JSON text has no raw control
 * characters, which makes the separator safe.
 */
import { Binary, Double, EJSON, ObjectId } from "bson";
import { type Document, isDocument, setField, type Value } from "../../query/index.ts";
import { StoreError } from "../store.ts";

const SEPARATOR = "\u0001";

/** int64, integral double, other number, date, bytes, ObjectId, anything else as canonical extended JSON. */
type Kind = "l" | "d" | "n" | "t" | "b" | "o" | "e";
type Path = readonly (string | number)[];

/** Collects, while a document is being written, which paths hold what. */
class Specials {
  readonly paths: Partial<Record<Kind, Path[]>> = {};
  readonly stack: (string | number)[] = [];
  any = false;

  add(kind: Kind, key: string | number): void {
    this.any = true;
    const path = [...this.stack, key];
    const known = this.paths[kind];
    if (known === undefined) this.paths[kind] = [path];
    else known.push(path);
  }
}

/** Encodes a document; `decodeDocument` gives back an equal one, types and field order included. */
export function encodeDocument(document: Document): string {
  const specials = new Specials();
  const plain = plainDocument(document, specials);
  const json = JSON.stringify(plain);
  return specials.any ? json + SEPARATOR + JSON.stringify(specials.paths) : json;
}

/** Decodes what `encodeDocument` wrote. */
export function decodeDocument(text: string): Document {
  const split = text.lastIndexOf(SEPARATOR);
  if (split < 0) return JSON.parse(text) as Document;
  const document = JSON.parse(text.slice(0, split)) as Document;
  for (const { restore, path } of repairsOf(text.slice(split + 1))) {
    let target: unknown = document;
    for (let i = 0; i < path.length - 1; i++) target = (target as Document)[path[i] as string];
    const key = path[path.length - 1] as string;
    const holder = target as Document;
    setField(holder, key, restore(holder[key] as never));
  }
  return document;
}

/** The same object when it holds nothing special, else a copy with stand-ins. */
function plainDocument(document: Document, specials: Specials): Document {
  let copy: Document | undefined;
  for (const key in document) {
    const value = document[key];
    if (typeof value === "string" || value === undefined || value === null || typeof value === "boolean")
      continue;
    const plain = plainValue(value, key, specials);
    if (plain === value) continue;
    copy ??= { ...document };
    setField(copy, key, plain);
  }
  return copy ?? document;
}

function plainValue(value: Value, key: string | number, specials: Specials): Value {
  if (typeof value === "number") {
    if (Number.isFinite(value) && !Object.is(value, -0)) return value;
    specials.add("n", key);
    return Object.is(value, -0) ? "-0" : String(value);
  }
  if (typeof value === "bigint") {
    specials.add("l", key);
    return value.toString();
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return plainArray(value, key, specials);
  if (value instanceof Double) return plainDouble(value, key, specials);
  if (value instanceof Date) {
    specials.add("t", key);
    return value.getTime();
  }
  if (value instanceof Uint8Array) {
    specials.add("b", key);
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  if (value instanceof ObjectId) {
    specials.add("o", key);
    return value.toHexString();
  }
  if (isDocument(value)) {
    specials.stack.push(key);
    const plain = plainDocument(value, specials);
    specials.stack.pop();
    return plain;
  }
  specials.add("e", key);
  return EJSON.stringify({ v: value }, { relaxed: false });
}

function plainDouble(value: Double, key: string | number, specials: Specials): Value {
  const number = value.value;
  if (Number.isFinite(number) && !Object.is(number, -0)) {
    // A fractional number in a box is the same double as without it.
    if (Number.isInteger(number)) specials.add("d", key);
    return number;
  }
  specials.add("n", key);
  return Object.is(number, -0) ? "-0" : String(number);
}

function plainArray(array: Value[], key: string | number, specials: Specials): Value[] {
  specials.stack.push(key);
  let copy: Value[] | undefined;
  for (let i = 0; i < array.length; i++) {
    const value = array[i];
    if (value === undefined || value === null) continue;
    const plain = plainValue(value, i, specials);
    if (plain === value) continue;
    copy ??= array.slice();
    copy[i] = plain;
  }
  specials.stack.pop();
  return copy ?? array;
}

const RESTORE: Record<Kind, (stored: never) => Value> = {
  l: (stored: string) => BigInt(stored),
  d: (stored: number) => new Double(stored),
  n: (stored: string) => (stored === "-0" ? new Double(-0) : Number(stored)),
  t: (stored: number | null) => new Date(stored ?? Number.NaN),
  b: (stored: string) => Uint8Array.fromBase64(stored),
  o: (stored: string) => new ObjectId(stored),
  e: (stored: string) => restoreExtended(stored),
};

function restoreExtended(text: string): Value {
  const value: unknown = (EJSON.parse(text, { relaxed: false }) as { v: unknown }).v;
  return value instanceof Binary && value.sub_type === Binary.SUBTYPE_DEFAULT
    ? value.value()
    : (value as Value);
}

interface Repair {
  readonly restore: (stored: never) => Value;
  readonly path: Path;
}

/** Lists that were parsed; emptied when documents are too diverse for it to help. */
const repairs = new Map<string, readonly Repair[]>();
const MOST_REPAIR_LISTS = 4096;

function repairsOf(list: string): readonly Repair[] {
  const known = repairs.get(list);
  if (known !== undefined) return known;
  const parsed = Object.entries(JSON.parse(list) as Record<Kind, Path[]>).flatMap(([kind, paths]) =>
    paths.map((path) => ({ restore: RESTORE[kind as Kind], path })),
  );
  if (repairs.size >= MOST_REPAIR_LISTS) repairs.clear();
  repairs.set(list, parsed);
  return parsed;
}

/**
 * An `_id` as a value that SQLite keeps unique: numbers (equal across types) and strings as they are, all
 * else as bytes. Throws for what cannot be an `_id`.
 */
export function keyOfId(id: Value | undefined): number | bigint | string | Uint8Array {
  if (typeof id === "bigint") return id;
  if (typeof id === "string" && id.isWellFormed() && !id.includes("\0")) return id;
  const number = typeof id === "number" ? id : id instanceof Double ? id.value : Number.NaN;
  if (!Number.isNaN(number)) return number;
  if (id === undefined || Array.isArray(id)) throw new StoreError("_id: expected a value that is no array");
  return Buffer.from(encodeDocument({ v: id }));
}
