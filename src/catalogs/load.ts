/** Loads files into a catalogue: reads on threads, some files at a time, writes in this one, goes on where it was interrupted. */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { type Document, toNumber } from "../query/index.ts";
import {
  type CatalogWriter,
  type IndexDescription,
  openCatalogWriter,
  POSITION_INDEX,
  type StoreSettings,
} from "../store/index.ts";
import { fileSize } from "./bytes.ts";
import type { DecodedPiece } from "./decode.ts";
import { type FileToRead, filesAtOnce, readFiles, threadsOf } from "./readers.ts";
import type { CatalogSpec } from "./spec.ts";
import type { BadRow, PlaceKind } from "./table.ts";

export interface LoadRequest {
  readonly files: readonly string[];
  readonly spec: CatalogSpec;
  readonly mode: "replace" | "append";
  /** How many rows may be bad before the load stops. */
  readonly maxBadRows: number;
}

export interface FoundBadRow extends BadRow {
  readonly file: string;
  /** What its place is. */
  readonly kind: PlaceKind;
}

/** What has become of the rows of a load. */
export interface LoadTotals {
  /** Read, bad ones included. */
  readonly rows: number;
  readonly written: number;
  /** Left out because their `_id` was there. */
  readonly duplicates: number;
  readonly bad: number;
  /** Left out by a preset's cuts. */
  readonly omitted: number;
}

export interface LoadState extends LoadTotals {
  /** The file whose rows were written last. */
  readonly file: string;
  readonly bytes: number;
  readonly bytesTotal: number;
}

export interface LoadEvents {
  /** Told of each piece that is kept, and of what an interrupted load has kept. */
  readonly progress?: (state: LoadState) => void;
  readonly badRow?: (row: FoundBadRow) => void;
  /** Something to know: how a file is read, that an interrupted load goes on, that indexes are made. */
  readonly note?: (text: string) => void;
}

export interface LoadOptions extends LoadEvents {
  readonly settings: StoreSettings;
  readonly signal?: AbortSignal;
  /** How many files, or threads of one file, read at once; as many as the machine can when left out. */
  readonly readers?: number;
}

/** A load that ended before its end, on purpose. */
export class LoadStopped extends Error {
  override readonly name = "LoadStopped";
}

/** A load after which the store would have no row more: nothing was changed. */
export class NothingStored extends Error {
  override readonly name = "NothingStored";
}

/** How far a load is: kept with the rows. */
interface LoadProgress extends LoadTotals {
  /** Files, by their position among those of the load, of which some rows may be done, with how many. */
  readonly begun: ReadonlyMap<number, number>;
  /** The first file that was not begun. */
  readonly next: number;
  /** Files that were loaded into the collection before. */
  readonly filesBefore: number;
}

const NOTHING: LoadTotals = { rows: 0, written: 0, duplicates: 0, bad: 0, omitted: 0 };

/**
 * Loads files. Throws `TableError` for a file that cannot be read, `LoadStopped` when there are more bad rows
 * than allowed or `signal` is aborted, `StoreError` when the store cannot be written. In each of these cases what
 * was read stays, and the same load goes on from there. Throws `NothingStored` when there is no row to store: what
 * was there is left as it is.
 */
export async function loadCatalog(request: LoadRequest, options: LoadOptions): Promise<LoadTotals> {
  const sizes = request.files.map(fileSize);
  const writer = await openCatalogWriter(options.settings);
  try {
    return await new Load(request, options, sizes, writer).run();
  } finally {
    await writer.close();
  }
}

/** The index of these columns, named after them: the store finds another name where that is taken. */
export function columnIndex(columns: readonly string[]): IndexDescription {
  return { name: columns.join("_"), keys: columns.map((path) => [path, 1] as const), unique: false };
}

class Load {
  #progress: LoadProgress = { ...NOTHING, begun: new Map(), next: 0, filesBefore: 0 };
  /** Of files that are being read, how much of them was. */
  readonly #bytes = new Map<number, number>();
  readonly #noted = new Set<string>();
  #firstBad: FoundBadRow | undefined;

