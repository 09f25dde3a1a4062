/** How far behind a member of a consumer group is: the messages of its partitions that are not yet committed. */
import type { Admin, Kafka } from "kafkajs";
import { pause } from "./files.ts";
import type { KafkaSpec } from "./kafka.ts";
import type { Share } from "./kafka-group.ts";
import { committedOffsets, UNREAD } from "./kafka-starts.ts";

export class Lag {
  readonly #values = new Map<string, number>();
  #assigned: Share = {};

  constructor(readonly spec: Pick<KafkaSpec, "group" | "start">) {}

  /** Messages that wait, by `topic/partition`. */
  get values(): ReadonlyMap<string, number> {
    return this.#values;
  }

  /** Says which partitions are the member's from now on. */
  assign(assigned: Share): void {
    this.#assigned = assigned;
    for (const key of this.#values.keys()) {
      const at = key.lastIndexOf("/");
      if (!this.#has(key.slice(0, at), Number(key.slice(at + 1)))) this.#values.delete(key);
    }
  }

  /** Says that a partition is stored up to before `next`, and ends before `high`. */
  stored(topic: string, partition: number, next: string, high: string): void {
    if (this.#has(topic, partition)) this.#values.set(`${topic}/${partition}`, between(next, high));
  }

  /**
   * Asks for the ends of all partitions and for what is committed, every so often until `signal` aborts: packets
   * wait also where nothing is stored. `answered` is called when the brokers answer.
   */
  async watch(kafka: Kafka, everyMs: number, signal: AbortSignal, answered: () => void): Promise<void> {
    let admin: Admin | undefined;
    while (!signal.aborted) {
      try {
        if (admin === undefined) {
          admin = kafka.admin();
          await admin.connect();
        }
        await this.#refresh(admin);
        answered();
      } catch {
        // The consumer has the same trouble, and tells it. The connection is made anew: one that once asked for a
        // topic fails for ever when that is deleted.
        await admin?.disconnect().catch(() => undefined);
        admin = undefined;
      }
      await pause(everyMs, signal);
    }
    await admin?.disconnect().catch(() => undefined);
  }

  async #refresh(admin: Admin): Promise<void> {
    const committed = await committedOffsets(admin, this.spec.group, Object.keys(this.#assigned));
    for (const topic of new Set(committed.map((place) => place.topic))) {
      const ends = await admin.fetchTopicOffsets(topic);
      for (const { partition, low, high } of ends) {
        const offset = committed.find((one) => one.topic === topic && one.partition === partition)?.offset;
        if (offset === undefined || !this.#has(topic, partition)) continue;
        // Where nothing is committed, all is to be read, or where to begin is not decided yet.
        if (offset === UNREAD && this.spec.start !== "earliest") continue;
        const from = BigInt(offset) < BigInt(low) ? low : offset;
        this.#values.set(`${topic}/${partition}`, between(from, high));
      }
    }
  }

  #has(topic: string, partition: number): boolean {
    return this.#assigned[topic]?.includes(partition) === true;
  }
}

function between(from: string, to: string): number {
  return Math.max(0, Number(BigInt(to) - BigInt(from)));
}
