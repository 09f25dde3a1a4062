/**
 * Reads BSON into the house's representation of values: the counterpart of `bson-writer.ts`, several times as fast
 * as the library, which makes a class of every number to tell its type. What is rare is left to it.
 */
import { Binary, Double, deserialize } from "bson";
import { type Document, setField, type Value } from "../../query/index.ts";
import { TYPE } from "./bson-writer.ts";

/** Names and short texts that came before are found again by their bytes. */
const KNOWN_TEXTS = 4096;
const SHORT_TEXT = 24;

interface KnownText {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const known: (KnownText | undefined)[] = new Array(KNOWN_TEXTS).fill(undefined);

/** The document of BSON that begins at `at`. */
export function readDocument(bytes: Uint8Array, at = 0): Document {
  return new BsonReader(bytes).document(at);
}

/** Bytes that are no BSON, which a server does not send. */
class BsonError extends Error {
  override readonly name = "BsonError";
}

/** Reads documents, and what is in them field by field, from one buffer. */
export class BsonReader {
  private readonly buffer: Buffer;
  private readonly view: DataView;
  private at = 0;

  constructor(readonly bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  document(at: number): Document {
    this.at = at;
    return this.nextDocument();
  }

  /** Calls back with each field of the document at `at`: its type, and where its value begins. */
  fields(at: number, callback: (name: string, type: number, at: number) => void): void {
    const end = this.end(at);
    this.at = at + 4;
    for (;;) {
      const type = this.bytes[this.at++] ?? 0;
      if (type === 0) break;
      const name = this.nextName();
      const start = this.at;
      callback(name, type, start);
      this.at = start + this.size(type, start);
    }
    if (this.at !== end) throw new BsonError(`a document ends at byte ${this.at} instead of ${end}`);
  }

  value(type: number, at: number): Value {
    this.at = at;
    return this.nextValue(type);
  }

  int64(at: number): bigint {
    return this.view.getBigInt64(at, true);
  }

  /** A number of any type. */
  number(type: number, at: number): number {
    if (type === TYPE.double) return this.view.getFloat64(at, true);
    if (type === TYPE.int32) return this.view.getInt32(at, true);
    return Number(this.view.getBigInt64(at, true));
  }

  /** How many bytes a value takes. */
  size(type: number, at: number): number {
    switch (type) {
      case TYPE.double:
      case TYPE.date:
      case TYPE.int64:
      case 17: // timestamp
        return 8;
      case TYPE.int32:
        return 4;
      case TYPE.boolean:
        return 1;
      case TYPE.null:
      case 6: // undefined
      case 0xff: // smallest key
      case 0x7f: // largest key
        return 0;
      case TYPE.string:
      case 13: // code
      case 14: // symbol
        return 4 + this.length(at);
      case TYPE.document:
      case TYPE.array:
      case 15: // code with scope
        return this.length(at);
      case TYPE.binary:
        return 5 + this.length(at);
      case 7: // object id
        return 12;
      case 11: // regular expression
        return this.afterText(this.afterText(at)) - at;
      case 12: // pointer
        return 16 + this.length(at);
      case 19: // decimal
        return 16;
      default:
        throw new BsonError(`there is no type of number ${type}`);
    }
  }

  private nextDocument(): Document {
    const end = this.end(this.at);
    this.at += 4;
    const document: Document = {};
    for (;;) {
      const type = this.bytes[this.at++] ?? 0;
      if (type === 0) break;
      const name = this.nextName();
      const value = this.nextValue(type);
      if (name === "__proto__") setField(document, name, value);
      else document[name] = value;
    }
    if (this.at !== end) throw new BsonError(`a document ends at byte ${this.at} instead of ${end}`);
    return document;
  }

  private nextArray(): Value[] {
    const end = this.end(this.at);
    this.at += 4;
    const array: Value[] = [];
    for (;;) {
      const type = this.bytes[this.at++] ?? 0;
      if (type === 0) break;
      this.at = this.afterText(this.at);
      array.push(this.nextValue(type));
    }
    if (this.at !== end) throw new BsonError(`an array ends at byte ${this.at} instead of ${end}`);
    return array;
  }

  private nextValue(type: number): Value {
    const at = this.at;
    switch (type) {
      case TYPE.double: {
        this.at = at + 8;
        const value = this.view.getFloat64(at, true);
        return Number.isInteger(value) ? new Double(value) : value;
      }
      case TYPE.int32:
        this.at = at + 4;
        return this.view.getInt32(at, true);
      case TYPE.string:
        return this.nextString();
      case TYPE.int64:
        this.at = at + 8;
        return this.view.getBigInt64(at, true);
      case TYPE.document:
        return this.nextDocument();
      case TYPE.array:
        return this.nextArray();
      case TYPE.null:
        return null;
      case TYPE.boolean:
        this.at = at + 1;
        return this.bytes[at] === 1;
      case TYPE.date:
        this.at = at + 8;
        return new Date(Number(this.view.getBigInt64(at, true)));
      default:
        return this.rare(type);
    }
  }

  /** A value of a type that is left to the library. */
  private rare(type: number): Value {
    const at = this.at;
    const size = this.size(type, at);
    this.at = at + size;
    if (type === TYPE.binary && this.bytes[at + 4] === Binary.SUBTYPE_DEFAULT) {
      return this.bytes.slice(at + 5, at + size);
    }
    const alone = new Uint8Array(size + 8);
    alone[0] = alone.length;
    new DataView(alone.buffer).setInt32(0, alone.length, true);
    alone.set([type, 0x76], 4);
    alone.set(this.bytes.subarray(at, at + size), 7);
    const { v } = deserialize(alone, { promoteValues: false, bsonRegExp: true });
    return v as Value;
  }

  private nextString(): string {
    const at = this.at + 4;
    const length = this.length(this.at) - 1;
    const end = at + length;
    this.at = end + 1;
    return length <= SHORT_TEXT ? this.shortText(at, end) : this.buffer.toString("utf8", at, end);
  }

  private nextName(): string {
    const at = this.at;
    const end = this.afterText(at) - 1;
    this.at = end + 1;
    return this.shortText(at, end);
  }

  private shortText(at: number, end: number): string {
    const { bytes } = this;
    let hash = end - at;
    for (let i = at; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0;
    const place = (hash ^ (hash >>> 12)) & (KNOWN_TEXTS - 1);
    const found = known[place];
    if (found !== undefined && isSame(found.bytes, bytes, at, end)) return found.text;
    const text = this.buffer.toString("utf8", at, end);
    if (end - at <= SHORT_TEXT) known[place] = { bytes: bytes.slice(at, end), text };
    return text;
  }

  /** Behind a text that a zero byte ends. */
  private afterText(at: number): number {
    const { bytes } = this;
    let end = at;
    while (bytes[end] !== 0) {
      if (end >= bytes.length) throw new BsonError("a name does not end");
      end++;
    }
    return end + 1;
  }

  private length(at: number): number {
    return this.view.getInt32(at, true);
  }

  private end(at: number): number {
    const end = at + this.length(at);
    if (end <= at + 4 || end > this.bytes.length) {
      throw new BsonError(`a document of ${end - at} bytes at byte ${at} of ${this.bytes.length}`);
    }
    return end;
  }
}

function isSame(wanted: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean {
  if (wanted.length !== end - at) return false;
  for (let i = 0; i < wanted.length; i++) if (wanted[i] !== bytes[at + i]) return false;
  return true;
}
