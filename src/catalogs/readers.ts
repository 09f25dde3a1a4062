/** Reads several files of a load at a time, each on a thread of its own or more: their pieces as they come. */
import { availableParallelism } from "node:os";
import type { IndexDescription, StoreSettings } from "../store/index.ts";
import type { DecodedPiece, DecodeRequest } from "./decode.ts";
import { decodedPieces } from "./decoder.ts";
import { isParquet } from "./open.ts";

/** More threads than this read faster than one can write, and each takes its memory. */
const MOST_AT_ONCE = 4;

/** A file of fewer bytes is not worth being read by several threads. */
const SMALL_FILE = 1024 * 1024;

/**
 * How many threads read a file of this size (bytes) when there are so many for the files that are left. One for Parquet:
 * each would hold a row group, which may have a million rows.
 */
export function threadsOf(path: string, size: number, threads: number, filesLeft: number): number {
  if (size < SMALL_FILE || isParquet(path)) return 1;
  return Math.max(1, Math.floor(threads / filesLeft));
}

/** How many files are read at once: one core is for the thread that writes, but two files always. */
export function filesAtOnce(): number {
  return Math.max(2, Math.min(MOST_AT_ONCE, availableParallelism() - 1));
}

export interface FileToRead {
  /** Position of the file among those of the load. */
  readonly file: number;
  readonly request: DecodeRequest;
  /** How many threads read it; one when left out. */
  readonly threads?: number;
}

export interface ReadPiece {
  readonly file: number;
  /** The next rows of the file; undefined behind its last. */
  readonly piece: DecodedPiece | undefined;
}

/**
 * Yields the pieces of files, those of one file in their order, of at most `atOnce` files at a time; files are begun
 * in their order. Throws what reading one of them throws.
 */
export async function* readFiles(
  files: Iterable<FileToRead>,
  settings: StoreSettings,
  indexes: readonly IndexDescription[],
  atOnce: number,
): AsyncGenerator<ReadPiece> {
  const stopper = new AbortController();
  const waiting = files[Symbol.iterator]();
  const open = new Set<AsyncGenerator<DecodedPiece>>();
  /** By file, the ones that were answered longest ago first: none is left behind. */
  const awaited = new Map<number, Promise<() => ReadPiece>>();
  const ask = (file: number, pieces: AsyncGenerator<DecodedPiece>) => {
    const next = pieces.next().then(({ done, value }) => () => {
      awaited.delete(file);
      if (done === true) {
        open.delete(pieces);
        begin();
        return { file, piece: undefined };
      }
      ask(file, pieces);
      return { file, piece: value };
    });
    // It may fail while no one waits for it: whoever waits next hears of it.
    next.catch(() => {});
    awaited.set(file, next);
  };
  const begin = () => {
    const { done, value } = waiting.next();
    if (done === true) return;
    const { file, request, threads } = value;
    const pieces = decodedPieces(request, settings, indexes, stopper.signal, threads);
    open.add(pieces);
    ask(file, pieces);
  };
  try {
    for (let n = 0; n < atOnce; n++) begin();
    while (awaited.size > 0) {
      const take = await Promise.race(awaited.values());
      yield take();
    }
  } finally {
    stopper.abort();
    await Promise.allSettled([...open].map((pieces) => pieces.return(undefined)));
  }
}
