/** What every store must do: run against each implementation by the test files beside this one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Double, ObjectId } from "bson";
import type { Document, Value } from "../../src/query/index.ts";
import { CellSet, cellAt } from "../../src/sky/index.ts";
import {
  type AlertBatch,
  type AlertEncoder,
  type AlertReader,
  type AlertRecord,
  type AlertWriter,
  DuplicateKeyError,
  type FindRequest,
  POSITION_INDEX,
  type Store,
  type StoreSettings,
} from "../../src/store/index.ts";
import { aggregateTests } from "./conformance-aggregate.ts";
import { catalogTests } from "./conformance-catalog.ts";
import { crossMatchTests } from "./conformance-cross-matches.ts";
import { outboxTests } from "./outbox.ts";
import { alert, COLLECTIONS, history } from "./records.ts";

/** A store that is empty, with the way of alerts into it; the writer follows reported objects. */
export interface StoreUnderTest {
  readonly store: Store;
  readonly writer: AlertWriter;
  readonly encoder: AlertEncoder;
  /** To open more of it. */
  readonly settings: StoreSettings;
  readonly reader: AlertReader;
  /** Closes all of them and removes what they kept. */
  close(): Promise<void>;
}

export type OpenStore = () => Promise<StoreUnderTest>;

const { alerts: ALERTS, aux: AUX, cutouts: CUTOUTS } = COLLECTIONS;

/** Asks the store under test in few words. */
export class Asker {
  constructor(readonly under: StoreUnderTest) {}

  find(collection: string, filter: Document = {}, options: Partial<FindRequest> = {}): Promise<Document[]> {
    const request = { collection, filter, maxTimeMs: 10_000, ...options };
    return Array.fromAsync(this.under.store.find(request).documents());
  }

  async ids(collection: string, filter: Document, options: Partial<FindRequest> = {}): Promise<Value[]> {
    const documents = await this.find(collection, filter, options);
    return documents.map((document) => document["_id"] ?? null);
  }

  one(collection: string, filter: Document): Promise<Document | undefined> {
    return this.under.store.findOne({ collection, filter, maxTimeMs: 10_000 });
  }

  write(records: readonly AlertRecord[], more: Partial<AlertBatch> = {}) {
    const alerts = records.map((record) => this.under.encoder.encode(record));
    return this.under.writer.write({ alerts, deadLetters: [], outbox: [], positions: [], ...more });
  }
}

/** Declares the tests; `open` is called once for each group. */
export function storeConformance(open: OpenStore): void {
  const withStore = (name: string, tests: (ask: () => Asker) => void) =>
    describe(name, () => {
      let asker: Asker | undefined;
      beforeAll(async () => {
        asker = new Asker(await open());
      });
      afterAll(() => asker?.under.close());
      tests(() => {
        if (asker === undefined) throw new Error("the store did not open");
        return asker;
      });
    });
  withStore("documents", documentTests);
  withStore("finding", findTests);
  withStore("alerts", alertTests);
  withStore("histories", historyTests);
  withStore("outbox", outboxTests);
  withStore("changes", changeTests);
  withStore("pipelines", aggregateTests);
  withStore("catalogues", catalogTests);
  withStore("cross-matches", crossMatchTests);
}

