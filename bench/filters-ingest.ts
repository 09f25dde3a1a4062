/**
 * Prints what many active filters cost while alerts are ingested: `bun bench/filters-ingest.ts [FILTERS] [ALERTS]`.
 *
 * The same simulated packets with and without filters, each into a store of its own: rate, CPU per alert, what of
 * it is the filters' and their matches', and the time from a packet being read to its match being durable in the
 * outbox, as fast as packets can be read and at LSST's rate.
 */
import { join } from "node:path";
import { DecodePool } from "../src/broker/decode-pool.ts";
import { Pipeline } from "../src/broker/pipeline.ts";
import type { Tallies } from "../src/filters/index.ts";
import { openOutput, simulate } from "../src/sources/simulator/index.ts";
import { openEmbeddedStore, openEmbeddedWriter } from "../src/store/index.ts";
import { temporaryFolder } from "../test/support/folders.ts";
import { benchFilter } from "./filter-set.ts";

const FILTERS = Number(process.argv[2] ?? 1000);
const ALERTS = Number(process.argv[3] ?? 3000);
const WORKERS = 2;
const BATCH = 300;
/** Alerts per second of LSST: about 10,000 every 37 s. */
const LSST_RATE = 270;
/** The first run only warms up what all have in common; the last is no faster than LSST. */
const RUNS = [
  { count: 0, warm: false },
  { count: 0, warm: true },
  { count: 100, warm: true },
  { count: FILTERS, warm: true },
  { count: FILTERS, warm: true, rate: LSST_RATE },
];

interface Measured {
  readonly seconds: number;
  readonly cpuMs: number;
  /** Milliseconds from read to durable, of each match. */
  readonly latencies: readonly number[];
  readonly tallies: Tallies;
}

/** Ingests as fast as it can, or at most so many packets a second. */
async function ingest(archive: string, dataDir: string, rate = Number.POSITIVE_INFINITY): Promise<Measured> {
  const store = { kind: "embedded", dataDir } as const;
  const writer = await openEmbeddedWriter({ dataDir });
  const tallies: Tallies[number][] = [];
  const pool = new DecodePool({
    size: WORKERS,
    cutouts: "all",
    crossMatches: { catalogs: {}, dataDir },
    store,
    news: (news) => void tallies.push(...news.tallies),
  });
  // Threads start and compile their filters before the clock does.
  await warmUp(pool);
  const read: number[] = [];
  let due = performance.now();
  const latencies: number[] = [];
  const pipeline = new Pipeline(
    {
      store,
      downloads: dataDir,
      sources: [{ location: archive }],
      workers: WORKERS,
      batchPackets: BATCH,
      cutouts: "all",
      crossMatches: { catalogs: {}, dataDir },
      sequential: true,
      fromStart: false,
      retryMs: 0,
    },
    {
      async decode(batch) {
        const arrival = Math.max(due, performance.now());
        due = arrival + (1000 * batch.packets.length) / rate;
        if (Number.isFinite(rate)) await Bun.sleep(arrival - performance.now());
        read.push(performance.now());
        return pool.decode(batch);
      },
      writer: {
        ...writer,
        position: (source) => writer.position(source),
        close: () => writer.close(),
        async write(batch) {
          const result = await writer.write(batch);
          const time = performance.now() - (read.shift() ?? Number.NaN);
          for (let i = 0; i < batch.outbox.length; i++) latencies.push(time);
          return result;
        },
      },
      log: ({ message }) => console.error(message),
    },
  );
  const cpu = process.cpuUsage();
  const began = performance.now();
  await pipeline.run();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await pool.close();
  await writer.close();
  return { seconds, cpuMs: (user + system) / 1000, latencies, tallies };
}

async function warmUp(pool: DecodePool): Promise<void> {
  const [packet] = simulate({ alerts: 1, seed: 99, cutouts: false });
  if (packet === undefined) return;
  const batches = Array.from({ length: WORKERS }, () => {
    const bytes = new Uint8Array(packet.bytes);
    return { packets: [{ bytes, key: "", place: "" }], buffers: [bytes.buffer] };
  });
  const decoded = await Promise.all(batches.map((batch) => pool.decode(batch)));
  for (const one of decoded) await one.filter();
}

const quantile = (sorted: readonly number[], share: number) =>
  sorted[Math.floor(share * (sorted.length - 1))];

using folder = temporaryFolder();
const archive = join(folder.path, "night.tar");
const output = await openOutput(archive, true);
for (const packet of simulate({ alerts: ALERTS, nights: 3 })) await output.write(packet);
await output.finish();
console.log(
  `${ALERTS} packets, ${(output.bytes / ALERTS / 1000).toFixed(1)} kB each; ${WORKERS} decode threads`,
);
let without = Number.NaN;
for (const [run, { count, warm, rate }] of RUNS.entries()) {
  const dataDir = join(folder.path, `run-${run}`);
  const store = await openEmbeddedStore({ dataDir, readers: 1 });
  if (count > 0)
    await store.insert(
      "filters",
      Array.from({ length: count }, (_, number) => benchFilter(number)),
    );
  await store.close();
  const { seconds, cpuMs, latencies, tallies } = await ingest(archive, dataDir, rate);
  if (!warm) continue;
  if (count === 0) without = cpuMs;
  const sorted = latencies.toSorted((a, b) => a - b);
  const sum = (of: (tally: Tallies[number]["tally"]) => number) =>
    tallies.reduce((total, { tally }) => total + of(tally), 0);
  const ms = (value: number | undefined) => `${(value ?? Number.NaN).toFixed(0)} ms`;
  console.log(
    `${String(count).padStart(5)} filters${rate === undefined ? "" : `, packets at ${rate}/s`}: ${(ALERTS / seconds).toFixed(0).padStart(5)} alerts/s, ` +
      `${(cpuMs / ALERTS).toFixed(2)} ms CPU an alert, ${(sum(({ micros }) => micros) / ALERTS).toFixed(0)} µs of it in ` +
      `filters past their first conditions (${sum(({ errors }) => errors)} errors); ` +
      `${latencies.length} matches (${(
        (100 * latencies.length) /
          Math.max(
            1,
            sum(({ seen }) => seen),
          )
      ).toFixed(2)} % pass), read to ` +
      `outbox p50 ${ms(quantile(sorted, 0.5))}, p99 ${ms(quantile(sorted, 0.99))}`,
  );
  if (count === 0 || rate !== undefined) continue;
  const own = (cpuMs - without) / ALERTS;
  console.log(
    `      so ${count} filters with their matches take ${own.toFixed(2)} ms CPU an alert: ` +
      `${((own * LSST_RATE) / 1000).toFixed(2)} of a core at LSST's ${LSST_RATE} alerts/s`,
  );
}
