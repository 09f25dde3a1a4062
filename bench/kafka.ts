/**
 * The way of an alert from Kafka, with servers beside it: `bun bench/kafka.ts [PACKETS [SECONDS]]`.
 *
 * Packets a second from a topic to stored and filtered, on the embedded store and on MongoDB with 1 and 2 workers, of
 * the executable, against (a) the driver's `insertMany` of the same documents and (b) a bare consumer that discards;
 * CPU of ours and peak memory. Then the time from a packet in Kafka to its match in the outbox at LSST's rate, 270 a
 * second in a burst of 10,000 every 37 s, made shorter in both by SECONDS (default 37).
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { MongoClient } from "mongodb";
import { decodePacket } from "../src/broker/decode.ts";
import { kafkaSource } from "../src/sources/index.ts";
import { simulate } from "../src/sources/simulator/index.ts";
import { openStore, type StoreSettings } from "../src/store/index.ts";
import { toDriver } from "../src/store/mongo/values.ts";
import { Client } from "../test/support/client.ts";
import { cleanEnvironment, executable, runExecutable, startServe } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";
import { startKafka } from "../test/support/kafka.ts";
import { testDatabaseName, testReplicaSet } from "../test/support/mongod.ts";
import { benchFilter } from "./filter-set.ts";

const PACKETS = Number(process.argv[2] ?? 5000);
const SECONDS = Number(process.argv[3] ?? 37);
const FILTERS = 100;
const PARTITIONS = 8;
const BURST = { packets: 10_000, seconds: 37 } as const;
const BURSTS = 2;
const LONG_MS = 900_000;
const PASSWORD = "bench";
const TICKS_MS = 10;

const kafka = await startKafka();
const mongo = await testReplicaSet();
if (typeof kafka === "string" || typeof mongo === "string") throw new Error(`${kafka}; ${mongo}`);
const { broker } = kafka;
const mongoUrl = () => mongo.url.replace("/?", `/${testDatabaseName()}?`);

async function produce(topic: string, packets: number, seed: number): Promise<void> {
  const words = ["produce", "--topic", topic, "--partitions", String(PARTITIONS), "--servers", broker];
  const { code, stderr } = await runExecutable(
    [...words, "--simulate", String(packets), "--seed", String(seed)],
    { timeoutMs: LONG_MS },
  );
  if (code !== 0) throw new Error(stderr);
}

/** (b): packets a second of a member of a group that throws them away. */
async function discard(topic: string): Promise<number> {
  const source = kafkaSource({ brokers: [broker], topics: [topic], group: "bare", start: "earliest" });
  const stop = new AbortController();
  let seen = 0;
  let began = 0;
  for await (const batch of source.batches(undefined, stop.signal)) {
    if (began === 0) began = performance.now();
    seen += batch.packets.length;
    batch.durable?.();
    if (seen >= PACKETS) break;
  }
  const seconds = (performance.now() - began) / 1000;
  stop.abort();
  return seen / seconds;
}

/** (a): alerts a second that the driver inserts, documents and stamps, and no history, in batches of the same size. */
async function insertMany(): Promise<number> {
  const client = new MongoClient(mongoUrl());
  const db = client.db();
  let milliseconds = 0;
  let [alerts, stamps]: [object[], object[]] = [[], []];
  const flush = async () => {
    const began = performance.now();
    await db.collection("alerts").insertMany(alerts, { ordered: false });
    await db.collection("cutouts").insertMany(stamps, { ordered: false });
    milliseconds += performance.now() - began;
    [alerts, stamps] = [[], []];
  };
  for (const { bytes } of simulate({ alerts: PACKETS, seed: 1 })) {
    for (const { document, cutouts, candid } of decodePacket({ bytes, key: "", place: "" }).records) {
      alerts.push(toDriver(document));
      const fields = cutouts.map(({ field, data }) => [field, { stampData: data.slice() }]);
      stamps.push(toDriver({ _id: candid, ...Object.fromEntries(fields) }));
    }
    if (alerts.length >= 60) await flush();
  }
  if (alerts.length > 0) await flush();
  await db.dropDatabase();
  await client.close();
  return (1000 * PACKETS) / milliseconds;
}

interface Serving {
  readonly server: Awaited<ReturnType<typeof startServe>>;
  readonly settings: StoreSettings;
  readonly client: Client;
}

