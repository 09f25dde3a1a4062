/** The Mongo store against real servers: the conformance suite, and what only this store has. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { MongoClient, MongoNetworkError, MongoServerError } from "mongodb";
import { type Document, QueryError } from "../../src/query/index.ts";
import {
  alertEncoder,
  openAlertReader,
  openAlertWriter,
  openStore,
  type Store,
  StoreError,
} from "../../src/store/index.ts";
import type { MongoOptions } from "../../src/store/mongo/client.ts";
import { queryError } from "../../src/store/mongo/errors.ts";
import { testDatabaseName, testMongod, testReplicaSet } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";
import { type OpenStore, storeConformance } from "./conformance.ts";
import { alert, COLLECTIONS, history } from "./records.ts";

const set = await testReplicaSet();
const standalone = await testMongod();
const withoutSet = skipOrFail("a MongoDB replica set", typeof set !== "string", String(set));
const withoutServer = skipOrFail("a MongoDB server", typeof standalone !== "string", String(standalone));

/** The address of a database on a test server. */
function addressOf(server: typeof set, database: string): string {
  if (typeof server === "string") throw new Error(server);
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  return url.href;
}

async function dropDatabase(url: string): Promise<void> {
  const client = new MongoClient(url);
  await client.db().dropDatabase();
  await client.close();
}

function opener(server: typeof set, more: Partial<MongoOptions> = {}): OpenStore {
  return async () => {
    const options = { url: addressOf(server, testDatabaseName()), ...more };
    const store = await openStore({ kind: "mongo", ...options });
    const writer = await openAlertWriter({ kind: "mongo", ...options }, { followReported: true });
    const reader = await openAlertReader({ kind: "mongo", ...options });
    return {
      store,
      writer,
      encoder: alertEncoder({ kind: "mongo", url: "" }),
      settings: { kind: "mongo", ...options },
      reader,
      async close() {
        reader.close();
        await writer.close();
        await store.close();
        await dropDatabase(options.url);
      },
    };
  };
}

describe.skipIf(withoutSet)("on a replica set", () => {
  storeConformance(opener(set));

  test("writers on several hosts that meet the same alerts and objects store each once", async () => {
    const url = addressOf(set, testDatabaseName());
    const writers = await Promise.all([1, 2, 3].map(() => openAlertWriter({ kind: "mongo", url })));
    const store = await openStore({ kind: "mongo", url });
    const encoder = alertEncoder({ kind: "mongo", url: "" });
    const alerts = Array.from({ length: 60 }, (_, n) =>
      encoder.encode(
        alert(BigInt(n), `obj${n % 7}`, { histories: [history("prv_candidates", [n + 0.5, n + 1.5])] }),
      ),
    );
    const batch = (from: number, to: number) => ({
      alerts: alerts.slice(from, to),
      deadLetters: [],
      outbox: [encoder.encodeEntry({ id: "m", survey: "TEST", candid: 1n, objectId: "obj1", document: {} })],
      positions: [],
    });
    const results = await Promise.all(
      writers.flatMap((writer) => [writer.write(batch(0, 40)), writer.write(batch(20, 60))]),
    );
    expect(results.reduce((sum, { stored }) => sum + stored, 0)).toBe(60);
    const count = (collection: string) => store.count({ collection, filter: {}, maxTimeMs: 5000 });
    expect(await count(COLLECTIONS.alerts)).toBe(60);
    expect(await count("outbox")).toBe(1);
    const object = await store.findOne({
      collection: COLLECTIONS.aux,
      filter: { _id: "obj3" },
      maxTimeMs: 5000,
    });
    const times = ((object?.["prv_candidates"] ?? []) as Document[]).map(({ jd }) => jd);
    const expected = Array.from({ length: 60 }, (_, n) => n)
      .filter((n) => n % 7 === 3)
      .flatMap((n) => [n + 0.5, n + 1.5]);
    expect(times).toEqual(expected);
    for (const each of [...writers, store]) await each.close();
    await dropDatabase(url);
  });
});

