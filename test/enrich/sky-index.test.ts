/** Index files of catalogues: built from either store, found by their state, and the same answers with and without. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { MongoClient } from "mongodb";
import { buildSkyIndex, CrossMatcher, IndexKeeper } from "../../src/enrich/crossmatch/index.ts";
import { SkyIndex, SkyIndexes, skyIndexFile, skyIndexFolder } from "../../src/enrich/crossmatch/sky-index.ts";
import type { Document } from "../../src/query/index.ts";
import { separation } from "../../src/sky/index.ts";
import {
  type AlertReader,
  openAlertReader,
  openStore,
  POSITION_INDEX,
  positionOf,
  type Store,
  type StoreSettings,
} from "../../src/store/index.ts";
import { ztfAlert } from "../support/api.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testDatabaseName, testReplicaSet } from "../support/mongod.ts";
import { randomNumbers } from "../support/random.ts";
import { skipOrFail } from "../support/services.ts";
import { row } from "./support.ts";

const ARCSEC = 1 / 3600;
const RADIUS = 30;
const CATALOGS = { ZTF: { Rows: { radius_arcsec: RADIUS, projection: { n: 1 } } } };

const set = await testReplicaSet();
const withoutSet = skipOrFail("a MongoDB replica set", typeof set !== "string", String(set));

/** Whole-sky rows with crowds at the poles and across ra = 0; ids of several kinds. */
function rowsOf(count: number): Document[] {
  const random = randomNumbers(7);
  return Array.from({ length: count }, (_, n) => {
    const crowd = n % 4;
    const near = (random() - 0.5) * 600 * ARCSEC;
    const ra = crowd === 1 ? (near + 360) % 360 : random() * 360;
    const dec =
      crowd === 1
        ? (random() - 0.5) * 600 * ARCSEC
        : crowd === 2
          ? 90 - Math.abs(near)
          : crowd === 3
            ? -90 + Math.abs(near)
            : (Math.asin(2 * random() - 1) * 180) / Math.PI;
    return row(n % 5 === 0 ? `id ${n}` : n % 5 === 1 ? BigInt(n) + 2n ** 60n : n, ra, dec, { n });
  });
}

