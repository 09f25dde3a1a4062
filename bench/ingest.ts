/**
 * The whole way of an alert (read, decode, document, 100 filters, store) against the store's own bulk rate for
 * the same bytes: `bun bench/ingest.ts [PACKETS]`. With `--no-cutouts` without image stamps.
 *
 * The store alone writes what the whole way wrote, in the same batches: rows, image stamps, matches of the filters and
 * positions. A broker runs for months: both are measured from the point on where the first packets, which pay for the
 * start and for the compilation of the code and the filters, are stored. On a busy machine the CPU time of an alert
 * tells more than the rates.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { decodePacket, encodePacket } from "../src/broker/decode.ts";
import { fileSource } from "../src/sources/files.ts";
import {
  type AlertBatch,
  embeddedEncoder,
  type OutboxEntry,
  openAlertReader,
  openEmbeddedStore,
  openEmbeddedWriter,
} from "../src/store/index.ts";
import { executable, runExecutable } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";
import { benchFilter } from "./filter-set.ts";

const [given] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const PACKETS = Number(given ?? 20_000);
const cutouts = process.argv.includes("--no-cutouts") ? "none" : "all";
const FILTERS = 100;
/** Packets and nights before those that are measured. */
const FIRST = { packets: 8000, nights: 10, start: "2024-01-01" };
const MEASURED = {
  packets: PACKETS,
  nights: Math.max(1, Math.round((PACKETS * FIRST.nights) / FIRST.packets)),
  start: "2024-01-11",
};
const ROUNDS = 2;
const LONG_MS = 600_000;

interface Cost {
  readonly seconds: number;
  /** Of all threads, milliseconds. */
  readonly cpuMs: number;
}

async function simulate(out: string, { packets, nights, start }: typeof FIRST): Promise<void> {
  const words = ["simulate", "--out", out, "--alerts", String(packets), "--nights", String(nights)];
  if (cutouts === "none") words.push("--no-cutouts");
  const { code, stderr } = await runExecutable([...words, "--start", start], { timeoutMs: LONG_MS });
  if (code !== 0) throw new Error(stderr);
}

/** All packets of an archive as they are written, in the batches in which ingest writes them; without matches. */
async function encodedBatches(archive: string): Promise<AlertBatch[]> {
  const encoder = embeddedEncoder({ cutouts });
  const source = fileSource(archive);
  const batches: AlertBatch[] = [];
  for await (const { packets, position = "", done } of source.batches(
    undefined,
    new AbortController().signal,
  )) {
    const alerts = packets.flatMap((packet) => [...encodePacket(decodePacket(packet), encoder).alerts]);
    batches.push({
      alerts,
      deadLetters: [],
      outbox: [],
      positions: [{ source: source.name, position, done }],
    });
  }
  return batches;
}

/** The matches in the outbox of a data folder by their alerts. */
async function matchesIn(dataDir: string): Promise<Map<bigint, OutboxEntry[]>> {
  const reader = await openAlertReader({ kind: "embedded", dataDir });
  const matches = new Map<bigint, OutboxEntry[]>();
  for (const { _id: id, survey, candid, objectId, document } of await reader.documents("outbox")) {
    const entry = { id, survey, candid, objectId, document } as unknown as OutboxEntry;
    const known = matches.get(entry.candid);
    if (known === undefined) matches.set(entry.candid, [entry]);
    else known.push(entry);
  }
  reader.close();
  return matches;
}

/** The store's own work for `measured`, behind `first`, with the matches of each batch. */
async function bulk(
  first: readonly AlertBatch[],
  measured: readonly AlertBatch[],
  matches: ReadonlyMap<bigint, readonly OutboxEntry[]>,
  dataDir: string,
): Promise<Cost> {
  const encoder = embeddedEncoder();
  const withMatches = (batch: AlertBatch): AlertBatch => ({
    ...batch,
    outbox: batch.alerts
      .flatMap(({ candid }) => matches.get(candid) ?? [])
      .map((entry) => encoder.encodeEntry(entry)),
  });
  const [before, behind] = [first.map(withMatches), measured.map(withMatches)];
  const writer = await openEmbeddedWriter({ dataDir });
  for (const batch of before) await writer.write(batch);
  const cpu = process.cpuUsage();
  const began = performance.now();
  for (const batch of behind) await writer.write(batch);
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await writer.close();
  return { seconds, cpuMs: (user + system) / 1000 };
}

/** What `kowalski ingest` takes for archives, with active filters; its start is not counted. */
async function ingest(archives: readonly string[], dataDir: string): Promise<Cost> {
  const store = await openEmbeddedStore({ dataDir, readers: 1 });
  await store.insert(
    "filters",
    Array.from({ length: FILTERS }, (_, number) => benchFilter(number)),
  );
  await store.close();
  const words = ["ingest", "--json", "--data-dir", dataDir, "--cutouts", cutouts, ...archives];
  const child = Bun.spawn([await executable(), ...words], { stdout: "ignore", stderr: "pipe" });
  const text = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(text);
  const finished = text.split("\n").find((line) => line.startsWith('{"event":"finished"')) ?? "";
  const { seconds } = JSON.parse(finished) as { seconds: number };
  return { seconds, cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000 };
}

const rate = ({ seconds }: Cost, packets = PACKETS) => packets / seconds;
const told = (cost: Cost) =>
  `${Math.round(rate(cost))} alerts/s (${(cost.cpuMs / PACKETS).toFixed(2)} ms CPU)`;

using folder = temporaryFolder();
const [firstArchive, archive] = [join(folder.path, "first.tar"), join(folder.path, "night.tar")];
await simulate(firstArchive, FIRST);
await simulate(archive, MEASURED);
const batches = [await encodedBatches(firstArchive), await encodedBatches(archive)] as const;
console.log(
  `${PACKETS} packets behind the first ${FIRST.packets}, cutouts ${cutouts}, ${batches[1].length} batches. Store alone: ` +
    "one thread writes their rows, stamps, matches and positions. Whole way: kowalski ingest reads, decodes, maps, runs " +
    `${FILTERS} filters and writes the same`,
);
let bestBulk = 0;
let bestIngest = 0;
for (let round = 0; round < ROUNDS; round++) {
  const [firstFolder, bothFolder] = [join(folder.path, "first"), join(folder.path, "both")];
  const start = await ingest([firstArchive], firstFolder);
  const both = await ingest([firstArchive, archive], bothFolder);
  const whole = { seconds: both.seconds - start.seconds, cpuMs: both.cpuMs - start.cpuMs };
  const matches = await matchesIn(bothFolder);
  const alone = await bulk(...batches, matches, join(folder.path, "bulk"));
  for (const name of ["first", "both", "bulk"]) rmSync(join(folder.path, name), { recursive: true });
  bestBulk = Math.max(bestBulk, rate(alone));
  bestIngest = Math.max(bestIngest, rate(whole));
  console.log(
    `store alone ${told(alone)}, whole way ${told(whole)}, ${[...matches.values()].flat().length} matches; ` +
      `the first ${FIRST.packets} from a cold start ${Math.round(rate(start, FIRST.packets))} alerts/s`,
  );
}
const share = Math.round((100 * bestIngest) / bestBulk);
console.log(`best against best: ${share} % of the store's own rate (budget 70 %)`);
