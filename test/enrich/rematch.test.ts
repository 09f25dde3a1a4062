/** Matching stored objects once more: what changes, what stays, and that an interrupted run goes on. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { CrossMatcher, rematch } from "../../src/enrich/crossmatch/index.ts";
import type { Document } from "../../src/query/index.ts";
import {
  alertEncoder,
  openAlertReader,
  openAlertWriter,
  openStore,
  POSITION_INDEX,
  type Store,
  type StoreSettings,
} from "../../src/store/index.ts";
import { ztfAlert } from "../support/api.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testDatabaseName, testReplicaSet } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";
import { row } from "./support.ts";

const set = await testReplicaSet();
const withoutSet = skipOrFail("a MongoDB replica set", typeof set !== "string", String(set));
const ARCSEC = 1 / 3600;
const OBJECTS = 1200;
const nameOf = (n: number) => `ZTF24${String(n).padStart(6, "0")}`;
/** Objects lie in a line; every third has a star. */
const placeOf = (n: number) => ({ ra: 30 + n * 0.1, dec: -20 });
const stars = (mag: number) =>
  Array.from({ length: OBJECTS / 3 }, (_, n) => {
    const { ra, dec } = placeOf(3 * n);
    return row(n, ra, dec + ARCSEC, { mag });
  });

