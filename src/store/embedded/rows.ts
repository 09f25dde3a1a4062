/**
 * History rows as bytes: the field names of a row are its shape, kept once per database; its values
 * follow each other, each behind a byte that tells its type. Numbers keep their BSON type, doubles that
 * are exact in four bytes take four.
 */
import { Double } from "bson";
import { FlatKind, type FlatRecords } from "../../avro/index.ts";
import { type Document, double, type Value } from "../../query/index.ts";
import type { AddedField, FlatRows } from "../flat-rows.ts";
import { decodeDocument, encodeDocument } from "./encoding.ts";
import type { RowShape } from "./shapes.ts";

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

/** Bytes before a stored row: its shape (uint32) and its `jd` (float64). */
const ROW_HEADER = 12;
/** A piece of history begins at a multiple of this, for the arrays of numbers in front of its rows. */
const ALIGNMENT = 8;
const BUFFER_BYTES = 1024 * 1024;
/** Room for any value but a long text. */
const SMALL_VALUE = 300;

/** A long, the low half first. */
const halves = new Int32Array(2);

/** Writes pieces of history, rows behind each other, into buffers that many pieces share. */
export class RowWriter {
  #bytes = Buffer.alloc(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  /** Where the piece that is being written begins. */
  #start = 0;
  /** Buffers that are full. */
  #full: ArrayBuffer[] = [];

  /** Begins a piece with `front` bytes that are left as they are. */
  begin(front: number): void {
    this.#start = Math.ceil(this.#at / ALIGNMENT) * ALIGNMENT;
    this.#at = this.#start;
    this.#reserve(front);
    this.#at += front;
  }

  /** Writes a row: its header with a shape to be filled in, and its values in the order of its fields. */
  row(row: Document, jd: number): void {
    this.#beginRow(jd);
    for (const field in row) {
      const value = row[field];
      if (value !== undefined) this.#value(value);
    }
  }

  #beginRow(jd: number): void {
    this.#reserve(ROW_HEADER);
    this.#view.setFloat64(this.#at + 4, jd, true);
    this.#at += ROW_HEADER;
  }

  /**
   * Writes a row that is still in its packet's bytes, as `row` would write its document. What fields it has is in
   * `present` afterwards: a bit for each column, those that are added behind those of the records.
   */
  flatRow(
    { records, order, leftOut, added }: FlatRows,
    index: number,
    jd: number,
    present: Int32Array,
  ): void {
    const { kinds } = records.fields;
    const { places } = records;
    const width = kinds.length;
    const record = order[index] as number;
    present.fill(0);
    this.#beginRow(jd);
    for (let column = 0; column < width; column++) {
      const place = places[record * width + column] as number;
      if (place === 0 || !this.#flatValue(records, place - 1, kinds[column] as number, leftOut)) continue;
      present[column >> 5] = (present[column >> 5] as number) | (1 << (column & 31));
    }
    for (let n = 0; n < added.length; n++) {
      const { values, isOptional } = added[n] as AddedField;
      const value = values[index] as number;
      if (isOptional && Number.isNaN(value)) continue;
      this.#reserve(9);
      this.#double(value);
      present[(width + n) >> 5] = (present[(width + n) >> 5] as number) | (1 << ((width + n) & 31));
    }
  }

  /** Writes a value from a packet's bytes, unless it is left out, which is answered with false. */
  #flatValue(records: FlatRecords, at: number, kind: number, leftOut: number | undefined): boolean {
    this.#reserve(SMALL_VALUE);
    switch (kind) {
      case FlatKind.FLOAT: {
        const value = records.floatAt(at);
        if (value === leftOut) return false;
        this.#double(value);
        return true;
      }
      case FlatKind.DOUBLE: {
        const value = records.doubleAt(at);
        if (value === leftOut) return false;
        this.#double(value);
        return true;
      }
      case FlatKind.INT: {
        const value = records.intAt(at);
        if (value === leftOut) return false;
        this.#number(value);
        return true;
      }
      case FlatKind.LONG:
        records.longAt(at, halves);
        this.#bytes[this.#at] = INT64;
        this.#view.setInt32(this.#at + 1, halves[0] as number, true);
        this.#view.setInt32(this.#at + 5, halves[1] as number, true);
        this.#at += 9;
        return true;
      case FlatKind.STRING:
        if (this.#flatText(records, at)) return true;
        break;
    }
    this.#value(records.valueAt(at, kind) as Value);
    return true;
  }

  /** Copies a short text; answers false where it is none. */
  #flatText({ bytes }: FlatRecords, at: number): boolean {
    // Twice the length, in one byte where it is below 64: longer ones are rare.
    const twice = bytes[at] as number;
    if (twice >= 128) return false;
    const length = twice >> 1;
    const start = this.#at + 2;
    for (let i = 0; i < length; i++) {
      const byte = bytes[at + 1 + i] as number;
      if (byte > 127) return false;
      this.#bytes[start + i] = byte;
    }
    this.#bytes[this.#at] = SHORT_TEXT;
    this.#bytes[this.#at + 1] = length;
    this.#at = start + length;
    return true;
  }

  /** Bytes of the piece so far. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** The piece as it stands: it moves when more is written. */
  piece(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.buffer, this.#start, this.length);
  }

  /** Hands over the buffers of all pieces so far; the writer begins anew. */
  takeBuffers(): ArrayBuffer[] {
    const buffers = this.#at === 0 ? this.#full : [...this.#full, this.#bytes.buffer];
    this.#full = [];
    this.#use(Buffer.alloc(0));
    this.#at = 0;
    return buffers;
  }

  #value(value: Value): void {
    this.#reserve(SMALL_VALUE);
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
      // One NaN for all: whether the bits of another would get through is a matter of chance.
      this.#view.setFloat64(this.#at + 1, Number.isNaN(value) ? Number.NaN : value, true);
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
    // The piece goes on in a new buffer; those before it stay where they are.
    const begun = this.#bytes.subarray(this.#start, this.#at);
    const next = Buffer.allocUnsafeSlow(Math.max(BUFFER_BYTES, 2 * (begun.length + size)));
    next.set(begun);
    if (this.#start > 0) this.#full.push(this.#bytes.buffer);
    this.#use(next);
    this.#at = begun.length;
  }

  #use(bytes: Buffer<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#start = 0;
  }
}

/** The values of the row that is being read: none of them is a row. */
const values: Value[] = [];

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

  row(shape: RowShape): Document {
    const { count } = shape;
    for (let i = 0; i < count; i++) values[i] = this.#value();
    return shape.make(values);
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
        return double(this.#view.getFloat32(at, true));
      case FLOAT64:
        this.#at = at + 8;
        return double(this.#view.getFloat64(at, true));
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
