/** The embedded store: what every store does, and what is its own. */
import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Document, double } from "../../src/query/index.ts";
import {
  embeddedEncoder,
  lockServe,
  openCatalogWriter,
  openEmbeddedReader,
  openEmbeddedStore,
  openEmbeddedWriter,
  POSITION_INDEX,
  StoreError,
} from "../../src/store/index.ts";
import { storeConformance } from "./conformance.ts";
import { alert, COLLECTIONS, history } from "./records.ts";

const folders: string[] = [];

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kowalski-store-"));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe("embedded store", () => {
  storeConformance(async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "kowalski-store-"));
    const store = await openEmbeddedStore({ dataDir });
    const writer = await openEmbeddedWriter({ dataDir, followReported: true });
    const reader = openEmbeddedReader({ dataDir });
    return {
      store,
      writer,
      encoder: embeddedEncoder(),
      settings: { kind: "embedded", dataDir },
      reader,
      async close() {
        reader.close();
        await writer.close();
        await store.close();
        rmSync(dataDir, { recursive: true, force: true });
      },
    };
  });
});

describe("positions near a pole", () => {
  const place = (ra: number, dec: number) => ({
    radec_geojson: { type: "Point", coordinates: [double(ra - 180), double(dec)] },
  });
  const round = (centre: readonly [number, number], radius: number): Document => ({
    "coordinates.radec_geojson": { $geoWithin: { $centerSphere: [[centre[0] - 180, centre[1]], radius] } },
  });
  const rows = Array.from({ length: 2000 }, (_, n) => ({
    _id: n,
    coordinates: place((n * 137.5) % 360, (n % 2 === 0 ? 1 : -1) * (90 - 0.09 * Math.sqrt(n / 2000))),
  }));
  const arcsec = Math.PI / 180 / 3600;

  test("are looked up as elsewhere, without a look at all of them", async () => {
    const store = await openEmbeddedStore({ dataDir: newFolder() });
    await store.ensureIndexes("stars", [POSITION_INDEX]);
    await store.insert("stars", rows);
    for (const n of [500, 501, 1999]) {
      const filter = round(
        [(n * 137.5) % 360, (n % 2 === 0 ? 1 : -1) * (90 - 0.09 * Math.sqrt(n / 2000))],
        arcsec,
      );
      const explained = await store.explainFind({ collection: "stars", filter, maxTimeMs: 10_000 });
      expect(explained.documentsReturned).toBe(1);
      expect(explained.documentsExamined).toBeLessThan(50);
    }
    await store.close();
  });

  test("that were stored by the first version, in one cell for all, are found", async () => {
    const dataDir = newFolder();
    const first = await openEmbeddedStore({ dataDir });
    await first.ensureIndexes("stars", [POSITION_INDEX]);
    await first.insert("stars", rows);
    await first.close();
    const database = new Database(join(dataDir, "kowalski.db"));
    // The threads of the store may still be folding its log.
    database.run("PRAGMA busy_timeout = 10000");
    const { id } = database.query("SELECT id FROM collections WHERE name = 'stars'").get() as { id: number };
    const north = 12 * 4 ** 14;
    database.run(`UPDATE c${id} SET k0 = ${north} + id % 2`);
    database.run("PRAGMA user_version = 1");
    database.close();
    const store = await openEmbeddedStore({ dataDir });
    await store.insert("stars", [{ _id: 5000, coordinates: place(0, 90) }]);
    for (const [centre, radius, count] of [
      [[0, 90], 0.1 * 3600 * arcsec, 1001],
      [[0, -90], 0.1 * 3600 * arcsec, 1000],
      [[0, 90], 0.001 * arcsec, 2],
    ] as const) {
      expect(
        await store.count({ collection: "stars", filter: round(centre, radius), maxTimeMs: 10_000 }),
      ).toBe(count);
    }
    await store.close();
  });
});

