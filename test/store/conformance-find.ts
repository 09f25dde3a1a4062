/** Finding: what every store must answer. */
import { beforeAll, expect, test } from "bun:test";
import { Double } from "bson";
import type { Document } from "../../src/query/index.ts";
import { CellSet, cellAt } from "../../src/sky/index.ts";
import { type FindRequest, POSITION_INDEX } from "../../src/store/index.ts";
import type { Asker } from "./conformance.ts";

export function findTests(ask: () => Asker): void {
  const COUNT = 1500;

  beforeAll(async () => {
    const documents = Array.from({ length: COUNT }, (_, n) => ({ _id: n, n, half: n / 2, group: n % 10 }));
    await ask().under.store.insert("numbers", documents);
  });

  test("an unknown collection is empty", async () => {
    expect(await ask().find("nowhere")).toEqual([]);
    expect(await ask().under.store.count({ collection: "nowhere", filter: {}, maxTimeMs: 1000 })).toBe(0);
    expect(await ask().under.store.estimatedCount("nowhere")).toBe(0);
  });

  test("all documents come, in chunks, as documents and as JSON", async () => {
    const found = await ask().find("numbers");
    expect(new Set(found.map((document) => document["n"])).size).toBe(COUNT);
    let text = "";
    const request = { collection: "numbers", filter: {}, maxTimeMs: 10_000 };
    for await (const chunk of ask().under.store.find(request).json()) text += chunk;
    expect((JSON.parse(`[${text}]`) as unknown[]).length).toBe(COUNT);
  });

  test("sort, skip, limit and projection", async () => {
    const options = {
      sort: [["group", -1] as const, ["n", 1] as const],
      skip: 2,
      limit: 3,
      projection: { _id: 0, n: 1 },
    };
    expect(await ask().find("numbers", {}, options)).toEqual([{ n: 29 }, { n: 39 }, { n: 49 }]);
    expect(await ask().find("numbers", { n: 3 }, { skip: 1 })).toEqual([]);
  });

  test("counts what a find would give", async () => {
    const count = (filter: Document, more: { skip?: number; limit?: number } = {}) =>
      ask().under.store.count({ collection: "numbers", filter, maxTimeMs: 10_000, ...more });
    expect(await count({})).toBe(COUNT);
    expect(await count({ group: 3 })).toBe(COUNT / 10);
    expect(await count({ group: 3 }, { skip: 5, limit: 20 })).toBe(20);
    expect(await count({}, { skip: COUNT - 5 })).toBe(5);
  });

  test("indexes are made for what is stored and what comes, once", async () => {
    const { store } = ask().under;
    const at = (_id: number, longitude: number): Document => ({
      _id,
      mag: 20 - _id / 2,
      coordinates: { radec_geojson: { type: "Point", coordinates: [longitude + 0.25, 0.25] } },
    });
    await store.insert("indexed_later", [at(1, 10), at(2, 10), at(3, 50)]);
    const indexes = [POSITION_INDEX, { name: "mag", keys: [["mag", 1]], unique: false }] as const;
    await store.ensureIndexes("indexed_later", indexes);
    await store.ensureIndexes("indexed_later", indexes);
    await store.insert("indexed_later", [at(4, 10)]);
    const names = (await store.describeCollection("indexed_later"))?.indexes.map(({ name }) => name);
    expect(names).toEqual(["_id_", "radec", "mag"]);
    const explained = (filter: Document) =>
      store.explainFind({ collection: "indexed_later", filter, maxTimeMs: 10_000 });
    const cone = { $geoWithin: { $centerSphere: [[10.25, 0.25], 0.001] } };
    expect(await explained({ "coordinates.radec_geojson": cone })).toMatchObject({
      index: "radec",
      documentsReturned: 3,
    });
    expect(await explained({ mag: 18 })).toEqual({
      index: "mag",
      documentsExamined: 1,
      documentsReturned: 1,
    });
    await store.ensureIndexes("indexed_first", [POSITION_INDEX]);
    expect(await ask().ids("indexed_first", {})).toEqual([]);
    expect(await store.drop("indexed_later")).toBe(true);
  });

  test("geo operators are served by the index of positions", async () => {
    const { store } = ask().under;
    const at = (ra: number, dec: number): Document => ({
      _id: `${ra} ${dec}`,
      coordinates: { radec_geojson: { type: "Point", coordinates: [new Double(ra - 180), new Double(dec)] } },
    });
    const grid = Array.from({ length: 36 }, (_, i) =>
      Array.from({ length: 17 }, (_, j) => at(10 * i + 0.5, 10 * j - 80)),
    ).flat();
    const special = [at(0.001, 0.001), at(359.999, 0.001), at(10, 90), at(200, 89.9999), at(0, -90)];
    await store.ensureIndexes("places", [POSITION_INDEX]);
    await store.insert("places", [...grid, ...special]);
    const path = "coordinates.radec_geojson";
    const square = [
      [-1, -1],
      [1, -1],
      [1, 1],
      [-1, 1],
      [-1, -1],
    ].map(([x = 0, y = 0]) => [x < 0 ? 179 : -179, y]);
    const cases: readonly (readonly [condition: Document, ids: readonly string[]])[] = [
      [{ $geoWithin: { $centerSphere: [[180, 0], 0.0001] } }, ["0.001 0.001", "359.999 0.001"]],
      [{ $geoWithin: { $centerSphere: [[77, 90], 0.0001] } }, ["10 90", "200 89.9999"]],
      [
        { $geoWithin: { $geometry: { type: "Polygon", coordinates: [square] } } },
        ["0.001 0.001", "0.5 0", "359.999 0.001"],
      ],
      [
        { $geoIntersects: { $geometry: { type: "Polygon", coordinates: [square] } } },
        ["0.001 0.001", "0.5 0", "359.999 0.001"],
      ],
      [{ $geoIntersects: { $geometry: { type: "Point", coordinates: [-179.5, 10] } } }, ["0.5 10"]],
      [{ $nearSphere: [-179.4, 20], $maxDistance: 0.01 }, ["0.5 20"]],
      [
        {
          $nearSphere: {
            $geometry: { type: "Point", coordinates: [0, -89] },
            $minDistance: 100_000,
            $maxDistance: 200_000,
          },
        },
        ["0 -90"],
      ],
    ];
    for (const [condition, ids] of cases) {
      const filter = { [path]: condition };
      expect((await ask().ids("places", filter)).toSorted()).toEqual([...ids]);
      const explained = await store.explainFind({ collection: "places", filter, maxTimeMs: 10_000 });
      expect(explained.index).toBe("radec");
      expect(explained.documentsExamined).toBeLessThan(60);
    }
    const near = { $nearSphere: [-179, 0], $maxDistance: 0.2 };
    expect(await ask().ids("places", { [path]: near }, { limit: 3 })).toEqual([
      "0.5 0",
      "0.001 0.001",
      "359.999 0.001",
    ]);
    const request = { collection: "places", filter: { [path]: near }, maxTimeMs: 10_000 };
    expect(await store.count(request)).toBe((await ask().ids("places", { [path]: near })).length);
    expect(await store.count({ ...request, skip: 1, limit: 1 })).toBe(1);
    const whole = { [path]: { $geoWithin: { $centerSphere: [[0, 0], Math.PI] } } };
    expect(await ask().ids("places", whole)).toHaveLength(grid.length + special.length);
  });

  test("only what lies in cells of the sky, with options", async () => {
    const { store } = ask().under;
    const at = (ra: number, dec: number): Document => ({
      _id: `${ra} ${dec}`,
      coordinates: { radec_geojson: { type: "Point", coordinates: [new Double(ra - 180), new Double(dec)] } },
    });
    await store.ensureIndexes("cells", [POSITION_INDEX]);
    await store.insert("cells", [
      at(10, 20),
      at(10.5, 20),
      at(200, 20),
      at(0, 90),
      at(0, -90),
      { _id: "nowhere" },
    ]);
    const cellsOf = (...places: [number, number][]) =>
      CellSet.of(
        10,
        places.map(([ra, dec]) => [10, cellAt(10, ra, dec)] as const),
      ).toBytes();
    const within = cellsOf([10, 20], [200, 20], [0, 90]);
    const sort = [["_id", 1]] as const;
    expect(await ask().ids("cells", {}, { within, sort })).toEqual(["0 90", "10 20", "200 20"]);
    expect(await ask().ids("cells", {}, { within, sort, skip: 1, limit: 1 })).toEqual(["10 20"]);
    expect(await ask().ids("cells", { _id: { $regex: "^1" } }, { within })).toEqual(["10 20"]);
    expect(await ask().find("cells", {}, { within: cellsOf([0, -90]), projection: { _id: 1 } })).toEqual([
      { _id: "0 -90" },
    ]);
    expect(await ask().ids("cells", {}, { within: new CellSet(3, []).toBytes() })).toEqual([]);
    expect(await ask().ids("cells", {}, { within: new CellSet(0, [[0, 11]]).toBytes() })).toHaveLength(5);
  });

  test("a reader that leaves early leaves the store usable", async () => {
    for (let i = 0; i < 5; i++) {
      const request = { collection: "numbers", filter: {}, maxTimeMs: 10_000 };
      for await (const document of ask().under.store.find(request).documents()) {
        expect(document["n"]).toBe(0);
        break;
      }
    }
    expect(await ask().ids("numbers", { _id: 7 })).toEqual([7]);
  });

  test("an invalid filter or hint says where", async () => {
    const wrong = (filter: Document, more: Partial<FindRequest> = {}) =>
      ask()
        .find("numbers", filter, more)
        .catch((error: unknown) => error as Error);
    expect(String(await wrong({ n: { $gtt: 1 } }))).toContain("$gtt");
    expect(await wrong({}, { hint: "no_such_index" })).toBeInstanceOf(Error);
  });
}
