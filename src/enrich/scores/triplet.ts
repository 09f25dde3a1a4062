/** The three image stamps of alerts as networks take them. */
import { CutoutError, type Pixels, readStamp, releaseStamp, type StampImage } from "../../cutouts/index.ts";
import type { Cutout } from "../../store/index.ts";
import { STAMP_KINDS, type Survey } from "../../surveys/index.ts";
import { SLOTS } from "./session.ts";

/** Rows and columns of a stamp. */
export const SIDE = 63;
/** Science, template and difference, one after the other for each pixel. */
export const CHANNELS = STAMP_KINDS.length;

/** The first rows and columns of a triplet. */
export interface Extent {
  readonly rows: number;
  readonly columns: number;
}

export const WHOLE: Extent = { rows: SIDE, columns: SIDE };

/** The pixels that some networks of a thread take: slots × rows × columns × 3. */
interface Part extends Extent {
  readonly pixels: Float32Array;
  readonly slots: readonly Float32Array[];
}

/** What the rows and columns hold that a smaller stamp lacks. */
const PADDING = 1e-9;

/** The stamps of the alerts at hand, for all networks of a thread, of which some take only the first rows and columns. */
export class Triplet {
  readonly #parts: Part[] = [];

  /** Memory (slots × rows × columns × 3) that holds this part of each slot after its `fill`. */
  part({ rows, columns }: Extent): Float32Array {
    const known = this.#parts.find((part) => part.rows === rows && part.columns === columns);
    if (known !== undefined) return known.pixels;
    const size = rows * columns * CHANNELS;
    const pixels = new Float32Array(SLOTS * size);
    const slots = Array.from({ length: SLOTS }, (_, slot) => pixels.subarray(slot * size, (slot + 1) * size));
    this.#parts.push({ rows, columns, pixels, slots });
    return pixels;
  }

  /**
   * Takes the stamps of an alert, whose fields its survey names, into a slot; answers what keeps them from being used,
   * in words.
   *
   * As the braai and ACAI networks were trained: pixels that are not a number count as 0, each image is divided by
   * its own L2 norm, and one smaller than 63 × 63 is then padded with 1e-9 after its last row and column. Rows are
   * in the order of the file.
   */
  fill(cutouts: readonly Cutout[], { fields }: Survey["stamps"], slot: number): string | undefined {
    for (const [channel, name] of STAMP_KINDS.entries()) {
      const stamp = cutouts.find(({ field }) => field === fields[name]);
      if (stamp === undefined) return `no ${name} stamp`;
      const fault = this.#fillChannel(stamp.data, channel, slot);
      if (fault !== undefined) return `${name} stamp ${fault}`;
    }
    return undefined;
  }

  #fillChannel(stamp: Uint8Array, channel: number, slot: number): string | undefined {
    let image: StampImage;
    try {
      image = readStamp(stamp);
    } catch (error) {
      if (error instanceof CutoutError) return "unreadable";
      throw error;
    }
    if (image.width > SIDE || image.height > SIDE) return `larger than ${SIDE} × ${SIDE}`;
    const squares = sumOfSquares(image.pixels);
    if (squares === 0) return "blank";
    const norm = Math.sqrt(squares);
    if (!Number.isFinite(norm)) return "not finite";
    for (const part of this.#parts) copy(image, norm, part, channel, slot);
    releaseStamp(image);
    return undefined;
  }
}

/** Puts an image, divided by its norm, into one channel of a slot of a part. */
function copy(
  { width, height, pixels: from }: StampImage,
  norm: number,
  part: Part,
  channel: number,
  slot: number,
): void {
  const { rows, columns, pixels, slots } = part;
  const to = slots[slot] ?? pixels;
  if (width < columns || height < rows) {
    for (let at = channel; at < to.length; at += CHANNELS) to[at] = PADDING;
  }
  // Multiplied, for a division takes five times as long: the rounding to single precision hides the difference.
  const share = 1 / norm;
  for (let y = 0; y < height && y < rows; y++) {
    const first = y * width;
    const end = first + Math.min(width, columns);
    for (let i = first, at = y * columns * CHANNELS + channel; i < end; i++, at += CHANNELS) {
      to[at] = (from[i] ?? 0) * share;
    }
  }
}

/** The sum of the squares of all pixels; those that are not a number become 0. */
function sumOfSquares(pixels: Pixels): number {
  let sum = 0;
  for (let i = 0; i < pixels.length; i++) {
    const value = pixels[i] ?? 0;
    sum += value * value;
  }
  // Rare: looked for only where one shows in the sum.
  if (!Number.isNaN(sum)) return sum;
  for (let i = 0; i < pixels.length; i++) if (Number.isNaN(pixels[i])) pixels[i] = 0;
  return sumOfSquares(pixels);
}