async function serve(
  folder: string,
  name: string,
  topic: string,
  store: string,
  workers: number,
): Promise<Serving> {
  const dataDir = join(folder, name.replaceAll(/\W+/g, "-"));
  mkdirSync(dataDir, { recursive: true });
  const settings: StoreSettings =
    store === "embedded" ? { kind: "embedded", dataDir } : { kind: "mongo", url: store };
  const opened = await openStore(settings);
  await opened.insert(
    "filters",
    Array.from({ length: FILTERS }, (_, number) => benchFilter(number)),
  );
  await opened.close();
  const config = {
    sources: [{ topics: [topic], group: name }],
    kafka: { "bootstrap.servers": broker },
    server: { admin_password: PASSWORD },
    ingest: { workers },
  };
  writeFileSync(join(dataDir, "config.yaml"), JSON.stringify(config));
  const words = ["--config", join(dataDir, "config.yaml"), "--store", store];
  const server = await startServe(dataDir, { words, env: cleanEnvironment(), timeoutMs: 60_000 });
  return { server, settings, client: await Client.login(server.url, "admin", PASSWORD) };
}

function processOf(pid: number): { cpuMs: number; peakMb: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { cpuMs: TICKS_MS * (Number(fields[11]) + Number(fields[12])), peakMb: Number(peak) / 1024 };
}

async function stored(client: Client): Promise<number> {
  return Number(await client.query("estimated_document_count", { catalog: "ZTF_alerts" }));
}

async function throughput(folder: string, topic: string, store: string, workers: number): Promise<void> {
  const name = `${store === "embedded" ? "embedded" : "MongoDB"}, ${workers} worker${workers === 1 ? "" : "s"}`;
  const { server, client } = await serve(folder, name, topic, store, workers);
  let began = 0;
  let first = 0;
  for (;;) {
    const count = await stored(client);
    if (began === 0 && count > 0) [began, first] = [performance.now(), count];
    if (count >= PACKETS) break;
    await Bun.sleep(50);
  }
  const seconds = (performance.now() - began) / 1000;
  const { cpuMs, peakMb } = processOf(server.pid);
  await server.stop();
  console.log(
    `${name}: ${((PACKETS - first) / seconds).toFixed(0)} packets/s, ` +
      `${(cpuMs / PACKETS).toFixed(2)} ms of our CPU a packet with the start, peak memory ${peakMb.toFixed(0)} MB`,
  );
}

/** Milliseconds from each packet's time in Kafka to the time of its match. */
async function latency(folder: string, store: string): Promise<void> {
  const name = `latency ${store === "embedded" ? "embedded" : "MongoDB"}`;
  const topic = name.replaceAll(" ", "_");
  const share = SECONDS / BURST.seconds;
  const packets = Math.round(BURST.packets * share);
  const client = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: true });
  await admin.disconnect();
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const { server, settings, client: api } = await serve(folder, name, topic, store, 2);
  const sent = new Map<bigint, number>();
  for (let burst = 0; burst < BURSTS; burst++) {
    const next = Bun.sleep(SECONDS * 1000);
    let messages: { key: string; value: Buffer }[] = [];
    const flush = async (candids: bigint[]) => {
      await producer.send({ topic, messages });
      for (const candid of candids) sent.set(candid, Date.now());
      messages = [];
    };
    let candids: bigint[] = [];
    for (const { bytes, objectId, candid } of simulate({ alerts: packets, seed: 100 + burst })) {
      messages.push({ key: objectId, value: Buffer.from(bytes) });
      candids.push(candid);
      if (messages.length < 12) continue;
      await flush(candids);
      candids = [];
    }
    if (messages.length > 0) await flush(candids);
    await next;
  }
  while ((await stored(api)) < sent.size) await Bun.sleep(100);
  await server.stop();
  const opened = await openStore(settings);
  const times: number[] = [];
  for await (const { candid, created_at } of opened
    .find({ collection: "outbox", filter: {}, projection: { candid: 1, created_at: 1 }, maxTimeMs: 60_000 })
    .documents()) {
    const began = sent.get(candid as bigint);
    if (began !== undefined && created_at instanceof Date) times.push(created_at.getTime() - began);
  }
  await opened.close();
  await producer.disconnect();
  times.sort((a, b) => a - b);
  const at = (of: number) => times[Math.floor(of * (times.length - 1))] ?? Number.NaN;
  console.log(
    `${name}: ${BURSTS} bursts of ${packets} packets per ${SECONDS} s, ${times.length} matches: ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms from a packet in Kafka to its match`,
  );
}

try {
  await executable();
  using folder = temporaryFolder();
  const topic = "ztf_bench";
  await produce(topic, PACKETS, 1);
  console.log(`${PACKETS} packets, ${PARTITIONS} partitions, ${FILTERS} filters`);
  console.log(`(a) insertMany of the same documents: ${(await insertMany()).toFixed(0)} alerts/s`);
  console.log(`(b) a bare consumer: ${(await discard(topic)).toFixed(0)} packets/s`);
  for (const store of ["embedded", "mongo"]) {
    for (const workers of [1, 2]) {
      await throughput(folder.path, topic, store === "embedded" ? store : mongoUrl(), workers);
    }
  }
  if (SECONDS > 0) for (const store of ["embedded", mongoUrl()]) await latency(folder.path, store);
} finally {
  await kafka.stop();
}
