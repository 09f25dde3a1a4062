/** What every store must do with catalogues: bulk rows, interrupted loads, replacement, indexes. */
import { expect, test } from "bun:test";
import { type Document, double } from "../../src/query/index.ts";
import {
  type CatalogLoad,
  type CatalogWriter,
  catalogEncoder,
  type EncodedRows,
  type IndexDescription,
  openCatalogWriter,
  POSITION_INDEX,
} from "../../src/store/index.ts";
import type { Asker } from "./conformance.ts";

const DESCRIPTION = { files: ["stars.csv"], rows: 3 };

/** Sources on the equator, a hundredth of a degree apart. */
function sources(from: number, to: number, more: Document = {}): Document[] {
  return Array.from({ length: to - from }, (_, i) => {
    const id = from + i;
    const coordinates = [double(id / 100 - 180), double(0)];
    return {
      _id: id,
      mag: 20 - id / 3,
      ...more,
      coordinates: { radec_geojson: { type: "Point", coordinates } },
    };
  });
}

/** A cone of half an arcminute around one of the sources. */
function around(id: number): Document {
  const center = [id / 100 - 180, 0];
  return {
    "coordinates.radec_geojson": { $geoWithin: { $centerSphere: [center, (0.5 / 60) * (Math.PI / 180)] } },
  };
}

class Loader {
  constructor(
    readonly asker: Asker,
    readonly writer: CatalogWriter,
  ) {}

  #closed: Promise<void> | undefined;

  close(): Promise<void> {
    this.#closed ??= this.writer.close();
    return this.#closed;
  }

  static async open(asker: Asker): Promise<Loader> {
    return new Loader(asker, await openCatalogWriter(asker.under.settings));
  }

  async encode(documents: readonly Document[], indexes: readonly IndexDescription[]): Promise<EncodedRows> {
    return (await catalogEncoder(this.asker.under.settings, indexes)).encode(documents);
  }

  async begin(more: Partial<CatalogLoad> = {}) {
    const load: CatalogLoad = {
      collection: "stars",
      mode: "replace",
      fingerprint: "a",
      indexes: [POSITION_INDEX],
      ...more,
    };
    const begun = await this.writer.begin(load);
    const write = async (documents: readonly Document[], progress: Document = {}) =>
      this.writer.write(await this.encode(documents, begun.indexes), () => progress);
    return { ...begun, write };
  }

  async load(documents: readonly Document[], more: Partial<CatalogLoad> = {}): Promise<void> {
    const { write } = await this.begin(more);
    await write(documents);
    await this.writer.finish(DESCRIPTION);
  }
}

