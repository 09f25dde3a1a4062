/** Sets of cells, credible regions and their outlines. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  angleBetween,
  type CellRange,
  CellSet,
  cellCount,
  coverRegion,
  credibleRegions,
  gaussianMap,
  outlinesOf,
  ringRelation,
  SkyMapError,
  SkyPolygon,
  shapeMap,
  uniqMap,
  unitVector,
} from "../../src/sky/index.ts";
import { pointAt, pointsOf } from "../support/sky.ts";

const degree = Math.PI / 180;
const order = fc.integer({ min: 0, max: 24 });
const set = order.chain((level) =>
  fc
    .array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 1000 })), {
      maxLength: 20,
    })
    .map((parts) => {
      const all = cellCount(level);
      const ranges = parts.map(([at, width]): CellRange => {
        const first = Math.floor(at * all);
        return [first, Math.min(all - 1, first + width)];
      });
      return new CellSet(level, ranges);
    }),
);

describe("sets of cells", () => {
  test("are the same behind bytes, and as their fewest cells", () => {
    fc.assert(
      fc.property(set, (cells) => {
        expect(CellSet.fromBytes(cells.toBytes()).ranges).toEqual(cells.ranges);
        expect(CellSet.of(cells.order, cells.cells()).ranges).toEqual(cells.ranges);
      }),
    );
  });
  test("of coarser cells hold all of them", () => {
    fc.assert(
      fc.property(set, order, (cells, other) => {
        const changed = cells.at(other);
        for (const [first, last] of cells.ranges) {
          const factor = 4 ** (other - cells.order);
          expect(changed.has(Math.floor(first * factor))).toBe(true);
          expect(changed.has(Math.floor(last * factor))).toBe(true);
        }
        if (other >= cells.order) expect(changed.share).toBeCloseTo(cells.share, 12);
      }),
    );
  });
  test("as text of the MOC standard", () => {
    expect(
      CellSet.of(3, [
        [1, 2],
        [3, 0],
        [3, 1],
        [3, 5],
      ]).toMoc(),
    ).toBe("1/2 3/0-1 5");
    expect(CellSet.of(2, [[0, 7]]).toMoc()).toBe("0/7 2/");
  });
  test("cut-off bytes are refused", () => {
    const bytes = CellSet.of(5, [[5, 1000]]).toBytes();
    expect(() => CellSet.fromBytes(bytes.subarray(0, bytes.length - 1))).toThrow(RangeError);
    expect(() => CellSet.fromBytes(Uint8Array.of(99))).toThrow(RangeError);
  });
});

describe("credible regions", () => {
  test("hold at least the share asked for, the smaller within the larger", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 191 }), fc.integer({ min: 0, max: 9 })), {
          minLength: 1,
          maxLength: 60,
        }),
        (given) => {
          const cells = new Map(given);
          const densities = [...cells.values()];
          fc.pre(densities.some((density) => density > 0));
          const map = uniqMap(
            [...cells.keys()].map((cell) => 4 * 4 ** 2 + cell),
            densities,
          );
          const total = densities.reduce((sum, density) => sum + density, 0);
          const held = (region: CellSet) =>
            [...cells].reduce((sum, [cell, density]) => sum + (region.has(cell) ? density : 0), 0) / total;
          const regions = credibleRegions(map, [90, 50, 100]);
          const [ninety = 0, fifty = 0, all = 0] = regions.map(held);
          expect(ninety).toBeGreaterThanOrEqual(0.9 - 1e-9);
          expect(fifty).toBeGreaterThanOrEqual(0.5 - 1e-9);
          expect(all).toBeCloseTo(1, 12);
          const [outer, inner] = regions;
          for (const [first] of inner?.ranges ?? []) expect(outer?.has(first)).toBe(true);
        },
      ),
    );
  });
  test("of a Gaussian are discs, wherever it lies", () => {
    for (const [ra, dec, sigma] of [
      [48, 9, 2],
      [0, 0, 1],
      [10, 90, 3],
      [100, -89, 0.001],
    ] as const) {
      const [region] = credibleRegions(gaussianMap(unitVector(ra, dec), sigma), [90]);
      const radius = Math.acos(1 - 2 * (region?.share ?? 0)) / degree;
      expect(radius / sigma).toBeCloseTo(Math.sqrt(-2 * Math.log(0.1)), 1);
      for (const bearing of [0, 100, 200, 300]) {
        expect(region?.contains(...pointAt([ra, dec], 2.1 * sigma, bearing))).toBe(true);
        expect(region?.contains(...pointAt([ra, dec], 2.2 * sigma, bearing))).toBe(false);
      }
    }
  });
  test("of nothing are refused", () => {
    expect(() => credibleRegions(uniqMap([4, 5], [0, Number.NaN]), [90])).toThrow(SkyMapError);
    expect(() => uniqMap([3], [1])).toThrow(SkyMapError);
    expect(() => uniqMap([4], [1, 2])).toThrow(SkyMapError);
  });
});

describe("outlines", () => {
  /** Whether polygons with holes hold a point. */
  const holds = (polygons: readonly (readonly SkyPolygon[])[], [ra, dec]: readonly [number, number]) => {
    const point = unitVector(ra, dec);
    return polygons.some(
      ([outer, ...holes]) => outer?.contains(point) === true && !holes.some((hole) => hole.contains(point)),
    );
  };
  for (const [name, centre, outer, inner] of [
    ["a disc", [200, 30], 5, 0],
    ["a ring across ra = 0", [0, 10], 20, 10],
    ["a ring round a pole", [0, 90], 30, 15],
    ["most of the sky", [77, -20], 150, 0],
    ["all but two discs", [77, -20], 160, 30],
    ["the whole sky", [0, 0], 180, 0],
  ] as const) {
    test(`of ${name} hold what it holds`, () => {
      const [ra, dec] = centre;
      const point = unitVector(ra, dec);
      const region = new CellSet(
        6,
        coverRegion(ringRelation(point, outer * degree, inner * degree), { order: 6, mostPartial: 1e9 }),
      );
      const polygons = outlinesOf(region).map((rings) =>
        rings.map((ring) => {
          expect(ring.at(-1)).toEqual(ring[0] as [number, number]);
          return new SkyPolygon(ring.slice(0, -1).map(([ra, dec]) => unitVector(ra, dec)));
        }),
      );
      const places = pointsOf(2000, 3).filter((place) => {
        const away = angleBetween(point, unitVector(...place)) / degree;
        // Next to the border cells bulge over great circles.
        return Math.abs(away - outer) > 2 && Math.abs(away - inner) > 2;
      });
      const wrong = places.filter((place) => holds(polygons, place) !== region.contains(...place));
      expect(wrong.length).toBeLessThanOrEqual(places.length / 200);
    });
  }
  test("of many scattered cells stay few edges", () => {
    const map = shapeMap(ringRelation(unitVector(0, 0), 1), unitVector(0, 0), 1, ([x, y, z]) =>
      ((x * 1e6) % 1) + ((y * 1e6) % 1) + z > 0.9 ? 1 : 0,
    );
    const [region] = credibleRegions(map, [90]);
    const edges = outlinesOf(region ?? new CellSet(0, [])).flat(2).length;
    expect(edges).toBeLessThan(15_000);
  });
});
