/** The decode threads: a batch is cut into parts, decoded side by side, and put together in its order. */
import type { Packet } from "../sources/index.ts";
import type { EncodedAlert } from "../store/index.ts";
import type { DecodeAnswer, DecodeRequest, FaultyPacket } from "./messages.ts";

/** Parts smaller than this are not worth a message. */
const SMALLEST_PART = 16;

export interface DecodedPackets {
  readonly alerts: readonly EncodedAlert[];
  /** Faulty packets with the packet they were; their bytes are in `bytes`. */
  readonly faulty: readonly (FaultyPacket & { readonly packet: Packet })[];
}

interface Job {
  readonly packets: readonly Packet[];
  readonly resolve: (answer: DecodeAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class DecodePool {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  readonly #waiting: Job[] = [];
  readonly #running = new Map<Worker, Job>();

  constructor(
    readonly size: number,
    cutouts: "all" | "none",
  ) {
    for (let i = 0; i < size; i++) {
      const worker = new Worker(new URL("./decode-thread.ts", import.meta.url).href);
      worker.onmessage = ({ data }: MessageEvent<DecodeAnswer>) => this.#finished(worker, data);
      worker.onerror = (event) => this.#failed(worker, event.message);
      worker.postMessage({ type: "open", cutouts } satisfies DecodeRequest);
      this.#idle.push(worker);
      this.#all.push(worker);
    }
  }

  /** Decodes packets; their buffers are given away. */
  async decode(packets: readonly Packet[]): Promise<DecodedPackets> {
    const part = Math.max(SMALLEST_PART, Math.ceil(packets.length / this.size));
    const parts: Promise<DecodeAnswer>[] = [];
    for (let start = 0; start < packets.length; start += part) {
      parts.push(this.#run(packets.slice(start, start + part)));
    }
    const answers = await Promise.all(parts);
    return {
      alerts: answers.flatMap((answer) => answer.alerts),
      faulty: answers.flatMap((answer, n) =>
        answer.faulty.flatMap((faulty) => {
          const packet = packets[n * part + faulty.index];
          return packet === undefined ? [] : [{ ...faulty, packet }];
        }),
      ),
    };
  }

  #run(packets: readonly Packet[]): Promise<DecodeAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ packets, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    const worker = this.#idle[0];
    const job = this.#waiting[0];
    if (worker === undefined || job === undefined) return;
    this.#idle.shift();
    this.#waiting.shift();
    this.#running.set(worker, job);
    const packets = job.packets.map((packet) => ({ ...packet, bytes: ownBytes(packet.bytes) }));
    const buffers = packets.map((packet) => packet.bytes.buffer);
    worker.postMessage({ type: "decode", id: 0, packets } satisfies DecodeRequest, buffers);
  }

  #finished(worker: Worker, answer: DecodeAnswer): void {
    this.#running.get(worker)?.resolve(answer);
    this.#running.delete(worker);
    this.#idle.push(worker);
    this.#next();
  }

  #failed(worker: Worker, message: string): void {
    this.#running.get(worker)?.reject(new Error(`a decode thread died: ${message}`));
    this.#running.delete(worker);
  }

  close(): void {
    for (const worker of this.#all) worker.terminate();
  }
}

/** Bytes in a buffer of their own, so that it can be given to another thread. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) return new Uint8Array(buffer);
  return new Uint8Array(bytes);
}
