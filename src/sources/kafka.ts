/**
 * Packets from Kafka: one member of a consumer group. What was fetched is committed only when the broker says
 * that it is durable; until then its partition is not read further, so a slow store slows the consumer.
 */
import type { Consumer, EachBatchPayload, Kafka } from "kafkajs";
import { damped, type KafkaCluster, type KafkaLog, kafkaClient } from "../kafka/index.ts";
import { PacketRoom } from "./buffers.ts";
import { pause } from "./files.ts";
import { Deliveries, type Delivery } from "./kafka-deliveries.ts";
import { Group } from "./kafka-group.ts";
import { Lag } from "./kafka-lag.ts";
import { reasonOf, Starts } from "./kafka-starts.ts";
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
  /**
   * Where to begin in topics of which the group has read nothing: a time in milliseconds, or an end. Topics that
   * appear later are read from their beginning.
   */
  readonly start: "earliest" | "latest" | number;
}

export interface KafkaOptions {
  readonly limits?: BatchLimits;
  /** What an operator should know: connections lost, topics found, offsets gone. */
  readonly log?: KafkaLog;
  /** How often new topics are looked for, milliseconds. */
  readonly topicsEveryMs?: number;
  /** How often the lag is looked at, and with it whether the brokers answer, milliseconds. */
  readonly lagEveryMs?: number;
}

const TOPICS_EVERY_MS = 15_000;
const LAG_EVERY_MS = 5000;
const HEARTBEAT_MS = 3000;
const SESSION_MS = 15_000;
/** Partitions whose packets are on their way at the same time. */
const PARTITIONS_AT_ONCE = 8;
/** How long what is on its way may take to become durable when reading ends, milliseconds. */
const GRACE_MS = 5000;

export function kafkaSource(spec: KafkaSpec, options: KafkaOptions = {}): Source {
  return new KafkaSource(spec, options);
}

class KafkaSource implements Source {
  readonly name: string;
  readonly isFinal = false;
  readonly #limits: BatchLimits;
  readonly #log: KafkaLog;
  readonly #lag: Lag;
  #bytesRead = 0;
  #answeredAt: number | undefined;

  constructor(
    readonly spec: KafkaSpec,
    readonly options: KafkaOptions,
  ) {
    this.name = `kafka:${spec.group}:${spec.topics.join(",")}`;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#lag = new Lag(spec);
    this.#log = damped(options.log ?? (() => {}));
  }

  progress() {
    return { bytesRead: this.#bytesRead, bytesTotal: undefined };
  }

  lag(): ReadonlyMap<string, number> {
    return this.#lag.values;
  }

  answeredAt(): number | undefined {
    return this.#answeredAt;
  }

  async *batches(_position: string | undefined, signal: AbortSignal): AsyncGenerator<PacketBatch> {
    const kafka = await kafkaClient(this.spec, this.options.log ?? (() => {}));
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

  /** Reads until `signal` aborts; begins anew whenever the list of topics has changed. */
  async #read(kafka: Kafka, deliveries: Deliveries, signal: AbortSignal): Promise<void> {
    const admin = kafka.admin();
    const crashed = new AbortController();
    const stop = AbortSignal.any([signal, crashed.signal]);
    const answered = () => {
      this.#answeredAt = Date.now();
    };
    const watcher = await kafkaClient(this.spec, () => {}, { retries: this.spec.brokers.length });
    void this.#lag.watch(watcher, this.options.lagEveryMs ?? LAG_EVERY_MS, stop, answered);
    const starts = new Starts(kafka, this.spec, this.#log);
    let consumer: Consumer | undefined;
    try {
      await admin.connect();
      let known: readonly string[] | undefined;
      while (!stop.aborted) {
        const existing = await admin.listTopics().catch((error: unknown) => {
          this.#log("warn", `Kafka: topics cannot be listed: ${reasonOf(error)}`);
          return undefined;
        });
        const topics = existing === undefined ? undefined : starts.topics(existing);
        if (topics !== undefined && topics.join() !== known?.join()) {
          for (const topic of known ?? []) {
            if (existing?.includes(topic) === true) continue;
            this.#log("warn", `Kafka: topic ${topic} was deleted: it is read no more, the others are`);
          }
          known = topics;
          this.#log("info", `reading ${topics.length === 0 ? "no topic yet" : topics.join(", ")}`);
          // A client anew: one that was subscribed to a topic which is gone would look for it for ever.
          await consumer?.disconnect();
          consumer = undefined;
          if (topics.length === 0) this.#lag.assign({});
          else {
            const { AssignerProtocol } = (await import("kafkajs")).default;
            const group = new Group(AssignerProtocol, () => starts.subscription());
            consumer = this.#consumer(kafka, group, crashed);
            await this.#consume(consumer, topics, { starts, group }, deliveries, stop);
          }
        }
        await pause(this.options.topicsEveryMs ?? TOPICS_EVERY_MS, stop);
      }
    } finally {
      await deliveries.end(GRACE_MS);
      await consumer?.disconnect().catch(() => undefined);
      await admin.disconnect().catch(() => undefined);
    }
    if (crashed.signal.aborted) throw crashed.signal.reason;
  }

  #consumer(kafka: Kafka, group: Group, crashed: AbortController): Consumer {
    const consumer = kafka.consumer({
      groupId: this.spec.group,
      partitionAssigners: [group.assigner],
      sessionTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxBytes: this.#limits.bytes,
      maxBytesPerPartition: this.#limits.bytes,
      maxWaitTimeInMs: 500,
      allowAutoTopicCreation: false,
      retry: { retries: 8, restartOnFailure: async () => true },
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) crashed.abort(payload.error);
    });
    return consumer;
  }

  async #consume(
    consumer: Consumer,
    topics: string[],
    { starts, group }: { readonly starts: Starts; readonly group: Group },
    deliveries: Deliveries,
    signal: AbortSignal,
  ): Promise<void> {
    /** Resolves when it is known where the partitions of this membership begin. */
    let begun: Promise<void> = Promise.resolve();
    let membership = new AbortController();
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const assigned = payload.memberAssignment as Readonly<Record<string, readonly number[]>>;
      this.#lag.assign(assigned);
      this.#answeredAt = Date.now();
      membership.abort();
      membership = new AbortController();
      const until = AbortSignal.any([signal, membership.signal]);
      const led = payload.isLeader ? group.led : undefined;
      begun = starts.begin(consumer, { led, assigned }, until);
    });
    consumer.on(consumer.events.HEARTBEAT, () => {
      this.#answeredAt = Date.now();
    });
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: PARTITIONS_AT_ONCE,
      eachBatch: async (payload) => {
        await begun;
        await this.#deliver(payload, deliveries, signal);
      },
    });
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
        this.#lag.stored(topic, partition, next, batch.highWatermark);
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
    // The offsets are Kafka's to keep; a document for them would be fought over by the members of the group.
    position: undefined,
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