describe.each([
  ["embedded", false],
  ["mongo", withoutSet],
] as const)("on the %s store", (kind, skipped) => {
  const folder = temporaryFolder();
  const dataDir = folder.path;
  const rows = rowsOf(2000);
  let settings: StoreSettings;
  let store: Store;
  let reader: AlertReader;

  beforeAll(async () => {
    if (skipped) return;
    settings = kind === "embedded" ? { kind, dataDir } : mongoSettings();
    store = await openStore(settings);
    await store.insert("Rows", rows);
    await store.ensureIndexes("Rows", [POSITION_INDEX]);
    reader = await openAlertReader(settings);
  });

  afterAll(async () => {
    if (!skipped) {
      reader.close();
      await store.close();
      if (settings.kind === "mongo") await dropDatabase(settings.url);
    }
    folder[Symbol.dispose]();
  });

  const stateOf = async (catalog: string) => {
    const state = (await reader.catalogs.states([catalog], { fresh: true })).get(catalog);
    if (state === undefined) throw new Error(`there is no ${catalog}`);
    return state;
  };

  test.skipIf(skipped)("matches are those of a look at every row, with an index and without", async () => {
    const without = new CrossMatcher({ catalogs: CATALOGS, dataDir: join(dataDir, "none") }, reader);
    expect(await buildSkyIndex(reader.catalogs, { dataDir, catalog: "Rows" })).toBe("built");
    expect(new SkyIndexes(dataDir).of("Rows", await stateOf("Rows"))?.head.rows).toBe(2000);
    const withIndex = new CrossMatcher({ catalogs: CATALOGS, dataDir }, reader);
    const place = fc.record({
      near: fc.nat(rows.length - 1),
      east: fc.double({ min: -40, max: 40, noNaN: true }),
      north: fc.double({ min: -40, max: 40, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(place, { minLength: 1, maxLength: 40 }), async (places) => {
        const alerts = places.map(({ near, east, north }, n) => {
          const [longitude = 0, latitude = 0] = positionOf(rows[near] ?? {}) ?? [];
          const dec = Math.max(-90, Math.min(90, latitude + north * ARCSEC));
          const ra = longitude + 180 + (east * ARCSEC) / Math.max(1e-3, Math.cos((dec * Math.PI) / 180));
          return ztfAlert(BigInt(n), `object ${n}`, { ra: (ra + 720) % 360, dec });
        });
        const found = await withIndex.match(alerts);
        expect(found).toEqual(await without.match(alerts));
        found.forEach(({ crossMatches, document }) => {
          const [longitude = 0, latitude = 0] = positionOf(document) ?? [];
          const brute = rows.filter((each) => {
            const [lon = 0, lat = 0] = positionOf(each) ?? [];
            return separation(longitude, latitude, lon, lat) <= RADIUS * ARCSEC;
          });
          const matched = ((crossMatches?.["Rows"] ?? []) as Document[]).map(({ n }) => Number(n));
          expect(matched.toSorted((a, b) => a - b)).toEqual(
            brute.map(({ n }) => Number(n)).toSorted((a, b) => a - b),
          );
        });
      }),
      { numRuns: 25 },
    );
  });

  test.skipIf(skipped)(
    "a catalogue that changed is asked of the store until it is indexed anew",
    async () => {
      await store.insert("Grows", [row(1, 10, 20, { n: 1 })]);
      await buildSkyIndex(reader.catalogs, { dataDir, catalog: "Grows" });
      const indexes = new SkyIndexes(dataDir);
      const first = await stateOf("Grows");
      expect(indexes.of("Grows", first)?.head.rows).toBe(1);
      await store.insert("Grows", [row(2, 10, 20 + ARCSEC, { n: 2 })]);
      const second = await stateOf("Grows");
      expect(indexes.of("Grows", second)?.head).toBeUndefined();
      await buildSkyIndex(reader.catalogs, { dataDir, catalog: "Grows" });
      expect(new SkyIndexes(dataDir).of("Grows", second)?.head.rows).toBe(2);
      // Whoever has mapped the old file still has it whole.
      expect(indexes.of("Grows", first)?.rowsNear([{ ra: 10, dec: 20 }], 1).keys).toHaveLength(1);
    },
  );

  test.skipIf(skipped)(
    "other rows under the keys of a catalogue that was replaced a moment ago",
    async () => {
      await store.insert("Moved", [row(1, 10, 20, { n: 1 }), row(2, 50, 20, { n: 2 })]);
      await buildSkyIndex(reader.catalogs, { dataDir, catalog: "Moved" });
      const before = await stateOf("Moved");
      await store.drop("Moved");
      await store.insert("Moved", [row(1, 50, 20, { n: 3 }), row(2, 10, 20, { n: 4 })]);
      const late = {
        catalogs: { ...catalogsOf(reader), states: async () => new Map([["Moved", before]]) },
        storedObjects: async () => new Set<string>(),
      } as unknown as AlertReader;
      const catalogs = { ZTF: { Moved: { projection: { n: 1 } } } };
      const [record] = await new CrossMatcher({ catalogs, dataDir }, late).match([
        ztfAlert(1n, "object", { ra: 10, dec: 20 }),
      ]);
      expect((record?.crossMatches?.["Moved"] as Document[] | undefined)?.map(({ n }) => n)).toEqual([4]);
    },
  );

  test.skipIf(skipped)("a catalogue without positions, an empty one and one that is not there", async () => {
    await store.insert("Places", [{ _id: 1 }, { _id: 2, coordinates: { radec_geojson: null } }]);
    expect(await buildSkyIndex(reader.catalogs, { dataDir, catalog: "Places" })).toBe("built");
    expect(SkyIndex.open(skyIndexFile(dataDir, "Places"))?.rowsNear([{ ra: 0, dec: 0 }], 180).keys).toEqual(
      [],
    );
    expect(await buildSkyIndex(reader.catalogs, { dataDir, catalog: "Absent" })).toBe("changed");
    expect(existsSync(skyIndexFile(dataDir, "Absent"))).toBe(false);
  });

  test.skipIf(skipped)("a write while it is built leaves no index of a mixture", async () => {
    await store.insert("Busy", [row(1, 10, 20)]);
    let wrote = false;
    const busy = {
      ...catalogsOf(reader),
      async *positions(catalog: string) {
        yield* reader.catalogs.positions(catalog);
        if (!wrote) await store.insert("Busy", [row(2, 10, 20)]);
        wrote = true;
      },
    };
    expect(await buildSkyIndex(busy, { dataDir, catalog: "Busy" })).toBe("changed");
    expect(existsSync(skyIndexFile(dataDir, "Busy"))).toBe(false);
    expect(await buildSkyIndex(busy, { dataDir, catalog: "Busy" })).toBe("built");
    expect(readdirSync(skyIndexFolder(dataDir)).filter((name) => !name.endsWith(".index"))).toEqual([]);
  });

  test.skipIf(skipped)("the keeper builds what is missing, and removes what is of no catalogue", async () => {
    const kept = join(dataDir, `kept-${kind}`);
    await store.insert("Gone", [row(1, 10, 20)]);
    await buildSkyIndex(reader.catalogs, { dataDir: kept, catalog: "Gone" });
    await store.drop("Gone");
    const told: string[] = [];
    const keeper = new IndexKeeper(
      settings,
      { catalogs: { ZTF: { Rows: {}, Absent: {}, ZTF_alerts: {} } }, dataDir: kept },
      { log: (_, message) => told.push(message) },
    );
    await keeper.start();
    const state = await stateOf("Rows");
    for (let waited = 0; waited < 100 && told.length === 0; waited++) await Bun.sleep(100);
    keeper.stop();
    expect(told).toEqual([expect.stringMatching(/^index of Rows: built in \d/)]);
    expect(new SkyIndexes(kept).of("Rows", state)?.head.rows).toBe(2000);
    expect(existsSync(skyIndexFile(kept, "Gone"))).toBe(false);
  });
});

describe("a damaged file", () => {
  test.each([
    ["cut short", (file: string) => truncateSync(file, 1000)],
    ["empty", (file: string) => truncateSync(file, 0)],
    ["something else", (file: string) => writeFileSync(file, "x".repeat(5000))],
    [
      "of another layout",
      (file: string) =>
        writeFileSync(file, Buffer.concat([Buffer.from("KWSKYIX0"), readFileSync(file).subarray(8)])),
    ],
    ["with a damaged head", (file: string) => writeFileSync(file, readFileSync(file).fill(0x7b, 12, 20))],
  ])("%s is no index", async (_, damage) => {
    using folder = temporaryFolder();
    const store = await openStore({ kind: "embedded", dataDir: folder.path });
    await store.insert("C", [row(1, 10, 20)]);
    const reader = await openAlertReader({ kind: "embedded", dataDir: folder.path });
    await buildSkyIndex(reader.catalogs, { dataDir: folder.path, catalog: "C" });
    const file = skyIndexFile(folder.path, "C");
    expect(SkyIndex.open(file)?.head.rows).toBe(1);
    damage(file);
    expect(SkyIndex.open(file)?.head).toBeUndefined();
    reader.close();
    await store.close();
  });

  test("what a process left behind that ended while it wrote is removed, what another writes is not", async () => {
    using folder = temporaryFolder();
    const store = await openStore({ kind: "embedded", dataDir: folder.path });
    await store.insert("C", [row(1, 10, 20)]);
    const reader = await openAlertReader({ kind: "embedded", dataDir: folder.path });
    await buildSkyIndex(reader.catalogs, { dataDir: folder.path, catalog: "C" });
    const [old, fresh] = ["old.keys", "fresh.keys"].map((name) => join(skyIndexFolder(folder.path), name));
    for (const file of [old, fresh]) writeFileSync(file ?? "", "x");
    utimesSync(old ?? "", new Date(0), new Date(0));
    await buildSkyIndex(reader.catalogs, { dataDir: folder.path, catalog: "C" });
    expect([old, fresh].map((file) => existsSync(file ?? ""))).toEqual([false, true]);
    reader.close();
    await store.close();
  });
});

describe("names of files", () => {
  test("of catalogues that differ in case or in odd characters are apart, and lie in the folder", () => {
    const names = ["Gaia", "gaia", "a/b", "a_b", "../x", "ü", "x".repeat(300)].map((name) =>
      skyIndexFile("/d", name),
    );
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^\/d\/sky-index\/[A-Za-z0-9_.-]{1,120}$/);
  });
});

function catalogsOf(reader: AlertReader): AlertReader["catalogs"] {
  const { catalogs } = reader;
  return {
    states: (...args) => catalogs.states(...args),
    rowsNear: (...args) => catalogs.rowsNear(...args),
    positions: (...args) => catalogs.positions(...args),
    rows: (...args) => catalogs.rows(...args),
  };
}

function mongoSettings(): StoreSettings & { kind: "mongo" } {
  if (typeof set === "string") throw new Error(set);
  const url = new URL(set.url);
  url.pathname = `/${testDatabaseName()}`;
  return { kind: "mongo", url: url.href };
}

async function dropDatabase(url: string): Promise<void> {
  const client = new MongoClient(url);
  await client.db().dropDatabase();
  await client.close();
}