  constructor(
    readonly request: LoadRequest,
    readonly options: LoadOptions,
    readonly sizes: readonly number[],
    readonly writer: CatalogWriter,
  ) {}

  async run(): Promise<LoadTotals> {
    const { spec, mode } = this.request;
    const indexes = [POSITION_INDEX, ...(spec.indexes ?? []).map(columnIndex)];
    const fingerprint = fingerprintOf(this.request);
    const begun = await this.writer.begin({ collection: spec.name, mode, fingerprint, indexes });
    if (begun.progress === undefined) await this.#lookBack();
    else this.#goOn(begun.progress);
    await this.#readAll(begun.indexes);
    const reason = this.#whyNothing();
    if (reason !== undefined) {
      await this.writer.abandon();
      throw new NothingStored(reason);
    }
    this.options.note?.("making the indexes");
    await this.writer.finish(await this.#description());
    return this.#totals();
  }

  /** Why no row was stored; undefined when some were, or appending finds them there or leaves them out on purpose. */
  #whyNothing(): string | undefined {
    const { rows, written, duplicates, bad, omitted } = this.#progress;
    const { files, mode } = this.request;
    if (written > 0 || (mode === "append" && duplicates + omitted > 0)) return undefined;
    if (rows === 0) return `${files.join(", ")}: ${files.length === 1 ? "it has" : "they have"} no rows`;
    if (omitted > 0) {
      return `none of the rows is left: the cuts of the preset leave out ${omitted}, and ${bad} cannot be loaded`;
    }
    const { file, kind, place, reason } = this.#firstBad ?? {};
    const first = file === undefined ? "" : `: ${file}, ${kind} ${place}: ${reason}`;
    return `none of the ${rows} rows could be stored${first}`;
  }

