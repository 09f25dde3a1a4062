/** Draws stamps as PNG pictures, north up. */
import { PNG } from "pngjs";
import type { FirstRow } from "../surveys/index.ts";
import { type ColorMap, SHADES, shadesOf } from "./colors.ts";
import { CutoutError, readStamp } from "./fits.ts";
import { brightnessOf, type Interval, type Stretch } from "./scaling.ts";

/** A stamp and how its pixels are scaled. */
export interface PictureStamp {
  /** FITS, perhaps gzipped. */
  readonly data: Uint8Array;
  readonly interval: Interval;
  readonly stretch: Stretch;
}

export interface PictureOptions {
  readonly cmap: ColorMap;
  /** Width of a stamp in the picture, pixels; its height follows from its form. */
  readonly size: number;
  readonly firstRow: FirstRow;
}

/** Side of a thumbnail, pixels. */
export const THUMBNAIL_SIZE = 168;
/** Black pixels between the stamps of a strip. */
const GAP = 4;

/** A stamp in the form of the picture: brightness row by row, from the top. */
interface Panel {
  readonly width: number;
  readonly height: number;
  readonly brightness: Float64Array;
}

/** The stamps side by side as one PNG. Throws `CutoutError` for one that is no image. */
export function drawStamps(stamps: readonly PictureStamp[], options: PictureOptions): Uint8Array {
  const panels = stamps.map((stamp) => panelOf(stamp, options));
  if (panels.length === 0) throw new CutoutError("there is no stamp to draw");
  const width = panels.reduce((sum, panel) => sum + panel.width, GAP * (panels.length - 1));
  const height = Math.max(...panels.map((panel) => panel.height));
  const data = Buffer.alloc(width * height * 3);
  let left = 0;
  for (const panel of panels) {
    paint(data, width, left, panel, shadesOf(options.cmap));
    left += panel.width + GAP;
  }
  return encode(width, height, data);
}

function panelOf({ data, interval, stretch }: PictureStamp, { size, firstRow }: PictureOptions): Panel {
  const image = readStamp(data);
  const brightness = brightnessOf(new Float64Array(image.pixels), interval, stretch);
  const { width, height } = image;
  if (firstRow === "bottom") turnOver(brightness, width, height);
  const wanted = Math.max(1, Math.round((size * height) / width));
  if (size === width) return { width, height, brightness };
  return { width: size, height: wanted, brightness: resized({ width, height, brightness }, size, wanted) };
}

function turnOver(values: Float64Array, width: number, height: number): void {
  for (let y = 0; y < height >> 1; y++) {
    const row = values.slice(y * width, (y + 1) * width);
    const other = (height - 1 - y) * width;
    values.copyWithin(y * width, other, other + width);
    values.set(row, other);
  }
}

/** Linear between the four nearest pixels: first along the rows, then between them. */
function resized({ width, height, brightness }: Panel, toWidth: number, toHeight: number): Float64Array {
  const columns = places(width, toWidth);
  const wide = new Float64Array(toWidth * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < toWidth; x++) {
      const share = columns.share[x] ?? 0;
      const left = brightness[y * width + (columns.first[x] ?? 0)] ?? 0;
      const right = brightness[y * width + (columns.second[x] ?? 0)] ?? 0;
      wide[at++] = left + (right - left) * share;
    }
  }
  const rows = places(height, toHeight);
  const out = new Float64Array(toWidth * toHeight);
  for (let y = 0, at = 0; y < toHeight; y++) {
    const share = rows.share[y] ?? 0;
    const top = (rows.first[y] ?? 0) * toWidth;
    const bottom = (rows.second[y] ?? 0) * toWidth;
    for (let x = 0; x < toWidth; x++) {
      const above = wide[top + x] ?? 0;
      out[at++] = above + ((wide[bottom + x] ?? 0) - above) * share;
    }
  }
  return out;
}

/** For each of `to` pixels: the two of `from` it lies between, and how far it is from the first. */
function places(from: number, to: number) {
  const first = new Int32Array(to);
  const second = new Int32Array(to);
  const share = new Float64Array(to);
  for (let i = 0; i < to; i++) {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    first[i] = Math.floor(at);
    second[i] = Math.min(from - 1, Math.floor(at) + 1);
    share[i] = at - Math.floor(at);
  }
  return { first, second, share };
}

function paint(to: Buffer, lineWidth: number, left: number, panel: Panel, shades: Uint8Array): void {
  const { width, height, brightness } = panel;
  for (let y = 0; y < height; y++) {
    let at = (y * lineWidth + left) * 3;
    for (let x = 0; x < width; x++) {
      const shade = Math.min(SHADES - 1, Math.floor((brightness[y * width + x] ?? 0) * SHADES)) * 3;
      to[at++] = shades[shade] ?? 0;
      to[at++] = shades[shade + 1] ?? 0;
      to[at++] = shades[shade + 2] ?? 0;
    }
  }
}

const RGB = 2;

function encode(width: number, height: number, data: Buffer): Uint8Array {
  const picture = new PNG({ width, height });
  picture.data = data;
  // Noise hardly packs: the least effort is almost as small and several times as fast.
  return PNG.sync.write(picture, {
    colorType: RGB,
    inputColorType: RGB,
    inputHasAlpha: false,
    filterType: 0,
    deflateLevel: 1,
  });
}
