/** The snappy block format with Avro's checksum: an own strict decompressor, snappyjs to compress. */
import { crc32 } from "node:zlib";
import { compress } from "snappyjs";
import { CodecError, LengthError } from "./errors.ts";
import { MAX_BLOCK_BYTES } from "./values.ts";

/** A copy element of 3 bytes makes at most 64. */
const MOST_OUTPUT_PER_BYTE = 22;

/** Compresses to a snappy block followed by the CRC-32 of the input, big-endian. */
export function snappyCompress(bytes: Uint8Array): Uint8Array {
  const block = compress(bytes);
  const out = new Uint8Array(block.length + 4);
  out.set(block);
  new DataView(out.buffer).setUint32(block.length, crc32(bytes));
  return out;
}

/**
 * Decompresses what `snappyCompress` makes. The length that the block claims is believed only as far as
 * its bytes can carry it. Throws `CodecError` or `LengthError` with `offset`.
 *
 * snappyjs is not used here: a literal with a negative length sends its decompressor backwards for ever.
 */
export function snappyDecompress(block: Uint8Array, offset: number): Uint8Array {
  const end = block.length - 4;
  if (end < 1) throw new CodecError("expected a snappy block and its checksum", offset);
  const out = expandSnappy(block.subarray(0, end), offset);
  const sum = new DataView(block.buffer, block.byteOffset + end, 4).getUint32(0);
  if (crc32(out) !== sum) throw new CodecError("the snappy block's checksum is wrong", offset);
  return out;
}

/** Decompresses a snappy block without a checksum. Throws `CodecError` or `LengthError` with `offset`. */
export function expandSnappy(block: Uint8Array, offset = 0): Uint8Array {
  const end = block.length;
  const [size, start] = claimedSize(block, end, offset);
  if (size > MAX_BLOCK_BYTES || size > end * MOST_OUTPUT_PER_BYTE) {
    throw new LengthError(`a snappy block of ${end} bytes claims to hold ${size}`, offset);
  }
  const out = new Uint8Array(size);
  if (!expand(block.subarray(start), out)) throw new CodecError("the snappy block is corrupt", offset);
  return out;
}

/** The varint at the block's start: how long the output is, and where the elements begin. */
function claimedSize(block: Uint8Array, end: number, offset: number): [size: number, start: number] {
  let size = 0;
  for (let i = 0; i < 5 && i < end; i++) {
    const byte = block[i] ?? 0;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return [size, i + 1];
  }
  throw new CodecError("expected the length of a snappy block", offset);
}

/** Runs the elements of `source`; false unless they fill `out` exactly. */
function expand(source: Uint8Array, out: Uint8Array): boolean {
  let from = 0;
  let to = 0;
  const little = (size: number): number => {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (source[from + i] ?? 0);
    from += size;
    return value;
  };
  while (from < source.length) {
    const tag = little(1);
    const kind = tag & 3;
    let length = (tag >>> 2) + 1;
    if (kind === 0) {
      if (length > 60) length = little(length - 60) + 1;
      if (length > source.length - from || length > out.length - to) return false;
      out.set(source.subarray(from, from + length), to);
      from += length;
      to += length;
      continue;
    }
    let distance: number;
    if (kind === 1) {
      length = ((tag >>> 2) & 7) + 4;
      distance = (tag >>> 5) * 256 + little(1);
    } else {
      distance = little(kind === 2 ? 2 : 4);
    }
    if (from > source.length || distance === 0 || distance > to || length > out.length - to) return false;
    // Source and target may overlap, which repeats a pattern: byte by byte, never as one move.
    for (const stop = to + length; to < stop; to++) out[to] = out[to - distance] ?? 0;
  }
  return from === source.length && to === out.length;
}
