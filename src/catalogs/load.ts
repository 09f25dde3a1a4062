/** Loads files into a catalogue: reads in one thread, writes in this one, goes on where it was interrupted. */

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
import { decodedPieces } from "./decoder.ts";
import type { CatalogSpec } from "./spec.ts";
import type { BadRow } from "./table.ts";

export interface LoadRequest {
  readonly files: readonly string[];
  readonly spec: CatalogSpec;
  readonly mode: "replace" | "append";
  /** How many rows may be bad before the load stops. */
  readonly maxBadRows: number;
}

export interface FoundBadRow extends BadRow {
  readonly file: string;
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
  /** The file that is being read. */
  readonly file: string;
  readonly bytes: number;
  readonly bytesTotal: number;
}

export interface LoadEvents {
  readonly progress?: (state: LoadState) => void;
  readonly badRow?: (row: FoundBadRow) => void;
  /** Something to know: that an interrupted load goes on, that indexes are made. */
  readonly note?: (text: string) => void;
}

export interface LoadOptions extends LoadEvents {
  readonly settings: StoreSettings;
  readonly signal?: AbortSignal;
}

/** A load that ended before its end, on purpose. */
export class LoadStopped extends Error {
  override readonly name = "LoadStopped";
}

/** How far a load is: kept with the rows. */
interface LoadProgress extends LoadTotals {
  /** Position of the file among those of the load. */
  readonly file: number;
  /** Rows of that file that are done. */
  readonly rowsOfFile: number;
  /** Files that were loaded into the collection before. */
  readonly filesBefore: number;
}

const NOTHING: LoadTotals = { rows: 0, written: 0, duplicates: 0, bad: 0, omitted: 0 };

/**
 * Loads files. Throws `TableError` for a file that cannot be read, `LoadStopped` when there are more bad rows
 * than allowed or `signal` is aborted, `StoreError` when the store cannot be written. In each case what was
 * read stays, and the same load goes on from there.
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
  #progress: LoadProgress = { ...NOTHING, file: 0, rowsOfFile: 0, filesBefore: 0 };

  constructor(
    readonly request: LoadRequest,
    readonly options: LoadOptions,
    readonly sizes: readonly number[],
    readonly writer: CatalogWriter,
  ) {}

  async run(): Promise<LoadTotals> {
    const { files, spec, mode } = this.request;
    const indexes = [POSITION_INDEX, ...(spec.indexes ?? []).map(columnIndex)];
    const fingerprint = fingerprintOf(this.request);
    const begun = await this.writer.begin({ collection: spec.name, mode, fingerprint, indexes });
    if (begun.progress === undefined) await this.#lookBack();
    else this.#goOn(begun.progress);
    for (let file = this.#progress.file; file < files.length; file++) {
      if (file !== this.#progress.file) this.#progress = { ...this.#progress, file, rowsOfFile: 0 };
      await this.#loadFile(files[file] ?? "", begun.indexes);
    }
    this.options.note?.("making the indexes");
    await this.writer.finish(await this.#description());
    return this.#totals();
  }

  #goOn(progress: Document): void {
    const of = (name: keyof LoadProgress) => toNumber(progress[name]) ?? 0;
    this.#progress = {
      file: of("file"),
      rowsOfFile: of("rowsOfFile"),
      filesBefore: of("filesBefore"),
      rows: of("rows"),
      written: of("written"),
      duplicates: of("duplicates"),
      bad: of("bad"),
      omitted: of("omitted"),
    };
    this.options.note?.(`an interrupted load goes on behind ${this.#progress.rows} rows`);
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

  async #loadFile(path: string, indexes: readonly IndexDescription[]): Promise<void> {
    const { file, rowsOfFile: skip, filesBefore } = this.#progress;
    const request = { path, spec: this.request.spec, fileNumber: filesBefore + file + 1, skip };
    for await (const piece of decodedPieces(request, this.options.settings, indexes)) {
      await this.#write(piece, path);
      if (this.options.signal?.aborted === true) throw new LoadStopped("stopped before the end");
    }
  }

  async #write(piece: DecodedPiece, path: string): Promise<void> {
    const before = this.#progress;
    for (const row of piece.bad) this.options.badRow?.({ ...row, file: path });
    const { maxBadRows } = this.request;
    const bad = before.bad + piece.bad.length;
    if (bad > maxBadRows) {
      throw new LoadStopped(
        `more than ${maxBadRows} rows cannot be loaded: mend the files or the options, or allow more with --max-bad-rows`,
      );
    }
    const next = {
      ...before,
      rows: before.rows + piece.rows - before.rowsOfFile,
      rowsOfFile: piece.rows,
      bad,
      omitted: before.omitted + piece.omitted,
    };
    const progressOf = (written: number): LoadProgress => ({
      ...next,
      written: before.written + written,
      duplicates: before.duplicates + piece.encoded.count - written,
    });
    const written = await this.writer.write(piece.encoded, (count) => ({ ...progressOf(count) }));
    this.#progress = progressOf(written);
    this.#tell(path, piece.bytesRead);
  }

  #tell(path: string, bytesOfFile: number): void {
    const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
    this.options.progress?.({
      ...this.#totals(),
      file: path,
      bytes: sum(this.sizes.slice(0, this.#progress.file)) + bytesOfFile,
      bytesTotal: sum(this.sizes),
    });
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

/** Of what is loaded and how; not of how many bad rows are accepted. */
function fingerprintOf({ files, spec }: LoadRequest): string {
  const found = files.map((path) => {
    const { size, mtimeMs } = statSync(path);
    return [resolve(path), size, mtimeMs];
  });
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([found, spec])).digest("hex");
}
