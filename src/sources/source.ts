/** What the broker asks of a source of packets. Implementations are listed in `sources/index.ts`. */

/** Why a packet could not even be read: it becomes a dead letter as it is. */
export interface PacketFault {
  /** Name of the error, e.g. `OversizedPacketError`. */
  readonly reason: string;
  readonly message: string;
}

/** One packet's bytes: an Avro object container file, or a framed message. */
export interface Packet {
  readonly bytes: Uint8Array;
  /** Identifies the packet within its source for good, e.g. `20240311/123.avro` or `0/4711`. */
  readonly key: string;
  /** For people: file name and record, or topic, partition and offset. */
  readonly place: string;
  readonly fault?: PacketFault;
}

/** Packets that are acknowledged together. Positions only grow within a source. */
export interface PacketBatch {
  readonly packets: readonly Packet[];
  /**
   * What the packets' bytes are in, and nothing else: whoever takes the batch may send the buffers away, and
   * calls `giveBack` when they are used no more.
   */
  readonly buffers: readonly ArrayBuffer[];
  /** The position after this batch, to be stored with it; undefined where the source keeps positions of its own. */
  readonly position: string | undefined;
  /** Whether the source ends with this batch. */
  readonly done: boolean;
  /** Called when the batch is stored for good, where the source keeps positions of its own. */
  readonly durable?: () => void;
}

/** How much of a source has been read, for progress bars; `undefined` where it is not known. */
export interface SourceProgress {
  readonly bytesRead: number;
  readonly bytesTotal: number | undefined;
}

export interface Source {
  /** Identifies the source across runs: an absolute path, a URL, `topic/partition`. */
  readonly name: string;
  /** Whether it has an end behind which nothing ever comes. */
  readonly isFinal: boolean;
  /**
   * Yields batches from after `position` (from the start when undefined) until the source ends or `signal`
   * aborts. The next batch is read only when asked for: a slow consumer slows the source. Throws
   * `SourceError` when the source itself fails, after yielding what came before.
   */
  batches(position: string | undefined, signal: AbortSignal): AsyncIterable<PacketBatch>;
  progress(): SourceProgress;
  /** Packets that wait behind what is stored, by partition, where the source knows. */
  lag?(): ReadonlyMap<string, number>;
  /**
   * When what the source reads from last answered, milliseconds since the epoch, where it should do so all the time;
   * undefined where it has not yet.
   */
  answeredAt?(): number | undefined;
  /** Called when the source was read to its end and all of it is stored: what was kept for it may go. */
  settled?(): void;
}

/** How large a batch may be. */
export interface BatchLimits {
  readonly packets: number;
  /** Bytes of packets after which a batch is full. */
  readonly bytes: number;
  /** Largest packet that is read, bytes. */
  readonly packetBytes: number;
}

/** 4 MB are 65 packets with image stamps: larger batches only take more memory. */
export const DEFAULT_LIMITS: BatchLimits = {
  packets: 300,
  bytes: 4 * 1024 * 1024,
  packetBytes: 64 * 1024 * 1024,
};

/** A source that cannot be read (further): names it and what to do. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  constructor(
    readonly source: string,
    readonly reason: string,
  ) {
    super(`${source}: ${reason}`);
  }
}
