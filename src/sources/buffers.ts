/**
 * Memory for packets: a few large buffers that go round, from the source through the decode threads to the store
 * and back. Packets with buffers of their own would cost a fresh mapping each, and the garbage collector, which
 * sees small objects only, would take its time to give them back.
 */
import { DEFAULT_LIMITS } from "./source.ts";

/** A batch of the usual size with the packet that fills it. */
const BUFFER_BYTES = DEFAULT_LIMITS.bytes + 512 * 1024;
/** Buffers that are kept while nobody needs them. */
const MOST_IDLE = 4;

const idle: ArrayBuffer[] = [];

/** Room for the packets of one batch: one buffer, and more where packets are large. */
export class PacketRoom {
  readonly #buffers: ArrayBuffer[] = [];
  #at = 0;

  /** The buffers that packets were put into. */
  get buffers(): readonly ArrayBuffer[] {
    return this.#buffers;
  }

  /** Bytes to be written: what stands there is anything. */
  take(size: number): Uint8Array<ArrayBuffer> {
    let buffer = this.#buffers.at(-1);
    if (buffer === undefined || this.#at + size > buffer.byteLength) {
      buffer = size > BUFFER_BYTES ? new ArrayBuffer(size) : (idle.pop() ?? new ArrayBuffer(BUFFER_BYTES));
      this.#buffers.push(buffer);
      this.#at = 0;
    }
    const bytes = new Uint8Array(buffer, this.#at, size);
    this.#at += size;
    return bytes;
  }

  /** The same bytes in this room. */
  hold(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0 || this.#buffers.some((buffer) => buffer === bytes.buffer)) return bytes;
    const held = this.take(bytes.length);
    held.set(bytes);
    return held;
  }
}

/** Takes back a buffer of a room, or any other that nobody uses any more. */
export function giveBack(buffer: ArrayBuffer): void {
  if (buffer.detached) return;
  if (buffer.byteLength === BUFFER_BYTES && idle.length < MOST_IDLE) idle.push(buffer);
  else buffer.transfer(0);
}
