/**
 * The whole way of an alert (read, decode, document, 100 filters, store) against the store's own bulk rate for
 * the same rows: `bun bench/ingest.ts [PACKETS]`. With `--no-cutouts` without image stamps.
 *
 * A broker runs for months: both are measured from the point on where the first packets, which pay for the
 * compilation of the code, are stored. On a busy machine the CPU time of an alert tells more than the rates.
 */
import { join } from "node:path";
import { decodePacket, encodePacket } from "../src/broker/decode.ts";
import { fileSource } from "../src/sources/files.ts";
import {
  type EncodedAlert,
  embeddedEncoder,
  openEmbeddedStore,
  openEmbeddedWriter,
} from "../src/store/index.ts";
import { executable, runExecutable } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";
import { benchFilter } from "./filter-set.ts";

const [given] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const PACKETS = Number(given ?? 8000);
const cutouts = process.argv.includes("--no-cutouts") ? "none" : "all";
const FILTERS = 100;
/** Packets and nights before those that are measured. */
const FIRST = { packets: 4000, nights: 5, start: "2024-01-01" };
const MEASURED = {
  packets: PACKETS,
  nights: Math.max(1, Math.round((PACKETS * FIRST.nights) / FIRST.packets)),
  start: "2024-01-06",
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

/** Rows of all packets of an archive, in the batches in which ingest writes them. */
async function encodedBatches(archive: string): Promise<EncodedAlert[][]> {
  const encoder = embeddedEncoder({ cutouts });
  const batches: EncodedAlert[][] = [];
  for await (const { packets } of fileSource(archive).batches(undefined, new AbortController().signal)) {
    batches.push(packets.flatMap((packet) => [...encodePacket(decodePacket(packet), encoder).alerts]));
  }
  return batches;
}

/** The store's own work for `measured`, behind `first`. */
async function bulk(
  first: readonly EncodedAlert[][],
  measured: readonly EncodedAlert[][],
  dataDir: string,
): Promise<Cost> {
  const writer = await openEmbeddedWriter({ dataDir });
  const write = async (batches: readonly EncodedAlert[][]) => {
    for (const alerts of batches) {
      await writer.write({ alerts, deadLetters: [], outbox: [], positions: [] });
    }
  };
  await write(first);
  const cpu = process.cpuUsage();
  const began = performance.now();
  await write(measured);
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
console.log(`${PACKETS} packets, cutouts ${cutouts}, ${batches[1].length} batches, ${FILTERS} filters`);
let bestBulk = 0;
let bestIngest = 0;
for (let round = 0; round < ROUNDS; round++) {
  const alone = await bulk(...batches, join(folder.path, `bulk${round}`));
  const start = await ingest([firstArchive], join(folder.path, `first${round}`));
  const both = await ingest([firstArchive, archive], join(folder.path, `both${round}`));
  const whole = { seconds: both.seconds - start.seconds, cpuMs: both.cpuMs - start.cpuMs };
  bestBulk = Math.max(bestBulk, rate(alone));
  bestIngest = Math.max(bestIngest, rate(whole));
  console.log(
    `store alone ${told(alone)}, whole way ${told(whole)}; the first ${FIRST.packets} from a cold start ` +
      `${Math.round(rate(start, FIRST.packets))} alerts/s`,
  );
}
const share = Math.round((100 * bestIngest) / bestBulk);
console.log(`best against best: ${share} % of the store's own rate (budget 70 %)`);
