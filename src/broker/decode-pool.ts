/**
 * The decode threads. A batch stays on one of them: it is decoded there beside other batches, and its filters
 * run there when its turn to be written comes, so that its alerts never leave the thread as objects.
 */
import type { CrossMatchSettings } from "../enrich/crossmatch/index.ts";
import type { ScoreNews, ScoreSettings } from "../enrich/scores/index.ts";
import type { BrokenFilter, Tallies } from "../filters/index.ts";
import type { Packet, PacketBatch } from "../sources/index.ts";
import { type EncodedAlert, type EncodedEntry, StoreError, type StoreSettings } from "../store/index.ts";
import type { CutoutsKept } from "./cutouts.ts";
import type { DecodeAnswer, DecodeRequest, FaultyPacket } from "./messages.ts";
import type { Schemas } from "./schemas.ts";

/** A batch ready to be written. */
export interface FilteredPackets {
  readonly alerts: readonly EncodedAlert[];
  /** Faulty packets with the packet they were; their bytes are in `bytes`. */
  readonly faulty: readonly (FaultyPacket & { readonly packet: Packet })[];
  readonly outbox: readonly EncodedEntry[];
  readonly scores: ScoreNews;
  /** What the above refers to, those of the packets among them: to be given back when it is written. */
  readonly buffers: readonly ArrayBuffer[];
}

/** A batch whose packets are decoded on their thread. */
export interface DecodedPackets {
  /** Its objects and alerts: batches that share none may be filtered in any order. */
  readonly names: ReadonlySet<string>;
  /**
   * Runs the filters. To be called when all batches before are stored that share a name with this one, until it
   * answers.
   */
  filter(): Promise<FilteredPackets>;
}

/** What filters did. */
export interface FilterNews {
  readonly tallies: Tallies;
  readonly broken: readonly BrokenFilter[];
}

export interface DecodePoolOptions {
  readonly size: number;
  readonly cutouts: CutoutsKept;
  readonly crossMatches: CrossMatchSettings;
  readonly scores?: ScoreSettings | undefined;
  readonly store: StoreSettings;
  readonly news: (news: FilterNews) => void;
}

/** A request before it has its number. */
type Asked =
  | {
      readonly type: "decode";
      readonly packets: readonly Packet[];
      readonly schemas: Schemas | undefined;
      readonly buffers: readonly ArrayBuffer[];
    }
  | { readonly type: "filter"; readonly batch: number }
  | { readonly type: "tell" };

class DecodeWorker {
  /** `smol`: its heap is collected early, for what it makes is garbage as soon as it is sent. */
  readonly #worker = new Worker(new URL("./decode-thread.ts", import.meta.url).href, { smol: true });
  readonly #asked = new Map<
    number,
    { resolve: (answer: DecodeAnswer) => void; reject: (error: Error) => void }
  >();
  #death: Error | undefined;
  #next = 0;
  /** Batches that are on this thread. */
  batches = 0;

  constructor({ cutouts, crossMatches, scores, store }: DecodePoolOptions) {
    this.#worker.onmessage = ({ data }: MessageEvent<DecodeAnswer>) => {
      const asked = this.#asked.get(data.id);
      this.#asked.delete(data.id);
      if (data.type === "failed") asked?.reject(toFailure(data));
      else asked?.resolve(data);
    };
    this.#worker.onerror = (event) => {
      this.#death = new Error(`a decode thread died: ${event.message}`);
      for (const { reject } of this.#asked.values()) reject(this.#death);
      this.#asked.clear();
    };
    this.#worker.postMessage({
      type: "open",
      cutouts,
      crossMatches,
      scores,
      store,
    } satisfies DecodeRequest);
  }

  /** Sends a request; resolves with its answer. */
  ask(asked: Asked, transfer: readonly ArrayBuffer[] = []): Promise<DecodeAnswer> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#worker.postMessage({ ...asked, id } satisfies DecodeRequest, [...transfer]);
    });
  }

  terminate(): void {
    this.#worker.terminate();
  }
}

export class DecodePool {
  readonly #workers: readonly DecodeWorker[];

  constructor(readonly options: DecodePoolOptions) {
    this.#workers = Array.from({ length: options.size }, () => new DecodeWorker(options));
  }

  /** Decodes a batch; its buffers are sent away. */
  async decode(
    { packets, buffers }: Pick<PacketBatch, "packets" | "buffers">,
    schemas?: Schemas,
  ): Promise<DecodedPackets> {
    const worker = this.#workers.reduce((least, other) => (other.batches < least.batches ? other : least));
    worker.batches++;
    const answer = await worker.ask({ type: "decode", packets, schemas, buffers }, buffers);
    if (answer.type !== "decoded") throw new Error("a decode thread gave another answer");
    return {
      names: new Set(answer.names),
      filter: async () => {
        const filtered = await worker.ask({ type: "filter", batch: answer.id });
        if (filtered.type !== "filtered") throw new Error("a decode thread gave another answer");
        worker.batches--;
        this.#tell(filtered);
        const { alerts, faulty, outbox, scores, buffers } = filtered;
        return { alerts, outbox, scores, buffers, faulty: withPackets(faulty, packets) };
      },
    };
  }

  /** Tells what filters did last, and ends the threads. */
  async close(): Promise<void> {
    await Promise.all(
      this.#workers.map(async (worker) => {
        const answer = await worker.ask({ type: "tell" }).catch(() => undefined);
        if (answer?.type === "told") this.#tell(answer);
        worker.terminate();
      }),
    );
  }

  #tell({ tallies, broken }: FilterNews): void {
    if (tallies.length > 0 || broken.length > 0) this.options.news({ tallies, broken });
  }
}

function withPackets(
  faulty: readonly FaultyPacket[],
  packets: readonly Packet[],
): (FaultyPacket & { readonly packet: Packet })[] {
  return faulty.flatMap((found) => {
    const packet = packets[found.index];
    return packet === undefined ? [] : [{ ...found, packet }];
  });
}

function toFailure({ name, message }: Extract<DecodeAnswer, { type: "failed" }>): Error {
  return name === "StoreError" ? new StoreError(message) : new Error(message);
}
