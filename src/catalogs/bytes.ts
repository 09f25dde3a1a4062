/** The bytes of a file in order, unpacked when it is gzipped; memory does not depend on the file's size. */
import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { TableError } from "./table.ts";

/** How much is read at a time, bytes. */
const CHUNK = 1024 * 1024;

/** The first bytes of a file, at most `count`. Throws `TableError` when it cannot be read. */
export function firstBytes(path: string, count: number): Uint8Array {
  const buffer = new Uint8Array(count);
  try {
    const file = openSync(path, "r");
    try {
      return buffer.subarray(0, readSync(file, buffer, 0, count, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new TableError(path, fileReason(error));
  }
}

/** Whether bytes begin as gzip does (RFC 1952, section 2.3.1). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

export class ByteStream {
  #read = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #close: () => void;
  readonly isPacked: boolean;

  constructor(readonly path: string) {
    this.isPacked = isGzip(firstBytes(path, 2));
    const file = createReadStream(path, { highWaterMark: CHUNK });
    file.on("data", (chunk) => {
      this.#read += chunk.length;
    });
    if (this.isPacked) {
      const unpacked = createGunzip({ chunkSize: CHUNK });
      file.on("error", (error) => unpacked.destroy(error));
      file.pipe(unpacked);
      this.#chunks = unpacked[Symbol.asyncIterator]();
      this.#close = () => {
        file.destroy();
        unpacked.destroy();
      };
    } else {
      this.#chunks = file[Symbol.asyncIterator]();
      this.#close = () => file.destroy();
    }
  }

  /** Bytes of the file itself that have been read. */
  get bytesRead(): number {
    return this.#read;
  }

  /** The next bytes; undefined at the end. Throws `TableError`. */
  async next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#chunks.next();
      return done === true ? undefined : value;
    } catch (error) {
      throw new TableError(this.path, fileReason(error, this.#read));
    }
  }

  close(): void {
    this.#close();
  }
}

function fileReason(error: unknown, offset = 0): string {
  const { code = "", message } = error as { code?: string; message: string };
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "it may not be read: check its permissions";
  if (code === "EISDIR") return "it is a folder: name the files in it";
  if (code.startsWith("Z_") || code === "ERR_TRAILING_JUNK_AFTER_STREAM_END") {
    return `the gzip data are damaged or cut off near byte ${offset} (${message}): get the file again`;
  }
  return message;
}

/** Bytes of a file on disk. Throws `TableError`. */
export function fileSize(path: string): number {
  try {
    const found = statSync(path);
    if (found.isDirectory()) throw new TableError(path, fileReason({ code: "EISDIR" }));
    // A pipe or a device may never end, nor answer.
    if (!found.isFile()) throw new TableError(path, "it is no regular file");
    return found.size;
  } catch (error) {
    if (error instanceof TableError) throw error;
    throw new TableError(path, fileReason(error));
  }
}
