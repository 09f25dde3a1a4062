/**
 * The whole way of an alert (read, decode, document, filters, store) against the store's own bulk rate for
 * the same rows: `bun bench/ingest.ts [PACKETS]`. With `--no-cutouts` without image stamps.
 */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { extract } from "tar-stream";
import { decodePacket, encodePacket } from "../src/broker/decode.ts";
import { DEFAULT_LIMITS } from "../src/sources/index.ts";
import { type EncodedAlert, embeddedEncoder, openEmbeddedWriter } from "../src/store/index.ts";
import { runExecutable } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";

const [given] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const PACKETS = Number(given ?? 8000);
const cutouts = process.argv.includes("--no-cutouts") ? "none" : "all";
const ROUNDS = 2;
const LONG_MS = 600_000;

/** Rows of all packets of an archive, in the batches in which ingest writes them. */
async function encodedBatches(archive: string): Promise<EncodedAlert[][]> {
  const encoder = embeddedEncoder({ cutouts });
  const tar = extract();
  createReadStream(archive).pipe(tar);
  const batches: EncodedAlert[][] = [[]];
  let bytes = 0;
  for await (const entry of tar) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
    const packet = new Uint8Array(Buffer.concat(chunks));
    const { alerts } = encodePacket(decodePacket({ bytes: packet, key: "", place: "" }), encoder);
    batches.at(-1)?.push(...alerts);
    bytes += packet.length;
    if (bytes < DEFAULT_LIMITS.bytes && (batches.at(-1)?.length ?? 0) < DEFAULT_LIMITS.packets) continue;
    batches.push([]);
    bytes = 0;
  }
  return batches;
}

/** Alerts a second that the store takes when nothing else is done. */
async function bulkRate(batches: readonly EncodedAlert[][], dataDir: string): Promise<number> {
  const writer = await openEmbeddedWriter({ dataDir });
  const began = performance.now();
  let stored = 0;
  for (const alerts of batches) {
    stored += (await writer.write({ alerts, deadLetters: [], outbox: [], positions: [] })).stored;
  }
  const seconds = (performance.now() - began) / 1000;
  await writer.close();
  return stored / seconds;
}

/** Alerts a second of `kowalski ingest`, without its start. */
async function ingestRate(archive: string, dataDir: string): Promise<number> {
  const words = ["ingest", "--json", "--data-dir", dataDir, "--cutouts", cutouts, archive];
  const { code, stderr } = await runExecutable(words, { timeoutMs: LONG_MS });
  if (code !== 0) throw new Error(stderr);
  const finished = stderr.trim().split("\n").at(-1) ?? "";
  return (JSON.parse(finished) as { rate: number }).rate;
}

using folder = temporaryFolder();
const archive = join(folder.path, "night.tar");
const simulate = ["simulate", "--out", archive, "--alerts", String(PACKETS), "--nights", "10"];
if (cutouts === "none") simulate.push("--no-cutouts");
const { code, stderr } = await runExecutable(simulate, { timeoutMs: LONG_MS });
if (code !== 0) throw new Error(stderr);
const batches = await encodedBatches(archive);
console.log(`${PACKETS} packets, cutouts ${cutouts}, ${batches.length} batches`);
let bestBulk = 0;
let bestIngest = 0;
for (let round = 0; round < ROUNDS; round++) {
  const bulk = await bulkRate(batches, join(folder.path, `bulk${round}`));
  const ingest = await ingestRate(archive, join(folder.path, `ingest${round}`));
  bestBulk = Math.max(bestBulk, bulk);
  bestIngest = Math.max(bestIngest, ingest);
  console.log(`store alone ${Math.round(bulk)} alerts/s, whole way ${Math.round(ingest)} alerts/s`);
}
const share = Math.round((100 * bestIngest) / bestBulk);
console.log(`best against best: ${share} % of the store's own rate (budget 70 %)`);
