/** Thumbnails: of real stamps, and what becomes of stamps that are none. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { decode } from "fast-png";
import { openContainer } from "../../src/avro/index.ts";
import { CutoutError, readStamp, thumbnailPng } from "../../src/cutouts/index.ts";
import type { Document } from "../../src/query/index.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";

/** A FITS file of these pixels, rows from the first. */
function fits(width: number, height: number, pixels: readonly number[]): Uint8Array {
  const cards = [
    "SIMPLE  =                    T",
    "BITPIX  =                  -32",
    "NAXIS   =                    2",
  ];
  cards.push(`NAXIS1  = ${width}`, `NAXIS2  = ${height}`, "END");
  const header = cards
    .map((card) => card.padEnd(80))
    .join("")
    .padEnd(2880);
  const data = new DataView(new ArrayBuffer(2880));
  pixels.forEach((value, n) => {
    data.setFloat32(n * 4, value);
  });
  return Buffer.concat([Buffer.from(header, "latin1"), new Uint8Array(data.buffer)]);
}

const RAMP = Array.from({ length: 16 }, (_, n) => n);

/** Brightness of a picture's pixel, the sum of its colours. */
function brightness(png: Uint8Array, x: number, y: number): number {
  const { data, width } = decode(png);
  const at = (y * width + x) * 3;
  return Number(data[at]) + Number(data[at + 1]) + Number(data[at + 2]);
}

describe("thumbnails", () => {
  test("show what is in the stamp, first row on top", () => {
    const png = thumbnailPng(gzipSync(fits(4, 4, RAMP)), "linear");
    expect(decode(png)).toMatchObject({ width: 168, height: 168, channels: 3, depth: 8 });
    expect(brightness(png, 0, 0)).toBeLessThan(20);
    expect(brightness(png, 167, 167)).toBe(765);
    expect(brightness(png, 160, 84)).toBeGreaterThan(brightness(png, 8, 84));
    expect(brightness(png, 84, 160)).toBeGreaterThan(brightness(png, 84, 8));
  });

  test("log lifts what is faint", () => {
    const stamp = fits(4, 4, RAMP);
    expect(brightness(thumbnailPng(stamp, "log"), 63, 21)).toBeGreaterThan(
      brightness(thumbnailPng(stamp, "linear"), 63, 21),
    );
  });

  test("missing pixels are drawn like the mean", () => {
    const png = thumbnailPng(
      fits(
        4,
        4,
        RAMP.map((n) => (n === 0 ? Number.NaN : n === 3 ? 1e30 : n)),
      ),
      "linear",
    );
    expect(brightness(png, 0, 0)).toBeGreaterThan(brightness(png, 63, 0));
  });

  test("of a constant stamp is black, not a crash", () => {
    expect(
      brightness(
        thumbnailPng(
          fits(
            4,
            4,
            RAMP.map(() => 5),
          ),
          "log",
        ),
        84,
        84,
      ),
    ).toBe(0);
  });

  test("stamps that are none say why", () => {
    const good = fits(4, 4, RAMP);
    for (const [stamp, word] of [
      [new Uint8Array(0), "no FITS"],
      [new TextEncoder().encode("hello".repeat(100)), "no FITS"],
      [gzipSync(good).subarray(0, 60), "unpacked"],
      [good.subarray(0, 2890), "truncated"],
      [
        fits(
          4,
          4,
          RAMP.map(() => Number.NaN),
        ),
        "blank",
      ],
    ] as const) {
      expect(() => thumbnailPng(stamp, "log")).toThrow(CutoutError);
      expect(() => thumbnailPng(stamp, "log")).toThrow(word);
    }
  });

  test.skipIf(sharedDir() === undefined)("of real stamps have a source in the middle", () => {
    const bytes = readFileSync(sharedPath("data", "ztf", "20231012", "2475433850015010009.avro"));
    const [record] = [...openContainer(bytes).records()];
    const stamp = ((record as Document)["cutoutScience"] as Document)["stampData"] as Uint8Array;
    expect(readStamp(stamp)).toMatchObject({ width: 63, height: 63 });
    expect(readStamp(gunzipSync(stamp)).pixels).toEqual(readStamp(stamp).pixels);
    const png = thumbnailPng(stamp, "log");
    expect(brightness(png, 84, 84)).toBeGreaterThan(brightness(png, 20, 20));
  });
});
