/** The three image stamps of an alert as networks take them. */
import { CutoutError, type Pixels, readStamp } from "../../cutouts/index.ts";
import type { Cutout } from "../../store/index.ts";
import { STAMP_KINDS, type Survey } from "../../surveys/index.ts";

/** Rows and columns of a stamp. */
export const SIDE = 63;
/** Science, template and difference, one after the other for each pixel. */
export const CHANNELS = STAMP_KINDS.length;
export const TRIPLET_SIZE = SIDE * SIDE * CHANNELS;

/** What the rows and columns hold that a smaller stamp lacks. */
const PADDING = 1e-9;

/**
 * Fills `out` (rows × columns × 3) with the stamps of an alert, whose fields its survey names; answers what keeps
 * them from being used, in words.
 *
 * As the braai and ACAI networks were trained: pixels that are not a number count as 0, each image is divided by
 * its own L2 norm, and one smaller than 63 × 63 is then padded with 1e-9 after its last row and column. Rows are
 * in the order of the file.
 */
export function fillTriplet(
  cutouts: readonly Cutout[],
  { fields }: Survey["stamps"],
  out: Float32Array,
): string | undefined {
  for (const [channel, name] of STAMP_KINDS.entries()) {
    const stamp = cutouts.find(({ field }) => field === fields[name]);
    if (stamp === undefined) return `no ${name} stamp`;
    const fault = fillChannel(stamp.data, channel, out);
    if (fault !== undefined) return `${name} stamp ${fault}`;
  }
  return undefined;
}

function fillChannel(stamp: Uint8Array, channel: number, out: Float32Array): string | undefined {
  let image: ReturnType<typeof readStamp>;
  try {
    image = readStamp(stamp);
  } catch (error) {
    if (error instanceof CutoutError) return "unreadable";
    throw error;
  }
  const { width, height, pixels } = image;
  if (width > SIDE || height > SIDE) return `larger than ${SIDE} × ${SIDE}`;
  let squares = sumOfSquares(pixels);
  if (Number.isNaN(squares)) {
    for (let i = 0; i < pixels.length; i++) if (Number.isNaN(pixels[i])) pixels[i] = 0;
    squares = sumOfSquares(pixels);
  }
  if (squares === 0) return "blank";
  const norm = Math.sqrt(squares);
  if (!Number.isFinite(norm)) return "not finite";
  if (width < SIDE || height < SIDE) {
    for (let at = channel; at < TRIPLET_SIZE; at += CHANNELS) out[at] = PADDING;
  }
  // Multiplied, for a division takes five times as long: the rounding to single precision hides the difference.
  const share = 1 / norm;
  for (let y = 0; y < height; y++) {
    let at = y * SIDE * CHANNELS + channel;
    for (let i = y * width; i < (y + 1) * width; i++, at += CHANNELS) out[at] = (pixels[i] ?? 0) * share;
  }
  return undefined;
}

function sumOfSquares(pixels: Pixels): number {
  let sum = 0;
  for (let i = 0; i < pixels.length; i++) {
    const value = pixels[i] ?? 0;
    sum += value * value;
  }
  return sum;
}
