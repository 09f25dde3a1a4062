/**
 * What the embedded store does as it grows, cutouts off: `bun bench/scale.ts [MINUTES [ALERTS]]` (default 3
 * minutes and 2 million, whichever comes first).
 *
 * A simulated survey of 4000 alerts is stored over and over, each time as other objects elsewhere on the sky.
 * At every mark: the rate of the writes since the mark before, the time of finds, and the size of the folder.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { decodePacket } from "../src/broker/decode.ts";
import { fileSource } from "../src/sources/files.ts";
import {
  type AlertRecord,
  embeddedEncoder,
  openEmbeddedStore,
  openEmbeddedWriter,
} from "../src/store/index.ts";
import { runExecutable } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";

const MINUTES = Number(process.argv[2] ?? 3);
const MOST = Number(process.argv[3] ?? 2_000_000);
const SURVEY = 4000;
const BATCH = 150;
const MARKS = [20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000];
/** The rate at a mark is that of so many alerts before it. */
const WINDOW = 10_000;
const FINDS = 300;
const FIRST_CANDID = 3_000_000_000_000_000_000n;

async function recordsOf(archive: string): Promise<AlertRecord[]> {
  const records: AlertRecord[] = [];
  for await (const { packets } of fileSource(archive).batches(undefined, new AbortController().signal)) {
    records.push(...packets.flatMap((packet) => [...decodePacket(packet).records]));
  }
  return records;
}

/** The alert as one of the survey's `copy`-th copy. */
function copied(record: AlertRecord, copy: number, index: number): AlertRecord {
  const candid = FIRST_CANDID + BigInt(copy * SURVEY + index);
  const objectId = `${record.objectId}-${copy}`;
  // The same object is at the same place, elsewhere for each copy.
  const place = Number(BigInt.asUintN(52, BigInt(Bun.hash(objectId)))) / 2 ** 52;
  const radec_geojson = { type: "Point", coordinates: [place * 360 - 180, ((place * 7919) % 1) * 120 - 30] };
  const coordinates = { ...(record.document["coordinates"] as object), radec_geojson };
  return {
    ...record,
    candid,
    objectId,
    document: { ...record.document, _id: candid, candid, objectId, coordinates },
  };
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** Median milliseconds of finds, each through a reader thread as the server asks. */
async function findTimes(dataDir: string, stored: number, records: readonly AlertRecord[]) {
  const store = await openEmbeddedStore({ dataDir });
  const median = async (filterOf: (n: number) => Record<string, string | bigint>) => {
    const times: number[] = [];
    for (let i = 0; i < FINDS; i++) {
      const filter = filterOf(Math.floor(Math.random() * stored));
      const began = performance.now();
      const found = await Array.fromAsync(
        store.find({ collection: "ZTF_alerts", filter, maxTimeMs: 60_000 }).documents(),
      );
      times.push(performance.now() - began);
      if (found.length === 0) throw new Error(`nothing found for ${String(Object.values(filter)[0])}`);
    }
    return times.sort((a, b) => a - b)[FINDS / 2] ?? Number.NaN;
  };
  const byCandid = await median((n) => ({ candid: FIRST_CANDID + BigInt(n) }));
  const byObject = await median((n) => ({
    objectId: `${records[n % SURVEY]?.objectId}-${Math.floor(n / SURVEY)}`,
  }));
  await store.close();
  return { byCandid, byObject };
}

using folder = temporaryFolder();
const archive = join(folder.path, "survey.tar");
const words = ["simulate", "--out", archive, "--alerts", String(SURVEY), "--nights", "20", "--no-cutouts"];
const { code, stderr } = await runExecutable(words);
if (code !== 0) throw new Error(stderr);
const records = await recordsOf(archive);
const dataDir = join(folder.path, "data");
const writer = await openEmbeddedWriter({ dataDir });
const encoder = embeddedEncoder({ cutouts: "none" });
const until = performance.now() + MINUTES * 60_000;
/** `[alerts, milliseconds of writing]` of the last batches. */
let recent: [number, number][] = [];
let stored = 0;
for (const mark of MARKS.filter((alerts) => alerts <= MOST)) {
  while (stored < mark && performance.now() < until) {
    const alerts = Array.from({ length: Math.min(BATCH, mark - stored) }, (_, i) => {
      const n = stored + i;
      const record = records[n % SURVEY];
      if (record === undefined) throw new Error("the survey is smaller than expected");
      return encoder.encode(copied(record, Math.floor(n / SURVEY), n % SURVEY));
    });
    const began = performance.now();
    await writer.write({ alerts, deadLetters: [], outbox: [], positions: [] });
    encoder.takeBuffers();
    recent.push([alerts.length, performance.now() - began]);
    if (recent.length > WINDOW / BATCH) recent = recent.slice(1);
    stored += alerts.length;
  }
  const [count, ms] = recent.reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
  const { byCandid, byObject } = await findTimes(dataDir, stored, records);
  const bytes = folderBytes(dataDir);
  console.log(
    `${stored} alerts: ${Math.round((1000 * count) / ms)} alerts/s written, find by candid ${byCandid.toFixed(2)} ms, ` +
      `by objectId ${byObject.toFixed(2)} ms, folder ${(bytes / 1e6).toFixed(0)} MB (${Math.round(bytes / stored)} bytes an alert)`,
  );
  if (stored < mark) {
    console.log(`stopped after ${MINUTES} minutes`);
    break;
  }
}
await writer.close();
