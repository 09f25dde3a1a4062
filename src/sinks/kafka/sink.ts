/** Matches as messages of Kafka topics, keyed by object, each written once by an idempotent producer. */
import {
  type Compression,
  type KafkaCluster,
  type KafkaMessage,
  MessageTooLargeError,
  Publisher,
  untilAborted,
} from "../../kafka/index.ts";
import type { Document } from "../../query/index.ts";
import type { Store } from "../../store/index.ts";
import { surveyByName } from "../../surveys/index.ts";
import { type FilterChoice, isChosen } from "../choice.ts";
import { Gatherer } from "../gather.ts";
import { matchMessage } from "../message.ts";
import type { OutboxItem } from "../outbox.ts";
import { type Delivery, RefusedError, type Sink, UnavailableError } from "../sink.ts";
import { readAlert } from "../stored.ts";
import { avroMessage } from "./avro-message.ts";

export interface KafkaSinkOptions {
  readonly name: string;
  readonly cluster: KafkaCluster;
  /** `{survey}`, `{group_id}` and `{filter_id}` stand for those of the match. */
  readonly topic: string;
  /** Of topics that are made. */
  readonly partitions: number;
  readonly format: "json" | "avro";
  readonly compression: Compression;
  readonly choice: FilterChoice;
  /** Where the alerts of `avro` messages are read; a sink that is only checked does without. */
  readonly store?: Store;
}

/** Matches that wait for one request together; each of another object, so that an object's stay in order. */
const CONCURRENCY = 64;

export function openKafkaSink(options: KafkaSinkOptions): Sink {
  const { name, choice, cluster } = options;
  const writer = new TopicWriter(options);
  const messages = new Gatherer<KafkaMessage>((topic, together, written) =>
    writer.send(topic, together, written),
  );
  return {
    name,
    takes: "matches",
    concurrency: CONCURRENCY,
    wants: (item) => isChosen(choice, item),
    async deliver({ items: [item] }: Delivery, signal) {
      const value = await messageValue(item, options);
      if (value === undefined) return;
      const { id, objectId } = item;
      const topic = topicOf(options.topic, item);
      const message: KafkaMessage = { key: objectId, value, headers: { id } };
      const write = () => writer.requireFits(topic, message).then(() => messages.add(topic, message));
      // Brokers that are away are waited for; the end of the process is not kept waiting.
      await untilAborted(write, signal);
    },
    async check(signal) {
      const topics = await untilAborted(() => writer.topics(), signal);
      const isOne = !options.topic.includes("{");
      const missing = isOne && !topics.includes(options.topic) ? " (will be made)" : "";
      return `${cluster.brokers.join(", ")}: topic ${options.topic}${missing}`;
    },
    onTrouble(callback) {
      writer.onTrouble = callback;
    },
    close: () => writer.close(),
  };
}

/** The topic of a match: `kowalski.{group_id}.{filter_id}` is `kowalski.3.7`. */
export function topicOf(pattern: string, { match, survey }: OutboxItem): string {
  return pattern
    .replaceAll("{survey}", survey)
    .replaceAll("{group_id}", String(match?.group_id))
    .replaceAll("{filter_id}", String(match?.filter_id));
}

async function messageValue(
  item: OutboxItem,
  { format, store }: KafkaSinkOptions,
): Promise<Uint8Array | string | undefined> {
  if (item.match === undefined) return undefined;
  if (format === "json") return matchMessage(item);
  const survey = surveyByName(item.survey);
  if (store === undefined || survey === undefined)
    throw new RefusedError(`no survey is named ${item.survey}`);
  const alert: Document = await readAlert(store, survey, item.candid);
  return avroMessage(item.id, item.match, alert);
}

/** The producer, connected when first needed and anew after a failure: an idempotent one may be of no use then. */
class TopicWriter {
  #topics: Set<string> | undefined;
  #connection: Promise<Publisher> | undefined;
  /** The producer tries for most of a minute before it fails: what it says meanwhile is all there is to hear. */
  onTrouble: (reason: string) => void = () => {};

  constructor(readonly options: KafkaSinkOptions) {}

  /** Makes the topic where it is missing. Throws `RefusedError` for a message that the topic does not take. */
  requireFits(topic: string, message: KafkaMessage): Promise<void> {
    return this.#with(topic, async (publisher) => {
      this.#topics ??= new Set(await publisher.topics());
      if (!this.#topics.has(topic)) await publisher.makeTopic(topic, this.options.partitions);
      this.#topics.add(topic);
      await publisher.requireFits(topic, message);
    });
  }

  /** `written` as of `Publisher.send`. */
  send(topic: string, messages: readonly KafkaMessage[], written: (count: number) => void): Promise<void> {
    return this.#with(topic, (publisher) => publisher.send(topic, messages, written));
  }

  topics(): Promise<string[]> {
    return this.#with(this.options.topic, (publisher) => publisher.topics());
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#topics = undefined;
    const publisher = await connection?.catch(() => undefined);
    await publisher?.close().catch(() => {});
  }

  async #with<T>(topic: string, work: (publisher: Publisher) => Promise<T>): Promise<T> {
    const { cluster, compression } = this.options;
    this.#connection ??= Publisher.connect(cluster, {
      compression,
      idempotent: true,
      log: (level, message) => {
        if (level !== "info") this.onTrouble(`${cluster.brokers.join(", ")}: ${message}`);
      },
    });
    const connection = this.#connection;
    try {
      return await work(await connection);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof MessageTooLargeError) throw new RefusedError(reason);
      // Another's failure may have ended this connection already, and begun a new one.
      if (this.#connection === connection) await this.close();
      throw new UnavailableError(`topic ${topic} at ${cluster.brokers.join(", ")}: ${reason}`);
    }
  }
}