describe.each([
  ["embedded", false],
  ["mongo", withoutSet],
] as const)("on the %s store", (kind, skipped) => {
  const folder = temporaryFolder();
  const dataDir = folder.path;
  const catalogs = { ZTF: { Stars: { projection: { mag: 1 } }, Others: { projection: { mag: 1 } } } };
  let store: Store;
  let settings: StoreSettings;

  beforeAll(async () => {
    if (skipped) return;
    settings = kind === "embedded" ? { kind, dataDir } : mongoSettings();
    store = await openStore(settings);
    const writer = await openAlertWriter(settings);
    const reader = await openAlertReader(settings);
    await store.insert("Others", [row("o", placeOf(0).ra, placeOf(0).dec, { mag: 3.5 })]);
    const encoder = alertEncoder(settings, { cutouts: "none" });
    const matcher = new CrossMatcher({ catalogs, dataDir }, reader);
    const records = Array.from({ length: OBJECTS }, (_, n) => ztfAlert(BigInt(n + 1), nameOf(n), placeOf(n)));
    const alerts = (await matcher.match(records)).map((record) =>
      encoder.withCrossMatches(encoder.encode(record), record.crossMatches ?? {}),
    );
    // A later alert of the first object is elsewhere.
    alerts.push(encoder.encode(ztfAlert(10_000n, nameOf(0), placeOf(500))));
    await writer.write({ alerts, deadLetters: [], outbox: [], positions: [] });
    await writer.close();
    reader.close();
  });

  afterAll(async () => {
    if (!skipped) {
      await store.close();
      if (settings.kind === "mongo") await dropDatabase(settings.url);
    }
    folder[Symbol.dispose]();
  });

  const load = async (mag: number) => {
    await store.drop("Stars");
    await store.insert("Stars", stars(mag));
    await store.ensureIndexes("Stars", [POSITION_INDEX]);
  };
  const run = (given: Partial<Parameters<typeof rematch>[0]> = {}) =>
    rematch({
      ...{
        store: settings,
        settings: { catalogs, dataDir },
        survey: "ZTF",
        catalogs: ["Stars"],
        total: OBJECTS,
      },
      ...{ fromStart: false, signal: new AbortController().signal, progress: () => {}, onIndex: () => {} },
      ...given,
    });
  const stored = async (n: number) => {
    const request = { collection: "ZTF_alerts_aux", filter: { _id: nameOf(n) }, maxTimeMs: 5000 };
    const { Stars, Others } = ((await store.findOne(request))?.["cross_matches"] ?? {}) as Document;
    return { Stars, Others };
  };
  const magnitudes = async () => {
    const request = { collection: "ZTF_alerts_aux", filter: {}, maxTimeMs: 20_000 };
    const found = await Array.fromAsync(store.find(request).documents());
    const lists = found.map((each) => (each["cross_matches"] as Document)["Stars"] as Document[] | undefined);
    return Object.fromEntries(
      Map.groupBy(lists, (list) => String(list?.[0]?.["mag"] ?? "none"))
        .entries()
        .map(([mag, all]) => [mag, all.length] as const),
    );
  };

  test.skipIf(skipped)("a catalogue that was loaded later, by its name: other lists stay", async () => {
    expect(await stored(0)).toMatchObject({ Stars: [], Others: [{ _id: "o" }] });
    await load(12.5);
    const indexed: string[] = [];
    expect(await run({ onIndex: (catalog) => indexed.push(catalog) })).toEqual({
      ...{ objects: OBJECTS, matched: OBJECTS / 3, resumed: false, stopped: false, outdated: false },
    });
    expect(indexed).toEqual(["Stars"]);
    expect(await stored(0)).toMatchObject({
      Stars: [{ _id: 0, mag: 12.5, coordinates: { distance_arcsec: expect.anything() } }],
      Others: [{ _id: "o", mag: 3.5 }],
    });
    expect(await magnitudes()).toEqual({ "12.5": OBJECTS / 3, none: (2 * OBJECTS) / 3 });
  });

  test.skipIf(skipped)(
    "a run that is interrupted goes on, one on another catalogue begins anew",
    async () => {
      await load(13.5);
      const first = new AbortController();
      const stopped = await run({ signal: first.signal, progress: () => first.abort() });
      expect(stopped).toMatchObject({ objects: 500, resumed: false, stopped: true });
      expect(await magnitudes()).toMatchObject({ "12.5": 233, "13.5": 167 });
      expect(await run()).toMatchObject({ objects: OBJECTS - 500, resumed: true, stopped: false });
      expect(await magnitudes()).toMatchObject({ "13.5": OBJECTS / 3 });
      // A run that came to its end is not gone on with.
      expect(await run()).toMatchObject({ objects: OBJECTS, resumed: false });
      const second = new AbortController();
      await run({ signal: second.signal, progress: () => second.abort() });
      await load(14.5);
      expect(await run()).toMatchObject({ objects: OBJECTS, resumed: false });
      expect(await magnitudes()).toMatchObject({ "14.5": OBJECTS / 3 });
    },
  );

  test.skipIf(skipped)("a run that is killed goes on with what it wrote last", async () => {
    await load(15.5);
    const options = { store: settings, settings: { catalogs, dataDir }, survey: "ZTF", catalogs: ["Stars"] };
    const child = Bun.spawn({
      cmd: [
        process.execPath,
        join(import.meta.dir, "rematch-until-killed.ts"),
        JSON.stringify({ ...options, total: 0, fromStart: false }),
      ],
      stdout: "pipe",
    });
    for await (const _ of child.stdout) break;
    child.kill("SIGKILL");
    await child.exited;
    const { "15.5": written = 0 } = await magnitudes();
    expect(written).toBeGreaterThanOrEqual(167);
    const { objects, resumed } = await run();
    // Whether it came to its end before the kill is a matter of luck; then all are matched again.
    expect([OBJECTS, OBJECTS - 500, OBJECTS - 1000, 0]).toContain(objects);
    expect(resumed).toBe(objects < OBJECTS);
    expect(await magnitudes()).toEqual({ "15.5": OBJECTS / 3, none: (2 * OBJECTS) / 3 });
  });

  test.skipIf(skipped)(
    "what changes while it runs is told; a catalogue that is gone leaves empty lists",
    async () => {
      let written = false;
      const result = await run({
        progress: () => {
          if (!written) void store.insert("Stars", [row("new", 300, 80, { mag: 1.5 })]);
          written = true;
        },
      });
      expect(result).toMatchObject({ objects: OBJECTS, outdated: true });
      await store.drop("Stars");
      await Bun.sleep(kind === "mongo" ? 1100 : 0);
      expect(await run({ catalogs: [] })).toMatchObject({ objects: OBJECTS, matched: 1 });
      expect(await magnitudes()).toEqual({ none: OBJECTS });
      expect(await stored(0)).toMatchObject({ Others: [{ _id: "o" }] });
    },
  );

  test.skipIf(skipped)("a catalogue that the survey is not matched with is refused", async () => {
    const error = await run({ catalogs: ["Nothing"] }).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain("objects of ZTF are not matched with Nothing");
  });
});

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
