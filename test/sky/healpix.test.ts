/** HEALPix cells against healpy, and that covers hold what they cover. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  angleBetween,
  boxRelation,
  cellAt,
  cellCentre,
  cellCount,
  cellRadius,
  coverRegion,
  FINEST_ORDER,
  nestedOfRing,
  type Relate,
  ringRelation,
  SkyPolygon,
  unitVector,
} from "../../src/sky/index.ts";
import { pythonWith, SKY_PACKAGES } from "../support/python.ts";
import { skipOrFail } from "../support/services.ts";
import { pointAt, pointsOf, shapesOf } from "../support/sky.ts";

const python = await pythonWith("sky", SKY_PACKAGES);
const withoutPython = skipOrFail("healpy", typeof python === "string", String(python));

const HEALPY = `
import json, sys
import healpy, numpy
lon, lat = json.load(sys.stdin)
told = {"cells": {}, "rings": {}, "radii": [healpy.max_pixrad(2**order) for order in range(25)]}
for order in (0, 1, 5, 14, 20):
    told["cells"][order] = healpy.ang2pix(2**order, lon, lat, nest=True, lonlat=True).tolist()
for order in (0, 1, 4):
    told["rings"][order] = healpy.ring2nest(2**order, numpy.arange(12 * 4**order)).tolist()
print(json.dumps(told))
`;

describe.skipIf(withoutPython)("cells are healpy's", () => {
  test("of positions everywhere, at the poles and on the meridians where base cells meet", async () => {
    const points = [
      ...pointsOf(20_000, 5),
      ...[0, 45, 90, 180, 270, 359.9].flatMap((ra) =>
        [-90, -89.9999999, -41.8, 0.1, 41.9, 60, 89.99999999, 90].map((dec) => [ra, dec] as const),
      ),
    ];
    const child = Bun.spawn([String(python), "-c", HEALPY], {
      stdin: new Blob([JSON.stringify([points.map(([ra]) => ra), points.map(([, dec]) => dec)])]),
      stdout: "pipe",
    });
    const told = (await new Response(child.stdout).json()) as {
      cells: Record<string, number[]>;
      rings: Record<string, number[]>;
      radii: number[];
    };
    for (const [order, cells] of Object.entries(told.cells)) {
      expect(points.map(([ra, dec]) => cellAt(Number(order), ra, dec))).toEqual(cells);
    }
    for (const [order, cells] of Object.entries(told.rings)) {
      expect(cells.map((_, ring) => nestedOfRing(Number(order), ring))).toEqual(cells);
    }
    told.radii.forEach((radius, order) => {
      expect(cellRadius(order) / radius).toBeCloseTo(1, 6);
    });
  });
});

const longitude = fc.oneof(
  fc.double({ min: -180, max: 360, noNaN: true }),
  fc.integer({ min: -4, max: 8 }).map((n) => n * 45),
);
const latitude = fc.oneof(
  fc.double({ min: -90, max: 90, noNaN: true }),
  fc.constantFrom(-90, -89.999999, 89.999999, 90),
);

describe("cells", () => {
  test("a position lies in its cell, and the cell's centre too", () => {
    fc.assert(
      fc.property(longitude, latitude, fc.integer({ min: 0, max: FINEST_ORDER }), (lon, lat, order) => {
        const cell = cellAt(order, lon, lat);
        expect(cell).toBeGreaterThanOrEqual(0);
        expect(cell).toBeLessThan(cellCount(order));
        const centre = cellCentre(order, cell);
        expect(angleBetween(unitVector(lon, lat), centre)).toBeLessThan(cellRadius(order) * (1 + 1e-6));
        // The cells within a cell follow each other.
        if (order > 0) expect(cellAt(order - 1, lon, lat)).toBe(Math.floor(cell / 4));
      }),
      { numRuns: 2000 },
    );
  });
  test("a turn by a quarter moves every cell to the face beside it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 359 }), latitude, (lon, lat) => {
        const face = (cell: number) => Math.floor(cell / 4 ** 10);
        const [here, there] = [face(cellAt(10, lon + 0.5, lat)), face(cellAt(10, lon + 90.5, lat))];
        expect(Math.floor(here / 4)).toBe(Math.floor(there / 4));
        expect(there % 4).toBe((here + 1) % 4);
      }),
    );
  });
});

/** Whether a cover holds the cell of a position. */
function covers(relate: Relate, [ra, dec]: readonly [number, number]): boolean {
  const cell = cellAt(12, ra, dec);
  const ranges = coverRegion(relate, { order: 12, mostPartial: 48 });
  return ranges.some(([first, last]) => cell >= first && cell <= last);
}

describe("covers", () => {
  const degree = Math.PI / 180;
  const points = pointsOf(300, 7);
  test("of cones, rings and polygons hold what lies in them", () => {
    for (const shape of shapesOf(300, points, 8)) {
      if ("cone" in shape) {
        const [ra, dec, radius] = shape.cone;
        const relate = ringRelation(unitVector(ra, dec), radius * degree, radius * 0.5 * degree);
        for (const bearing of [0, 77, 180, 301]) {
          expect(covers(relate, pointAt([ra, dec], radius * 0.999999, bearing))).toBe(true);
          expect(covers(relate, pointAt([ra, dec], radius * 0.500001, bearing))).toBe(true);
        }
      } else {
        const polygon = new SkyPolygon(shape.polygon.map((corner) => unitVector(...corner)));
        for (const corner of shape.polygon) expect(covers(polygon.relation(), corner)).toBe(true);
        for (const point of points) {
          if (polygon.contains(unitVector(...point))) expect(covers(polygon.relation(), point)).toBe(true);
        }
      }
    }
  });
  test("of boxes hold what lies in them, across ra = 0 too", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -180, max: 180, noNaN: true }),
        fc.double({ min: -90, max: 90, noNaN: true }),
        fc.double({ min: 0, max: 359, noNaN: true }),
        fc.double({ min: 0, max: 90, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (west, south, width, height, u, v) => {
          const north = Math.min(90, south + height);
          const relate = boxRelation(west, west + width, south, north);
          expect(covers(relate, [west + u * width, south + v * (north - south)])).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
  test("are little larger than what they cover", () => {
    for (const radius of [0.5, 5, 40]) {
      const ranges = coverRegion(ringRelation(unitVector(10, 20), radius * degree), {
        order: 14,
        mostPartial: 48,
      });
      const cells = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
      const share = cells / cellCount(14) / ((1 - Math.cos(radius * degree)) / 2);
      expect(share).toBeGreaterThan(1);
      expect(share).toBeLessThan(1.9);
      expect(ranges.length).toBeLessThan(50);
    }
  });
});
