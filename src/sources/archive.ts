/** Packets of a .tar or .tar.gz archive, streamed: memory holds one packet at a time. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { SourceError } from "./source.ts";
import { TarReader } from "./tar.ts";

/** A plain archive is read in pieces of this size, into the same memory. */
const PIECE_BYTES = 1024 * 1024;
const GZIP_CHUNK_BYTES = 256 * 1024;
/** How much of a packet that is too large is kept. */
const KEPT_BYTES = 64 * 1024;

export interface ArchiveMember {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Set when the member is larger than the limit: then `bytes` are only its beginning. */
  readonly oversized?: number;
}

export interface ArchiveOptions {
  /** So many members are passed over. */
  readonly skip: number;
  /** Of larger members only the beginning is kept. */
  readonly packetBytes: number;
  /** Is told how many more bytes of the file have been read. */
  readonly onBytes: (count: number) => void;
  /** Gives memory for the bytes of the next member. */
  readonly room: (size: number) => Uint8Array;
}

/** Yields the `.avro` members of an archive. Throws `SourceError` when the archive is torn or no archive. */
export async function* archiveMembers(path: string, options: ArchiveOptions): AsyncGenerator<ArchiveMember> {
  const { skip, packetBytes, onBytes, room } = options;
  /** Packets that came whole, those passed over among them, and those that began. */
  let whole = 0;
  let begun = 0;
  const tar = new TarReader(({ name, size }) => {
    if (!/\.avro$/i.test(name)) return undefined;
    return ++begun > skip ? room(size > packetBytes ? KEPT_BYTES : size) : new Uint8Array(0);
  });
  const chunks = /\.tar$/i.test(path) ? plainChunks(path, onBytes) : gzipChunks(path, onBytes);
  try {
    for await (const chunk of chunks) {
      for (const { name, size, bytes } of tar.read(chunk)) {
        whole++;
        if (whole > skip) yield size > packetBytes ? { name, bytes, oversized: size } : { name, bytes };
      }
    }
    tar.end();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SourceError(path, `torn or no archive after ${whole} packets: ${reason}`);
  }
  if (whole === 0 && skip === 0) throw new SourceError(path, "no .avro file in this archive");
}

/** The bytes of a file; each piece is overwritten by the next. */
async function* plainChunks(path: string, onBytes: ArchiveOptions["onBytes"]): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  try {
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length, null);
      if (bytesRead === 0) return;
      onBytes(bytesRead);
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function* gzipChunks(path: string, onBytes: ArchiveOptions["onBytes"]): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: GZIP_CHUNK_BYTES });
  file.on("data", (chunk) => onBytes(chunk.length));
  // The stream of plain bytes hears of what befalls the file.
  const plain = pipeline(file, createGunzip({ chunkSize: GZIP_CHUNK_BYTES }), () => undefined);
  try {
    for await (const chunk of plain) yield chunk as Uint8Array;
  } finally {
    file.destroy();
    plain.destroy();
  }
}
