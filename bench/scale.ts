/**
 * What the embedded store does as it grows, cutouts off: `bun bench/scale.ts [MINUTES [ALERTS]]` (default 20
 * minutes and 2 million, whichever comes first).
 *
 * A simulated survey of 4000 alerts is encoded once and its rows are stored over and over, each time as other
 * objects at another time and elsewhere on the sky, so that the store is all that works. One alert of three is of a new object;
 * the others are of objects that were stored at any time before, and their packets repeat the stored history and add
 * a few rows. At every mark: the rate and the CPU time of the writes just before it (on a busy machine the latter
 * tells more), the time of finds, and the size of the folder; at some also the rate of `kowalski ingest` of a night
 * of its own into that folder.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { decodePacket } from "../src/broker/decode.ts";
import { fileSource } from "../src/sources/files.ts";
import type { EncodedRows } from "../src/store/embedded/encoder.ts";
import { ALERT_COLUMNS } from "../src/store/embedded/layout.ts";
import { cellOf } from "../src/store/embedded/position.ts";
import {
  type EncodedAlert,
  embeddedEncoder,
  type HistoryUpdate,
  openEmbeddedStore,
  openEmbeddedWriter,
} from "../src/store/index.ts";
import { runExecutable } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";

const MINUTES = Number(process.argv[2] ?? 20);
const MOST = Number(process.argv[3] ?? 2_000_000);
const SURVEY = 4000;
const NIGHTS = 20;
const BATCH = 150;
const MARKS = [20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000];
/** Marks at which a night is ingested, and its alerts. */
const NIGHTS_AT: ReadonlySet<number> = new Set([20_000, 200_000, 2_000_000]);
const NIGHT = 8000;
/** The rate at a mark is that of so many alerts before it. */
const WINDOW = 15_000;
const FINDS = 300;
/** One alert of so many is of a new object. */
const NEW = 3;
/** Rows that another alert of an object adds to a history. */
const ROWS_ADDED = 2;
/** More than the numbers of exposures of the survey are apart. */
const PIDS = 10_000_000_000n;
const FIRST_CANDID = 3_000_000_000_000_000_000n;

/** An alert as rows: with its whole histories, and with the last rows of each. */
interface Original {
  readonly whole: EncodedAlert;
  readonly added: EncodedRows["histories"];
}

async function surveyOf(archive: string): Promise<Original[]> {
  const encoder = embeddedEncoder({ cutouts: "none" });
  const last = (history: HistoryUpdate): HistoryUpdate => ({
    ...history,
    rows: history.rows.slice(-ROWS_ADDED),
    keys: history.keys.slice(-ROWS_ADDED),
    jds: history.jds.slice(-ROWS_ADDED),
  });
  const originals: Original[] = [];
  for await (const { packets } of fileSource(archive).batches(undefined, new AbortController().signal)) {
    for (const record of packets.flatMap((packet) => [...decodePacket(packet).records])) {
      const whole = encoder.encode(record);
      const { histories } = encoder.encode({ ...record, histories: record.histories.map(last) })
        .rows as EncodedRows;
      originals.push({ whole, added: histories });
    }
  }
  return originals;
}

/** A number in 0…1 that looks random and is the same for the same input. */
function scattered(input: string | number): number {
  return Number(BigInt.asUintN(52, BigInt(Bun.hash(String(input))))) / 2 ** 52;
}

class Copies {
  readonly #columns = new Map(ALERT_COLUMNS.map(({ path }, column) => [path, column]));

  constructor(readonly survey: readonly Original[]) {}

