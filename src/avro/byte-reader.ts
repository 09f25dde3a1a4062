/** Reads Avro's primitive encodings from bytes, refusing whatever reaches beyond the end. */
import type { Double } from "bson";
import { DecodeError, LengthError, TornFileError } from "./errors.ts";
import { FREE_VALUES, floating, MAX_DEPTH, VALUES_PER_BYTE } from "./values.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// One 64-bit word seen as two 32-bit ones (all supported processors are little-endian).
const words = new Int32Array(2);
const longs = new BigInt64Array(words.buffer);

/**
 * A position in bytes. Every method reads one value and moves on, or throws a named `AvroError` with the
 * byte offset. Public fields serve the generated readers and the container; nobody else needs them.
 */
export class ByteReader {
  pos: number;
  end: number;
  depth = 0;
  /** How many more values may be made: see `VALUES_PER_BYTE`. */
  allowance: number;
  private readonly view: DataView;
  private readonly text: Buffer;

  /**
   * @param bytes what to read; `bytes` and `fixed` values will be views into it
   * @param origin offset of `bytes[0]` in the whole input, for error messages
   */
  constructor(
    readonly source: Uint8Array,
    private readonly origin = 0,
    allowance = FREE_VALUES + VALUES_PER_BYTE * source.length,
  ) {
    this.pos = 0;
    this.end = source.length;
    this.allowance = allowance;
    this.view = new DataView(source.buffer, source.byteOffset, source.length);
    this.text = Buffer.from(source.buffer, source.byteOffset, source.length);
  }

  /** Offset of the next byte in the whole input. */
  offset(): number {
    return this.origin + this.pos;
  }

  null(): null {
    return null;
  }

  boolean(): boolean {
    const byte = this.byte("a boolean");
    if (byte > 1) throw new DecodeError(`expected a boolean (0 or 1), found ${byte}`, this.offset() - 1);
    return byte === 1;
  }

  int(): number {
    const pos = this.pos;
    const bytes = this.source;
    const first = bytes[pos];
    if (first !== undefined && first < 0x80 && pos < this.end) {
      this.pos = pos + 1;
      return (first >>> 1) ^ -(first & 1);
    }
    const value = this.count("an int");
    if ((value | 0) !== value)
      throw new DecodeError(`expected an int of 32 bits, found ${value}`, this.origin + pos);
    return value;
  }

  long(): bigint {
    const first = this.source[this.pos];
    if (first !== undefined && first < 0x80 && this.pos < this.end) {
      this.pos++;
      return BigInt((first >>> 1) ^ -(first & 1));
    }
    this.longHalves(words);
    return longs[0] as bigint;
  }

  private longHalves(halves: Int32Array): void {
    const start = this.pos;
    let low = 0;
    let byte = 0x80;
    let shift = 0;
    for (; shift < 28 && byte >= 0x80; shift += 7) {
      byte = this.byte("a long");
      low |= (byte & 0x7f) << shift;
    }
    let middle = 0;
    for (shift = 0; shift < 28 && byte >= 0x80; shift += 7) {
      byte = this.byte("a long");
      middle |= (byte & 0x7f) << shift;
    }
    const high = byte >= 0x80 ? this.lastBits(start) : 0;
    const low32 = low | (middle << 28);
    const high32 = (middle >>> 4) | (high << 24);
    const sign = -(low32 & 1);
    halves[0] = ((low32 >>> 1) | (high32 << 31)) ^ sign;
    halves[1] = (high32 >>> 1) ^ sign;
  }

  float(): number | Double {
    const pos = this.advance(4, "a float");
    return floating(this.view.getFloat32(pos, true));
  }

  double(): number | Double {
    const pos = this.advance(8, "a double");
    return floating(this.view.getFloat64(pos, true));
  }

  bytes(): Uint8Array {
    return this.fixed(this.length("bytes"));
  }

  fixed(size: number): Uint8Array {
    const pos = this.advance(size, "bytes");
    return this.source.subarray(pos, pos + size);
  }

  string(): string {
    const size = this.length("a string");
    const start = this.advance(size, "a string");
    const end = start + size;
    return this.isAscii(start, end) ? this.text.toString("latin1", start, end) : this.unicode(start, end);
  }

  private isAscii(start: number, end: number): boolean {
    const bytes = this.source;
    for (let i = start; i < end; i++) if ((bytes[i] as number) >= 0x80) return false;
    return true;
  }

  /** Moves over a long, as `long` would. */
  skipLong(): void {
    const bytes = this.source;
    // One of eight bytes or less is good whatever it says.
    const last = Math.min(this.end, this.pos + 8);
    for (let i = this.pos; i < last; i++) {
      if ((bytes[i] as number) < 0x80) {
        this.pos = i + 1;
        return;
      }
    }
    this.long();
  }

  /** Moves over a string, as `string` would. */
  skipString(): void {
    const size = this.length("a string");
    const start = this.advance(size, "a string");
    const end = start + size;
    if (!this.isAscii(start, end)) this.unicode(start, end);
  }