describe.skipIf(withoutServer)("on a standalone server", () => {
  test("is refused with what to do", async () => {
    const opening = openStore({ kind: "mongo", url: addressOf(standalone, testDatabaseName()) });
    const error = await opening.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoreError);
    expect(String(error)).toContain("database.allow_standalone");
  });

  test("where that is accepted it is told what can be lost", async () => {
    const url = addressOf(standalone, testDatabaseName());
    const store = await openStore({ kind: "mongo", url, allowStandalone: true });
    expect(store.caution).toContain("half written");
    expect(await store.deployment()).toMatch(/^standalone server \(.*half written/);
    await store.close();
    if (withoutSet) return;
    const safe = await openStore({ kind: "mongo", url: addressOf(set, testDatabaseName()) });
    expect(safe.caution).toBeUndefined();
    await safe.close();
  });

  describe("when that is accepted", () => {
    storeConformance(opener(standalone, { allowStandalone: true }));
  });

  test("a batch that was cut off is completed by writing it again", async () => {
    const url = addressOf(standalone, testDatabaseName());
    const options = { url, allowStandalone: true };
    const [writer, store] = [
      await openAlertWriter({ kind: "mongo", ...options }),
      await openStore({ kind: "mongo", ...options }),
    ];
    const encoder = alertEncoder({ kind: "mongo", url: "" });
    const alerts = [1n, 2n, 3n].map((candid) =>
      encoder.encode(
        alert(candid, "obj", { histories: [history("prv_candidates", [Number(candid) + 0.5])] }),
      ),
    );
    const batch = { alerts, deadLetters: [], outbox: [], positions: [] };
    await writer.write(batch);
    // As after a crash between the histories and the alerts.
    const client = new MongoClient(url);
    await client
      .db()
      .collection(COLLECTIONS.alerts)
      .deleteMany({ candid: { $gt: 1 } });
    await client.close();
    expect(await writer.write(batch)).toEqual({ stored: 2, duplicates: 1, deadLetters: 0 });
    const object = await store.findOne({
      collection: COLLECTIONS.aux,
      filter: { _id: "obj" },
      maxTimeMs: 5000,
    });
    expect(((object?.["prv_candidates"] ?? []) as Document[]).length).toBe(3);
    await writer.close();
    await store.close();
    await dropDatabase(url);
  });
});

test.skipIf(withoutSet)("a replica set of another name is told as that", async () => {
  for (const more of ["directConnection=true&", ""]) {
    const url = addressOf(set, testDatabaseName()).replace(/\?.*/, `?${more}replicaSet=other`);
    const opening = openStore({ kind: "mongo", url, selectionTimeoutMs: 1000 });
    const error = await opening.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoreError);
    expect(String(error)).toContain("the replica set other");
    expect(String(error)).toContain("replicaSet in the address");
  }
});

test.skipIf(withoutSet)("the deployment is told as what it is", async () => {
  const store = await openStore({ kind: "mongo", url: addressOf(set, testDatabaseName()) });
  expect(await store.deployment()).toMatch(/^replica set \S+, nothing is sharded$/);
  await store.close();
});

describe.skipIf(withoutSet)("a database that another system filled", () => {
  const url = withoutSet ? "" : addressOf(set, testDatabaseName());
  let store: Store;
  beforeAll(async () => {
    const client = new MongoClient(url);
    await client
      .db()
      .collection("TEST_alerts_aux")
      .insertOne({ _id: "obj" as never, prv_candidates: [{ jd: 2460000.5 }], cross_matches: { CLU: [] } });
    await client.close();
    store = await openStore({ kind: "mongo", url });
  });
  afterAll(async () => {
    if (withoutSet) return;
    await store.close();
    await dropDatabase(url);
  });

  test("answers queries", async () => {
    const found = await store.findOne({
      collection: "TEST_alerts_aux",
      filter: { _id: "obj" },
      maxTimeMs: 5000,
    });
    expect(found).toEqual({ _id: "obj", prv_candidates: [{ jd: 2460000.5 }], cross_matches: { CLU: [] } });
    expect(await store.estimatedCount("TEST_alerts_aux")).toBe(1);
  });

  test("takes no alerts, and says why", async () => {
    expect(await store.deployment()).toEndWith(
      "TEST_alerts_aux filled by another system: no alerts can be added",
    );
    const writer = await openAlertWriter({ kind: "mongo", url });
    const batch = { deadLetters: [], outbox: [], positions: [] };
    const writing = writer.write({
      ...batch,
      alerts: [alertEncoder({ kind: "mongo", url: "" }).encode(alert(1n, "obj"))],
    });
    expect(String(await writing.catch((error: unknown) => error))).toContain("another system");
    await writer.close();
  });
});

