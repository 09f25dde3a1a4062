/**
 * Random cones and polygons against every row of a catalogue, looked at by numpy and astropy; on both stores.
 * By hand with more, an hour: `KOWALSKI_SKY_ROWS=10000000 KOWALSKI_SKY_SHAPES=1000 KOWALSKI_MONGOD_CACHE_GB=5 bun test
 * --timeout 7200000 test/store/sky.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import type { Document } from "../../src/query/index.ts";
import { openEmbeddedStore, openStore, POSITION_INDEX, type Store } from "../../src/store/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testDatabaseName, testMongod } from "../support/mongod.ts";
import { printed } from "../support/processes.ts";
import { pythonWith, SKY_PACKAGES } from "../support/python.ts";
import { skipOrFail } from "../support/services.ts";
import { catalogRow, pointsOf, type Shape, shapesOf } from "../support/sky.ts";

const ROWS = Number(process.env["KOWALSKI_SKY_ROWS"] ?? 20_000);
const SHAPES = Number(process.env["KOWALSKI_SKY_SHAPES"] ?? 240);
const CHUNK = 5000;
const CATALOG = "stars";
const LONG_MS = 600_000;
/** Regions of more rows are counted and summed by a stage: handing over every row would take most of the time. */
const MANY = Math.max(5000, ROWS / 200);
const MILLIARCSEC = 1e-3;
const ARCSEC_PER_RADIAN = (180 / Math.PI) * 3600;
/** The radius by which servers turn metres into angles. */
const EARTH = 6_378_100;

const python = await pythonWith("sky", SKY_PACKAGES);
const server = await testMongod();
const withoutPython = skipOrFail("numpy and astropy", typeof python === "string", String(python));
const withoutServer = skipOrFail("a MongoDB server", typeof server !== "string", String(server));

interface Expected {
  readonly count: number;
  readonly sum: number;
  /** Rows within a milliarcsecond of the edge, inside it and outside. */
  readonly within: readonly number[];
  readonly without: readonly number[];
  /** Of few rows of a cone, by their number. */
  readonly arcsec?: Readonly<Record<string, number>>;
}

const points = pointsOf(ROWS, 1);
const shapes = shapesOf(SHAPES, points, 2);

/** What python finds, row by row. */
async function bruteForce(): Promise<Expected[]> {
  using folder = temporaryFolder();
  const columns = new Float64Array(2 * ROWS);
  points.forEach(([ra, dec], row) => {
    columns[row] = ra;
    columns[ROWS + row] = dec;
  });
  writeFileSync(join(folder.path, "points.f64"), columns);
  writeFileSync(join(folder.path, "shapes.json"), JSON.stringify(shapes));
  const text = await printed([String(python), join(import.meta.dir, "brute-force.py"), folder.path]);
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Expected);
}

function filterOf(shape: Shape): Document {
  const path = "coordinates.radec_geojson";
  const at = ([ra, dec]: readonly [number, number]) => [ra - 180, dec];
  if ("cone" in shape) {
    const [ra, dec, radius] = shape.cone;
    return { [path]: { $geoWithin: { $centerSphere: [at([ra, dec]), (radius * Math.PI) / 180] } } };
  }
  const ring = shape.polygon.map(at);
  const coordinates = [[...ring, ring[0] ?? []]];
  return { [path]: { $geoWithin: { $geometry: { type: "Polygon", coordinates } } } };
}

async function fill(store: Store): Promise<void> {
  await store.ensureIndexes(CATALOG, [POSITION_INDEX]);
  for (let from = 0; from < ROWS; from += CHUNK) {
    const rows = points.slice(from, from + CHUNK).map((point, index) => catalogRow(from + index, point));
    await store.insert(CATALOG, rows);
  }
}

interface Opened {
  readonly store: Store;
  close(): Promise<void>;
}

