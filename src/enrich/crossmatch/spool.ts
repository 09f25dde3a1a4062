/** Columns that are written row by row to disk and then read at any place, whatever their size. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";

/** Bytes that are gathered for one write. */
const PIECE = 256 * 1024;

/** A file of bytes behind each other. */
export class ByteFile {
  readonly #file: number;
  readonly #piece = new Uint8Array(PIECE);
  #at = 0;
  /** Bytes that were added. */
  size = 0;

  constructor(readonly path: string) {
    this.#file = openSync(path, "w", 0o600);
  }

  add(bytes: Uint8Array): void {
    this.size += bytes.length;
    if (this.#at + bytes.length > PIECE) this.#flush();
    if (bytes.length > PIECE) writeAll(this.#file, bytes);
    else {
      this.#piece.set(bytes, this.#at);
      this.#at += bytes.length;
    }
  }

  #flush(): void {
    writeAll(this.#file, this.#piece.subarray(0, this.#at));
    this.#at = 0;
  }

  /** Ends the writing; `sync` makes it durable. */
  close(sync?: (file: number) => void): void {
    try {
      this.#flush();
      sync?.(this.#file);
    } finally {
      closeSync(this.#file);
    }
  }
}

/** Writes all of it: one call may write a part. */
function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** A column of 32-bit numbers. */
export class NumberFile {
  readonly #bytes: ByteFile;
  readonly #piece = new Uint32Array(PIECE / 4);
  #at = 0;

  constructor(readonly path: string) {
    this.#bytes = new ByteFile(path);
  }

  add(value: number): void {
    this.#piece[this.#at++] = value;
    if (this.#at === this.#piece.length) this.#flush();
  }

  #flush(): void {
    this.#bytes.add(new Uint8Array(this.#piece.buffer, 0, 4 * this.#at));
    this.#at = 0;
  }

  close(): void {
    this.#flush();
    this.#bytes.close();
  }

  /** What was written, once it is closed. */
  read(): Uint32Array {
    const { size, path } = this.#bytes;
    // An empty file cannot be mapped.
    return size === 0 ? new Uint32Array(0) : new Uint32Array(Bun.mmap(path).buffer, 0, size / 4);
  }
}

/** The positions and keys of rows, in the order in which they come. */
export class Spool {
  readonly #ras: NumberFile;
  readonly #decs: NumberFile;
  readonly #ends: NumberFile;
  readonly #keys: ByteFile;
  rows = 0;

  /** `path` begins the names of its files. */
  constructor(path: string) {
    this.#ras = new NumberFile(`${path}.ra`);
    this.#decs = new NumberFile(`${path}.dec`);
    this.#ends = new NumberFile(`${path}.ends`);
    this.#keys = new ByteFile(`${path}.keys`);
  }

  get keyBytes(): number {
    return this.#keys.size;
  }

  add(ra: number, dec: number, key: Uint8Array): void {
    this.#ras.add(ra);
    this.#decs.add(dec);
    this.#keys.add(key);
    this.#ends.add(this.#keys.size);
    this.rows++;
  }

  close(): void {
    for (const file of [this.#ras, this.#decs, this.#ends, this.#keys]) file.close();
  }

  /** What was added, once it is closed. */
  read(): { ras: Uint32Array; decs: Uint32Array; keyEnds: Uint32Array; keys: Uint8Array } {
    const keys = this.#keys.size === 0 ? new Uint8Array(0) : Bun.mmap(this.#keys.path);
    return { ras: this.#ras.read(), decs: this.#decs.read(), keyEnds: this.#ends.read(), keys };
  }

  remove(): void {
    for (const { path } of [this.#ras, this.#decs, this.#ends, this.#keys]) rmSync(path, { force: true });
  }
}
