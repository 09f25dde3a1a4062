/** The parts of the simulated sky: walks of active galaxies, names. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { nightOf } from "../../src/sources/simulator/exposures.ts";
import { objectName } from "../../src/sources/simulator/objects.ts";
import { Walk } from "../../src/sources/simulator/walk.ts";

describe("a damped random walk", () => {
  test("is the same in whatever order its nights are asked for", () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.double({ min: 300, max: 2000, noNaN: true })), (key, days) => {
        const walk = new Walk(key);
        for (const day of days) expect(walk.at(day)).toBe(new Walk(key).at(day));
      }),
      { numRuns: 50 },
    );
  });

  test("has unit variance everywhere, and forgets in 60 nights", () => {
    const keys = Array.from({ length: 3000 }, (_, key) => new Walk(key));
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    // At an anchor, beside it, and half way to the next.
    for (const night of [256 * 7, 256 * 7 + 1, 256 * 7 + 128, 256 * 8 - 1]) {
      expect(mean(keys.map((walk) => walk.at(night) ** 2))).toBeWithin(0.9, 1.1);
      for (const later of [1, 30, 60]) {
        const correlation = mean(keys.map((walk) => walk.at(night) * walk.at(night + later)));
        expect(correlation).toBeWithin(Math.exp(-later / 60) - 0.1, Math.exp(-later / 60) + 0.1);
      }
    }
  });
});

test("names belong to one number alone", () => {
  fc.assert(
    fc.property(fc.nat({ max: 740_000_000 }), fc.nat({ max: 740_000_000 }), (a, b) => {
      expect(objectName(2024, a)).toMatch(/^ZTF24[a-z]{7}$/);
      expect(objectName(2024, a) === objectName(2024, b)).toBe(a === b);
    }),
  );
});

test("nights are counted as ZTF counts them", () => {
  expect(nightOf("2023-10-12")).toBe(2475);
  expect(nightOf("2020-02-02")).toBe(1127);
});
