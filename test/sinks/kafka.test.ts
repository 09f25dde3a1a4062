/** Matches on topics of a real Kafka broker. */
import { afterAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import kafkajs, { type KafkaMessage } from "kafkajs";
import { decodeContainer } from "../../src/avro/index.ts";
import { type Match, outboxEntryOf } from "../../src/filters/index.ts";
import { DRAIN_DEFAULTS, Drain, type DrainEvent } from "../../src/sinks/drain.ts";
import { type KafkaSinkOptions, openKafkaSink } from "../../src/sinks/kafka/sink.ts";
import type { Delivery, Sink } from "../../src/sinks/sink.ts";
import type { Store } from "../../src/store/index.ts";
import { startKafka } from "../support/kafka.ts";
import { skipOrFail } from "../support/services.ts";
import { matchFor, openTestStore, until } from "./support.ts";

const found = await startKafka();
const skip = skipOrFail("a Kafka broker", typeof found !== "string", String(found));
const never = new AbortController().signal;

function deliveryOf(match: Match): Delivery {
  const { id, survey, candid, objectId } = outboxEntryOf(match);
  return {
    survey,
    candid,
    objectId,
    items: [{ id, seq: 1n, survey, candid, objectId, createdAt: new Date(), match }],
  };
}

test("a process that ends while the alert of a message is read begins no write", async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const stop = new AbortController();
  const store = {
    findOne: async () => {
      stop.abort();
      return { candid: 1n };
    },
  } as unknown as Store;
  const sink = openKafkaSink({
    name: "kafka",
    cluster: { brokers: [`127.0.0.1:${port}`] },
    topic: "matches",
    partitions: 1,
    format: "avro",
    compression: "none",
    choice: { filters: [], groups: [] },
    store,
  });
  await expect(sink.deliver(deliveryOf(matchFor(1n, "ZTF1")), stop.signal)).rejects.toThrow();
  await Bun.sleep(300);
  server.close();
  expect(connections).toBe(0);
});

