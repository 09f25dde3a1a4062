/**
 * Packets from Kafka: one member of a consumer group. What was fetched is committed only when the broker says
 * that it is durable; until then its partition is not read further, so a slow store slows the consumer.
 */
import type { Admin, Consumer, EachBatchPayload, Kafka } from "kafkajs";
import { type KafkaCluster, type KafkaLog, kafkaClient } from "../kafka/index.ts";
import { PacketRoom } from "./buffers.ts";
import { pause } from "./files.ts";
import { topicsOf } from "./kafka-topics.ts";
import {
  type BatchLimits,
  DEFAULT_LIMITS,
  type Packet,
  type PacketBatch,
  type Source,
  SourceError,
} from "./source.ts";

export interface KafkaSpec extends KafkaCluster {
  /** Patterns of topics, see `topicsOf`. */
  readonly topics: readonly string[];
  readonly group: string;
  /** Where to begin in partitions of which the group has read nothing: a time in milliseconds, or an end. */
  readonly start: "earliest" | "latest" | number;
}

export interface KafkaOptions {
  readonly limits?: BatchLimits;
  /** What an operator should know: connections lost, topics found, offsets gone. */
  readonly log?: KafkaLog;
  /** How often new topics are looked for, milliseconds. */
  readonly topicsEveryMs?: number;
}

const TOPICS_EVERY_MS = 15_000;
const HEARTBEAT_MS = 3000;
const SESSION_MS = 15_000;
/** How long what is on its way may take to become durable when reading ends, milliseconds. */
const GRACE_MS = 5000;

export function kafkaSource(spec: KafkaSpec, options: KafkaOptions = {}): Source {
  return new KafkaSource(spec, options);
}

/** Messages of one partition on their way; `settle` says whether they are durable, once. */
interface Delivery {
  readonly packets: readonly Packet[];
  readonly bytes: number;
  readonly settle: (isDurable: boolean) => void;
}

/** Deliveries of all partitions in the order in which they came. */
class Deliveries {
  readonly #waiting: Delivery[] = [];
  readonly #underway = new Set<Delivery>();
  #wake = () => {};

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
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}

class KafkaSource implements Source {
  readonly name: string;
  readonly isFinal = false;
  readonly #limits: BatchLimits;
  readonly #log: KafkaLog;
  readonly #lag = new Map<string, number>();
  #bytesRead = 0;

  constructor(
    readonly spec: KafkaSpec,
    readonly options: KafkaOptions,
  ) {
    this.name = `kafka:${spec.group}:${spec.topics.join(",")}`;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#log = options.log ?? (() => {});
  }

