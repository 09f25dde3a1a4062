/** What networks see of an alert's stamps, and what keeps stamps from being used. */
import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { SIDE, Triplet, WHOLE } from "../../src/enrich/scores/triplet.ts";
import { ztf } from "../../src/surveys/ztf.ts";
import { cutouts, fitsImage, flat, stamp } from "../support/stamps.ts";

const ZTF = ztf.stamps;
const GOOD = flat(SIDE, SIDE, 3);

/** The triplet of three stamps, or what is wrong with them. */
function triplet(...stamps: Parameters<typeof cutouts>): Float32Array | string {
  const filled = new Triplet();
  const pixels = filled.part(WHOLE).fill(7);
  return filled.fill(cutouts(...stamps), ZTF, 0) ?? pixels.subarray(0, SIDE * SIDE * 3);
}

function pixelOf(filled: Float32Array | string, y: number, x: number, channel: number): number | undefined {
  if (typeof filled === "string") throw new Error(filled);
  return filled[(y * SIDE + x) * 3 + channel];
}

describe("the triplet", () => {
  test("has rows × columns × images, each image divided by its own norm", () => {
    const ramp = Float32Array.from({ length: SIDE * SIDE }, (_, n) => n);
    const norm = Math.sqrt(ramp.reduce((sum, value) => sum + value * value, 0));
    const filled = triplet(GOOD, stamp(SIDE, SIDE, ramp), flat(SIDE, SIDE, -2));
    for (const [y, x] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [40, 7],
      [62, 62],
    ] as const) {
      expect(pixelOf(filled, y, x, 0)).toBeCloseTo(1 / SIDE, 7);
      expect(pixelOf(filled, y, x, 1)).toBeCloseTo((y * SIDE + x) / norm, 7);
      expect(pixelOf(filled, y, x, 2)).toBeCloseTo(-1 / SIDE, 7);
    }
  });

  test("a smaller stamp is padded with 1e-9 after its last row and column, behind the norm", () => {
    const filled = triplet(GOOD, flat(61, 60, 5));
    const inside = 1 / Math.sqrt(61 * 60);
    expect(pixelOf(filled, 59, 60, 1)).toBeCloseTo(inside, 7);
    expect(pixelOf(filled, 0, 0, 1)).toBeCloseTo(inside, 7);
    expect(pixelOf(filled, 60, 0, 1)).toBe(Math.fround(1e-9));
    expect(pixelOf(filled, 0, 61, 1)).toBe(Math.fround(1e-9));
    expect(pixelOf(filled, 62, 62, 1)).toBe(Math.fround(1e-9));
    expect(pixelOf(filled, 62, 62, 0)).toBeCloseTo(1 / SIDE, 7);
  });

  test("pixels that are no number count as 0", () => {
    const pixels = new Float32Array(SIDE * SIDE).fill(Number.NaN);
    pixels[5] = -4;
    pixels[6] = 3;
    const filled = triplet(stamp(SIDE, SIDE, pixels));
    expect([4, 5, 6].map((x) => pixelOf(filled, 0, x, 2))).toEqual([0, Math.fround(-0.8), Math.fround(0.6)]);
  });

  test("plain FITS is as good as gzipped, one member or two", () => {
    const image = fitsImage(SIDE, SIDE, new Float32Array(SIDE * SIDE).fill(3));
    const members = Buffer.concat([gzipSync(image.subarray(0, 5000)), gzipSync(image.subarray(5000))]);
    expect(triplet(image)).toEqual(triplet(GOOD));
    expect(triplet(new Uint8Array(members))).toEqual(triplet(GOOD));
  });

  test("holds no memory of the alert before", () => {
    const filled = new Triplet();
    const pixels = filled.part(WHOLE);
    filled.fill(cutouts(GOOD), ZTF, 0);
    expect(filled.fill(cutouts(flat(10, 10, 1)), ZTF, 0)).toBeUndefined();
    expect(triplet(flat(10, 10, 1))).toEqual(pixels.subarray(0, SIDE * SIDE * 3));
  });

  test("has parts of the first rows and columns", () => {
    const filled = new Triplet();
    const whole = filled.part(WHOLE);
    const part = filled.part({ rows: 20, columns: 50 });
    for (const size of [63, 30, 10]) {
      const ramp = Float32Array.from({ length: size * size }, (_, n) => n);
      filled.fill(cutouts(stamp(size, size, ramp)), ZTF, 0);
      const rows = Array.from({ length: 20 }, (_, y) => [
        ...whole.subarray(y * SIDE * 3, (y * SIDE + 50) * 3),
      ]);
      expect([...part.subarray(0, 20 * 50 * 3)]).toEqual(rows.flat());
    }
    expect(filled.part({ rows: 20, columns: 50 })).toBe(part);
  });

  test("leaves the bytes of stamps as they are", () => {
    const image = fitsImage(SIDE, SIDE, new Float32Array(SIDE * SIDE).fill(3));
    for (const bytes of [image, Buffer.from(image), new Uint8Array(gzipSync(image))]) {
      const before = [...bytes];
      expect(triplet(bytes)).toEqual(triplet(GOOD));
      expect([...bytes]).toEqual(before);
    }
  });
});

