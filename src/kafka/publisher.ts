/** Writes messages to a topic in requests that the brokers take. */
import type { Admin, CompressionTypes, Producer } from "kafkajs";
import { type KafkaCluster, type KafkaLog, kafkaClient } from "./client.ts";

export const COMPRESSIONS = ["none", "gzip", "snappy", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

const CODES: Readonly<Record<Compression, CompressionTypes>> = { none: 0, gzip: 1, snappy: 2, zstd: 4 };
/** The brokers' own default for the size of a batch, bytes. */
const DEFAULT_LIMIT = 1_048_588;
/** What a message takes besides its value, bytes, and what a batch takes besides its messages. */
const MESSAGE_OVERHEAD = 64;
const BATCH_OVERHEAD = 512;

export interface KafkaMessage {
  /** Messages of one key stay in their order. */
  readonly key: string | null;
  readonly value: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PublisherOptions {
  readonly compression?: Compression;
  /** Each message is written once, also when a request is repeated. */
  readonly idempotent?: boolean;
  readonly log?: KafkaLog;
}

/** A message that no request can carry. */
export class MessageTooLargeError extends Error {
  override readonly name = "MessageTooLargeError";
}

export class Publisher {
  readonly #limits = new Map<string, number>();

  private constructor(
    readonly producer: Producer,
    readonly admin: Admin,
    readonly compression: CompressionTypes,
  ) {}

  /** Connects. Rejects when no broker answers. */
  static async connect(cluster: KafkaCluster, options: PublisherOptions = {}): Promise<Publisher> {
    const { compression = "none", idempotent = false, log = () => {} } = options;
    const kafka = await kafkaClient(cluster, log);
    const { Partitioners } = (await import("kafkajs")).default;
    const producer = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      idempotent,
      ...(idempotent ? { maxInFlightRequests: 1 } : {}),
    });
    const admin = kafka.admin();
    await admin.connect();
    try {
      await producer.connect();
    } catch (error) {
      await admin.disconnect();
      throw error;
    }
    return new Publisher(producer, admin, CODES[compression]);
  }

  /** Makes the topic unless it is there; answers whether it was made. */
  async makeTopic(topic: string, partitions: number): Promise<boolean> {
    if ((await this.admin.listTopics()).includes(topic)) return false;
    const topics = [{ topic, numPartitions: partitions }];
    return this.admin.createTopics({ topics, waitForLeaders: true }).catch((error: unknown) => {
      throw new Error(`topic ${topic} cannot be made: ${causeOf(error)}`, { cause: error });
    });
  }

  /** The names of the topics there are. */
  topics(): Promise<string[]> {
    return this.admin.listTopics();
  }

  /** Throws `MessageTooLargeError` for a message that is too large by itself. */
  async requireFits(topic: string, message: KafkaMessage): Promise<void> {
    const limit = await this.#limitOf(topic);
    if (sizeOf(message) <= limit) return;
    throw new MessageTooLargeError(
      `a message of ${message.value.length} bytes is larger than topic ${topic} takes (max.message.bytes ${limit + BATCH_OVERHEAD}): raise that limit`,
    );
  }

  /**
   * Writes messages, as many a request as the topic's limit allows; resolves when all are written for good.
   * Rejects with `MessageTooLargeError`, before anything is written, for one that is too large by itself.
   * `written` hears of each request that so many messages more, in their order, are written for good: they need not
   * be sent again when a later request fails. An idempotent producer would not know them for the same.
   */
  async send(
    topic: string,
    messages: readonly KafkaMessage[],
    written: (count: number) => void = () => {},
  ): Promise<void> {
    const limit = await this.#limitOf(topic);
    for (const message of messages) await this.requireFits(topic, message);
    for (const part of parts(messages, limit)) {
      await this.producer.send({
        topic,
        acks: -1,
        compression: this.compression,
        messages: part.map(({ key, value, headers }) => ({
          key,
          value:
            typeof value === "string" ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
          ...(headers === undefined ? {} : { headers: { ...headers } }),
        })),
      });
      written(part.length);
    }
  }

  async close(): Promise<void> {
    await this.producer.disconnect();
    await this.admin.disconnect();
  }

  async #limitOf(topic: string): Promise<number> {
    const known = this.#limits.get(topic);
    if (known !== undefined) return known;
    const { ConfigResourceTypes } = (await import("kafkajs")).default;
    const name = "max.message.bytes";
    const answer = await this.admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [name] }],
    });
    const entry = answer.resources[0]?.configEntries.find(({ configName }) => configName === name);
    const limit = (Number(entry?.configValue) || DEFAULT_LIMIT) - BATCH_OVERHEAD;
    this.#limits.set(topic, limit);
    return limit;
  }
}

/** What the brokers said: the client's own error for topics says only that there were errors. */
function causeOf(error: unknown): string {
  const { errors } = error as { errors?: unknown };
  const causes: unknown[] = Array.isArray(errors) && errors.length > 0 ? errors : [error];
  return causes.map((cause) => (cause instanceof Error ? cause.message : String(cause))).join("; ");
}

function sizeOf({ key, value }: KafkaMessage): number {
  const bytes = typeof value === "string" ? Buffer.byteLength(value) : value.length;
  return bytes + (key?.length ?? 0) + MESSAGE_OVERHEAD;
}

function* parts(messages: readonly KafkaMessage[], limit: number): Generator<KafkaMessage[]> {
  let part: KafkaMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = sizeOf(message);
    if (part.length > 0 && bytes + size > limit) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(message);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
