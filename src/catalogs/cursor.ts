/** Reads a file, gzipped or not, from front to back in pieces of any size, and skips what is not wanted. */
import { type FileHandle, open } from "node:fs/promises";
import { ByteStream, fileSize, firstBytes, isGzip } from "./bytes.ts";

export interface Cursor {
  /** Bytes of the contents (unpacked) that lie behind. */
  readonly position: number;
  /** At most `count` bytes: fewer only at the end. The answer is the caller's until the next call. */
  read(count: number): Promise<Uint8Array>;
  /** Leaves out at most `count` bytes; answers how many. */
  skip(count: number): Promise<number>;
  /** Bytes of the file itself that have been read. */
  bytesRead(): number;
  close(): Promise<void>;
}

/** Opens a file at its beginning. Throws `TableError`. */
export async function openCursor(path: string): Promise<Cursor> {
  if (isGzip(firstBytes(path, 2))) return new StreamCursor(new ByteStream(path));
  return new FileCursor(await open(path, "r"), fileSize(path));
}

class FileCursor implements Cursor {
  position = 0;
  #buffer = new Uint8Array(0);

  constructor(
    readonly file: FileHandle,
    readonly size: number,
  ) {}

  async read(count: number): Promise<Uint8Array> {
    // What is asked for may be what a damaged header says: never more than there is.
    const wanted = Math.max(0, Math.min(count, this.size - this.position));
    if (this.#buffer.length < wanted) this.#buffer = new Uint8Array(wanted);
    let filled = 0;
    while (filled < wanted) {
      const { bytesRead } = await this.file.read(
        this.#buffer,
        filled,
        wanted - filled,
        this.position + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.position += filled;
    return this.#buffer.subarray(0, filled);
  }

  async skip(count: number): Promise<number> {
    const skipped = Math.max(0, Math.min(count, this.size - this.position));
    this.position += skipped;
    return skipped;
  }

  bytesRead(): number {
    return this.position;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

class StreamCursor implements Cursor {
  position = 0;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(readonly stream: ByteStream) {}

  async read(count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let length = 0;
    while (length < count && (await this.#more())) {
      const part = this.#chunk.subarray(0, count - length);
      this.#chunk = this.#chunk.subarray(part.length);
      parts.push(part);
      length += part.length;
    }
    this.position += length;
    return parts.length === 1 && parts[0] !== undefined
      ? parts[0]
      : new Uint8Array(Buffer.concat(parts, length));
  }

  async skip(count: number): Promise<number> {
    let skipped = 0;
    while (skipped < count && (await this.#more())) {
      const part = Math.min(this.#chunk.length, count - skipped);
      this.#chunk = this.#chunk.subarray(part);
      skipped += part;
    }
    this.position += skipped;
    return skipped;
  }

  /** Whether there are bytes in the chunk, perhaps the next one. */
  async #more(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const chunk = await this.stream.next();
      if (chunk === undefined) return false;
      this.#chunk = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    }
    return true;
  }

  bytesRead(): number {
    return this.stream.bytesRead;
  }

  async close(): Promise<void> {
    this.stream.close();
  }
}