  progress() {
    return { bytesRead: this.#bytesRead, bytesTotal: undefined };
  }

  lag(): ReadonlyMap<string, number> {
    return this.#lag;
  }

  async *batches(_position: string | undefined, signal: AbortSignal): AsyncGenerator<PacketBatch> {
    const kafka = await kafkaClient(this.spec, this.#log);
    const failed = new AbortController();
    const ended = AbortSignal.any([signal, failed.signal]);
    const deliveries = new Deliveries();
    const reading = this.#read(kafka, deliveries, ended).catch((error: unknown) => {
      failed.abort(error);
    });
    try {
      while (!ended.aborted) {
        await deliveries.some(ended);
        const taken = deliveries.take(this.#limits);
        if (taken.length === 0) continue;
        yield batchOf(taken);
      }
    } finally {
      await deliveries.end(GRACE_MS);
      failed.abort();
      await reading;
    }
    if (!signal.aborted) throw new SourceError(this.name, reasonOf(failed.signal.reason));
  }

  /** Reads until `signal` aborts; begins anew whenever the list of topics has grown. */
  async #read(kafka: Kafka, deliveries: Deliveries, signal: AbortSignal): Promise<void> {
    const admin = kafka.admin();
    const consumer = kafka.consumer({
      groupId: this.spec.group,
      sessionTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxBytes: this.#limits.bytes,
      maxBytesPerPartition: this.#limits.bytes,
      maxWaitTimeInMs: 500,
      allowAutoTopicCreation: false,
      retry: { retries: 8, restartOnFailure: async () => true },
    });
    const crashed = new AbortController();
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) crashed.abort(payload.error);
    });
    const stop = AbortSignal.any([signal, crashed.signal]);
    try {
      await admin.connect();
      await consumer.connect();
      let known = "";
      while (!stop.aborted) {
        const existing = await admin.listTopics().catch((error: unknown) => {
          this.#log("warn", `Kafka: topics cannot be listed: ${reasonOf(error)}`);
          return undefined;
        });
        if (existing === undefined) {
          await pause(this.options.topicsEveryMs ?? TOPICS_EVERY_MS, stop);
          continue;
        }
        const topics = this.spec.topics.flatMap((pattern) => topicsOf(pattern, existing));
        if (topics.join() !== known) {
          known = topics.join();
          this.#log("info", `reading ${topics.length === 0 ? "no topic yet" : topics.join(", ")}`);
          await this.#subscribe(consumer, admin, topics, deliveries, stop);
        }
        await pause(this.options.topicsEveryMs ?? TOPICS_EVERY_MS, stop);
      }
    } finally {
      await deliveries.end(GRACE_MS);
      await consumer.disconnect().catch(() => undefined);
      await admin.disconnect().catch(() => undefined);
    }
    if (crashed.signal.aborted) throw crashed.signal.reason;
  }

  async #subscribe(
    consumer: Consumer,
    admin: Admin,
    topics: string[],
    deliveries: Deliveries,
    signal: AbortSignal,
  ): Promise<void> {
    await consumer.stop();
    if (topics.length === 0) return;
    const { group, start } = this.spec;
    await consumer.subscribe({ topics, fromBeginning: start !== "latest" });
    const seeks = typeof start === "number" ? await offsetsSince(admin, group, topics, start) : [];
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 8,
      eachBatch: (payload) => this.#deliver(payload, deliveries, signal),
    });
    for (const seek of seeks) consumer.seek(seek);
  }

  /** Hands a fetch on in parts and commits each when it is durable, in order. */
  async #deliver(payload: EachBatchPayload, deliveries: Deliveries, signal: AbortSignal): Promise<void> {
    const { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale } = payload;
    const { topic, partition } = batch;
    const alive = setInterval(() => void heartbeat().catch(() => undefined), HEARTBEAT_MS);
    try {
      for (const messages of parts(batch.messages, this.#limits)) {
        if (signal.aborted || !isRunning() || isStale()) return;
        const packets = messages.map(({ offset, value }) => packetOf(topic, partition, offset, value));
        const bytes = packets.reduce((sum, packet) => sum + packet.bytes.length, 0);
        const isDurable = await deliveries.offer(packets, bytes);
        if (!isDurable) return;
        const last = messages.at(-1)?.offset ?? "0";
        const next = String(BigInt(last) + 1n);
        this.#bytesRead += bytes;
        this.#lag.set(`${topic}/${partition}`, Number(BigInt(batch.highWatermark) - BigInt(next)));
        resolveOffset(last);
        try {
          await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: next }] }] });
        } catch (error) {
          // What is stored is stored: the next commit covers it, or another member reads it again as duplicates.
          this.#log("warn", `Kafka: ${topic}/${partition} at ${next} was not committed: ${reasonOf(error)}`);
        }
      }
    } finally {
      clearInterval(alive);
    }
  }
}

function batchOf(deliveries: readonly Delivery[]): PacketBatch {
  // A fetch is one buffer of the client's, which holds other messages too.
  const room = new PacketRoom();
  const packets = deliveries
    .flatMap((delivery) => delivery.packets)
    .map((packet) => ({ ...packet, bytes: room.hold(packet.bytes) }));
  return {
    packets,
    buffers: room.buffers,
    // The offsets are Kafka's to keep; this tells people how far it got.
    position: packets.at(-1)?.key ?? "",
    done: false,
    durable: () => {
      for (const delivery of deliveries) delivery.settle(true);
    },
  };
}

function packetOf(topic: string, partition: number, offset: string, value: Buffer | null): Packet {
  const key = `${topic}/${partition}/${offset}`;
  return {
    bytes: value ?? new Uint8Array(0),
    key,
    place: `${topic}, partition ${partition}, offset ${offset}`,
  };
}

type Messages = EachBatchPayload["batch"]["messages"];

function* parts(messages: Messages, limits: BatchLimits): Generator<Messages> {
  let part: Messages = [];
  let bytes = 0;
  for (const message of messages) {
    part.push(message);
    bytes += message.value?.length ?? 0;
    if (part.length < limits.packets && bytes < limits.bytes) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}

/** Where to begin in the partitions of which the group has committed nothing. */
async function offsetsSince(
  admin: Admin,
  groupId: string,
  topics: string[],
  time: number,
): Promise<{ topic: string; partition: number; offset: string }[]> {
  const seeks: { topic: string; partition: number; offset: string }[] = [];
  for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics })) {
    const unread = new Set(
      partitions.filter(({ offset }) => offset === "-1").map(({ partition }) => partition),
    );
    if (unread.size === 0) continue;
    for (const { partition, offset } of await admin.fetchTopicOffsetsByTimestamp(topic, time)) {
      if (unread.has(partition)) seeks.push({ topic, partition, offset });
    }
  }
  return seeks;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