  /** The number of the alert with which the object of the n-th alert came. */
  #first(n: number): number {
    return n % NEW === 0 ? n : Math.floor(scattered(n) * Math.ceil(n / NEW)) * NEW;
  }

  #original(n: number): Original {
    const original = this.survey[n % SURVEY];
    if (original === undefined) throw new Error("the survey is smaller than expected");
    return original;
  }

  /** The name of the object of the n-th alert. */
  objectId(n: number): string {
    const first = this.#first(n);
    return `${this.#original(first).whole.objectId}-${Math.floor(first / SURVEY)}`;
  }

  /** The n-th alert. */
  alert(n: number): EncodedAlert {
    const { whole: original, added } = this.#original(n);
    const candid = FIRST_CANDID + BigInt(n);
    const objectId = this.objectId(n);
    const copy = Math.floor(n / SURVEY);
    const rows = original.rows as EncodedRows;
    const known = (this.#original(this.#first(n)).whole.rows as EncodedRows).histories;
    const histories = this.#first(n) === n ? known : [...known, ...added];
    // The same object is at the same place.
    const place = scattered(objectId);
    const [longitude, latitude] = [place * 360 - 180, ((place * 7919) % 1) * 120 - 30];
    const index = [...rows.index];
    const jd = Number(this.#get(index, "candidate.jd")) + copy * NIGHTS;
    this.#set(index, "objectId", objectId);
    this.#set(index, "coordinates.radec_geojson", cellOf(longitude, latitude) ?? null);
    this.#set(index, "candidate.jd", jd);
    // Numbers of exposures grow with time.
    const pid = BigInt(this.#get(index, "candidate.pid") as bigint) + BigInt(copy) * PIDS;
    this.#set(index, "candidate.pid", pid);
    const document = rows.document
      .replaceAll(String(original.candid), String(candid))
      .replaceAll(original.objectId, objectId)
      .replace(/"pid":"\d+"/, `"pid":"${pid}"`)
      .replace(/"jd":[\d.]+/, `"jd":${jd}`)
      .replace(/("Point","coordinates":)\[[^\]]*\]/, `$1[${longitude},${latitude}]`);
    return {
      ...original,
      candid,
      objectId,
      rows: { ...rows, document, index, histories } satisfies EncodedRows,
    };
  }

  #get(index: readonly EncodedRows["index"][number][], path: string) {
    return index[this.#columns.get(path) ?? -1];
  }

  #set(index: EncodedRows["index"][number][], path: string, value: EncodedRows["index"][number]): void {
    const column = this.#columns.get(path);
    if (column === undefined) throw new Error(`${path} is no column`);
    index[column] = value;
  }
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** Median milliseconds of finds, each through a reader thread as the server asks. */
async function findTimes(dataDir: string, stored: number, copies: Copies) {
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
  const byObject = await median((n) => ({ objectId: copies.objectId(n) }));
  await store.close();
  return { byCandid, byObject };
}

/** Alerts a second of `kowalski ingest` of a night that nobody has seen, its start included. */
async function ingestRate(folder: string, dataDir: string, mark: number): Promise<number> {
  const archive = join(folder, `night${mark}.tar`);
  // Nights years apart: other exposures, other candids.
  const start = `${2025 + Math.round(Math.log10(mark))}-01-01`;
  const night = ["simulate", "--out", archive, "--alerts", String(NIGHT), "--nights", String(NIGHTS)];
  const made = await runExecutable([...night, "--no-cutouts", "--seed", String(mark), "--start", start]);
  if (made.code !== 0) throw new Error(made.stderr);
  const words = ["ingest", "--json", "--data-dir", dataDir, "--cutouts", "none", archive];
  const { code, stdout, stderr } = await runExecutable(words, { timeoutMs: 600_000 });
  if (code !== 0) throw new Error(stderr);
  const lastOf = (text: string) => JSON.parse(text.trim().split("\n").at(-1) ?? "") as Record<string, number>;
  const { stored } = lastOf(stdout);
  if (stored !== NIGHT) throw new Error(`${stored} of ${NIGHT} alerts were new`);
  return lastOf(stderr)["rate"] ?? Number.NaN;
}

using folder = temporaryFolder();
const archive = join(folder.path, "survey.tar");
const words = ["simulate", "--out", archive, "--alerts", String(SURVEY), "--nights", String(NIGHTS)];
const { code, stderr } = await runExecutable([...words, "--no-cutouts"]);
if (code !== 0) throw new Error(stderr);
const copies = new Copies(await surveyOf(archive));
const dataDir = join(folder.path, "data");
const writer = await openEmbeddedWriter({ dataDir });
const until = performance.now() + MINUTES * 60_000;
/** `[alerts, milliseconds of writing, of them CPU]` of the last batches. */
let recent: [number, number, number][] = [];
let stored = 0;
for (const mark of MARKS.filter((alerts) => alerts <= MOST)) {
  while (stored < mark && performance.now() < until) {
    const alerts = Array.from({ length: Math.min(BATCH, mark - stored) }, (_, i) => copies.alert(stored + i));
    const began = performance.now();
    const cpu = process.cpuUsage();
    await writer.write({ alerts, deadLetters: [], outbox: [], positions: [] });
    const { user, system } = process.cpuUsage(cpu);
    recent.push([alerts.length, performance.now() - began, (user + system) / 1000]);
    if (recent.length > WINDOW / BATCH) recent = recent.slice(1);
    stored += alerts.length;
  }
  const sum = (part: 0 | 1 | 2) => recent.reduce((total, batch) => total + batch[part], 0);
  const { byCandid, byObject } = await findTimes(dataDir, stored, copies);
  const bytes = folderBytes(dataDir);
  console.log(
    `${stored} alerts: ${Math.round((1000 * sum(0)) / sum(1))} alerts/s written (${(sum(2) / sum(0)).toFixed(3)} ms CPU), find by candid ${byCandid.toFixed(2)} ms, ` +
      `by objectId ${byObject.toFixed(2)} ms, folder ${(bytes / 1e6).toFixed(0)} MB (${Math.round(bytes / stored)} bytes an alert)`,
  );
  if (stored === mark && NIGHTS_AT.has(mark)) {
    console.log(
      `  ingest of ${NIGHT} more: ${Math.round(await ingestRate(folder.path, dataDir, mark))} alerts/s`,
    );
  }
  if (stored < mark) {
    console.log(`stopped after ${MINUTES} minutes`);
    break;
  }
}
await writer.close();
