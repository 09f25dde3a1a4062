/** Where a consumer group begins in partitions of which it has read nothing. */
import type { Admin, Consumer, Kafka } from "kafkajs";
import type { KafkaLog } from "../kafka/index.ts";
import { pause } from "./files.ts";
import type { KafkaSpec } from "./kafka.ts";
import type { Share, Subscription } from "./kafka-group.ts";
import { topicsOf } from "./kafka-topics.ts";

/** How long to wait before Kafka is asked again, milliseconds. */
const RETRY_MS = 2000;
/** How often a member looks whether the leader has decided, milliseconds. */
const LEADER_MS = 200;
/** The offset of a partition of which the group has read nothing. */
export const UNREAD = "-1";

export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/** What a member of the group is given. */
export interface Membership {
  /** What the members read, where this one leads the group and decides for all. */
  readonly led: readonly Subscription[] | undefined;
  /** Its own partitions. */
  readonly assigned: Share;
}

/**
 * Topics come during the night, and what arrived in one before it was found is not to be missed: only what was there
 * when the group began is skipped with `latest` or a time. What was decided is committed at once, so that a restart
 * before the first packet does not decide anew.
 */
export class Starts {
  /** Topics that were there when this source began to look. */
  #first: ReadonlySet<string> | undefined;
  /** Topics by the pattern that names them, as last listed. */
  #families: string[][] = [];

  constructor(
    readonly kafka: Kafka,
    readonly spec: Pick<KafkaSpec, "topics" | "group" | "start">,
    readonly log: KafkaLog,
  ) {}

  /** Those of the existing topics that the source reads. */
  topics(existing: readonly string[]): string[] {
    this.#families = this.spec.topics.map((pattern) => topicsOf(pattern, existing));
    const topics = [...new Set(this.#families.flat())];
    this.#first ??= new Set(topics);
    return topics;
  }

  /** What the source reads, as the group's leader is to know it. */
  subscription(): Subscription {
    const families = this.#families;
    const fresh = [...new Set(families.flat())].filter((topic) => this.#first?.has(topic) !== true);
    return { start: this.spec.start, families, fresh };
  }

  /**
   * Makes a member begin where it should in the partitions that it was given; tries until `signal` aborts. One
   * member, the leader, decides for all, and the others wait for what it says.
   */
  async begin(consumer: Consumer, { led, assigned }: Membership, signal: AbortSignal): Promise<void> {
    const isDecided = led === undefined || led.every(({ start }) => start === "earliest");
    const deciding = isDecided
      ? Promise.resolve()
      : this.#insist((admin) => this.#decide(admin, consumer, led), signal);
    // The client's own default, which asks for nothing and waits for nobody.
    if (this.spec.start === "earliest") return;
    await deciding;
    await this.#insist((admin) => this.#seek(admin, consumer, assigned, signal), signal);
  }

  /**
   * Does what needs Kafka's answers until it is done or `signal` aborts. With a connection of its own: one that once
   * asked for a topic fails for ever when that is deleted.
   */
  async #insist(work: (admin: Admin) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const admin = this.kafka.admin();
      try {
        await admin.connect();
        return await work(admin);
      } catch (error) {
        if (!signal.aborted) this.log("warn", `Kafka: where to begin cannot be decided: ${reasonOf(error)}`);
        await pause(RETRY_MS, signal);
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    }
  }

  /** Commits where to begin in all partitions that are unread. */
  async #decide(admin: Admin, consumer: Consumer, led: readonly Subscription[]): Promise<void> {
    const deciding = led.filter(({ start }) => start !== "earliest");
    const topics = new Set(deciding.flatMap(({ families }) => families.flat()));
    const committed = await committedOffsets(admin, this.spec.group, topics);
    const unread = committed.filter(({ offset }) => offset === UNREAD);
    const read = new Set(committed.flatMap(({ topic, offset }) => (offset === UNREAD ? [] : [topic])));
    const decided: Place[] = [];
    for (const topic of new Set(unread.map((place) => place.topic))) {
      const readers = deciding.filter(({ families }) => families.some((family) => family.includes(topic)));
      const isNew = readers.some((reader) => appearedLater(topic, reader, read));
      const places = await placesOf(admin, topic, isNew ? "earliest" : (readers[0]?.start ?? "earliest"));
      const wanted = new Set(unread.flatMap((place) => (place.topic === topic ? [place.partition] : [])));
      decided.push(...places.filter(({ partition }) => wanted.has(partition)));
    }
    // All at once: what is committed of one topic makes others of its kind new.
    if (decided.length > 0) await consumer.commitOffsets(decided);
  }

  /** Begins where the group has come to, when that is known of all partitions that there are. */
  async #seek(admin: Admin, consumer: Consumer, assigned: Share, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const places = await committedOffsets(admin, this.spec.group, Object.keys(assigned));
      const own = places.filter(({ topic, partition }) => assigned[topic]?.includes(partition));
      if (own.every(({ offset }) => offset !== UNREAD)) {
        for (const place of own) consumer.seek(place);
        return;
      }
      await pause(LEADER_MS, signal);
    }
  }
}

/** What a group has committed in those of the topics that there are. */
export async function committedOffsets(
  admin: Admin,
  groupId: string,
  topics: Iterable<string>,
): Promise<Place[]> {
  const existing = new Set(await admin.listTopics());
  const wanted = [...topics].filter((topic) => existing.has(topic));
  // Of no topic would be of all.
  if (wanted.length === 0) return [];
  const found = await admin.fetchOffsets({ groupId, topics: wanted });
  return found.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) => ({ topic, partition, offset })),
  );
}

/** Whether a topic appeared after a source, or its group, began to read topics of its kind. */
function appearedLater(topic: string, { families, fresh }: Subscription, read: ReadonlySet<string>): boolean {
  if (fresh.includes(topic)) return true;
  return families.some((family) => family.includes(topic) && family.some((other) => read.has(other)));
}

async function placesOf(admin: Admin, topic: string, start: Subscription["start"]): Promise<Place[]> {
  if (typeof start === "number") {
    const found = await admin.fetchTopicOffsetsByTimestamp(topic, start);
    return found.map(({ partition, offset }) => ({ topic, partition, offset }));
  }
  const found = await admin.fetchTopicOffsets(topic);
  return found.map(({ partition, high, low }) => ({
    topic,
    partition,
    offset: start === "earliest" ? low : high,
  }));
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
