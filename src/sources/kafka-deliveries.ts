/** What was fetched from Kafka, on its way to become durable. */
import type { BatchLimits, Packet } from "./source.ts";

/** Messages of one partition on their way; `settle` says whether they are durable, once. */
export interface Delivery {
  readonly packets: readonly Packet[];
  readonly bytes: number;
  readonly settle: (isDurable: boolean) => void;
}

/** Deliveries of all partitions in the order in which they came. */
export class Deliveries {
  readonly #waiting: Delivery[] = [];
  readonly #underway = new Set<Delivery>();
  readonly #sleepers = new Set<() => void>();

  /** Hands packets on; resolves with whether they became durable. */
  offer(packets: readonly Packet[], bytes: number): Promise<boolean> {
    return new Promise((resolve) => {
      const delivery: Delivery = {
        packets,
        bytes,
        settle: (isDurable) => {
          this.#underway.delete(delivery);
          resolve(isDurable);
          this.#wake();
        },
      };
      this.#waiting.push(delivery);
      this.#wake();
    });
  }

  async some(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length === 0 && !signal.aborted) await this.#change(signal);
  }

  /** As many as make a batch. */
  take(limits: BatchLimits): Delivery[] {
    const taken: Delivery[] = [];
    let packets = 0;
    let bytes = 0;
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined) return taken;
      packets += next.packets.length;
      bytes += next.bytes;
      if (taken.length > 0 && (packets > limits.packets || bytes > limits.bytes)) return taken;
      this.#waiting.shift();
      this.#underway.add(next);
      taken.push(next);
    }
  }

  /** Lets what was taken become durable for a while, and gives up the rest. */
  async end(graceMs: number): Promise<void> {
    for (const delivery of this.#waiting.splice(0)) delivery.settle(false);
    const late = AbortSignal.timeout(graceMs);
    while (this.#underway.size > 0 && !late.aborted) await this.#change(late);
    for (const delivery of this.#underway) delivery.settle(false);
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      // A signal outlives many changes: what waits for one leaves nothing behind at it.
      const wake = () => {
        this.#sleepers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#sleepers.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  #wake(): void {
    for (const wake of this.#sleepers) wake();
  }
}
