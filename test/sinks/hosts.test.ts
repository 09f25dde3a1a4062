/** Several hosts on one store: one of them drains a sink, and another takes over when it is gone. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { MongoClient } from "mongodb";
import type { Match } from "../../src/filters/index.ts";
import { type Sinks, startSinks } from "../../src/sinks/index.ts";
import { openWebhook } from "../../src/sinks/webhook.ts";
import { alertEncoder, openAlertWriter, openStore, type Store } from "../../src/store/index.ts";
import { createLog, Health, Metrics } from "../../src/telemetry/index.ts";
import { matchBatch } from "../support/matches.ts";
import { testDatabaseName, testReplicaSet } from "../support/mongod.ts";
import { startReceiver } from "../support/receiver.ts";
import { skipOrFail } from "../support/services.ts";
import { matchFor, until } from "./support.ts";

// The server may have to be started first.
setDefaultTimeout(90_000);

const set = await testReplicaSet();
const without = skipOrFail("a MongoDB replica set", typeof set !== "string", String(set));

/** A host's sinks: one webhook. */
function startHost(store: Store, url: string): Promise<Sinks> {
  const choice = { filters: [], groups: [] };
  const sink = openWebhook({
    name: "hook",
    url,
    timeoutMs: 5000,
    concurrency: 1,
    choice,
    userAgent: "Kowalski",
  });
  return startSinks([{ sink, from: "oldest" }], {
    store,
    log: createLog({ level: "silent", stream: "stderr" }).log,
    metrics: new Metrics(),
    health: new Health(),
    retentionDays: 30,
    lease: { ttlMs: 2000, renewMs: 200 },
  });
}

test.skipIf(without)("a sink is drained by one host, and by another when that is gone", async () => {
  if (typeof set === "string") throw new Error(set);
  const url = new URL(set.url);
  url.pathname = `/${testDatabaseName()}`;
  const options = { kind: "mongo", url: url.href } as const;
  const stores = await Promise.all([openStore(options), openStore(options)]);
  const writer = await openAlertWriter(options);
  const receiver = startReceiver();
  const hosts = await Promise.all(stores.map((store) => startHost(store, receiver.url)));
  const add = (...matches: readonly Match[]) => writer.write(matchBatch(matches, alertEncoder(options)));
  const running = async () => {
    const states = await Promise.all(hosts.map((host) => host.states()));
    return states.map(([state]) => state?.running);
  };
  await until("one of them drains", async () => (await running()).includes(true));
  await add(matchFor(1n, "a"), matchFor(2n, "a"), matchFor(3n, "b"));
  await until("all is delivered", () => receiver.accepted().length === 3);
  expect((await running()).toSorted()).toEqual([false, true]);
  const [first = 0] = (await running()).flatMap((is, n) => (is === true ? [n] : []));
  await hosts[first]?.stop();
  await until("the other drains", async () => (await running())[1 - first] === true);
  await add(matchFor(4n, "a"));
  await until("it delivers", () => receiver.accepted().length === 4);
  expect(receiver.received.map(({ body }) => body["candid"])).toEqual([1, 2, 3, 4]);
  await hosts[1 - first]?.stop();
  await Promise.all([writer.close(), receiver.stop(), ...stores.map((store) => store.close())]);
  const client = new MongoClient(url.href);
  await client.db().dropDatabase();
  await client.close();
});
