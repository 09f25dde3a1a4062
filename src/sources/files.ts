/** Packets from files: one `.avro`, an archive, or a folder of both, once or watched for new ones. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { archiveMembers } from "./archive.ts";
import { PacketRoom } from "./buffers.ts";
import { Cursor } from "./cursor.ts";
import { type FileItem, listByArrival, listByName } from "./items.ts";
import {
  type BatchLimits,
  DEFAULT_LIMITS,
  type Packet,
  type PacketBatch,
  type Source,
  SourceError,
} from "./source.ts";

/** How often a watched folder is looked at, milliseconds; a large one so rarely that it takes no more than its share. */
const WATCH_INTERVAL_MS = 1000;
const WATCH_SHARE = 1 / 20;

export interface FileSourceOptions {
  readonly watch?: boolean;
  readonly limits?: BatchLimits;
  /** The name under which positions are kept; by default the absolute path. */
  readonly name?: string;
}

/** Reads a file or folder. Problems with the path itself show when batches are asked for. */
export function fileSource(path: string, options: FileSourceOptions = {}): Source {
  return new FileSource(resolve(path), options);
}

class FileSource implements Source {
  readonly name: string;
  readonly isFinal = false;
  readonly #watch: boolean;
  readonly #limits: BatchLimits;
  #bytesRead = 0;
  #bytesTotal: number | undefined;

  constructor(
    readonly path: string,
    options: FileSourceOptions,
  ) {
    this.name = options.name ?? path;
    this.#watch = options.watch ?? false;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
  }

  progress() {
    return { bytesRead: this.#bytesRead, bytesTotal: this.#bytesTotal };
  }

  async *batches(position: string | undefined, signal: AbortSignal): AsyncGenerator<PacketBatch> {
    const batch = new BatchBuilder(this.#limits);
    const cursor = new Cursor(position, this.#watch ? "by arrival" : "by name");
    try {
      for (;;) {
        const looked = performance.now();
        const items = this.#remaining(cursor);
        const lookMs = performance.now() - looked;
        for (const item of items) {
          let packets = cursor.packetsOf(item);
          for await (const packet of this.#packets(item, packets, batch)) {
            cursor.begin(item, ++packets);
            if (batch.add(packet)) yield batch.take(cursor, false);
            if (signal.aborted) return;
          }
          cursor.finish(item);
        }
        if (!this.#watch) break;
        if (!batch.isEmpty()) yield batch.take(cursor, false);
        await pause(Math.max(WATCH_INTERVAL_MS, lookMs / WATCH_SHARE), signal);
        if (signal.aborted) return;
      }
    } catch (error) {
      if (!batch.isEmpty()) yield batch.take(cursor, false);
      throw error;
    }
    yield batch.take(cursor, true);
  }

  /** The items that are not done, and with them what the progress is measured by. */
  #remaining(cursor: Cursor): FileItem[] {
    const items = this.#watch ? listByArrival(this.path) : listByName(this.path);
    const left = cursor.remaining(items);
    if (!this.#watch) {
      this.#bytesTotal = items.reduce((sum, item) => sum + item.size, 0);
      this.#bytesRead = this.#bytesTotal - left.reduce((sum, item) => sum + item.size, 0);
    }
    return left;
  }

  /** The packets of an item. A torn archive of a folder is a dead letter, so that later files get their turn. */
  async *#packets(item: FileItem, skip: number, batch: BatchBuilder): AsyncGenerator<Packet> {
    try {
      yield* this.#packetsOf(item, skip, batch);
    } catch (error) {
      if (item.path === this.path || !(error instanceof SourceError)) throw error;
      const fault = { reason: "TornArchiveError", message: error.message };
      yield { bytes: new Uint8Array(0), key: item.order, place: item.name, fault };
    }
  }

  async *#packetsOf(item: FileItem, skip: number, batch: BatchBuilder): AsyncGenerator<Packet> {
    if (!item.isArchive) {
      // One that was read, and then the process died, has nothing more.
      const packet = skip > 0 ? undefined : this.#readFile(item);
      this.#bytesRead += item.size;
      if (packet !== undefined) yield packet;
      return;
    }
    let packets = skip;
    const onBytes = (count: number) => {
      this.#bytesRead += count;
    };
    const { packetBytes } = this.#limits;
    const options = { skip, packetBytes, onBytes, room: (size: number) => batch.room(size) };
    for await (const member of archiveMembers(item.path, options)) {
      packets++;
      const place = `${item.name}: ${member.name}`;
      const packet = { bytes: member.bytes, key: `${item.name}/${packets}`, place };
      yield member.oversized === undefined ? packet : { ...packet, fault: this.#oversized(member.oversized) };
    }
  }

  #readFile(item: FileItem): Packet | undefined {
    const place = { key: item.name, place: item.name };
    if (item.size > this.#limits.packetBytes) {
      return { ...place, bytes: new Uint8Array(0), fault: this.#oversized(item.size) };
    }
    try {
      return { ...place, bytes: readFileSync(item.path) };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      // A file that was taken away before it was read is nobody's packet.
      if (code === "ENOENT") return undefined;
      const fault = { reason: "UnreadableFileError", message: `the file cannot be read: ${String(error)}` };
      return { ...place, bytes: new Uint8Array(0), fault };
    }
  }

  #oversized(size: number) {
    return {
      reason: "OversizedPacketError",
      message: `the packet has ${size} bytes: expected at most ${this.#limits.packetBytes}`,
    };
  }
}

/** Gathers packets until a batch is full. */
class BatchBuilder {
  #packets: Packet[] = [];
  #room = new PacketRoom();
  #bytes = 0;

  constructor(readonly limits: BatchLimits) {}

  /** Room for the bytes of the packet that is added next. */
  room(size: number): Uint8Array {
    return this.#room.take(size);
  }

  /** Adds a packet; answers whether the batch is full. */
  add(packet: Packet): boolean {
    this.#packets.push({ ...packet, bytes: this.#room.hold(packet.bytes) });
    this.#bytes += packet.bytes.length;
    return this.#packets.length >= this.limits.packets || this.#bytes >= this.limits.bytes;
  }

  isEmpty(): boolean {
    return this.#packets.length === 0;
  }

  /** What was gathered, with the position behind it. */
  take(position: Cursor, done: boolean): PacketBatch {
    const packets = this.#packets;
    const { buffers } = this.#room;
    this.#packets = [];
    this.#room = new PacketRoom();
    this.#bytes = 0;
    return { packets, buffers, position: String(position), done };
  }
}

/** Waits, or less when `signal` aborts. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(finish, milliseconds);
    function finish() {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    }
    signal.addEventListener("abort", finish);
  });
}
