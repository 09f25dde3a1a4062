/**
 * History rows as bytes: the field names of a row are its shape, kept once per database; its values
 * follow each other, each behind a byte that tells its type. Numbers keep their BSON type, doubles that
 * are exact in four bytes take four.
 */
import { Double } from "bson";
import { type Document, setField, type Value } from "../../query/index.ts";
import { decodeDocument, encodeDocument } from "./encoding.ts";

const NULL = 0;
const FALSE = 1;
const TRUE = 2;
const INT8 = 3;
const INT16 = 4;
const INT32 = 5;
const FLOAT32 = 6;
const FLOAT64 = 7;
const INT64 = 8;
/** Up to 255 characters below U+0080. */
const SHORT_TEXT = 9;
/** Anything else, as the text of a document. */
const OTHER = 10;

/** The names of a row's fields in order: its shape is their list as JSON. */
export function fieldsOf(row: Document): string[] {
  return Object.keys(row).filter((field) => row[field] !== undefined);
}

/** Whether a row has just these fields in this order. */
export function hasFields(row: Document, fields: readonly string[]): boolean {
  let n = 0;
  for (const field in row) {
    if (row[field] === undefined) continue;
    if (field !== fields[n]) return false;
    n++;
  }
  return n === fields.length;
}

/** Writes rows behind each other into one growing buffer. */
export class RowWriter {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** Forgets what was written. */
  clear(): void {
    this.#at = 0;
  }

  /** Writes the values of a row, in the order of its fields. */
  row(row: Document): void {
    for (const field in row) {
      const value = row[field];
      if (value !== undefined) this.#value(value);
    }
  }

  /** What was written, as bytes of its own; the writer begins anew. */
  take(): Uint8Array {
    const bytes = new Uint8Array(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return bytes;
  }

  #value(value: Value): void {
    this.#reserve(300);
    if (typeof value === "number") this.#number(value);
    else if (typeof value === "string" && value.length < 256) this.#text(value);
    else if (typeof value === "bigint") {
      this.#bytes[this.#at] = INT64;
      this.#view.setBigInt64(this.#at + 1, value, true);
      this.#at += 9;
    } else if (value instanceof Double) this.#double(value.value);
    else if (value === null) this.#bytes[this.#at++] = NULL;
    else if (typeof value === "boolean") this.#bytes[this.#at++] = value ? TRUE : FALSE;
    else this.#other(value);
  }

  #number(value: number): void {
    const at = this.#at;
    if ((value | 0) !== value || Object.is(value, -0)) {
      this.#double(value);
    } else if (value >= -128 && value < 128) {
      this.#bytes[at] = INT8;
      this.#view.setInt8(at + 1, value);
      this.#at += 2;
    } else if (value >= -32768 && value < 32768) {
      this.#bytes[at] = INT16;
      this.#view.setInt16(at + 1, value, true);
      this.#at += 3;
    } else {
      this.#bytes[at] = INT32;
      this.#view.setInt32(at + 1, value, true);
      this.#at += 5;
    }
  }

  #double(value: number): void {
    if (Math.fround(value) === value) {
      this.#bytes[this.#at] = FLOAT32;
      this.#view.setFloat32(this.#at + 1, value, true);
      this.#at += 5;
    } else {
      this.#bytes[this.#at] = FLOAT64;
      this.#view.setFloat64(this.#at + 1, value, true);
      this.#at += 9;
    }
  }

  #text(value: string): void {
    const start = this.#at + 2;
    for (let i = 0; i < value.length; i++) {
      const c = value.charCodeAt(i);
      if (c > 127) {
        this.#other(value);
        return;
      }
      this.#bytes[start + i] = c;
    }
    this.#bytes[this.#at] = SHORT_TEXT;
    this.#bytes[this.#at + 1] = value.length;
    this.#at = start + value.length;
  }

  #other(value: Value): void {
    const text = encodeDocument({ v: value });
    const size = Buffer.byteLength(text);
    this.#reserve(size + 5);
    this.#bytes[this.#at] = OTHER;
    this.#view.setUint32(this.#at + 1, size, true);
    this.#bytes.write(text, this.#at + 5, "utf8");
    this.#at += 5 + size;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + size));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Reads rows behind each other. */
export class RowReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** What stands before a row: the number of its shape, and its time. */
  header(): { shape: number; jd: number } {
    const shape = this.#view.getUint32(this.#at, true);
    const jd = this.#view.getFloat64(this.#at + 4, true);
    this.#at += 12;
    return { shape, jd };
  }

  row(fields: readonly string[]): Document {
    const row: Document = {};
    for (const field of fields) setField(row, field, this.#value());
    return row;
  }

  #value(): Value {
    const at = this.#at + 1;
    switch (this.#bytes[this.#at]) {
      case NULL:
        this.#at = at;
        return null;
      case FALSE:
        this.#at = at;
        return false;
      case TRUE:
        this.#at = at;
        return true;
      case INT8:
        this.#at = at + 1;
        return this.#view.getInt8(at);
      case INT16:
        this.#at = at + 2;
        return this.#view.getInt16(at, true);
      case INT32:
        this.#at = at + 4;
        return this.#view.getInt32(at, true);
      case FLOAT32:
        this.#at = at + 4;
        return boxed(this.#view.getFloat32(at, true));
      case FLOAT64:
        this.#at = at + 8;
        return boxed(this.#view.getFloat64(at, true));
      case INT64:
        this.#at = at + 8;
        return this.#view.getBigInt64(at, true);
      case SHORT_TEXT: {
        const end = at + 1 + (this.#bytes[at] ?? 0);
        this.#at = end;
        return this.#bytes.toString("latin1", at + 1, end);
      }
      default: {
        const end = at + 4 + this.#view.getUint32(at, true);
        this.#at = end;
        return decodeDocument(this.#bytes.toString("utf8", at + 4, end))["v"] ?? null;
      }
    }
  }
}

function boxed(value: number): number | Double {
  return Number.isInteger(value) ? new Double(value) : value;
}
