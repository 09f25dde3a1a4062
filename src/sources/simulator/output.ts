/** Writes packets to a folder, a .tar or a .tar.gz, which has its name only when it is complete. */
import { existsSync } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { crc32 } from "node:zlib";
import { deflatePart, GZIP_HEADER, gzipTrailer, writeStored } from "./gzip.ts";
import type { SimulatedPacket } from "./simulation.ts";

export interface PacketOutput {
  /** Bytes written so far. */
  readonly bytes: number;
  write(packet: SimulatedPacket): Promise<void>;
  /** Completes the output and gives it its name. */
  finish(): Promise<void>;
  /** Removes what was written. */
  abandon(): Promise<void>;
}

/** The output cannot be written there: names the path and what to do. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

/**
 * Opens an output: `.tar`, `.tar.gz` and `.tgz` by the path's ending, else a folder of .avro files. Until it
 * is finished it has the ending `.partial`, which no source reads. Throws `OutputError` when the path is
 * taken (unless `force`; a folder is only replaced when it holds nothing but packets).
 */
export async function openOutput(path: string, force: boolean): Promise<PacketOutput> {
  const isGzip = /\.(tar\.gz|tgz)$/i.test(path);
  const isArchive = isGzip || /\.tar$/i.test(path);
  if (!isArchive && /\.(avro|gz|zip|zst|bz2|xz|json)$/i.test(path)) {
    throw new OutputError(`${path}: expected a folder, or a name that ends in .tar or .tar.gz`);
  }
  await checkFree(path, isArchive, force);
  const final = resolve(path);
  const partial = `${final}.partial`;
  await mkdir(dirname(final), { recursive: true });
  await rm(partial, { recursive: true, force: true });
  if (isArchive) return new ArchiveOutput(await open(partial, "wx"), partial, final, isGzip);
  await mkdir(partial);
  return new FolderOutput(partial, final);
}

async function checkFree(path: string, isArchive: boolean, force: boolean): Promise<void> {
  if (!existsSync(path)) return;
  if (!force) throw new OutputError(`${path} exists: take another name, or --force to replace it`);
  const isFolder = (await lstat(path)).isDirectory();
  if (isFolder === isArchive) {
    throw new OutputError(
      `${path} is ${isFolder ? "a folder" : "no folder"}: remove it yourself, or take another name`,
    );
  }
  if (isFolder && (await readdir(path)).some((name) => !name.endsWith(".avro"))) {
    throw new OutputError(`${path} holds more than packets, so it is not replaced: take another name`);
  }
}

class FolderOutput implements PacketOutput {
  bytes = 0;

  constructor(
    readonly partial: string,
    readonly final: string,
  ) {}

  async write({ name, bytes }: SimulatedPacket): Promise<void> {
    await writeFile(join(this.partial, name), bytes, { flag: "wx" });
    this.bytes += bytes.length;
  }

  async finish(): Promise<void> {
    await rm(this.final, { recursive: true, force: true });
    await rename(this.partial, this.final);
  }

  abandon(): Promise<void> {
    return rm(this.partial, { recursive: true, force: true });
  }
}

/** Bytes gathered before they are written, and before they are compressed. */
const CHUNK_BYTES = 1024 * 1024;
const COMPRESSED_TOGETHER = 256 * 1024;
const TAR_BLOCK = 512;
const LEVEL = 1;
/** Parts smaller than this are not worth a block of their own. */
const STORED_LEAST = 4096;

/** Tar blocks in a row; in a gzip stream the image stamps, which do not shrink, are stored as they are. */
class ArchiveOutput implements PacketOutput {
  readonly #chunk = new Uint8Array(2 * CHUNK_BYTES);
  #filled = 0;
  /** Content that waits to be compressed together. */
  readonly #waiting = new Uint8Array(2 * COMPRESSED_TOGETHER);
  #waitingBytes = 0;
  #crc = 0;
  #length = 0;
  bytes = 0;

  constructor(
    readonly file: FileHandle,
    readonly partial: string,
    readonly final: string,
    readonly isGzip: boolean,
  ) {
    if (isGzip) this.#put(GZIP_HEADER);
  }

  async write({ name, bytes, stampBytes }: SimulatedPacket): Promise<void> {
    const padding = new Uint8Array((TAR_BLOCK - (bytes.length % TAR_BLOCK)) % TAR_BLOCK);
    const stamps = stampBytes < STORED_LEAST ? bytes.length : bytes.length - stampBytes;
    await this.#append(tarHeader(name, bytes.length));
    await this.#append(bytes.subarray(0, stamps));
    if (stamps < bytes.length) await this.#store(bytes.subarray(stamps));
    await this.#append(padding);
  }

  async finish(): Promise<void> {
    await this.#append(new Uint8Array(2 * TAR_BLOCK));
    await this.#compress();
    if (this.isGzip) await this.#emit(gzipTrailer(this.#crc, this.#length));
    await this.#flush();
    await this.file.close();
    await rename(this.partial, this.final);
  }

  async abandon(): Promise<void> {
    await this.file.close();
    await rm(this.partial, { force: true });
  }

  /** Content that is compressed, together with what is around it. */
  async #append(content: Uint8Array): Promise<void> {
    if (!this.isGzip) return this.#emit(content);
    this.#count(content);
    for (let from = 0; from < content.length; from += COMPRESSED_TOGETHER) {
      const part = content.subarray(from, from + COMPRESSED_TOGETHER);
      this.#waiting.set(part, this.#waitingBytes);
      this.#waitingBytes += part.length;
      if (this.#waitingBytes >= COMPRESSED_TOGETHER) await this.#compress();
    }
  }

  /** Content that is written as it is. */
  async #store(content: Uint8Array): Promise<void> {
    if (!this.isGzip) return this.#emit(content);
    await this.#compress();
    this.#count(content);
    // Whole blocks go into the chunk as they are made: one copy less of most of the archive.
    for (let from = 0; from < content.length; from += CHUNK_BYTES / 2) {
      const part = content.subarray(from, from + CHUNK_BYTES / 2);
      const end = writeStored(part, this.#chunk, this.#filled);
      this.bytes += end - this.#filled;
      this.#filled = end;
      if (this.#filled >= CHUNK_BYTES) await this.#flush();
    }
  }

  async #compress(): Promise<void> {
    if (this.#waitingBytes === 0) return;
    const content = this.#waiting.subarray(0, this.#waitingBytes);
    this.#waitingBytes = 0;
    await this.#emit(deflatePart(content, LEVEL));
  }

  #count(content: Uint8Array): void {
    this.#crc = crc32(content, this.#crc);
    this.#length += content.length;
  }

  async #emit(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      this.#put(bytes.subarray(from, from + CHUNK_BYTES));
      if (this.#filled >= CHUNK_BYTES) await this.#flush();
    }
  }

  #put(bytes: Uint8Array): void {
    this.#chunk.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.bytes += bytes.length;
  }

  async #flush(): Promise<void> {
    let from = 0;
    while (from < this.#filled)
      from += (await this.file.write(this.#chunk, from, this.#filled - from)).bytesWritten;
    this.#filled = 0;
  }
}

/** The header of a plain file in the POSIX format (ustar); the same content gives the same bytes. */
function tarHeader(name: string, size: number): Uint8Array {
  const header = Buffer.alloc(TAR_BLOCK);
  header.write(name, 0, 100, "latin1");
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        0", 148);
  header.write("ustar\x0000", 257);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