describe("data folder", () => {
  test("of a newer version is refused with a word", async () => {
    const dataDir = newFolder();
    (await openEmbeddedWriter({ dataDir })).close();
    const database = new Database(join(dataDir, "kowalski.db"));
    database.run("PRAGMA user_version = 99");
    database.close();
    for (const open of [openEmbeddedStore, openEmbeddedWriter]) {
      const error = await open({ dataDir }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StoreError);
      expect(String(error)).toContain("newer version");
    }
  });

  test("that is a file, or holds something else, is refused with a word", async () => {
    const dataDir = newFolder();
    await Bun.write(join(dataDir, "file"), "x");
    const onFile = await openEmbeddedStore({ dataDir: join(dataDir, "file") }).catch((e: unknown) => e);
    expect(onFile).toBeInstanceOf(StoreError);
    await Bun.write(join(dataDir, "kowalski.db"), "this is no database ".repeat(1000));
    const onGarbage = await openEmbeddedStore({ dataDir }).catch((e: unknown) => e);
    expect(onGarbage).toBeInstanceOf(StoreError);
    expect(String(onGarbage)).toContain("damaged");
  });

  test("serves one serve at a time", async () => {
    const dataDir = newFolder();
    const unlock = lockServe(dataDir);
    expect(() => lockServe(dataDir)).toThrow("another");
    unlock();
    lockServe(dataDir)();
  });

  test("is free again when its serve is killed", async () => {
    const dataDir = newFolder();
    const lock = join(import.meta.dir, "../../src/store/embedded/lock.ts");
    const code = `import { lockServe } from ${JSON.stringify(lock)}; globalThis.unlock = lockServe(${JSON.stringify(dataDir)}); console.log("locked"); setInterval(() => {}, 1000);`;
    const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "ignore" });
    try {
      await child.stdout.getReader().read();
      expect(() => lockServe(dataDir)).toThrow("another");
    } finally {
      child.kill("SIGKILL");
    }
    await child.exited;
    lockServe(dataDir)();
  });

  test("keeps what was written when the process is killed", async () => {
    const dataDir = newFolder();
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "write-until-killed.ts"), dataDir], {
      stdout: "pipe",
    });
    // Each line is a batch that was acknowledged.
    const reader = child.stdout.getReader();
    let acknowledged = "";
    while (acknowledged.split("\n").length < 4) {
      acknowledged += new TextDecoder().decode((await reader.read()).value);
    }
    child.kill("SIGKILL");
    await child.exited;
    const batches = acknowledged.trim().split("\n").length;
    const store = await openEmbeddedStore({ dataDir });
    const count = (collection: string) => store.count({ collection, filter: {}, maxTimeMs: 10_000 });
    const stored = await count(COLLECTIONS.alerts);
    expect(stored).toBeGreaterThanOrEqual(10 * batches);
    // Whole batches only: alert, object and position of each.
    expect(stored % 10).toBe(0);
    expect(await count(COLLECTIONS.aux)).toBe(stored);
    const position = await store.findOne({ collection: "sources", filter: { _id: "test" }, maxTimeMs: 1000 });
    expect(position?.["position"]).toBe(String(stored / 10));
    await store.close();
  });
});

describe("beside another process", () => {
  test("a catalogue is loaded by one writer at a time, others by others", async () => {
    const settings = { kind: "embedded", dataDir: newFolder() } as const;
    const [one, two] = [await openCatalogWriter(settings), await openCatalogWriter(settings)];
    const load = { mode: "replace", fingerprint: "", indexes: [] } as const;
    await one.begin({ collection: "stars", ...load });
    const refused = await two.begin({ collection: "stars", ...load }).catch((error: unknown) => error);
    expect(String(refused)).toContain("another process is loading stars");
    await two.begin({ collection: "galaxies", ...load });
    await one.close();
    await two.begin({ collection: "stars", ...load });
    await two.close();
  });

  test("a store sees what another writes, and hears of it", async () => {
    const dataDir = newFolder();
    const here = await openEmbeddedStore({ dataDir });
    const there = await openEmbeddedStore({ dataDir });
    const heard = new Promise<void>((resolve) => here.onChange("users", resolve));
    await there.insert("users", [{ _id: "x" }]);
    await heard;
    expect(await here.findOne({ collection: "users", filter: {}, maxTimeMs: 1000 })).toEqual({ _id: "x" });
    await here.close();
    await there.close();
  });

  test("a writer goes on when another process drops its collections", async () => {
    const dataDir = newFolder();
    const store = await openEmbeddedStore({ dataDir });
    const writer = await openEmbeddedWriter({ dataDir });
    const encoder = embeddedEncoder();
    const rest = { deadLetters: [], outbox: [], positions: [] };
    const record = alert(1n, "a", { histories: [history("prv_candidates", [1.5])] });
    await writer.write({ alerts: [encoder.encode(record)], ...rest });
    for (const name of Object.values(COLLECTIONS)) await store.drop(name);
    const result = await writer.write({ alerts: [encoder.encode(record)], ...rest });
    expect(result.stored).toBe(1);
    expect(await store.count({ collection: COLLECTIONS.aux, filter: {}, maxTimeMs: 1000 })).toBe(1);
    await writer.close();
    await store.close();
  });
});

describe("encoder", () => {
  test("leaves cutouts out when told so", async () => {
    const dataDir = newFolder();
    const writer = await openEmbeddedWriter({ dataDir });
    const record = alert(1n, "a", { cutout: new Uint8Array(100) });
    const alerts = [embeddedEncoder({ cutouts: "none" }).encode(record)];
    await writer.write({ alerts, deadLetters: [], outbox: [], positions: [] });
    await writer.close();
    const store = await openEmbeddedStore({ dataDir });
    expect(await store.count({ collection: COLLECTIONS.cutouts, filter: {}, maxTimeMs: 1000 })).toBe(0);
    await store.close();
  });

  test("gives rows that survive the way between threads", async () => {
    const encoded = embeddedEncoder().encode(
      alert(1n, "a", { cutout: new Uint8Array(100), histories: [history("prv_candidates", [1.5, 2.5])] }),
    );
    expect(structuredClone(encoded)).toEqual(encoded);
  });
});
