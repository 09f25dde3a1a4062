/** Draws a stamp as a small PNG, in the way that such brokers draw thumbnails. */
import { encode } from "fast-png";
import { CutoutError, readStamp, type StampImage } from "./fits.ts";

/** Difference images are drawn linearly: log would hide what is negative. */
export type Stretch = "log" | "linear";

/** Side of the picture, pixels. */
const SIDE = 168;
/** Values beyond this are marks of missing data. */
const MISSING_BEYOND = 1e20;
/** How strongly the logarithm lifts what is faint. */
const LOG_STEEPNESS = 1000;
/** Share of the darkest pixels that are drawn black. */
const BLACK_SHARE = 0.01;
const SHADES = 256;

/** A PNG of 168 × 168 pixels of a (gzipped) FITS stamp, first row on top. Throws `CutoutError`. */
export function thumbnailPng(stamp: Uint8Array, stretch: Stretch): Uint8Array {
  const image = readStamp(stamp);
  const shades = shadesOf(image, stretch);
  const data = new Uint8Array(SIDE * SIDE * 3);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const shade = Math.min(SHADES - 1, Math.floor(sample(shades, image, x, y) * SHADES)) * 3;
      const at = (y * SIDE + x) * 3;
      data[at] = BONE[shade] ?? 0;
      data[at + 1] = BONE[shade + 1] ?? 0;
      data[at + 2] = BONE[shade + 2] ?? 0;
    }
  }
  // Noise hardly packs: the least effort is almost as small and several times as fast.
  return encode({ width: SIDE, height: SIDE, data, channels: 3, depth: 8 }, { zlib: { level: 1 } });
}

/** Brightness of each pixel from 0 to 1. */
function shadesOf({ pixels }: StampImage, stretch: Stretch): Float64Array {
  const good = pixels.filter((value) => Number.isFinite(value) && Math.abs(value) <= MISSING_BEYOND);
  if (good.length === 0) throw new CutoutError("the stamp is blank");
  const mean = good.reduce((sum, value) => sum + value, 0) / good.length;
  const low = good.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = good.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const stretched = pixels.map((value) => {
    const known = Number.isFinite(value) && Math.abs(value) <= MISSING_BEYOND ? value : mean;
    const share = high > low ? (known - low) / (high - low) : 0;
    return stretch === "log" ? Math.log(LOG_STEEPNESS * share + 1) / Math.log(LOG_STEEPNESS + 1) : share;
  });
  const sorted = stretched.toSorted();
  const black = percentile(sorted, BLACK_SHARE);
  const white = sorted.at(-1) ?? 1;
  return stretched.map((value) => (white > black ? Math.max(0, (value - black) / (white - black)) : 0));
}

/** Linear between the neighbours. */
function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? 0;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (above - below) * (at - Math.floor(at));
}

/** The image's value at a pixel of the picture, linear between the four nearest. */
function sample(values: Float64Array, { width, height }: StampImage, x: number, y: number): number {
  const fx = Math.min(width - 1, Math.max(0, ((x + 0.5) * width) / SIDE - 0.5));
  const fy = Math.min(height - 1, Math.max(0, ((y + 0.5) * height) / SIDE - 0.5));
  const [x0, y0] = [Math.floor(fx), Math.floor(fy)];
  const [top, bottom] = [y0 * width, Math.min(height - 1, y0 + 1) * width];
  const x1 = Math.min(width - 1, x0 + 1);
  const [tx, ty] = [fx - x0, fy - y0];
  const above = (values[top + x0] ?? 0) * (1 - tx) + (values[top + x1] ?? 0) * tx;
  const below = (values[bottom + x0] ?? 0) * (1 - tx) + (values[bottom + x1] ?? 0) * tx;
  return above * (1 - ty) + below * ty;
}

/** The colour map "bone": grey with a blue tinge, by its corners. */
const CORNERS: readonly (readonly (readonly [at: number, value: number])[])[] = [
  [
    [0, 0],
    [0.746032, 0.652778],
    [1, 1],
  ],
  [
    [0, 0],
    [0.365079, 0.319444],
    [0.746032, 0.777778],
    [1, 1],
  ],
  [
    [0, 0],
    [0.365079, 0.444444],
    [1, 1],
  ],
];

/** Red, green and blue of each shade, behind each other. */
const BONE = Uint8Array.from({ length: SHADES * 3 }, (_, n) =>
  Math.round(255 * between(CORNERS[n % 3] ?? [], Math.floor(n / 3) / (SHADES - 1))),
);

function between(corners: readonly (readonly [number, number])[], at: number): number {
  for (let i = 1; i < corners.length; i++) {
    const [x0, y0] = corners[i - 1] ?? [0, 0];
    const [x1, y1] = corners[i] ?? [1, 1];
    if (at <= x1) return y0 + ((y1 - y0) * (at - x0)) / (x1 - x0);
  }
  return 1;
}
