/** The heap of a binary table (FITS standard 4.0, section 7.3.5): elements of cells of varying length. */
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ByteStream, firstBytes, isGzip } from "../bytes.ts";
import type { FitsColumn } from "./columns.ts";
import { MOST_ELEMENTS } from "./columns.ts";

/** Where one cell's elements are. */
export interface Span {
  readonly count: number;
  /** Bytes from the beginning of the heap. */
  readonly offset: number;
}

export class Heap {
  constructor(
    readonly file: number,
    /** Where the heap begins in the file, and its size, bytes. */
    readonly start: number,
    readonly size: number,
  ) {}

  /** Opens the heap of a file's table; a gzipped file is unpacked to a temporary one. */
  static async open(path: string, start: number, size: number): Promise<Heap> {
    const file = isGzip(firstBytes(path, 2)) ? await unpacked(path) : openSync(path, "r");
    // What a damaged header says is no reason to look beyond the file.
    return new Heap(file, start, Math.min(size, Math.max(0, fstatSync(file).size - start)));
  }

  /** Why a cell cannot be read; undefined when it can. */
  problemOf({ count, offset }: Span, column: FitsColumn): string | undefined {
    const fits = count >= 0 && offset >= 0 && offset + column.bytesOf(count) <= this.size;
    if (!fits) return `column ${column.name}: its elements lie outside of the heap`;
    if (count <= MOST_ELEMENTS) return undefined;
    return `column ${column.name}: ${count} elements are more than ${MOST_ELEMENTS}`;
  }

  /** The elements of a cell; undefined when the file ends before. */
  read({ count, offset }: Span, column: FitsColumn): DataView | undefined {
    const bytes = new Uint8Array(column.bytesOf(count));
    const read = readSync(this.file, bytes, 0, bytes.length, this.start + offset);
    return read === bytes.length ? new DataView(bytes.buffer) : undefined;
  }

  close(): void {
    closeSync(this.file);
  }
}

/** The unpacked file, open; it has no name, so it is gone when it is closed, also by a crash. */
async function unpacked(path: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "kowalski-fits-"));
  const stream = new ByteStream(path);
  try {
    const file = openSync(join(folder, "unpacked"), "w+");
    for (let chunk = await stream.next(); chunk !== undefined; chunk = await stream.next()) {
      for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
    }
    return file;
  } finally {
    stream.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