  /** What `read` makes of the data from another place on; stays where it is. */
  at<T>(place: number, read: (from: ByteReader) => T): T {
    const { pos } = this;
    this.pos = place;
    const value = read(this);
    this.pos = pos;
    return value;
  }

  // Values that were read before, by their places.

  floatAt(place: number): number {
    return this.view.getFloat32(place, true);
  }

  doubleAt(place: number): number {
    return this.view.getFloat64(place, true);
  }

  intAt(place: number): number {
    const bytes = this.source;
    let value = 0;
    let byte = 0x80;
    for (let i = place, shift = 0; byte >= 0x80; i++, shift += 7) {
      byte = bytes[i] as number;
      value |= (byte & 0x7f) << shift;
    }
    return (value >>> 1) ^ -(value & 1);
  }

  /** The halves of a long in `halves`, the low one first. */
  longAt(place: number, halves: Int32Array): void {
    const { pos } = this;
    this.pos = place;
    this.longHalves(halves);
    this.pos = pos;
  }

  /** The index of a union's branch or an enum's symbol, below `count`. */
  index(count: number, what: string): number {
    const start = this.pos;
    const index = this.int();
    if (index < 0 || index >= count) {
      throw new DecodeError(`expected ${what} (0 to ${count - 1}), found ${index}`, this.origin + start);
    }
    return index;
  }

  /**
   * How many items the next block of an array or map has; 0 ends it.
   * @param least bytes that one item has at least
   */
  items(least: number): number {
    const start = this.pos;
    let count = this.count("a block's count of items");
    if (count < 0) {
      count = -count;
      const size = this.count("a block's size");
      if (size < 0 || size > this.end - this.pos) {
        throw new LengthError(
          `a block of ${size} bytes, but ${this.end - this.pos} are left`,
          this.origin + start,
        );
      }
    }
    if (count * least > this.end - this.pos) {
      const reason = `a block of ${count} items of at least ${least} bytes, but ${this.end - this.pos} bytes are left`;
      throw new LengthError(reason, this.origin + start);
    }
    this.charge(count);
    return count;
  }

  /** Begins a record, array or map that makes `values` values; `leave` ends it. */
  enter(values: number): void {
    if (++this.depth > MAX_DEPTH) {
      throw new DecodeError(`values are nested deeper than ${MAX_DEPTH}`, this.offset());
    }
    this.charge(values);
  }

  leave(): void {
    this.depth--;
  }

  /** Takes `values` from the allowance. */
  charge(values: number): void {
    this.allowance -= values;
    if (this.allowance < 0) {
      throw new LengthError("more values than so few bytes can mean", this.offset());
    }
  }

  /** A long as a number: exact to 2^53, beyond it rounded, which every caller refuses as too large. */
  count(what: string): number {
    const start = this.pos;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 9; i++) {
      const byte = this.byte(what);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
    value += this.lastBits(start) * scale;
    return value;
  }

  /** Moves over `size` bytes, answers where they begin. */
  advance(size: number, what: string): number {
    const pos = this.pos;
    if (size > this.end - pos) this.torn(size, what);
    this.pos = pos + size;
    return pos;
  }

  /** Whether exactly `expected` stands at `pos`. */
  matches(pos: number, expected: Uint8Array): boolean {
    return this.text.compare(expected, 0, expected.length, pos, pos + expected.length) === 0;
  }

  private length(what: string): number {
    const pos = this.pos;
    const first = this.source[pos];
    if (first !== undefined && first < 0x80 && (first & 1) === 0 && pos < this.end) {
      this.pos = pos + 1;
      return first >>> 1;
    }
    const length = this.count(`the length of ${what}`);
    if (length < 0 || length > this.end - this.pos) {
      const reason = `the length of ${what} is ${length}, but ${this.end - this.pos} bytes are left`;
      throw new LengthError(reason, this.origin + pos);
    }
    return length;
  }

  private byte(what: string): number {
    const pos = this.pos;
    const byte = this.source[pos];
    if (byte === undefined || pos >= this.end) return this.torn(1, what);
    this.pos = pos + 1;
    return byte;
  }

  /** The tenth byte of a long carries its last bit; anything more does not fit 64 bits. */
  private lastBits(start: number): number {
    // The ninth byte completes 63 bits; `long` arrives here after eight, `count` after nine.
    let bits = 0;
    for (let shift = 0, left = start + 10 - this.pos; left > 0; left--, shift += 7) {
      const byte = this.byte("a long");
      bits |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (left === 1 && byte > 1) break;
        return bits;
      }
    }
    throw new DecodeError("expected a long of 64 bits, found more", this.origin + start);
  }

  private unicode(start: number, end: number): string {
    try {
      return utf8.decode(this.source.subarray(start, end));
    } catch {
      throw new DecodeError("expected a string in UTF-8", this.origin + start);
    }
  }

  private torn(size: number, what: string): never {
    const left = this.end - this.pos;
    throw new TornFileError(`expected ${what} (${size} bytes), but ${left} bytes are left`, this.offset());
  }
}
