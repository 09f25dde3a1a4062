/** Stamps made by hand. */
const BLOCK = 2880;

/** A FITS file of these pixels (32-bit floats), rows from the first. */
export function fitsOf(width: number, height: number, pixels: readonly number[]): Uint8Array {
  const cards = [
    "SIMPLE  =                    T",
    "BITPIX  =                  -32",
    "NAXIS   =                    2",
    `NAXIS1  = ${String(width).padStart(20)}`,
    `NAXIS2  = ${String(height).padStart(20)}`,
    "END",
  ];
  const header = cards
    .map((card) => card.padEnd(80))
    .join("")
    .padEnd(BLOCK);
  const data = new DataView(new ArrayBuffer(Math.ceil((pixels.length * 4) / BLOCK) * BLOCK));
  pixels.forEach((value, n) => {
    data.setFloat32(n * 4, value);
  });
  return Buffer.concat([Buffer.from(header, "latin1"), new Uint8Array(data.buffer)]);
}