function documentTests(ask: () => Asker): void {
  test("values keep their types, null is not missing, order stays", async () => {
    const document: Document = {
      _id: "types",
      z: 1,
      long: 1n,
      big: 1127561440015015001n,
      double: new Double(30),
      minusZero: new Double(-0),
      nan: Number.NaN,
      infinite: Number.NEGATIVE_INFINITY,
      fraction: 0.1,
      nothing: null,
      date: new Date(1_700_000_000_000),
      bytes: new Uint8Array([0, 255, 1]),
      id: new ObjectId("507f1f77bcf86cd799439011"),
      list: [1n, [new Double(2), { a: null }], "x"],
      nested: { empty: {}, none: [] },
    };
    await ask().under.store.insert("things", [document]);
    const found = await ask().one("things", { _id: "types" });
    expect(found).toEqual(document);
    expect(Object.keys(found ?? {})).toEqual(Object.keys(document));
    expect(await ask().ids("things", { nothing: { $exists: true } })).toEqual(["types"]);
    expect(await ask().ids("things", { nowhere: { $exists: true } })).toEqual([]);
  });

  test("ids of every kind find their document", async () => {
    const ids: Value[] = [
      "1",
      2,
      3n,
      0.5,
      new Date(5),
      new ObjectId("507f1f77bcf86cd799439012"),
      true,
      { a: 1 },
    ];
    await ask().under.store.insert(
      "ids",
      ids.map((id) => ({ _id: id })),
    );
    for (const id of ids) expect(await ask().ids("ids", { _id: id })).toEqual([id]);
    expect(await ask().ids("ids", { _id: new Double(3) })).toEqual([3n]);
    expect(await ask().ids("ids", { _id: { $gte: 1 } }, { sort: [["_id", 1]] })).toEqual([2, 3n]);
    expect(await ask().ids("ids", { _id: { $in: [2n, "1", "2"] } }, { sort: [["_id", -1]] })).toEqual([
      "1",
      2,
    ]);
  });

  test("an id that exists is refused, and nothing of that insert is kept", async () => {
    const { store } = ask().under;
    await store.insert("unique", [{ _id: 1 }]);
    const again = store.insert("unique", [{ _id: 2 }, { _id: 1n }]);
    expect(await again.catch((error: unknown) => error)).toBeInstanceOf(DuplicateKeyError);
    expect(await ask().ids("unique", {})).toEqual([1]);
  });

  test("replace, upsert and remove say whether there was a document", async () => {
    const { store } = ask().under;
    expect(await store.replace("users", { _id: "a", n: 1 })).toBe(false);
    expect(await store.replace("users", { _id: "a", n: 1 }, { upsert: true })).toBe(true);
    expect(await store.replace("users", { _id: "a", n: 2 })).toBe(true);
    expect(await ask().one("users", { _id: "a" })).toEqual({ _id: "a", n: 2 });
    expect(await store.estimatedCount("users")).toBe(1);
    expect(await store.remove("users", "a")).toBe(true);
    expect(await store.remove("users", "a")).toBe(false);
    expect(await store.estimatedCount("users")).toBe(0);
  });

  test("fields are set, and all others stay", async () => {
    const { store } = ask().under;
    const before = { _id: 9007199254740993n, kept: 7n, inner: { a: 1, b: new Double(2) } };
    await store.insert("fields", [before, { _id: "text" }]);
    const changes = [
      {
        id: 9007199254740993n,
        fields: [
          ["inner.b", new Double(1)],
          ["new.deep", 5n],
          ["inner.c", 0.5],
        ] as const,
      },
      { id: "text", fields: [["x", null]] as const },
      { id: "nobody", fields: [["x", 1]] as const },
    ];
    expect(await store.setFields("fields", changes)).toBe(2);
    expect(await ask().find("fields", {}, { sort: [["_id", 1]] })).toEqual([
      { _id: 9007199254740993n, kept: 7n, inner: { a: 1, b: new Double(1), c: 0.5 }, new: { deep: 5n } },
      { _id: "text", x: null },
    ]);
    expect(await store.setFields("fields", [])).toBe(0);
    expect(await store.setFields("nowhere", changes)).toBe(0);
    expect(await store.drop("fields")).toBe(true);
  });

  test("collections are listed, described and dropped", async () => {
    const { store } = ask().under;
    await store.insert("short_lived", [{ _id: 1 }, { _id: 2 }]);
    expect(await store.collectionNames()).toContain("short_lived");
    const description = await store.describeCollection("short_lived");
    expect(description?.documents).toBe(2);
    expect(description?.indexes.map(({ name }) => name)).toEqual(["_id_"]);
    expect((await store.describeDatabase()).collections).toBeGreaterThan(0);
    expect(await store.drop("short_lived")).toBe(true);
    expect(await store.drop("short_lived")).toBe(false);
    expect(await store.collectionNames()).not.toContain("short_lived");
    expect(await store.describeCollection("short_lived")).toBeUndefined();
    expect(await ask().find("short_lived")).toEqual([]);
  });

  test("answers", async () => {
    await ask().under.store.ping();
  });
}

