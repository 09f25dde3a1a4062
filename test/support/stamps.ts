/** FITS images for tests. */
import type { Cutout } from "../../src/store/index.ts";

const BLOCK = 2880;

/** A FITS file of 32-bit floats, rows from the first. */
export function fitsImage(width: number, height: number, pixels: ArrayLike<number>): Uint8Array {
  const cards = [
    "SIMPLE  =                    T",
    "BITPIX  =                  -32",
    "NAXIS   =                    2",
    `NAXIS1  = ${width}`,
    `NAXIS2  = ${height}`,
    "END",
  ];
  const file = new Uint8Array(BLOCK + Math.ceil((width * height * 4) / BLOCK) * BLOCK);
  file.set(
    new TextEncoder().encode(
      cards
        .map((card) => card.padEnd(80))
        .join("")
        .padEnd(BLOCK),
    ),
  );
  const view = new DataView(file.buffer, BLOCK);
  for (let i = 0; i < width * height; i++) view.setFloat32(i * 4, pixels[i] ?? 0);
  return file;
}

/** The same, gzipped. */
export function stamp(width: number, height: number, pixels: ArrayLike<number>): Uint8Array {
  return Bun.gzipSync(fitsImage(width, height, pixels) as Uint8Array<ArrayBuffer>);
}

/** A stamp of one value all over. */
export function flat(width: number, height: number, value: number): Uint8Array {
  return stamp(width, height, new Float32Array(width * height).fill(value));
}

/** The cutouts of an alert. */
export function cutouts(science: Uint8Array, template = science, difference = science): Cutout[] {
  return [
    { field: "cutoutScience", data: science },
    { field: "cutoutTemplate", data: template },
    { field: "cutoutDifference", data: difference },
  ];
}