describe.skipIf(withoutSet)("reading for filters", () => {
  const settings = { kind: "mongo", url: withoutSet ? "" : addressOf(set, testDatabaseName()) } as const;
  afterAll(() => (withoutSet ? undefined : dropDatabase(settings.url)));

  test("records grow as the writer lets them grow", async () => {
    const [writer, reader] = [await openAlertWriter(settings), await openAlertReader(settings)];
    const encoder = alertEncoder(settings);
    const row = (text: string) => (jd: number) => ({ jd, text });
    const update = (jds: number[], text: string) => history("prv_candidates", jds, { row: row(text) });
    const ranked = (jds: number[], rank: number) =>
      history("fp_hists", jds, { rank, row: (jd) => ({ jd, rank }) });
    const batches = [
      [alert(1n, "a", { histories: [update([1.5, 2.5], "x"), ranked([1.5, 2.5], 19.5)] })],
      [
        alert(2n, "a", { histories: [update([2.5, 3.5], "y"), ranked([2.5], 18.5)] }),
        alert(3n, "a", { histories: [update([0.5, 3.5], "z"), ranked([1.5, 2.5], 18.75)] }),
        alert(4n, "b", { histories: [history("fp_hists", [1.5], { rank: 1, startsRecord: false })] }),
      ],
    ];
    for (const batch of batches) {
      const records = await reader.records(COLLECTIONS, ["a", "b"]);
      for (const each of batch) records.get(each.objectId)?.append(each.histories);
      const alerts = batch.map((each) => encoder.encode(each));
      await writer.write({ alerts, deadLetters: [], outbox: [], positions: [] });
      const stored = await reader.records(COLLECTIONS, ["a", "b"]);
      for (const id of ["a", "b"]) {
        for (const field of ["prv_candidates", "fp_hists"]) {
          expect(records.get(id)?.rows(field)).toEqual(stored.get(id)?.rows(field));
        }
      }
    }
    expect(await reader.storedCandids(COLLECTIONS, [1n, 4n, 5n])).toEqual(new Set([1n, 4n]));
    const selection = { collections: COLLECTIONS, filter: { objectId: "a" } };
    expect(await reader.count(selection)).toBe(3);
    const [newest] = await Array.fromAsync(reader.alerts({ ...selection, newest: 2 }));
    expect(newest?.length).toBe(2);
    reader.close();
    await writer.close();
  });

  test("a change of a small collection is noticed", async () => {
    const [store, reader] = [await openStore(settings), await openAlertReader(settings)];
    const before = await reader.changeMark("filters");
    await store.insert("filters", [{ _id: 1, active: true }]);
    await Bun.sleep(1100);
    const after = await reader.changeMark("filters");
    expect(after).not.toBe(before);
    expect(await reader.documents("filters")).toEqual([{ _id: 1, active: true }]);
    reader.close();
    await store.close();
  });
});

