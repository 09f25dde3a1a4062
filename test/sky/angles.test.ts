/** Sexagesimal text and frames. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import {
  CoordinateError,
  ecliptic,
  formatDec,
  formatRa,
  galactic,
  parseDec,
  parseRa,
  separation,
} from "../../src/sky/index.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";

const ra = fc.double({ min: 0, max: 359.99999, noNaN: true });
const dec = fc.double({ min: -90, max: 90, noNaN: true });

describe("sexagesimal text", () => {
  test("seconds that round to 60 carry over, all the way", () => {
    expect(formatRa(14.9999999999)).toBe("01:00:00.0000");
    expect(formatRa(359.9999999)).toBe("00:00:00.0000");
    expect(formatDec(89.9999999999)).toBe("90:00:00.000");
  });
  test("negative degrees are zero-padded and keep their sign next to zero", () => {
    expect(formatDec(-6.49184829648299)).toBe("-06:29:30.654");
    expect(formatDec(-0.5)).toBe("-00:30:00.000");
    expect(formatDec(-90)).toBe("-90:00:00.000");
  });
  test("is read back to half a unit of the last place", () => {
    fc.assert(
      fc.property(ra, dec, (a, d) => {
        const turn = Math.abs(parseRa(formatRa(a)) - a);
        expect(Math.min(turn, 360 - turn)).toBeLessThanOrEqual((0.51 * 15e-4) / 3600);
        expect(Math.abs(parseDec(formatDec(d)) - d)).toBeLessThanOrEqual((0.51 * 1e-3) / 3600);
      }),
    );
  });
  test("both notations are read", () => {
    expect(parseRa("04h46m37.8661s")).toBeCloseTo(71.65777541666667, 10);
    expect(parseDec("-10d13m35.025s")).toBeCloseTo(-10.226395833333333, 12);
    expect(parseDec("-00:30:00")).toBe(-0.5);
  });
  for (const [parse, text] of [
    [parseRa, "10"],
    [parseRa, "04:46"],
    [parseRa, "24:00:00"],
    [parseRa, "04:60:00"],
    [parseDec, "95:00:00"],
    [parseDec, "1:2:61"],
  ] as const) {
    test(`"${text}" is refused`, () => expect(() => parse(text)).toThrow(CoordinateError));
  }
  test("positions off the sphere are refused", () => {
    for (const bad of [-1, 360, Number.NaN]) expect(() => formatRa(bad)).toThrow(CoordinateError);
    for (const bad of [-90.1, 91, Number.NaN]) expect(() => formatDec(bad)).toThrow(CoordinateError);
  });
});

describe("frames", () => {
  test("the north Galactic pole and the Galactic centre", () => {
    expect(galactic(192.85948, 27.12825).b).toBeCloseTo(90, 3);
    const centre = galactic(266.40499, -28.93617);
    expect(Math.abs(centre.l)).toBeLessThan(1e-3);
    expect(Math.abs(centre.b)).toBeLessThan(1e-3);
  });
  test("the ecliptic pole", () => expect(ecliptic(270, 90 - 23.439291).beta).toBeCloseTo(90, 6));
  test("rotations keep distances", () => {
    fc.assert(
      fc.property(ra, dec, ra, dec, (a, d, a2, d2) => {
        const distance = separation(a, d, a2, d2);
        const e1 = ecliptic(a, d);
        const e2 = ecliptic(a2, d2);
        expect(separation(e1.lambda, e1.beta, e2.lambda, e2.beta)).toBeCloseTo(distance, 5);
        expect(separation(a2, d2, a, d)).toBeCloseTo(distance, 9);
      }),
    );
  });
  test.skipIf(sharedDir() === undefined)("great-circle distances of the reference", () => {
    const golden = JSON.parse(readFileSync(sharedPath("reference", "golden.json"), "utf8"));
    for (const [[a, d, a2, d2], expected] of golden.gcd)
      expect(separation(a, d, a2, d2)).toBeCloseTo(expected, 9);
  });
});
