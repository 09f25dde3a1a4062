/** Stored alerts are scored again, on either store: which, with what, and what is written. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { type RescoreOptions, rescore, type ScoreSettings } from "../../src/enrich/scores/index.ts";
import type { ModelSettings } from "../../src/enrich/scores/model.ts";
import { chooseRuntime } from "../../src/enrich/scores/runtime.ts";
import type { Document } from "../../src/query/index.ts";
import {
  type AlertRecord,
  alertEncoder,
  openAlertWriter,
  openStore,
  type Store,
  type StoreSettings,
} from "../../src/store/index.ts";
import { ztf } from "../../src/surveys/ztf.ts";
import { testDatabaseName, testReplicaSet } from "../support/mongod.ts";
import { lookedUp, meanOfTriplet } from "../support/onnx.ts";
import { skipOrFail } from "../support/services.ts";
import { cutouts, flat } from "../support/stamps.ts";

const runtime = await chooseRuntime([]);
const FIRST = 9_007_199_254_740_993n;
const ALERTS = 450;
/** Alerts of three nights, at noon of the first one's Julian date. */
const JD = 2_460_000;

function alert(n: number): AlertRecord {
  const candid = FIRST + BigInt(n);
  const jd = JD + (n % 3) + 0.25;
  return {
    survey: "ZTF",
    collections: ztf.collections,
    candid,
    objectId: `ZTF${n}`,
    jd,
    document: {
      _id: candid,
      candid,
      objectId: `ZTF${n}`,
      candidate: { jd, magpsf: n % 2, pid: BigInt(n) },
      classifications: { other: 0.25 },
    },
    histories: [],
    // Every tenth has none.
    cutouts: n % 10 === 0 ? [] : cutouts(flat(63, 63, 1)),
  };
}

function model(name: string, bytes: Uint8Array, given: Partial<ModelSettings>): ModelSettings {
  return { name, survey: "ZTF", version: "1", inputs: ["features"], features: ["magpsf"], bytes, ...given };
}

const PARITY = model("parity", lookedUp([0.25, 0.75]), {});
const MEAN = model("mean", meanOfTriplet(), { inputs: ["triplet"] });

interface Opened {
  readonly settings: StoreSettings;
  close(): Promise<void>;
}