export function catalogTests(ask: () => Asker): void {
  const withLoader = async (work: (loader: Loader) => Promise<void>) => {
    const loader = await Loader.open(ask());
    try {
      await work(loader);
    } finally {
      await loader.close();
      const writer = await openCatalogWriter(ask().under.settings);
      await writer.drop("stars");
      await writer.close();
    }
  };
  const count = (collection = "stars") =>
    ask().under.store.count({ collection, filter: {}, maxTimeMs: 10_000 });
  const names = () => ask().under.store.collectionNames();

  test("a catalogue is there when it is complete, with its index and description", () =>
    withLoader(async (loader) => {
      const { write } = await loader.begin();
      expect(await write(sources(0, 100, { long: 5n, whole: double(3), word: "α" }))).toBe(100);
      expect(await names()).not.toContain("stars");
      expect((await names()).filter((name) => name.includes("~"))).toEqual([]);
      await loader.writer.finish(DESCRIPTION);
      expect(await names()).toContain("stars");
      expect(await ask().one("stars", { _id: 7 })).toEqual(
        sources(7, 8, { long: 5n, whole: double(3), word: "α" })[0],
      );
      expect(await ask().ids("stars", around(7))).toEqual([7]);
      const { index } = await ask().under.store.explainFind({
        collection: "stars",
        filter: around(7),
        maxTimeMs: 10_000,
      });
      expect(index).toBe("radec");
      expect(await ask().one("catalogs", { _id: "stars" })).toEqual({ _id: "stars", ...DESCRIPTION });
      expect((await ask().under.store.describeCollection("stars"))?.documents).toBe(100);
    }));

  test("an interrupted load goes on where it stopped, another begins anew", () =>
    withLoader(async (loader) => {
      const { progress, write } = await loader.begin();
      expect(progress).toBeUndefined();
      await write(sources(0, 10), { rows: 10 });
      await loader.close();
      const second = await Loader.open(ask());
      const again = await second.begin();
      expect(again.progress).toEqual({ rows: 10 });
      expect(await again.write(sources(10, 20), { rows: 20 })).toBe(10);
      await second.writer.finish(DESCRIPTION);
      expect(await count()).toBe(20);
      const { write: writeOther } = await second.begin({ fingerprint: "b" });
      await writeOther(sources(0, 5), { rows: 5 });
      const anew = await second.begin({ fingerprint: "c" });
      expect(anew.progress).toBeUndefined();
      await anew.write(sources(0, 3));
      await second.writer.finish(DESCRIPTION);
      expect(await count()).toBe(3);
      await second.close();
    }));

  test("a replaced catalogue is the old one until the new one is complete", () =>
    withLoader(async (loader) => {
      await loader.load(sources(0, 30));
      const { write } = await loader.begin({ fingerprint: "b" });
      await write(sources(100, 110));
      expect(await count()).toBe(30);
      expect(await ask().ids("stars", around(105))).toEqual([]);
      await loader.writer.finish(DESCRIPTION);
      expect(await count()).toBe(10);
      expect(await ask().ids("stars", around(105))).toEqual([105]);
      expect(await ask().ids("stars", around(5))).toEqual([]);
    }));

  test("appended rows join the others, those with an _id that is there are left out", () =>
    withLoader(async (loader) => {
      await loader.load(sources(0, 10), { mode: "append" });
      const { write, progress } = await loader.begin({ mode: "append", fingerprint: "b" });
      expect(progress).toBeUndefined();
      expect(await write([...sources(8, 15), ...sources(14, 15)])).toBe(5);
      await loader.writer.finish({ ...DESCRIPTION, rows: 15 });
      expect(await count()).toBe(15);
      expect(await ask().ids("stars", around(13))).toEqual([13]);
      expect((await ask().one("catalogs", { _id: "stars" }))?.["rows"]).toBe(15);
    }));

  test("an index can be made later, of values of every kind", () =>
    withLoader(async (loader) => {
      await loader.load([
        ...sources(0, 50),
        { ...sources(50, 51)[0], mag: "faint" },
        { ...sources(51, 52)[0], mag: null },
      ]);
      const mag: IndexDescription = { name: "mag", keys: [["mag", 1]], unique: false };
      const explain = () =>
        ask().under.store.explainFind({
          collection: "stars",
          filter: { mag: { $lt: 5 } },
          maxTimeMs: 10_000,
        });
      expect((await explain()).index).toBeNull();
      expect(await loader.writer.ensureIndex("stars", mag)).toEqual({ name: "mag", made: true });
      expect(await loader.writer.ensureIndex("stars", mag)).toEqual({ name: "mag", made: false });
      const found = await explain();
      expect(found.index).toBe("mag");
      expect(found.documentsReturned).toBe(4);
      expect(await ask().ids("stars", { mag: "faint" })).toEqual([50]);
      expect(await ask().ids("stars", { mag: null })).toEqual([51]);
      const { write } = await loader.begin({ mode: "append", fingerprint: "b" });
      await write(sources(60, 61, { mag: 1 }));
      await loader.writer.finish(DESCRIPTION);
      expect((await explain()).documentsReturned).toBe(5);
      expect((await loader.writer.ensureIndex("nowhere", mag)).made).toBe(false);
    }));

  test("an index of a_b is another than one of a and b, made with the load or later", () =>
    withLoader(async (loader) => {
      const one: IndexDescription = { name: "a_b", keys: [["a_b", 1]], unique: false };
      const pair: IndexDescription = {
        name: "a_b",
        keys: [
          ["a", 1],
          ["b", 1],
        ],
        unique: false,
      };
      const radec: IndexDescription = { name: "radec", keys: [["radec", 1]], unique: false };
      const described = async () =>
        Object.fromEntries(
          ((await ask().under.store.describeCollection("stars"))?.indexes ?? []).map(({ name, keys }) => [
            name,
            keys.map(([path]) => path).join(),
          ]),
        );
      const more = { indexes: [POSITION_INDEX, pair, one, pair] };
      await loader.load(sources(0, 50, { a: 1, b: 2, a_b: 3 }), more);
      const made = { _id_: "_id", radec: "coordinates.radec_geojson", a_b: "a,b", a_b_2: "a_b" };
      expect(await described()).toEqual(made);
      expect(await loader.writer.ensureIndex("stars", one)).toEqual({ name: "a_b_2", made: false });
      expect(await loader.writer.ensureIndex("stars", radec)).toEqual({ name: "radec_2", made: true });
      expect(await described()).toEqual({ ...made, radec_2: "radec" });
      for (const [hint, filter] of [
        ["a_b", { a: 1 }],
        ["a_b_2", { a_b: 3 }],
      ] as const) {
        const request = { collection: "stars", filter, hint, maxTimeMs: 10_000 };
        const { index, documentsReturned } = await ask().under.store.explainFind(request);
        expect([index, documentsReturned]).toEqual([hint, 50]);
      }
    }));

  test("an index is not made while another process appends rows, which would be missing in it", () =>
    withLoader(async (loader) => {
      await loader.load(sources(0, 10));
      const { write } = await loader.begin({ mode: "append", fingerprint: "b" });
      const other = await Loader.open(ask());
      const mag: IndexDescription = { name: "mag", keys: [["mag", 1]], unique: false };
      const made = await other.writer.ensureIndex("stars", mag).catch((error: unknown) => error);
      await other.close();
      // A store whose server keeps indexes whole itself makes it.
      if (made instanceof Error) expect(String(made)).toContain("another process is loading stars");
      await write(sources(10, 20));
      await loader.writer.finish(DESCRIPTION);
      expect(await ask().ids("stars", { mag: 20 - 15 / 3 })).toEqual([15]);
    }));

  test("rows of a load that were taken away are read again", () =>
    withLoader(async (loader) => {
      await loader.load(sources(0, 5));
      await (await loader.begin({ mode: "append", fingerprint: "b" })).write(sources(5, 9), { rows: 4 });
      await loader.close();
      await ask().under.store.drop("stars");
      const again = await Loader.open(ask());
      expect((await again.begin({ mode: "append", fingerprint: "b" })).progress).toBeUndefined();
      await again.close();
    }));

  test("a load that has its name but no description yet is not taken for one without rows", () =>
    withLoader(async (loader) => {
      await loader.load(sources(0, 10));
      // As a process leaves it that is killed between the two.
      const state = { mode: "replace", fingerprint: "a", progress: { rows: 10 } };
      await ask().under.store.insert("catalog_loads", [{ _id: "stars", ...state }]);
      const { progress, write } = await loader.begin();
      if (progress === undefined) await write(sources(0, 10));
      await loader.writer.finish(DESCRIPTION);
      expect(await count()).toBe(10);
    }));

  test("a dropped catalogue is gone with its description and its unfinished load", () =>
    withLoader(async (loader) => {
      await loader.load(sources(0, 10));
      await (await loader.begin({ fingerprint: "b" })).write(sources(0, 5), { rows: 5 });
      expect(await loader.writer.drop("stars")).toBe(true);
      expect(await names()).not.toContain("stars");
      expect(await ask().one("catalogs", { _id: "stars" })).toBeUndefined();
      expect((await loader.begin({ fingerprint: "b" })).progress).toBeUndefined();
      expect(await loader.writer.drop("stars")).toBe(true);
      expect(await loader.writer.drop("stars")).toBe(false);
    }));

  test("a load that is given up is gone, and what it should have replaced stays", () =>
    withLoader(async (loader) => {
      await (await loader.begin()).write(sources(0, 5), { rows: 5 });
      await loader.writer.abandon();
      expect(await names()).not.toContain("stars");
      expect(await loader.writer.drop("stars")).toBe(false);
      await loader.load(sources(0, 10));
      for (const mode of ["replace", "append"] as const) {
        await loader.begin({ mode, fingerprint: "b" });
        await loader.writer.abandon();
        expect(await count()).toBe(10);
        expect(await ask().ids("stars", around(7))).toEqual([7]);
        expect(await ask().one("catalogs", { _id: "stars" })).toEqual({ _id: "stars", ...DESCRIPTION });
        expect(await ask().one("catalog_loads", { _id: "stars" })).toBeUndefined();
      }
    }));

  test("an empty catalogue is a catalogue", () =>
    withLoader(async (loader) => {
      await loader.load([]);
      expect(await names()).toContain("stars");
      expect(await count()).toBe(0);
    }));
}
