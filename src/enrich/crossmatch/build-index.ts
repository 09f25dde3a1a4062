/** Writes the index file of a catalogue: positions are spooled to disk, sorted, and written in their order. */
import { fsyncSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { fixedDec, fixedRa, zoneOrder } from "../../sky/index.ts";
import type { CatalogReader } from "../../store/index.ts";
import {
  aligned,
  MAGIC,
  partSizes,
  type SkyIndexHead,
  skyIndexFile,
  skyIndexFolder,
  unfinishedFiles,
} from "./sky-index.ts";
import { ByteFile, Spool } from "./spool.ts";

/** Catalogues beyond this many rows are asked of the store. */
export const MOST_ROWS = 50_000_000;
/** Keys end at 32-bit places. */
const MOST_KEY_BYTES = 2 ** 32 - 1;
/** Numbers that are gathered for one write. */
const PIECE = 65_536;
/** Files that nobody wrote to for so long are left behind, milliseconds. */
const STALE_MS = 3_600_000;

/** What became of a build. */
export type BuildResult =
  | "built"
  /** The catalogue was written to meanwhile, or is gone. */
  | "changed"
  | "too large";

export interface BuildOptions {
  readonly dataDir: string;
  readonly catalog: string;
  /** Is told how many rows were read. */
  readonly progress?: (rows: number) => void;
  readonly signal?: AbortSignal;
}

/** Builds the index of a catalogue as it is now. Throws what the store or the file system says. */
export async function buildSkyIndex(catalogs: CatalogReader, options: BuildOptions): Promise<BuildResult> {
  const { dataDir, catalog, progress, signal } = options;
  const stateNow = async () => (await catalogs.states([catalog], { fresh: true })).get(catalog);
  const state = await stateNow();
  if (state === undefined) return "changed";
  if (state.rows > MOST_ROWS) return "too large";
  mkdirSync(skyIndexFolder(dataDir), { recursive: true });
  removeStale(dataDir);
  const file = skyIndexFile(dataDir, catalog);
  const own = `${file}.${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
  const spool = new Spool(own);
  try {
    for await (const { longitudes, latitudes, keys } of catalogs.positions(catalog)) {
      signal?.throwIfAborted();
      for (const [i, key] of keys.entries()) {
        spool.add(fixedRa((longitudes[i] ?? 0) + 180), fixedDec(latitudes[i] ?? 0), key);
      }
      progress?.(spool.rows);
      if (spool.rows > MOST_ROWS || spool.keyBytes > MOST_KEY_BYTES) return "too large";
    }
    spool.close();
    writeIndex(
      `${own}.whole`,
      { catalog, mark: state.mark, rows: spool.rows, keyBytes: spool.keyBytes },
      spool,
    );
    // What was read is of this state only when nobody wrote meanwhile.
    if ((await stateNow())?.mark !== state.mark) return "changed";
    renameSync(`${own}.whole`, file);
    return "built";
  } finally {
    spool.remove();
    rmSync(`${own}.whole`, { force: true });
  }
}

/** Writes a whole index file, durably. */
function writeIndex(path: string, head: SkyIndexHead, spool: Spool): void {
  const { ras, decs, keyEnds, keys } = spool.read();
  const { starts, order } = zoneOrder(ras, decs);
  const text = Buffer.from(JSON.stringify(head));
  const file = new ByteFile(path);
  const [ofStarts = 0, ofNumbers = 0, , , ofKeys = 0] = partSizes(head);
  try {
    file.add(Buffer.from(MAGIC));
    file.add(new Uint8Array(Uint32Array.of(text.length).buffer));
    file.add(text);
    pad(file, 12 + text.length);
    file.add(new Uint8Array(starts.buffer));
    pad(file, ofStarts);
    for (const column of [ras, decs]) {
      addNumbers(file, order, (place) => column[place] ?? 0);
      pad(file, ofNumbers);
    }
    let end = 0;
    const startOf = (place: number) => (place === 0 ? 0 : (keyEnds[place - 1] ?? 0));
    addNumbers(file, order, (place) => {
      end += (keyEnds[place] ?? 0) - startOf(place);
      return end;
    });
    pad(file, ofNumbers);
    for (const place of order) file.add(keys.subarray(startOf(place), keyEnds[place]));
    pad(file, ofKeys);
  } finally {
    file.close(fsyncSync);
  }
}

/** Adds a number for each place. */
function addNumbers(file: ByteFile, order: Uint32Array, numberOf: (place: number) => number): void {
  for (let from = 0; from < order.length; from += PIECE) {
    const numbers = order.subarray(from, from + PIECE).map(numberOf);
    file.add(new Uint8Array(numbers.buffer));
  }
}

/** Fills up behind a part of this size. */
function pad(file: ByteFile, size: number): void {
  file.add(new Uint8Array(aligned(size) - size));
}

function removeStale(dataDir: string): void {
  for (const path of unfinishedFiles(dataDir)) {
    const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - written > STALE_MS) rmSync(path, { force: true });
  }
}
