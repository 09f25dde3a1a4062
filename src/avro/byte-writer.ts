/** Writes Avro's primitive encodings into a buffer that grows. */
import { Double } from "bson";
import { MAX_DEPTH } from "./values.ts";

const words = new Int32Array(2);
const longs = new BigInt64Array(words.buffer);

const LEAST_LONG = -(2n ** 63n);
const GREATEST_LONG = 2n ** 63n - 1n;

/** A value does not fit its type; the caller finds out where, which costs the fast way nothing. */
export class Mismatch extends Error {}

/** Every method appends one value, or throws `Mismatch`. */
export class ByteWriter {
  private bytes = Buffer.alloc(4096);
  private view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  private depth = 0;
  length = 0;

  /** Begins anew; the memory is kept. */
  clear(): void {
    this.length = 0;
    this.depth = 0;
  }

  /** A view of what was written: valid until the next call of any method. */
  written(): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset, this.length);
  }

  null(value: unknown): void {
    if (value !== null && value !== undefined) throw new Mismatch();
  }

  boolean(value: unknown): void {
    if (typeof value !== "boolean") throw new Mismatch();
    this.reserve(1);
    this.bytes[this.length++] = value ? 1 : 0;
  }

  int(value: unknown): void {
    if (typeof value !== "number" || (value | 0) !== value) throw new Mismatch();
    this.reserve(5);
    this.varint((value << 1) ^ (value >> 31));
  }

  long(value: unknown): void {
    if (typeof value === "number" && Number.isSafeInteger(value)) longs[0] = BigInt(value);
    else if (isLong(value)) longs[0] = value;
    else throw new Mismatch();
    const low = words[0] as number;
    const high = words[1] as number;
    const sign = high >> 31;
    let rest = (low << 1) ^ sign;
    let upper = ((high << 1) | (low >>> 31)) ^ sign;
    this.reserve(10);
    while (upper !== 0) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest = (rest >>> 7) | (upper << 25);
      upper >>>= 7;
    }
    this.varint(rest);
  }

  float(value: unknown): void {
    const number = value instanceof Double ? value.value : value;
    if (typeof number !== "number") throw new Mismatch();
    this.reserve(4);
    this.view.setFloat32(this.length, number, true);
    this.length += 4;
  }

  double(value: unknown): void {
    const number = value instanceof Double ? value.value : value;
    if (typeof number !== "number") throw new Mismatch();
    this.reserve(8);
    this.view.setFloat64(this.length, number, true);
    this.length += 8;
  }

  bytesOf(value: unknown): void {
    if (!(value instanceof Uint8Array)) throw new Mismatch();
    this.int(value.length);
    this.raw(value);
  }

  fixed(value: unknown, size: number): void {
    if (!(value instanceof Uint8Array) || value.length !== size) throw new Mismatch();
    this.raw(value);
  }

  string(value: unknown): void {
    if (typeof value !== "string") throw new Mismatch();
    const start = this.length;
    this.reserve(value.length + 5);
    this.varint(value.length << 1);
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) {
        this.length = start;
        this.unicode(value);
        return;
      }
      this.bytes[this.length++] = unit;
    }
  }

  enum(value: unknown, symbols: ReadonlyMap<unknown, number>): void {
    const index = symbols.get(value);
    if (index === undefined) throw new Mismatch();
    this.int(index);
  }

  /** Bytes as they are, without a length. */
  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Begins a record, array or map; `leave` ends it. */
  enter(): void {
    if (++this.depth > MAX_DEPTH) throw new Mismatch();
  }

  leave(): void {
    this.depth--;
  }

  private unicode(value: string): void {
    // A lone surrogate has no UTF-8: it would silently become U+FFFD.
    if (!value.isWellFormed()) throw new Mismatch();
    const size = Buffer.byteLength(value);
    this.int(size);
    this.reserve(size);
    this.length += this.bytes.write(value, this.length, "utf8");
  }

  /** `value` is taken as 32 unsigned bits; room is reserved by the caller. */
  private varint(value: number): void {
    let rest = value;
    while ((rest & ~0x7f) !== 0) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  private reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.alloc(Math.max(needed, 2 * this.bytes.length));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer, grown.byteOffset, grown.length);
  }
}

/** Whether a value is a `bigint` of 64 bits. */
export function isLong(value: unknown): value is bigint {
  return typeof value === "bigint" && value >= LEAST_LONG && value <= GREATEST_LONG;
}
