/**
 * Three processes of the executable share a Kafka consumer group and a MongoDB replica set while processes and
 * servers are killed: in the end every alert is stored once, every match is in the outbox, and objects, histories
 * and images are those of one undisturbed run on the embedded store.
 *
 * KOWALSKI_CHAOS_PACKETS=50000 makes it the long one, KOWALSKI_CHAOS_SEED repeats a run.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../src/store/index.ts";
import { Client, until } from "../support/client.ts";
import { type RunningServe, runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startKafka } from "../support/kafka.ts";
import { testDatabaseName, testReplicaSet } from "../support/mongod.ts";
import { randomNumbers } from "../support/random.ts";
import { skipOrFail } from "../support/services.ts";
import { differences, storeDigests, storeMatches, withStore } from "../support/stored.ts";

const PACKETS = Number(process.env["KOWALSKI_CHAOS_PACKETS"] ?? 1500);
const SEED = Number(process.env["KOWALSKI_CHAOS_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const PROCESSES = 3;
/** Processes are killed this often on average, milliseconds, and for as long as packets are missing. */
const KILL_EVERY_MS = 4000;
const MOST_KILLS = Math.max(4, PACKETS / 2000);
const TIMEOUT_MS = 240_000 + PACKETS * 60;
const TOPIC = "ztf_chaos";
const PASSWORD = "observatory";

const FILTER = {
  group_id: 1,
  filter_id: 1,
  catalog: "ZTF_alerts",
  permissions: [1, 2, 3],
  pipeline: [
    { $match: { "candidate.drb": { $gt: 0.8 } } },
    { $project: { annotations: { points: { $size: { $ifNull: ["$prv_candidates", []] } } } } },
  ],
};

const kafka = await startKafka();
const mongo = await testReplicaSet();
const skip =
  skipOrFail("a Kafka broker", typeof kafka !== "string", String(kafka)) ||
  skipOrFail("a MongoDB replica set", typeof mongo !== "string", String(mongo));

describe.skipIf(skip)("many processes, one stream", () => {
  const folder = temporaryFolder();
  const running = new Map<number, RunningServe>();
  const url = typeof mongo === "string" ? "" : mongo.url.replace("/?", `/${testDatabaseName()}?`);
  const settings = { kind: "mongo", url } as const;
  const broker = typeof kafka === "string" ? "" : kafka.broker;

  afterAll(async () => {
    for (const server of running.values()) await server.kill();
    if (typeof kafka !== "string") await kafka.stop();
    folder[Symbol.dispose]();
  });

  const start = async (number: number) => {
    const dataDir = join(folder.path, `host-${number}`);
    mkdirSync(dataDir, { recursive: true });
    const config = {
      sources: [{ topics: [TOPIC] }],
      kafka: { "bootstrap.servers": broker },
      filters: { max_share: 1 },
      server: { admin_password: PASSWORD },
      ingest: { workers: 1, batch_packets: 100 },
    };
    writeFileSync(join(dataDir, "config.yaml"), JSON.stringify(config));
    const words = ["--store", url, "--config", join(dataDir, "config.yaml")];
    const server = await startServe(dataDir, { words, timeoutMs: 60_000 });
    running.set(number, server);
    return server;
  };

  /** Saves the filter over HTTP, as a group does. */
  async function addFilter(server: RunningServe): Promise<void> {
    const { token } = await Client.login(server.url, "admin", PASSWORD);
    const headers = { authorization: `Bearer ${token}` };
    const body = JSON.stringify(FILTER);
    const answer = await fetch(`${server.url}/api/filters`, { method: "POST", headers, body });
    expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)]);
  }

  /** One run over the same packets on the embedded store, with nobody killed. */
  async function undisturbed(archive: string) {
    const dataDir = join(folder.path, "undisturbed");
    mkdirSync(dataDir);
    const config = { filters: { max_share: 1 }, server: { admin_password: PASSWORD } };
    writeFileSync(join(dataDir, "config.yaml"), JSON.stringify(config));
    const server = await startServe(dataDir, { words: ["--config", join(dataDir, "config.yaml")] });
    await addFilter(server);
    await server.stop();
    const done = await runExecutable(["ingest", "--data-dir", dataDir, archive], { timeoutMs: TIMEOUT_MS });
    expect([done.code, done.stderr]).toEqual([0, expect.any(String)]);
    return withStore(
      dataDir,
      async (store) => [await storeDigests(store), await storeMatches(store)] as const,
    );
  }

  /** Kills processes at random moments, and each server once, until all is stored. */
  async function disturb(isDone: () => Promise<boolean>): Promise<number> {
    const random = randomNumbers(SEED);
    let kills = 0;
    for (let round = 0; !(await isDone()); round++) {
      await Bun.sleep(2 * KILL_EVERY_MS * random());
      if (round === 1 && typeof kafka !== "string" && kafka.kill !== undefined) {
        await kafka.kill();
        await Bun.sleep(500);
        await kafka.restart?.();
      } else if (round === 2 && typeof mongo !== "string" && mongo.kill !== undefined) {
        await mongo.kill();
        await Bun.sleep(500);
        await mongo.restart?.();
      } else if (kills < MOST_KILLS) {
        const number = Math.floor(PROCESSES * random());
        await running.get(number)?.kill();
        await start(number);
        kills++;
      }
    }
    return kills;
  }

  test(
    "every alert is stored once, every match is there, no history misses a row",
    async () => {
      process.stderr.write(`chaos: ${PACKETS} packets, KOWALSKI_CHAOS_SEED=${SEED}\n`);
      const archive = join(folder.path, "sim.tar.gz");
      const simulation = ["--alerts", String(PACKETS), "--seed", String(SEED)];
      await runExecutable(["simulate", "--out", archive, ...simulation], { timeoutMs: TIMEOUT_MS });
      const [documents, matches] = await undisturbed(archive);
      for (let number = 0; number < PROCESSES; number++) await start(number);
      const [first] = running.values();
      if (first === undefined) throw new Error("no process runs");
      await addFilter(first);
      const words = ["produce", "--topic", TOPIC, "--partitions", "8", "--servers", broker];
      const options = ["--simulate", String(PACKETS), "--seed", String(SEED)];
      const produced = await runExecutable([...words, ...options], { timeoutMs: TIMEOUT_MS });
      expect([produced.code, produced.stderr]).toEqual([0, expect.any(String)]);
      const store = await openStore(settings);
      // Counted one by one: what a server says without counting is wrong after it was killed.
      const all = { collection: "ZTF_alerts", filter: {}, maxTimeMs: 60_000 };
      const stored = () => store.count(all).catch(() => 0);
      const kills = await disturb(async () => (await stored()) >= PACKETS);
      // What is stored is acknowledged a moment later; then nothing comes any more.
      await until("all is stored", async () => (await stored()) >= PACKETS, TIMEOUT_MS);
      for (const server of running.values()) await server.stop();
      process.stderr.write(`chaos: ${kills} processes killed\n`);
      expect(differences(documents, await storeDigests(store))).toEqual([]);
      expect(differences(matches, await storeMatches(store))).toEqual([]);
      await store.close();
    },
    TIMEOUT_MS,
  );
});
