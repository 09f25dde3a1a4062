/** Where a consumer group begins in partitions of which it has read nothing. */
import type { Admin, Consumer } from "kafkajs";
import type { KafkaLog } from "../kafka/index.ts";
import { pause } from "./files.ts";
import type { KafkaSpec } from "./kafka.ts";
import { topicsOf } from "./kafka-topics.ts";

/** How long to wait before Kafka is asked again, milliseconds. */
const RETRY_MS = 2000;
/** How often a member looks whether the leader has decided, milliseconds. */
const LEADER_MS = 200;
/** The offset of a partition of which the group has read nothing. */
const UNREAD = "-1";

interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/** What a member of the group is given. */
export interface Membership {
  /** One member of a group is its leader. */
  readonly isLeader: boolean;
  /** All topics that it reads. */
  readonly topics: readonly string[];
  /** Its own partitions, by topic. */
  readonly assigned: Readonly<Record<string, readonly number[]>>;
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
    readonly admin: Admin,
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

  /**
   * Makes a member begin where it should in the partitions that it was given; tries until `signal` aborts. One
   * member, the leader, decides for all, and the others wait for what it says.
   */
  async begin(consumer: Consumer, member: Membership, signal: AbortSignal): Promise<void> {
    // The client's own default, which asks for nothing.
    if (this.spec.start === "earliest") return;
    const { isLeader, topics, assigned } = member;
    while (!signal.aborted) {
      try {
        const places = isLeader
          ? await this.#decide(consumer, topics)
          : await this.#decided(Object.keys(assigned));
        const own = places.filter(({ topic, partition }) => assigned[topic]?.includes(partition));
        const isComplete = own.every(({ offset }) => offset !== UNREAD);
        if (isComplete) for (const place of own) consumer.seek(place);
        if (isComplete) return;
        await pause(LEADER_MS, signal);
      } catch (error) {
        this.log("warn", `Kafka: where to begin cannot be decided: ${reasonOf(error)}`);
        await pause(RETRY_MS, signal);
      }
    }
  }

  /** Commits where to begin in all partitions that are unread; answers where. */
  async #decide(consumer: Consumer, topics: readonly string[]): Promise<Place[]> {
    const committed = await this.#decided(topics);
    const unread = committed.filter(({ offset }) => offset === UNREAD);
    const read = new Set(committed.flatMap(({ topic, offset }) => (offset === UNREAD ? [] : [topic])));
    const decided: Place[] = [];
    for (const topic of new Set(unread.map((place) => place.topic))) {
      const places = await this.#placesOf(topic, this.#isNew(topic, read));
      const wanted = new Set(unread.flatMap((place) => (place.topic === topic ? [place.partition] : [])));
      decided.push(...places.filter(({ partition }) => wanted.has(partition)));
    }
    if (decided.length > 0) await consumer.commitOffsets(decided);
    return decided;
  }

  /** What the group has committed. */
  async #decided(topics: readonly string[]): Promise<Place[]> {
    if (topics.length === 0) return [];
    const found = await this.admin.fetchOffsets({ groupId: this.spec.group, topics: [...topics] });
    return found.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => ({ topic, partition, offset })),
    );
  }

  /** Whether a topic appeared after this source, or its group, began to read topics of its kind. */
  #isNew(topic: string, read: ReadonlySet<string>): boolean {
    if (this.#first?.has(topic) !== true) return true;
    return this.#families.some((family) => family.includes(topic) && family.some((other) => read.has(other)));
  }

  async #placesOf(topic: string, isNew: boolean): Promise<Place[]> {
    const { start } = this.spec;
    if (typeof start === "number" && !isNew) {
      const found = await this.admin.fetchTopicOffsetsByTimestamp(topic, start);
      return found.map(({ partition, offset }) => ({ topic, partition, offset }));
    }
    const found = await this.admin.fetchTopicOffsets(topic);
    return found.map(({ partition, high, low }) => ({ topic, partition, offset: isNew ? low : high }));
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