async function openEmbedded(): Promise<Opened> {
  const dataDir = mkdtempSync(join(tmpdir(), "kowalski-rescore-"));
  return {
    settings: { kind: "embedded", dataDir },
    close: async () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

const set = await testReplicaSet();

async function openMongo(): Promise<Opened> {
  if (typeof set === "string") throw new Error(set);
  const url = new URL(set.url);
  url.pathname = `/${testDatabaseName()}`;
  return {
    settings: { kind: "mongo", url: url.href },
    async close() {
      const client = new MongoClient(url.href);
      await client.db().dropDatabase();
      await client.close();
    },
  };
}

function rescoreTests(open: () => Promise<Opened>, kind: StoreSettings["kind"]): void {
  let opened: Opened;
  let store: Store;

  beforeAll(async () => {
    opened = await open();
    const writer = await openAlertWriter(opened.settings);
    const encoder = alertEncoder(opened.settings);
    const alerts = Array.from({ length: ALERTS }, (_, n) => encoder.encode(alert(n)));
    await writer.write({ alerts, deadLetters: [], outbox: [], positions: [] });
    await writer.close();
    store = await openStore(opened.settings);
  });

  afterAll(async () => {
    await store.close();
    await opened.close();
  });

  const run = async (models: readonly ModelSettings[], given: Partial<RescoreOptions> = {}) => {
    const scores: ScoreSettings = { runtime, models };
    const options = {
      missing: false,
      threads: 2,
      signal: new AbortController().signal,
      progress: () => {},
      ...given,
    };
    const { seen, unnamed, changed, news } = await rescore(store, ztf, scores, options);
    return { seen, unnamed, changed, counts: news.counts };
  };

  const stored = (filter: Document): Promise<Document | undefined> =>
    store.findOne({ collection: "ZTF_alerts", filter, maxTimeMs: 10_000 });

  test("only alerts of the dates and the filter are looked at", async () => {
    const parity = { parity: { scored: 150 } };
    expect(await run([PARITY], { from: JD + 1, to: JD + 2 })).toEqual({
      seen: 150,
      unnamed: 0,
      changed: 150,
      counts: parity,
    });
    const one = await run([PARITY], { filter: { candid: FIRST + 5n } });
    expect(one).toMatchObject({ seen: 1, changed: 1 });
    expect((await run([PARITY], { from: JD + 3 })).seen).toBe(0);
    expect(await stored({ candid: FIRST + 4n })).toMatchObject({
      classifications: { other: 0.25, parity: 0.25, parity_version: "1" },
    });
    expect((await stored({ candid: FIRST + 3n }))?.["classifications"]).toEqual({ other: 0.25 });
  });

  test("with `missing`, those that have all scores are left out", async () => {
    const { seen, changed } = await run([PARITY], { missing: true });
    expect({ seen, changed }).toEqual({ seen: ALERTS - 151, changed: ALERTS - 151 });
    expect((await run([PARITY], { missing: true })).seen).toBe(0);
    // A network that is new, and a new version of one.
    const newer = { ...PARITY, version: "2" };
    expect((await run([newer, MEAN], { missing: true })).seen).toBe(ALERTS);
  });

  test("cutouts are scored where they are kept, and the same scores are not written again", async () => {
    const again = await run([{ ...PARITY, version: "2" }, MEAN]);
    expect(again).toEqual({
      seen: ALERTS,
      unnamed: 0,
      changed: 0,
      counts: {
        parity: { scored: ALERTS },
        mean: { scored: (ALERTS * 9) / 10, "no science stamp": ALERTS / 10 },
      },
    });
    expect(await stored({ candid: FIRST + 7n })).toMatchObject({
      classifications: {
        other: 0.25,
        parity: 0.75,
        parity_version: "2",
        mean: expect.closeTo(1 / 63, 6),
        mean_version: "1",
      },
      candidate: { pid: 7n },
    });
  });

  test("a score that cannot be made again stays", async () => {
    const never = { ...PARITY, version: "3", when: '{"candid": -1}' };
    expect(await run([never])).toMatchObject({ changed: 0, counts: { parity: { "not selected": ALERTS } } });
    expect(await stored({ candid: FIRST })).toMatchObject({
      classifications: { parity: 0.25, parity_version: "2" },
    });
  });

  test("a run that is stopped can be run again", async () => {
    const stop = new AbortController();
    const newer = { ...PARITY, version: "4" };
    const first = await run([newer], { signal: stop.signal, progress: () => stop.abort(), threads: 1 });
    expect(first.seen).toBeLessThan(ALERTS);
    const second = await run([newer], { missing: true });
    expect(first.changed + second.changed).toBe(ALERTS);
  });

  // The embedded store takes no such alert.
  if (kind === "mongo") {
    test("alerts whose candid is no whole number are passed over, and counted", async () => {
      const { alerts } = ztf.collections;
      await store.insert(alerts, [{ _id: FIRST - 1n, candid: "odd", candidate: { jd: JD, magpsf: 1 } }]);
      const found = await run([{ ...PARITY, version: "5" }], { filter: { candid: { $in: ["odd", FIRST] } } });
      await store.remove(alerts, FIRST - 1n);
      expect(found).toMatchObject({ seen: 1, changed: 1, unnamed: 1 });
    });
  }

  test("a filter that is none says so", async () => {
    await expect(run([PARITY], { filter: { a: { $gtt: 1 } } })).rejects.toThrow("$gtt");
  });
}

describe("on the embedded store", () => rescoreTests(openEmbedded, "embedded"));
const withoutSet = skipOrFail("scoring on a MongoDB replica set", typeof set !== "string", String(set));
describe.skipIf(withoutSet)("on MongoDB", () => rescoreTests(openMongo, "mongo"));