describe.skipIf(withoutSet)("queries", () => {
  test("cannot run code on the server", async () => {
    const url = addressOf(set, testDatabaseName());
    const store = await openStore({ kind: "mongo", url });
    for (const filter of [
      { $where: "true" },
      { a: 1, $or: [{ $expr: { $function: { body: "function() {}", args: [], lang: "js" } } }] },
    ] as Document[]) {
      const asking = store.findOne({ collection: "things", filter, maxTimeMs: 5000 });
      expect(String(await asking.catch((error: unknown) => error))).toMatch(/filter.*not supported/);
    }
    await store.close();
  });

  test("cannot run code on the server in a projection", async () => {
    const url = addressOf(set, testDatabaseName());
    const store = await openStore({ kind: "mongo", url });
    const projection = { x: { $function: { body: "function() {}", args: [], lang: "js" } } };
    const asking = store.findOne({ collection: "things", filter: {}, projection, maxTimeMs: 5000 });
    expect(String(await asking.catch((error: unknown) => error))).toMatch(/\$function.*not supported/);
    await store.close();
  });

  test("that the server ends are no wrong ones", async () => {
    const url = addressOf(set, testDatabaseName());
    const [store, reader] = [
      await openStore({ kind: "mongo", url }),
      await openAlertReader({ kind: "mongo", url }),
    ];
    const things = Array.from({ length: 3000 }, (_, n) => ({
      _id: n,
      candidate: { jd: n },
      // More together than one answer of the server takes.
      text: "x".repeat(7000),
    }));
    const collections = { ...COLLECTIONS, alerts: "things" };
    const ways: (() => AsyncIterator<unknown>)[] = [
      () =>
        store.find({ collection: "things", filter: {}, maxTimeMs: 5000 }).documents()[Symbol.asyncIterator](),
      () => reader.alerts({ collections, filter: {} })[Symbol.asyncIterator](),
    ];
    const told: unknown[] = [];
    for (const way of ways) {
      await store.insert("things", things);
      const answer = way();
      await answer.next();
      // QueryPlanKilled, where more is to come.
      await store.drop("things");
      for (;;) {
        const next = await answer.next().catch((error: unknown) => error);
        if (next instanceof Error) told.push(next.name);
        if (next instanceof Error || (next as IteratorResult<unknown>).done === true) break;
      }
    }
    reader.close();
    await store.close();
    await dropDatabase(url);
    expect(told).toEqual(["StoreError", "StoreError"]);
  });

  test("end at their time limit", async () => {
    const url = addressOf(set, testDatabaseName());
    const store = await openStore({ kind: "mongo", url });
    await store.insert(
      "things",
      Array.from({ length: 3000 }, (_, n) => ({ _id: n })),
    );
    const slow: Document = {
      $expr: {
        $gt: [{ $sum: { $map: { input: { $range: [0, 100_000] }, in: { $multiply: ["$$this", 1.1] } } } }, 0],
      },
    };
    const asking = store.count({ collection: "things", filter: slow, maxTimeMs: 50 });
    expect(await asking.catch((error: unknown) => error)).toMatchObject({ kind: "deadline" });
    await store.close();
    await dropDatabase(url);
  });
});

test("a server that is not there is an error that says so", async () => {
  const opening = openStore({ kind: "mongo", url: "mongodb://127.0.0.1:1/x", selectionTimeoutMs: 200 });
  expect(String(await opening.catch((error: unknown) => error))).toContain("cannot be reached");
});

test("a server that goes away is no fault of the query", () => {
  // CursorNotFound, ShutdownInProgress, QueryPlanKilled, PrimarySteppedDown, NotWritablePrimary, InterruptedAtShutdown,
  // NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary.
  for (const code of [43, 91, 175, 189, 10107, 11600, 13435, 13436]) {
    expect(queryError(new MongoServerError({ message: "gone", code }))).toBeInstanceOf(StoreError);
  }
  const labelled = new MongoServerError({ message: "gone", code: 2, errorLabels: ["RetryableWriteError"] });
  expect(queryError(labelled)).toBeInstanceOf(StoreError);
  expect(queryError(new MongoNetworkError("connection closed"))).toBeInstanceOf(StoreError);
  expect(queryError(new MongoServerError({ message: "unknown operator", code: 2 }))).toBeInstanceOf(
    QueryError,
  );
});
