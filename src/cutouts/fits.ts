/** Reads the image of a stamp: gzipped or plain FITS with one image of numbers. */
import { gunzipSync } from "node:zlib";

/** Numbers of an image, as exact as the file has them. */
export type Pixels = Float32Array | Float64Array;

/** Rows from south to north as in the file; `pixels[y * width + x]`. */
export interface StampImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Pixels;
  /** What holds the pixels, where nothing else needs it. */
  readonly memory?: ArrayBuffer;
}

/** A stamp that is no image: says why. */
export class CutoutError extends Error {
  override readonly name = "CutoutError";
}

const BLOCK = 2880;
const CARD = 80;
/** A stamp of 63 × 63 floats has 20 kB; this is far beyond any. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Header and trailer of a gzip file, bytes. */
const GZIP_LEAST = 18;
/** No deflated byte stands for more. */
const GZIP_MOST_RATIO = 1032;

/** The image of a stamp. Throws `CutoutError`. */
export function readStamp(data: Uint8Array): StampImage {
  const bytes = unpackStamp(data);
  const { cards, end } = readHeader(bytes);
  const width = cards.get("NAXIS1") ?? 0;
  const height = cards.get("NAXIS2") ?? 0;
  const bitpix = cards.get("BITPIX") ?? 0;
  const isSize = (pixels: number) => Number.isInteger(pixels) && pixels > 0;
  if (cards.get("NAXIS") !== 2 || !isSize(width) || !isSize(height)) {
    throw new CutoutError("the FITS file has no image of two axes");
  }
  const read = PIXELS[bitpix];
  if (read === undefined) throw new CutoutError(`BITPIX ${bitpix} is not a type of pixel`);
  const size = Math.abs(bitpix) / 8;
  if (end + width * height * size > bytes.length) throw new CutoutError("the image is truncated");
  const scale = cards.get("BSCALE") ?? 1;
  const zero = cards.get("BZERO") ?? 0;
  if (bitpix === -32 && scale === 1 && zero === 0) {
    const image = bytes.subarray(end, end + width * height * size);
    // The caller's bytes stay as they are.
    const pixels = plainFloats(bytes === data ? new Uint8Array(image) : image);
    const { buffer } = pixels;
    // Memory that is shared has more in it than the file.
    const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength <= bytes.length;
    return { width, height, pixels, ...(isOwn ? { memory: buffer } : {}) };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + end, width * height * size);
  const pixels = new Float64Array(width * height);
  for (let i = 0; i < pixels.length; i++) pixels[i] = read(view, i * size) * scale + zero;
  return { width, height, pixels };
}

/**
 * Gives the memory of an image back at once, and with it its pixels. The garbage collector is in no hurry, and fresh
 * memory for every stamp is cold: 7 % of the time of six networks.
 */
export function releaseStamp({ memory }: StampImage): void {
  memory?.transfer(0);
}

/** What nearly all stamps are, big-endian floats as they stand: their bytes are turned all at once, where they are. */
function plainFloats(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % Float32Array.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  Buffer.from(aligned.buffer, aligned.byteOffset, aligned.length).swap32();
  return new Float32Array(
    aligned.buffer,
    aligned.byteOffset,
    aligned.length / Float32Array.BYTES_PER_ELEMENT,
  );
}

const PIXELS: Readonly<Record<number, (view: DataView, at: number) => number>> = {
  8: (view, at) => view.getUint8(at),
  16: (view, at) => view.getInt16(at),
  32: (view, at) => view.getInt32(at),
  [-32]: (view, at) => view.getFloat32(at),
  [-64]: (view, at) => view.getFloat64(at),
};

/** The FITS file of a stamp, gunzipped where it is packed. Throws `CutoutError`. */
export function unpackStamp(data: Uint8Array): Uint8Array {
  if (data[0] !== 0x1f || data[1] !== 0x8b) return data;
  const fast = unpackedAtOnce(data);
  if (fast !== undefined) return fast;
  try {
    return gunzipSync(data, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    throw new CutoutError(`the stamp cannot be unpacked: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * By libdeflate, which takes two thirds of zlib's time but has no limit of its own: only where nothing large can
 * come out. Undefined where zlib is to be asked, which also tells what is wrong.
 */
function unpackedAtOnce(data: Uint8Array): Uint8Array | undefined {
  const { byteLength, byteOffset } = data;
  if (byteLength < GZIP_LEAST || byteLength * GZIP_MOST_RATIO > MOST_BYTES) return undefined;
  // The last four bytes tell the size of the last member, of which there should be one.
  const size = new DataView(data.buffer, byteOffset, byteLength).getUint32(byteLength - 4, true);
  if (size > byteLength * GZIP_MOST_RATIO) return undefined;
  try {
    const bytes = Bun.gunzipSync(data as Uint8Array<ArrayBuffer>, { library: "libdeflate" });
    return bytes.length === size ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Cards that tell how the image is to be read. */
const KEYWORDS = /^(BITPIX|NAXIS\d*|BSCALE|BZERO) *= *([-+0-9.EeDd]+)/;

/** The numbers of the first header by keyword, and where its data begins. */
function readHeader(bytes: Uint8Array): { cards: Map<string, number>; end: number } {
  const cards = new Map<string, number>();
  const decoder = new TextDecoder("latin1");
  for (let start = 0; start + CARD <= bytes.length; start += BLOCK) {
    const block = decoder.decode(bytes.subarray(start, start + BLOCK));
    if (start === 0 && !/^(SIMPLE|XTENSION|BITPIX)/.test(block)) break;
    for (let at = 0; at + CARD <= block.length; at += CARD) {
      if (block.startsWith("END     ", at)) return { cards, end: start + BLOCK };
      // Most cards are about other things: they are not looked at twice.
      if (block[at] !== "N" && block[at] !== "B") continue;
      const [, keyword, value] = KEYWORDS.exec(block.slice(at, at + CARD)) ?? [];
      if (keyword !== undefined && value !== undefined)
        cards.set(keyword, Number(value.replace(/[dD]/, "e")));
    }
  }
  throw new CutoutError("the stamp is no FITS file");
}
