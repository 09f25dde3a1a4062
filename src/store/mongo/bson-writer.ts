/**
 * Writes BSON from the house's representation of values, and documents of pieces that are BSON already.
 *
 * The library does the same for all its options; a history of 60 rows takes it five times as long, and histories
 * are most of what an alert weighs. What is rare is left to it. Format: https://bsonspec.org/spec.html
 */
import { BSONValue, Double, serialize } from "bson";
import type { Document, Value } from "../../query/index.ts";
import { StoreError } from "../store.ts";

export const TYPE = {
  double: 1,
  string: 2,
  document: 3,
  array: 4,
  binary: 5,
  boolean: 8,
  date: 9,
  null: 10,
  int32: 16,
  int64: 18,
} as const;

/** Longer texts are written by the runtime's own encoder. */
const SHORT_TEXT = 48;
/** Deeper documents the server does not take: its limit is 180 levels. */
const MOST_DEPTH = 180;
const encoder = new TextEncoder();

/** Appends to a buffer that grows. `open` and `close` go in pairs; the outermost document has no name. */
export class BsonWriter {
  private bytes = new Uint8Array(65_536);
  private view = new DataView(this.bytes.buffer);
  /** Where each document that is open begins. */
  private readonly opened: number[] = [];
  /** Bytes that belong into what is written and are elsewhere; and how many there were when each document began. */
  private elsewhere = 0;
  private readonly openedElsewhere: number[] = [];
  length = 0;

  /** Begins anew; the memory is kept. */
  clear(): void {
    this.length = 0;
    this.elsewhere = 0;
    this.opened.length = 0;
    this.openedElsewhere.length = 0;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  /** A view of what was written: valid until the next call of any method. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Appends a whole document without a name. */
  document(document: Document): void {
    this.open();
    this.fields(document);
    this.close();
  }

  /** Begins a document, or, with a name, one inside the open one. */
  open(name?: string, type: number = TYPE.document): void {
    if (this.opened.length >= MOST_DEPTH) {
      throw new StoreError(
        `a document is nested deeper than ${MOST_DEPTH} levels, which MongoDB cannot hold`,
      );
    }
    if (name !== undefined) this.head(type, name);
    this.reserve(4);
    this.opened.push(this.length);
    this.openedElsewhere.push(this.elsewhere);
    this.length += 4;
  }

  /** Ends the document that was opened last. */
  close(): void {
    this.byte(0);
    const before = this.openedElsewhere.pop() ?? 0;
    const start = this.opened.pop() ?? 0;
    this.view.setInt32(start, this.length - start + this.elsewhere - before, true);
  }

  /** A field whose value is a document in BSON. */
  raw(name: string, document: Uint8Array): void {
    this.head(TYPE.document, name);
    this.append(document);
  }

  double(name: string, value: number): void {
    this.head(TYPE.double, name);
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  int64(name: string, value: bigint): void {
    this.head(TYPE.int64, name);
    this.reserve(8);
    this.view.setBigInt64(this.length, value, true);
    this.length += 8;
  }

  binary(name: string, bytes: Uint8Array): void {
    this.binaryHead(name, bytes.length);
    this.append(bytes);
  }

  /**
   * A field of `size` bytes that are not written here: answers where in what is written they belong. Documents
   * that are open take them into account.
   */
  binaryElsewhere(name: string, size: number): number {
    this.binaryHead(name, size);
    this.elsewhere += size;
    return this.length;
  }

  /** A field of any value; an `undefined` one is not there. */
  field(name: string, value: Value | undefined): void {
    switch (typeof value) {
      case "undefined":
        break;
      case "number":
        this.number(name, value);
        break;
      case "bigint":
        this.int64(name, value);
        break;
      case "boolean":
        this.head(TYPE.boolean, name);
        this.byte(value ? 1 : 0);
        break;
      case "string":
        this.head(TYPE.string, name);
        this.string(value);
        break;
      default:
        this.object(name, value);
    }
  }

  private fields(document: Document): void {
    for (const name in document) this.field(name, document[name]);
  }

  private number(name: string, value: number): void {
    if ((value | 0) !== value || Object.is(value, -0)) {
      this.double(name, value);
      return;
    }
    this.head(TYPE.int32, name);
    this.reserve(4);
    this.view.setInt32(this.length, value, true);
    this.length += 4;
  }

  private object(name: string, value: Exclude<Value, number | bigint | boolean | string>): void {
    if (value === null) this.head(TYPE.null, name);
    else if (value instanceof Double) this.double(name, value.value);
    else if (Array.isArray(value)) {
      this.open(name, TYPE.array);
      for (let i = 0; i < value.length; i++) this.field(String(i), value[i] ?? null);
      this.close();
    } else if (value instanceof BSONValue) this.rare(name, value);
    else if (value instanceof Date) {
      this.head(TYPE.date, name);
      this.reserve(8);
      this.view.setBigInt64(this.length, BigInt(value.getTime()), true);
      this.length += 8;
    } else if (value instanceof Uint8Array) this.binary(name, value);
    else {
      this.open(name);
      this.fields(value as Document);
      this.close();
    }
  }

  /** A value of a type that is left to the library. */
  private rare(name: string, value: unknown): void {
    const bytes = serialize({ v: value });
    this.head(bytes[4] ?? 0, name);
    this.append(bytes.subarray(7, bytes.length - 1));
  }

  private head(type: number, name: string): void {
    const most = 2 + 3 * name.length;
    this.reserve(most);
    const bytes = this.bytes;
    let at = this.length;
    bytes[at++] = type;
    for (let i = 0; i < name.length; i++) {
      const code = name.charCodeAt(i);
      if (code === 0) throw new StoreError(`a field's name holds a zero byte, which MongoDB cannot hold`);
      if (code > 127) {
        at = this.length + 1 + encoder.encodeInto(name, bytes.subarray(this.length + 1)).written;
        if (name.includes("\0"))
          throw new StoreError(`a field's name holds a zero byte, which MongoDB cannot hold`);
        break;
      }
      bytes[at++] = code;
    }
    bytes[at++] = 0;
    this.length = at;
  }

  private string(value: string): void {
    this.reserve(5 + 3 * value.length);
    const bytes = this.bytes;
    const start = this.length + 4;
    const end = start + this.text(value, start);
    bytes[end] = 0;
    this.view.setInt32(this.length, end - start + 1, true);
    this.length = end + 1;
  }

  /** Writes UTF-8 for which there is room; answers its length. */
  private text(value: string, start: number): number {
    const bytes = this.bytes;
    if (value.length > SHORT_TEXT) return encoder.encodeInto(value, bytes.subarray(start)).written;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return encoder.encodeInto(value, bytes.subarray(start)).written;
      bytes[start + i] = code;
    }
    return value.length;
  }

  private byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  private binaryHead(name: string, size: number): void {
    this.head(TYPE.binary, name);
    this.reserve(5);
    this.view.setInt32(this.length, size, true);
    this.bytes[this.length + 4] = 0;
    this.length += 5;
  }

  private append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  private reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}