function findTests(ask: () => Asker): void {
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

function alertTests(ask: () => Asker): void {
  const BASE = 1127561440015015000n;

  beforeAll(async () => {
    const records = Array.from({ length: 60 }, (_, n) =>
      alert(BASE + BigInt(n), `obj${n % 20}`, {
        jd: 2460000.5 + n / 10,
        ra: 100 + n / 100,
        dec: -30,
        drb: n / 100,
        cutout: new Uint8Array([n, 2, 3]),
        histories: [history("prv_candidates", [2459990 + n, 2459991 + n])],
      }),
    );
    const letter = { source: "s", place: "file 1", reason: "TornFileError", message: "torn" };
    const result = await ask().write(records, {
      deadLetters: [{ ...letter, id: "s/1", bytes: new Uint8Array([1, 2]) }],
      outbox: [{ id: "m1", survey: "TEST", candid: BASE, objectId: "obj0", document: { filter_id: 7 } }],
      positions: [{ source: "s", position: "60", done: false }],
    });
    expect(result).toEqual({ stored: 60, duplicates: 0, deadLetters: 1 });
  });

  test("an alert's score that is set is found by its index", async () => {
    const fields = [["classifications.braai", 0.75]] as const;
    expect(await ask().under.store.setFields(ALERTS, [{ id: BASE + 7n, fields }])).toBe(1);
    const filter = { "classifications.braai": { $gt: 0.5 } };
    expect(await ask().ids(ALERTS, filter)).toEqual([BASE + 7n]);
    const request = { collection: ALERTS, filter, maxTimeMs: 10_000 };
    expect(await ask().under.store.explainFind(request)).toMatchObject({
      index: "braai",
      documentsExamined: 1,
    });
    expect((await ask().one(ALERTS, { candid: BASE + 7n }))?.["objectId"]).toBe("obj7");
  });

  test("an alert is found by its exact candid", async () => {
    const candid = BASE + 1n;
    const found = await ask().one(ALERTS, { candid });
    expect(found?.["_id"]).toBe(candid);
    expect(found?.["candidate"]).toEqual({
      ...(alert(candid, "obj1", { jd: 2460000.6, ra: 100.01, dec: -30, drb: 0.01 }).document[
        "candidate"
      ] as Document),
    });
    expect(await ask().ids(ALERTS, { _id: candid })).toEqual([candid]);
    expect(await ask().ids(ALERTS, { candid: { $lt: BASE } })).toEqual([]);
    expect(await ask().ids(ALERTS, { candid: { $gte: BASE + 58n } }, { sort: [["candid", -1]] })).toEqual([
      BASE + 59n,
      BASE + 58n,
    ]);
  });

  test("indexed finds look at few documents", async () => {
    const examined = async (filter: Document, more: Partial<FindRequest> = {}) =>
      await ask().under.store.explainFind({ collection: ALERTS, filter, maxTimeMs: 10_000, ...more });
    const cone = { $geoWithin: { $centerSphere: [[100.05 - 180, -30], (2 / 3600) * (Math.PI / 180)] } };
    for (const [filter, few] of [
      [{ candid: BASE + 3n }, 1],
      [{ _id: { $in: [BASE, BASE + 1n] } }, 2],
      [{ objectId: "obj3" }, 3],
      [{ "candidate.jd": { $gt: 2460000.5, $lt: 2460000.75 } }, 2],
      [{ "coordinates.radec_geojson": cone }, 1],
      [{ $or: [{ candid: BASE }, { objectId: "obj3" }] }, 4],
    ] as const) {
      const { index, documentsExamined, documentsReturned } = await examined(filter as unknown as Document);
      expect(index).not.toBeNull();
      expect(documentsExamined).toBeLessThanOrEqual(few + 2);
      expect(documentsReturned).toBe(few);
    }
    expect((await examined({ "candidate.exptime": 30 })).index).toBeNull();
  });

  test("an index gives the same as a scan", async () => {
    const all = await ask().find(ALERTS);
    for (const [low, high] of [
      [0.1, 0.2],
      [0, 0.05],
      [0.55, 2],
    ] as const) {
      const expected = all
        .filter((document) => {
          const drb = Number((document["candidate"] as Document)["drb"]);
          return drb > low && drb <= high;
        })
        .map((document) => document["_id"]);
      const filter = { "candidate.drb": { $gt: low, $lte: high } };
      const found = await ask().ids(ALERTS, filter, { sort: [["candidate.drb", 1]] });
      expect(found).toEqual(expected as Value[]);
    }
  });

  test("a candid that is stored is a duplicate, also within a batch, and leaves no history", async () => {
    const again = alert(BASE, "obj0", { histories: [history("prv_candidates", [1])] });
    const twice = alert(BASE + 100n, "new", { histories: [history("prv_candidates", [5])] });
    const result = await ask().write([
      again,
      twice,
      { ...twice, histories: [history("prv_candidates", [6])] },
    ]);
    expect(result).toEqual({ stored: 1, duplicates: 2, deadLetters: 0 });
    const rows = (await ask().one(AUX, { _id: "new" }))?.["prv_candidates"] as Document[];
    expect(rows.map((row) => row["jd"])).toEqual([5]);
  });

  test("cutouts are kept apart, byte for byte", async () => {
    const found = await ask().one(CUTOUTS, { _id: BASE + 7n });
    expect(found).toMatchObject({ candid: BASE + 7n, objectId: "obj7" });
    expect(found?.["cutoutScience"]).toEqual({
      fileName: "science.fits.gz",
      stampData: new Uint8Array([7, 2, 3]),
    });
    expect(found?.["cutoutTemplate"]).toEqual({ stampData: new Uint8Array([9]) });
    expect(await ask().under.store.estimatedCount(CUTOUTS)).toBe(60);
  });

  test("dead letters keep their bytes and come once", async () => {
    const letter = { id: "s/1", source: "s", place: "file 1", reason: "TornFileError", message: "torn" };
    const result = await ask().write([], { deadLetters: [{ ...letter, bytes: new Uint8Array([1, 2]) }] });
    expect(result.deadLetters).toBe(0);
    const found = await ask().find("dead_letters");
    expect(found.length).toBe(1);
    expect(found[0]).toMatchObject({ _id: "s/1", reason: "TornFileError", bytes: new Uint8Array([1, 2]) });
  });

  test("the outbox keeps a match once", async () => {
    const entry = { id: "m1", survey: "TEST", candid: BASE, objectId: "obj0", document: { filter_id: 8 } };
    await ask().write([], { outbox: [entry] });
    const found = await ask().find("outbox", { kind: "match" });
    expect(found.length).toBe(1);
    expect(found[0]).toMatchObject({ candid: BASE, objectId: "obj0", document: { filter_id: 7 } });
  });

  test("positions are remembered", async () => {
    const { writer } = ask().under;
    expect(await writer.position("s")).toEqual({ source: "s", position: "60", done: false });
    await ask().write([], { positions: [{ source: "s", position: "61", done: true }] });
    expect(await writer.position("s")).toEqual({ source: "s", position: "61", done: true });
    expect(await writer.position("t")).toBeUndefined();
  });
}

function historyTests(ask: () => Asker): void {
  let candid = 1n;
  const write = (objectId: string, ...histories: AlertRecord["histories"]) =>
    ask().write([alert(candid++, objectId, { histories })]);
  const rows = async (objectId: string, field: string) =>
    (await ask().one(AUX, { _id: objectId }))?.[field] as Document[] | undefined;
  const jds = async (objectId: string, field = "prv_candidates") =>
    (await rows(objectId, field))?.map((row) => row["jd"]);

  test("rows are merged without duplicates, in time order, the first seen stays", async () => {
    const row = (text: string) => (jd: number) => ({ jd, text });
    await write("merge", history("prv_candidates", [3.5, 5.5], { row: row("a") }));
    await write("merge", history("prv_candidates", [1.5, 3.5, 4.5, 5.5], { row: row("b") }));
    await write("merge", history("prv_candidates", [3.5, 4.5, 6.5], { row: row("c") }));
    expect(await rows("merge", "prv_candidates")).toEqual([
      { jd: 1.5, text: "b" },
      { jd: 3.5, text: "a" },
      { jd: 4.5, text: "b" },
      { jd: 5.5, text: "a" },
      { jd: 6.5, text: "c" },
    ]);
  });

  test("two alerts of one object in one batch count in their order", async () => {
    const a = alert(candid++, "batch", { histories: [history("prv_candidates", [1.5, 2.5])] });
    const b = alert(candid++, "batch", { histories: [history("prv_candidates", [2.5, 3.5])] });
    await ask().write([a, b]);
    expect(await jds("batch")).toEqual([1.5, 2.5, 3.5]);
  });

  test("the row of the smallest rank stays", async () => {
    const update = (times: number[], rank: number) =>
      history("fp_hists", times, { rank, row: (jd) => ({ jd, rank }) });
    await write("rank", update([1.5, 2.5, 3.5], 18.5));
    await write("rank", update([2.5, 3.5, 4.5], 19.5));
    await write("rank", update([3.5, 4.5, 5.5], 17.5));
    await write("rank", update([1.5], 18.5));
    expect(await rows("rank", "fp_hists")).toEqual([
      { jd: 1.5, rank: 18.5 },
      { jd: 2.5, rank: 18.5 },
      { jd: 3.5, rank: 17.5 },
      { jd: 4.5, rank: 17.5 },
      { jd: 5.5, rank: 17.5 },
    ]);
  });

  test("a record that does not reach back to its start is never kept", async () => {
    const late = { rank: 18, startsRecord: false };
    await write("late", history("prv_candidates", []), history("fp_hists", [1.5], late));
    await write("late", history("prv_candidates", [1.5]), history("fp_hists", [2.5], { rank: 18 }));
    const found = await ask().one(AUX, { _id: "late" });
    expect(found).toEqual({
      _id: "late",
      prv_candidates: [{ jd: 1.5, mag: new Double(18), fid: 1 }],
      cross_matches: {},
    });
  });

  test("a record that was started goes on", async () => {
    await write("started", history("fp_hists", [1.5], { rank: 18 }));
    await write("started", history("fp_hists", [2.5], { rank: 18, startsRecord: false }));
    expect(await jds("started", "fp_hists")).toEqual([1.5, 2.5]);
  });

  test("rows keep their types, whatever their fields", async () => {
    const odd: Document = {
      jd: 1.5,
      long: 5n,
      big: -(2n ** 63n),
      double: new Double(-999),
      tiny: 1e-300,
      float: 0.5,
      nan: Number.NaN,
      int: -40_000,
      small: -5,
      yes: true,
      no: false,
      nothing: null,
      text: "z".repeat(400),
      accent: "é\u{1F52D}",
      nested: { list: [1n, new Double(2)] },
      __proto__x: "",
    };
    await write("odd", history("prv_candidates", [1.5], { row: () => odd }));
    const [found] = (await rows("odd", "prv_candidates")) ?? [];
    expect(found).toEqual(odd);
  });

  test("projections that only a find has show parts of a history", async () => {
    const jds = [1, 2, 3, 4].map((day) => 2460000.5 + day);
    await write("parts", history("prv_candidates", jds));
    const times = async (projection: Document, filter: Document = {}) => {
      const [found] = await ask().find(AUX, { _id: "parts", ...filter }, { projection });
      return ((found?.["prv_candidates"] ?? []) as Document[]).map(({ jd }) => jd);
    };
    expect(await times({ prv_candidates: { $slice: -2 } })).toEqual(jds.slice(2));
    expect(await times({ prv_candidates: { $slice: [1, 2] } })).toEqual(jds.slice(1, 3));
    expect(await times({ prv_candidates: { $elemMatch: { jd: { $gt: jds[1] ?? 0 } } } })).toEqual([jds[2]]);
    expect(await times({ "prv_candidates.$": 1 }, { "prv_candidates.jd": jds[2] ?? 0 })).toEqual([jds[2]]);
    const projection = { prv_candidates: { $slice: 1 } };
    const request = { collection: AUX, filter: { _id: "parts" }, projection, maxTimeMs: 10_000 };
    expect((await ask().under.store.explainFind(request)).documentsReturned).toBe(1);
  });

  test("objects are counted and can be searched", async () => {
    const found = await ask().ids(AUX, { "prv_candidates.text": "c" });
    expect(found).toEqual(["merge"]);
    expect(await ask().under.store.estimatedCount(AUX)).toBe(7);
  });
}

function changeTests(ask: () => Asker): void {
  test("changes of a collection are noticed, of others not", async () => {
    const { store } = ask().under;
    let calls = 0;
    let noticed = () => {};
    const stop = store.onChange("filters", () => {
      calls++;
      noticed();
    });
    const change = new Promise<void>((resolve) => {
      noticed = resolve;
    });
    await store.insert("other", [{ _id: 1 }]);
    expect(calls).toBe(0);
    await store.insert("filters", [{ _id: 1 }]);
    await change;
    expect(calls).toBe(1);
    stop();
    await store.insert("filters", [{ _id: 2 }]);
    expect(calls).toBe(1);
  });
}
