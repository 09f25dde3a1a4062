/** The polygons of credible regions, round and ragged ones of all sizes, as MongoDB's own server takes them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Collection, MongoClient } from "mongodb";
import { buildContours } from "../../src/api/skymaps/build.ts";
import type { BuiltContour, SkymapSource } from "../../src/api/skymaps/source.ts";
import { CellSet, cellCentre, cellCount, type Vector } from "../../src/sky/index.ts";
import { testDatabaseName, testMongod } from "../support/mongod.ts";
import { randomNumbers } from "../support/random.ts";
import { skipOrFail } from "../support/services.ts";
import { pointAt, pointsOf, type SkyPoint } from "../support/sky.ts";

const mongod = await testMongod();
const withoutServer = skipOrFail("a MongoDB server", typeof mongod !== "string", String(mongod));

const points = pointsOf(400, 31);
const cone = (ra: number, dec: number, error: number): SkymapSource => ({ kind: "cone", ra, dec, error });

/** Cells that come and go as by the toss of a coin, in a part of the sky or in all of it. */
function scattered(
  order: number,
  share: number,
  seed: number,
  from = 0,
  to = cellCount(order),
): SkymapSource {
  const random = randomNumbers(seed);
  const all = Array.from({ length: to - from }, (_, n) => 4 * 4 ** order + from + n);
  const uniq = Float64Array.from(all.filter(() => random() < share));
  return { kind: "cells", uniq, densities: new Float64Array(uniq.length).fill(1) };
}

const MAPS: readonly (readonly [name: string, source: SkymapSource])[] = [
  ...[0.001, 1, 20, 30, 37, 45, 60, 90, 180].flatMap((error) =>
    (
      [
        [100, 0],
        [0, 35],
        [0.0001, 90],
        [260, -90],
        [45, 41.8103],
        [359.9, -62],
      ] as const
    ).map(([ra, dec]) => [`a Gaussian of ${error} at ${ra}, ${dec}`, cone(ra, dec, error)] as const),
  ),
  ...[1, 2, 3].map((seed) => [`cells here and there ${seed}`, scattered(3, 0.3 * seed, seed)] as const),
  ["many cells of one base cell", scattered(5, 0.6, 4, 4 * 4 ** 5, 5 * 4 ** 5)],
  ["many cells round the north pole", scattered(4, 0.6, 5, 0, 4 * 4 ** 4)],
  // Neither side of its border is the smaller one for sure.
  ["a belt", band(([, , z]) => Math.abs(z) < 0.1)],
  ["a narrow band near a great circle", band(([x]) => x > -0.25 && x < -0.1)],
  // Less than a quarter of the sky, with no border but those of holes.
  ["a net", band((point) => point.some((part) => Math.abs(part) < 0.06))],
];

/** The cells whose centres are of some kind. */
function band(isIn: (centre: Vector) => boolean): SkymapSource {
  const all = Array.from({ length: cellCount(5) }, (_, cell) => cell);
  const uniq = Float64Array.from(
    all.filter((cell) => isIn(cellCentre(5, cell))),
    (cell) => 4 * 4 ** 5 + cell,
  );
  return { kind: "cells", uniq, densities: new Float64Array(uniq.length).fill(1) };
}

/** The position and others a degree from it. */
const around = (point: SkyPoint): SkyPoint[] => [
  point,
  ...[0, 45, 90, 135, 180, 225, 270, 315].map((bearing) => pointAt(point, 1, bearing)),
];

describe.skipIf(withoutServer)("contours", () => {
  let client: MongoClient;
  let rows: Collection;
  const database = testDatabaseName();
  beforeAll(async () => {
    client = new MongoClient(typeof mongod === "string" ? "" : mongod.url);
    rows = client.db(database).collection("rows");
    const place = ([ra, dec]: readonly [number, number]) => ({ type: "Point", coordinates: [ra - 180, dec] });
    await rows.insertMany(points.map((point, n) => ({ n, place: place(point) })));
  });
  afterAll(async () => {
    await client.db(database).dropDatabase();
    await client.close();
  });

  const within = async (geometry: object) => {
    const found = await rows.find({ place: { $geoWithin: { $geometry: geometry } } }).toArray();
    return found.map(({ n }) => Number(n));
  };

  async function check({ level, polygons, cells }: BuiltContour): Promise<void> {
    expect([level, polygons.length > 0]).toEqual([level, true]);
    for (const rings of polygons) {
      for (const ring of rings) {
        const corners = ring.slice(0, -1).map((corner) => corner.join(" "));
        expect([level, corners.length - new Set(corners).size]).toEqual([level, 0]);
      }
      // The server refuses rings that cross or touch themselves, and holes that are not within.
      await within({ type: "Polygon", coordinates: rings });
    }
    const found = new Set(await within({ type: "MultiPolygon", coordinates: polygons }));
    // Sides of cells are no great circles: what lies next to one may be on either side.
    const region = CellSet.fromBytes(cells);
    const clear = points.flatMap((point, n) => {
      const isIn = region.contains(...point);
      return around(point).every((place) => region.contains(...place) === isIn) ? [{ n, isIn }] : [];
    });
    const wrong = clear.filter(({ n, isIn }) => found.has(n) !== isIn);
    expect(wrong.map(({ n }) => points[n])).toEqual([]);
  }

  for (const [name, source] of MAPS) {
    test(`${name}: are polygons, and hold what the cells hold`, async () => {
      for (const contour of buildContours({ source, levels: [50, 90, 99] }).contours) await check(contour);
    });
  }
});