/** `rounds`: the store's own sines decide about rows within a milliarcsecond of an edge, as a server's do. */
function skyTests(open: () => Promise<Opened>, { rounds }: { readonly rounds: boolean }): void {
  let opened: Awaited<ReturnType<typeof open>>;
  let store: Store;
  let expected: readonly Expected[];
  beforeAll(async () => {
    [expected, opened] = await Promise.all([bruteForce(), open()]);
    ({ store } = opened);
    await fill(store);
  });
  afterAll(() => opened.close());

  /** How many rows a filter finds but for some, and the sum of their numbers: the rows themselves are read. */
  async function listed(filter: Document, but: readonly number[]): Promise<{ count: number; sum: number }> {
    const request = { collection: CATALOG, filter, projection: { _id: 1 }, maxTimeMs: LONG_MS };
    let count = 0;
    let sum = 0;
    for await (const { _id } of store.find(request).documents()) {
      if (but.includes(Number(_id))) continue;
      count++;
      sum += Number(_id);
    }
    return { count, sum };
  }

  /** The same, counted where the rows are. */
  async function counted(filter: Document, but: readonly number[]): Promise<{ count: number; sum: number }> {
    const pipeline = [
      { $match: filter },
      ...(but.length === 0 ? [] : [{ $match: { _id: { $nin: [...but] } } }]),
      { $group: { _id: null, count: { $sum: 1 }, sum: { $sum: { $toLong: "$_id" } } } },
    ];
    const request = { collection: CATALOG, pipeline, maxTimeMs: LONG_MS };
    const [group] = await Array.fromAsync(store.aggregate(request).documents());
    return { count: Number(group?.["count"] ?? 0), sum: Number(group?.["sum"] ?? 0) };
  }

  test(`${SHAPES} random cones and polygons hold just the rows that numpy finds in them`, async () => {
    const wrong: unknown[] = [];
    for (const [index, shape] of shapes.entries()) {
      const { count, sum, within, without } = expected[index] ?? {
        count: -1,
        sum: 0,
        within: [],
        without: [],
      };
      const but = rounds ? [...within, ...without] : [];
      const sure = rounds
        ? { count: count - within.length, sum: sum - within.reduce((total, row) => total + row, 0) }
        : { count, sum };
      const found = await (count > MANY ? counted(filterOf(shape), but) : listed(filterOf(shape), but));
      if (!Bun.deepEquals(found, sure)) wrong.push({ shape, found, sure });
    }
    expect(wrong).toEqual([]);
  });

  test("cones of one request come with distances that are astropy's to a milliarcsecond", async () => {
    const radii = new Map<number, number[]>();
    shapes.forEach((shape, index) => {
      if (!("cone" in shape) || expected[index]?.arcsec === undefined) return;
      const [, , radius] = shape.cone;
      radii.set(radius, [...(radii.get(radius) ?? []), index]);
    });
    let compared = 0;
    for (const [radius, indexes] of radii) {
      const targets = indexes.flatMap((index) => {
        const shape = shapes[index];
        if (shape === undefined || !("cone" in shape)) return [];
        const [ra, dec] = shape.cone;
        return [{ key: String(index), longitude: ra - 180, latitude: dec }];
      });
      const request = {
        collection: CATALOG,
        targets,
        radius,
        filter: {},
        withDistance: true,
        maxTimeMs: LONG_MS,
      };
      const text = (await Array.fromAsync(store.cones(request))).join("");
      const answer = JSON.parse(`{${text}}`) as Record<
        string,
        { _id: number; coordinates: { distance_arcsec: number } }[]
      >;
      for (const index of indexes) {
        const { arcsec = {} } = expected[index] ?? {};
        const rows = answer[index] ?? [];
        expect(rows.map(({ _id }) => String(_id)).toSorted()).toEqual(Object.keys(arcsec).toSorted());
        for (const { _id, coordinates } of rows) {
          expect(Math.abs(coordinates.distance_arcsec - (arcsec[_id] ?? Number.NaN))).toBeLessThan(
            MILLIARCSEC,
          );
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(100);
  });

  test("a sorted search of a small region does not read the whole catalogue in the order of its sort", async () => {
    await store.ensureIndexes(CATALOG, [{ name: "mag", keys: [["phot_g_mean_mag", 1]], unique: false }]);
    // About a thousand rows: more than some ten thousand are not sorted, for they might not fit into memory.
    const filter = filterOf({ cone: [0, 90, 5 * (10_000 / ROWS) ** 2] });
    const request = {
      collection: CATALOG,
      filter,
      sort: [["phot_g_mean_mag", 1]] as const,
      maxTimeMs: LONG_MS,
    };
    const { index, documentsExamined, documentsReturned } = await store.explainFind(request);
    expect(documentsReturned).toBeGreaterThan(500);
    expect(index).toBe("radec");
    expect(documentsExamined).toBeLessThan(2 * documentsReturned);
  });

  test("many cones in a catalogue without an index of positions", async () => {
    await store.insert(
      "unindexed",
      points.slice(0, 2000).map((point, index) => catalogRow(index, point)),
    );
    const targets = points
      .slice(0, 60)
      .map(([ra, dec], index) => ({ key: String(index), longitude: ra - 180, latitude: dec }));
    const request = {
      targets,
      radius: 0.05,
      filter: {},
      projection: { _id: 1 },
      limit: 3,
      maxTimeMs: LONG_MS,
    };
    const sort = [["_id", 1]] as const;
    const answer = async (collection: string, filter: Document) =>
      (await Array.fromAsync(store.cones({ ...request, collection, filter, sort }))).join("");
    const text = await answer("unindexed", {});
    expect(text).toStartWith('"0":[{"_id":0}');
    expect(text).toBe(await answer(CATALOG, { _id: { $lt: 2000 } }));
  });

  test("$geoNear has the same distances, nearest first, in metres on the Earth and in radians", async () => {
    let compared = 0;
    for (const [index, shape] of shapes.entries()) {
      const arcsec = expected[index]?.arcsec;
      if (!("cone" in shape) || arcsec === undefined || Object.keys(arcsec).length === 0) continue;
      const [ra, dec, radius] = shape.cone;
      const isPlain = index % 4 === 0;
      const radians = (radius * Math.PI) / 180;
      const place = [ra - 180, dec];
      const near = isPlain
        ? { near: place, maxDistance: radians, distanceMultiplier: ARCSEC_PER_RADIAN }
        : {
            near: { type: "Point", coordinates: place },
            maxDistance: radians * EARTH,
            distanceMultiplier: ARCSEC_PER_RADIAN / EARTH,
          };
      const pipeline = [
        {
          $geoNear: {
            ...near,
            spherical: true,
            key: "coordinates.radec_geojson",
            distanceField: "far.arcsec",
            includeLocs: "far.place",
          },
        },
        { $project: { far: 1 } },
      ];
      const request = { collection: CATALOG, pipeline, maxTimeMs: LONG_MS };
      const rows = (await Array.fromAsync(store.aggregate(request).documents())) as unknown as {
        _id: number;
        far: { arcsec: number; place: { coordinates: unknown } };
      }[];
      expect(rows.map(({ _id }) => String(_id)).toSorted()).toEqual(Object.keys(arcsec).toSorted());
      const distances = rows.map(({ far }) => Number(far.arcsec));
      expect(distances).toEqual(distances.toSorted((a, b) => a - b));
      for (const { _id, far } of rows) {
        expect(Math.abs(Number(far.arcsec) - (arcsec[_id] ?? Number.NaN))).toBeLessThan(MILLIARCSEC);
        expect(far.place.coordinates).toEqual(
          (catalogRow(_id, points[_id] ?? [0, 0])["coordinates"] as never)["radec_geojson"]["coordinates"],
        );
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(50);
  });
}

describe.skipIf(withoutPython)("the sky on the embedded store", () => {
  skyTests(
    async () => {
      const folder = temporaryFolder();
      const store = await openEmbeddedStore({ dataDir: folder.path });
      return {
        store,
        async close() {
          await store.close();
          folder[Symbol.dispose]();
        },
      };
    },
    { rounds: false },
  );
});

describe.skipIf(withoutPython || withoutServer)("the sky on MongoDB", () => {
  skyTests(
    async () => {
      if (typeof server === "string") throw new Error(server);
      const url = new URL(server.url);
      url.pathname = `/${testDatabaseName()}`;
      const store = await openStore({ kind: "mongo", url: url.href, allowStandalone: true });
      return {
        store,
        async close() {
          await store.close();
          const client = new MongoClient(url.href);
          await client.db().dropDatabase();
          await client.close();
        },
      };
    },
    { rounds: true },
  );
});