  #goOn(progress: Document): void {
    const of = (name: Exclude<keyof LoadProgress, "begun">) => toNumber(progress[name]) ?? 0;
    this.#progress = {
      begun: new Map(begunOf(progress)),
      next: of("next"),
      filesBefore: of("filesBefore"),
      rows: of("rows"),
      written: of("written"),
      duplicates: of("duplicates"),
      bad: of("bad"),
      omitted: of("omitted"),
    };
    this.options.note?.(`an interrupted load goes on behind ${this.#progress.rows} rows`);
    this.#tell(this.request.files[0] ?? "");
  }

  /** Rows that are appended are numbered behind those of the files before. */
  async #lookBack(): Promise<void> {
    if (this.request.mode === "replace") return;
    const known = await this.#known();
    const files = Array.isArray(known?.["files"]) ? known["files"].length : 0;
    this.#progress = { ...this.#progress, filesBefore: files };
  }

  #known(): Promise<Document | undefined> {
    return this.writer.description(this.request.spec.name);
  }

  async #readAll(indexes: readonly IndexDescription[]): Promise<void> {
    const { settings, signal, readers = filesAtOnce() } = this.options;
    for await (const { file, piece } of readFiles(this.#filesLeft(readers), settings, indexes, readers)) {
      if (piece === undefined) this.#end(file);
      else await this.#write(piece, file);
      if (signal?.aborted === true) throw new LoadStopped("stopped before the end");
    }
  }

  /** Those that were begun, behind what is done of them, and the others. */
  *#filesLeft(readers: number): Generator<FileToRead> {
    const { begun, next, filesBefore } = this.#progress;
    const { files, spec } = this.request;
    const left = begun.size + files.length - next;
    const toRead = (file: number, skip: number): FileToRead => ({
      file,
      threads: threadsOf(files[file] ?? "", this.sizes[file] ?? 0, readers, left),
      request: { path: files[file] ?? "", spec, fileNumber: filesBefore + file + 1, skip },
    });
    for (const [file, rows] of begun) yield toRead(file, rows);
    for (let file = next; file < files.length; file++) yield toRead(file, 0);
  }

  #end(file: number): void {
    const begun = this.#begunWith(file, 0);
    begun.delete(file);
    this.#progress = { ...this.#progress, begun, next: Math.max(this.#progress.next, file + 1) };
  }

  /** What is begun when so many rows of a file are done: the files before it are too, if nothing came of them yet. */
  #begunWith(file: number, rows: number): Map<number, number> {
    const begun = new Map(this.#progress.begun);
    for (let other = this.#progress.next; other < file; other++) begun.set(other, 0);
    return begun.set(file, rows);
  }

  async #write(piece: DecodedPiece, file: number): Promise<void> {
    const before = this.#progress;
    const path = this.request.files[file] ?? "";
    this.#note(piece.notes, path);
    for (const bad of piece.bad) {
      const row = { ...bad, file: path, kind: piece.placesAre };
      this.#firstBad ??= row;
      this.options.badRow?.(row);
    }
    const { maxBadRows } = this.request;
    const bad = before.bad + piece.bad.length;
    if (bad > maxBadRows) {
      throw new LoadStopped(
        `more than ${maxBadRows} rows cannot be loaded: mend the files or the options, or allow more with --max-bad-rows`,
      );
    }
    const next = {
      ...before,
      rows: before.rows + piece.rows - (before.begun.get(file) ?? 0),
      begun: this.#begunWith(file, piece.rows),
      next: Math.max(before.next, file + 1),
      bad,
      omitted: before.omitted + piece.omitted,
    };
    const progressOf = (written: number): LoadProgress => ({
      ...next,
      written: before.written + written,
      duplicates: before.duplicates + piece.encoded.count - written,
    });
    const kept = (written: number) => ({
      ...progressOf(written),
      begun: [...next.begun].map((pair) => [...pair]),
    });
    const written = await this.writer.write(piece.encoded, kept);
    this.#progress = progressOf(written);
    this.#bytes.set(file, piece.bytesRead);
    this.#tell(path);
  }

  /** The same of many files is told once. */
  #note(notes: readonly string[], path: string): void {
    for (const note of notes) {
      if (this.#noted.has(note)) continue;
      this.#noted.add(note);
      this.options.note?.(`${path}: ${note}`);
    }
  }

  #tell(path: string): void {
    const { begun, next } = this.#progress;
    let bytes = 0;
    let bytesTotal = 0;
    for (const [file, size] of this.sizes.entries()) {
      bytesTotal += size;
      if (begun.has(file)) bytes += this.#bytes.get(file) ?? 0;
      else if (file < next) bytes += size;
    }
    this.options.progress?.({ ...this.#totals(), file: path, bytes, bytesTotal });
  }

  #totals(): LoadTotals {
    const { rows, written, duplicates, bad, omitted } = this.#progress;
    return { rows, written, duplicates, bad, omitted };
  }

  async #description(): Promise<Document> {
    const { files, spec, mode } = this.request;
    const known = mode === "append" ? await this.#known() : undefined;
    const before = Array.isArray(known?.["files"]) ? known["files"] : [];
    const { name: _, ...told } = spec;
    return {
      files: [...before, ...files.map((path) => resolve(path))],
      rows: (toNumber(known?.["rows"]) ?? 0) + this.#progress.written,
      bad_rows: (toNumber(known?.["bad_rows"]) ?? 0) + this.#progress.bad,
      options: JSON.parse(JSON.stringify(told)) as Document,
      loaded_at: new Date(),
    };
  }
}

function begunOf({ begun }: Document): [file: number, rows: number][] {
  if (!Array.isArray(begun)) return [];
  return begun.map((pair) => {
    const [file = 0, rows = 0] = Array.isArray(pair) ? pair.map(toNumber) : [];
    return [file, rows];
  });
}

/** Of the form of the progress that is kept: a load that another version began in another form begins anew. */
const PROGRESS_FORM = 2;

/** Of what is loaded and how; not of how many bad rows are accepted. */
function fingerprintOf({ files, spec }: LoadRequest): string {
  const found = files.map((path) => {
    const { size, mtimeMs } = statSync(path);
    return [resolve(path), size, mtimeMs];
  });
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([PROGRESS_FORM, found, spec])).digest("hex");
}
