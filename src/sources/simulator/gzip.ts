/**
 * Puts gzip streams together from parts, some compressed and some stored as they are. Noise does not
 * compress, and trying to takes most of the time of writing packets.
 */
import { constants, deflateRawSync } from "node:zlib";

export const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
/** A stored block has a header of this many bytes, and at most this much content. */
const BLOCK_HEADER = 5;
const BLOCK_MOST = 65_535;

/** Bytes as a piece of a deflate stream that ends on a whole byte and is not the last. */
export function deflatePart(bytes: Uint8Array, level: number): Uint8Array {
  return deflateRawSync(bytes, { level, finishFlush: constants.Z_SYNC_FLUSH });
}

/** Writes content as stored blocks into `target` from `at` on; answers where they end. */
export function writeStored(content: Uint8Array, target: Uint8Array, at: number): number {
  let to = at;
  for (let from = 0; from < content.length; from += BLOCK_MOST) {
    const size = Math.min(BLOCK_MOST, content.length - from);
    target[to] = 0;
    target[to + 1] = size & 0xff;
    target[to + 2] = size >> 8;
    target[to + 3] = ~size & 0xff;
    target[to + 4] = (~size >> 8) & 0xff;
    target.set(content.subarray(from, from + size), to + BLOCK_HEADER);
    to += BLOCK_HEADER + size;
  }
  return to;
}

/** Bytes that `writeStored` needs for content of this length. */
export function storedLength(length: number): number {
  return length + BLOCK_HEADER * Math.ceil(length / BLOCK_MOST);
}

/** The end of a stream: an empty last block, the checksum and the length of the content. */
export function gzipTrailer(crc: number, length: number): Uint8Array {
  const trailer = Uint8Array.of(1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0);
  const view = new DataView(trailer.buffer);
  view.setUint32(5, crc, true);
  view.setUint32(9, length % 0x1_0000_0000, true);
  return trailer;
}
