/** Packets of a .tar or .tar.gz archive, streamed: memory holds one packet at a time. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { SourceError } from "./source.ts";

const CHUNK_BYTES = 256 * 1024;
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
  const tar = extract();
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  file.on("data", (chunk) => onBytes(chunk.length));
  let failure: Error | undefined;
  const onEnd = (error: Error | null | undefined) => {
    failure = error ?? undefined;
    // The reader below waits on the tar stream: it must hear of a torn file or gzip stream.
    if (error) tar.destroy(error);
  };
  if (/\.tar$/i.test(path)) pipeline(file, tar, onEnd);
  else pipeline(file, createGunzip({ chunkSize: CHUNK_BYTES }), tar, onEnd);
  /** Packets that came whole, those passed over among them. */
  let whole = 0;
  try {
    for await (const entry of tar) {
      const { name, type, size = 0 } = entry.header;
      const isPacket = type === "file" && /\.avro$/i.test(name);
      if (!isPacket || whole < skip) {
        if (isPacket) whole++;
        entry.resume();
        continue;
      }
      const most = size > packetBytes ? KEPT_BYTES : size;
      // The library's types know a member only as an event emitter; it is a stream of buffers.
      const bytes = await gather(entry as unknown as AsyncIterable<Uint8Array>, room(most));
      whole++;
      yield size > packetBytes ? { name, bytes, oversized: size } : { name, bytes };
    }
  } catch (error) {
    const reason = failure ?? error;
    throw new SourceError(path, `torn or no archive after ${whole} packets: ${reasonOf(reason)}`);
  } finally {
    file.destroy();
    tar.destroy();
  }
  if (whole === 0 && skip === 0) throw new SourceError(path, "no .avro file in this archive");
}

/** As much of a member as `bytes` holds; what is beyond is read and dropped. */
async function gather(entry: AsyncIterable<Uint8Array>, bytes: Uint8Array): Promise<Uint8Array> {
  let filled = 0;
  for await (const chunk of entry) {
    const part = chunk.subarray(0, bytes.length - filled);
    bytes.set(part, filled);
    filled += part.length;
  }
  return filled === bytes.length ? bytes : bytes.subarray(0, filled);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