describe.skipIf(skip)("Kafka sink", () => {
  const server = typeof found === "string" ? undefined : found;
  const broker = server?.broker ?? "";
  const client = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
  afterAll(() => server?.stop());

  const open = (more: Partial<KafkaSinkOptions> = {}): Sink =>
    openKafkaSink({
      name: "kafka",
      cluster: { brokers: [broker] },
      topic: "matches",
      partitions: 3,
      format: "json",
      compression: "gzip",
      choice: { filters: [], groups: [] },
      ...more,
    });

  const failureOf = (promise: Promise<void>) => promise.then(() => "none", String);

  type Message = KafkaMessage & { partition: number };

  /** The first `count` messages of a topic, each with its partition. */
  const messagesOf = (topic: string, count: number) =>
    messagesUntil(topic, `${count} messages`, (messages) => messages.length >= count);

  /** The messages of a topic from the first on, until these are enough. */
  async function messagesUntil(
    topic: string,
    what: string,
    isEnough: (messages: readonly Message[]) => boolean,
  ): Promise<Message[]> {
    const consumer = client.consumer({ groupId: `reader-${crypto.randomUUID()}`, maxWaitTimeInMs: 200 });
    const messages: Message[] = [];
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message, partition }) => {
        messages.push({ ...message, partition });
      },
    });
    await until(`${topic} has ${what}`, () => isEnough(messages), 40_000);
    await consumer.disconnect();
    return messages;
  }

  test("writes each match once, keyed by its object, and in order for each object", async () => {
    await using stored = await openTestStore();
    const matches = Array.from({ length: 300 }, (_, n) => matchFor(BigInt(n + 1), `ZTF20object${n % 20}`));
    await stored.add(...matches);
    const sink = open();
    const events: DrainEvent[] = [];
    const drain = new Drain(sink, stored.store, DRAIN_DEFAULTS, (event) => {
      // A new topic has no leader for a moment.
      if (event.type !== "waiting") events.push(event);
    });
    await drain.start("oldest");
    await until("all are delivered", () => events.length >= 300);
    await drain.stop();
    await sink.close();
    expect(events.every(({ type }) => type === "delivered")).toBe(true);
    const messages = await messagesOf("matches", 300);
    expect(messages).toHaveLength(300);
    const partitions = new Map<string, Set<number>>();
    const order = new Map<string, number[]>();
    for (const { key, value, headers, partition } of messages) {
      const { id, candid, objectId } = JSON.parse(String(value)) as Record<string, string | number>;
      expect(String(key)).toBe(String(objectId));
      expect(String(headers?.["id"])).toBe(String(id));
      partitions.set(String(key), (partitions.get(String(key)) ?? new Set()).add(partition));
      order.set(String(key), [...(order.get(String(key)) ?? []), Number(candid)]);
    }
    expect([...partitions.values()].every((one) => one.size === 1)).toBe(true);
    expect(new Set([...partitions.values()].flatMap((one) => [...one])).size).toBeGreaterThan(1);
    for (const candids of order.values()) expect(candids).toEqual(candids.toSorted((a, b) => a - b));
  });

  test("makes a topic for each filter where the name asks for it", async () => {
    const sink = open({ topic: "{survey}.{group_id}.{filter_id}" });
    await sink.deliver(deliveryOf(matchFor(1n, "ZTF1", { group_id: 3, filter_id: 7 })), never);
    await sink.deliver(deliveryOf(matchFor(1n, "ZTF1", { group_id: 3, filter_id: 8 })), never);
    await sink.close();
    expect(await messagesOf("ZTF.3.7", 1)).toHaveLength(1);
    expect(await messagesOf("ZTF.3.8", 1)).toHaveLength(1);
  });

  test("writes the alert along where Avro is asked for", async () => {
    await using stored = await openTestStore();
    const candid = 1127561440015015001n;
    await stored.store.insert("ZTF_alerts", [{ _id: candid, candid, candidate: { drb: 0.5 } }]);
    const sink = open({ topic: "avro", format: "avro", store: stored.store });
    await sink.deliver(deliveryOf(matchFor(candid, "ZTF1")), never);
    const gone = await failureOf(sink.deliver(deliveryOf(matchFor(5n, "ZTF2")), never));
    expect(gone).toMatch(/RefusedError.*not stored any more/);
    await sink.close();
    const [message] = await messagesOf("avro", 1);
    const [record] = decodeContainer(message?.value ?? new Uint8Array());
    expect(record).toMatchObject({ candid, filter: "1/1", alert: { candid, candidate: { drb: 0.5 } } });
  });

  test("refuses what the topic does not take, and writes what comes with it", async () => {
    const sink = open({ topic: "narrow", compression: "none" });
    const large = matchFor(1n, "ZTF1", { annotations: { text: "x".repeat(2_000_000) } });
    const [refused, written] = await Promise.all([
      failureOf(sink.deliver(deliveryOf(large), never)),
      failureOf(sink.deliver(deliveryOf(matchFor(2n, "ZTF2")), never)),
    ]);
    await sink.close();
    expect(written).toBe("none");
    expect(refused).toMatch(/RefusedError.*max\.message\.bytes/);
  });

  test("says what it found and changes nothing", async () => {
    const sink = open({ topic: "nothing-here" });
    expect(await sink.check(never)).toContain("topic nothing-here (will be made)");
    await sink.close();
    const admin = client.admin();
    await admin.connect();
    expect(await admin.listTopics()).not.toContain("nothing-here");
    await admin.disconnect();
  });

  test("a broker that is away is waited for, and its return is noticed", async () => {
    if (server?.kill === undefined) return;
    await using stored = await openTestStore();
    const sink = open({ topic: "away" });
    await sink.deliver(deliveryOf(matchFor(1n, "ZTF1")), never);
    const events: DrainEvent[] = [];
    const drain = new Drain(sink, stored.store, { ...DRAIN_DEFAULTS, longestWaitMs: 500 }, (event) =>
      events.push(event),
    );
    await server.kill();
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 500);
    // A process that ends does not wait for the broker.
    await expect(sink.deliver(deliveryOf(matchFor(2n, "ZTF1")), stop.signal)).rejects.toThrow();
    await stored.add(matchFor(3n, "ZTF1"));
    await drain.start("oldest");
    // The producer tries for long and fails nothing meanwhile: what it waits for is told all the same.
    await until("the sink tells what it waits for", () => drain.problem !== undefined, 40_000);
    expect(drain.problem).toContain(broker);
    expect(events.some(({ type }) => type === "delivered")).toBe(false);
    await server.restart?.();
    // What was given up while the broker was away may still arrive before it.
    const third = "ZTF/3/1/1";
    const idOf = ({ headers }: Message) => String(headers?.["id"]);
    const messages = await messagesUntil("away", third, (some) => some.some((one) => idOf(one) === third));
    await until("the trouble is over", () => drain.problem === undefined);
    await drain.stop();
    await sink.close();
    expect(messages.map(idOf).filter((id) => id === third)).toHaveLength(1);
  }, 180_000);
});