describe("stamps that cannot be used are told", () => {
  const one = new Float32Array(SIDE * SIDE).fill(1);
  const infinite = one.slice();
  infinite[100] = Number.POSITIVE_INFINITY;
  const broken = (card: string, changed: string) =>
    Bun.gzipSync(
      Buffer.from(
        Buffer.from(fitsImage(SIDE, SIDE, one))
          .toString("latin1")
          .replace(card, changed),
        "latin1",
      ),
    );
  const cases: [string, Uint8Array, string][] = [
    ["all NaN", flat(SIDE, SIDE, Number.NaN), "template stamp blank"],
    ["all zero", flat(SIDE, SIDE, 0), "template stamp blank"],
    ["an infinite pixel", stamp(SIDE, SIDE, infinite), "template stamp not finite"],
    ["too large", flat(SIDE + 1, SIDE, 1), "template stamp larger than 63 × 63"],
    ["no bytes", new Uint8Array(), "template stamp unreadable"],
    ["not gzip", new TextEncoder().encode("no stamp at all"), "template stamp unreadable"],
    ["gzip, not FITS", Bun.gzipSync("no stamp at all"), "template stamp unreadable"],
    ["torn gzip", GOOD.subarray(0, GOOD.length - 9), "template stamp unreadable"],
    ["torn FITS", Bun.gzipSync(fitsImage(SIDE, SIDE, one).slice(0, 9000)), "template stamp unreadable"],
    ["63.5 pixels wide", broken("NAXIS1  = 63  ", "NAXIS1  = 63.5"), "template stamp unreadable"],
    ["a gzip header alone", GOOD.subarray(0, 10), "template stamp unreadable"],
    ["claims 4 GB", GOOD.with(GOOD.length - 1, 255), "template stamp unreadable"],
  ];

  test.each(cases)("%s", (_, bytes, reason) => {
    expect(triplet(GOOD, bytes)).toBe(reason);
  });

  test("an absent one is named", () => {
    expect(new Triplet().fill(cutouts(GOOD).slice(0, 2), ZTF, 0)).toBe("no difference stamp");
    expect(new Triplet().fill([], ZTF, 0)).toBe("no science stamp");
  });

  test("whatever the bytes, there is an answer, and never a number that is not finite", () => {
    const damaged = fc.tuple(fc.nat(GOOD.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        fc.array(damaged, { minLength: 1, maxLength: 4 }),
        fc.nat(GOOD.length),
        (changes, length) => {
          const bytes = GOOD.slice(0, length);
          for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
          const filled = triplet(bytes);
          if (typeof filled !== "string") expect(filled.every(Number.isFinite)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});
