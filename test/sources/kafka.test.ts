/** Packets from a real Kafka broker: every compression, groups, new topics, a broker that goes away. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import kafkajs from "kafkajs";
import { kafkaSource, type PacketBatch, type Source } from "../../src/sources/index.ts";
import { startKafka, type TestKafka } from "../support/kafka.ts";
import { skipOrFail } from "../support/services.ts";

const found = await startKafka();
const skip = skipOrFail("a Kafka broker", typeof found !== "string", String(found));

describe.skipIf(skip)("kafka source", () => {
  const broker = typeof found === "string" ? { broker: "", stop: async () => {} } : (found as TestKafka);
  const kafka = new kafkajs.Kafka({ brokers: [broker.broker], logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  const admin = kafka.admin();
  const logged: string[] = [];

  beforeAll(async () => {
    await producer.connect();
    await admin.connect();
    // The first group of all makes the brokers' own topic of offsets, which takes a moment.
    await makeTopic("first");
    for (;;) {
      const asking = admin.fetchOffsets({ groupId: "first", topics: ["first"] });
      if ((await asking.catch(() => undefined)) !== undefined) break;
    }
  });
  afterAll(async () => {
    await producer.disconnect();
    await admin.disconnect();
    await broker.stop();
  });

  const makeTopic = (topic: string, numPartitions = 1) =>
    admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true });
  const send = (topic: string, values: readonly string[], more: object = {}) =>
    producer.send({ topic, messages: values.map((value) => ({ key: value, value })), ...more });
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n));
  const open = (topic: string, group = `group-${topic}`, more: object = {}): Source =>
    kafkaSource(
      { brokers: [broker.broker], topics: [topic], group, start: "earliest", ...more },
      { topicsEveryMs: 300, lagEveryMs: 300, log: (_, message) => logged.push(message) },
    );
  const textsOf = ({ packets }: PacketBatch) => packets.map(({ bytes }) => Buffer.from(bytes).toString());

  /** Reads until `wanted` says enough; each batch is durable when `keep` says so. */
  async function read(
    source: Source,
    wanted: (texts: ReadonlySet<string>) => boolean,
    keep: (batch: PacketBatch) => boolean = () => true,
  ): Promise<string[]> {
    const stop = new AbortController();
    const texts: string[] = [];
    for await (const batch of source.batches(undefined, stop.signal)) {
      texts.push(...textsOf(batch));
      if (keep(batch)) batch.durable?.();
      // The commit goes out after the batch was said to be durable.
      if (wanted(new Set(texts))) {
        await Bun.sleep(200);
        break;
      }
    }
    stop.abort();
    return texts;
  }
  const all = (count: number) => (texts: ReadonlySet<string>) => texts.size >= count;

  test("reads each message once, with its place, and again only what was not durable", async () => {
    await makeTopic("once", 3);
    await send("once", numbers(0, 200));
    const first = await read(open("once"), all(200));
    expect(first.map(Number).sort((a, b) => a - b)).toEqual(numbers(0, 200).map(Number));
    await send("once", numbers(200, 210));
    expect((await read(open("once"), all(10))).sort()).toEqual(numbers(200, 210).sort());
    await send("once", numbers(210, 220));
    await read(open("once"), all(10), () => false);
    const again = await read(open("once"), all(10));
    expect([...new Set(again)].sort()).toEqual(numbers(210, 220).sort());
  });

  test.each(["None", "GZIP", "Snappy", "ZSTD"] as const)(
    "reads messages compressed with %s",
    async (name) => {
      const topic = `compressed-${name.toLowerCase()}`;
      await makeTopic(topic);
      const long = "alert ".repeat(20_000);
      await send(topic, [long, "short", ""], { compression: kafkajs.CompressionTypes[name] });
      expect(await read(open(topic), all(3))).toEqual([long, "short", ""]);
    },
  );

  test.skipIf(broker.produce === undefined).each(["none", "gzip", "snappy", "lz4", "zstd"])(
    "reads what Java's producer compresses with %s",
    async (name) => {
      const topic = `java-${name}`;
      await makeTopic(topic);
      const values = ["alert ".repeat(50_000), ...numbers(0, 500)];
      await broker.produce?.(topic, values, name);
      expect(await read(open(topic), all(values.length))).toEqual(values);
    },
  );

  test("several members of a group share the partitions", async () => {
    await makeTopic("shared", 4);
    const stop = new AbortController();
    const texts: string[][] = [[], []];
    const reading = texts.map(async (own) => {
      for await (const batch of open("shared").batches(undefined, stop.signal)) {
        own.push(...textsOf(batch));
        batch.durable?.();
      }
    });
    // Until both have had some: a member that joins late gets its share of what comes later.
    let sent = 0;
    while (sent < 400 || texts.some((own) => own.length === 0)) {
      await send("shared", numbers(sent, sent + 20));
      sent += 20;
      await Bun.sleep(100);
    }
    while (new Set(texts.flat()).size < sent) await Bun.sleep(50);
    stop.abort();
    await Promise.all(reading);
    expect([...new Set(texts.flat())].sort()).toEqual(numbers(0, sent).sort());
  });

  test("a topic that appears later is read without a restart", async () => {
    const stop = new AbortController();
    const texts: string[] = [];
    const reading = (async () => {
      for await (const batch of open("night-*", "late").batches(undefined, stop.signal)) {
        texts.push(...textsOf(batch));
        batch.durable?.();
      }
    })();
    await Bun.sleep(500);
    for (const night of ["night-1", "night-2"]) {
      await makeTopic(night);
      await send(night, [night]);
      while (!texts.includes(night)) await Bun.sleep(50);
    }
    stop.abort();
    await reading;
    expect(logged).toContain("reading night-1, night-2");
  });

  test("with latest, what was there is skipped, and a topic that appears later is read from its beginning", async () => {
    await makeTopic("latest-1", 3);
    await send("latest-1", ["old 1", "old 2", "old 3"]);
    const stop = new AbortController();
    const texts: string[] = [];
    const members = [1, 2].map(async () => {
      for await (const batch of open("latest-*", "latest", { start: "latest" }).batches(
        undefined,
        stop.signal,
      )) {
        texts.push(...textsOf(batch));
        batch.durable?.();
      }
    });
    const isRead = async (text: string) => {
      while (!texts.includes(text)) await Bun.sleep(50);
    };
    const start = async () => {
      const partitions = (await admin.fetchOffsets({ groupId: "latest", topics: ["latest-1"] }))[0]
        ?.partitions;
      return partitions?.every(({ offset }) => offset !== "-1");
    };
    while (!(await start())) await Bun.sleep(50);
    await send("latest-1", ["new 1"]);
    await isRead("new 1");
    await makeTopic("latest-2", 3);
    await send("latest-2", ["first 1", "first 2"]);
    await Promise.all(["first 1", "first 2"].map(isRead));
    stop.abort();
    await Promise.all(members);
    // While nobody reads, another night begins.
    await makeTopic("latest-3");
    await send("latest-3", ["meanwhile"]);
    const again = await read(open("latest-*", "latest", { start: "latest" }), all(1));
    expect([...texts.sort(), ...again]).toEqual(["first 1", "first 2", "new 1", "meanwhile"]);
  });

  test("a topic that is deleted is left, the others are read on", async () => {
    for (const topic of ["gone-1", "gone-2"]) await makeTopic(topic);
    // A producer of its own: it would look for the topic for ever.
    const producerOfOne = kafka.producer();
    await producerOfOne.connect();
    await producerOfOne.send({ topic: "gone-1", messages: [{ value: "one" }] });
    await producerOfOne.disconnect();
    const stop = new AbortController();
    const texts: string[] = [];
    const reading = (async () => {
      for await (const batch of open("gone-*", "gone").batches(undefined, stop.signal)) {
        texts.push(...textsOf(batch));
        batch.durable?.();
      }
    })();
    while (!texts.includes("one")) await Bun.sleep(50);
    await admin.deleteTopics({ topics: ["gone-1"] });
    while (!logged.includes("reading gone-2")) await Bun.sleep(50);
    await send("gone-2", ["two"]);
    while (!texts.includes("two")) await Bun.sleep(50);
    stop.abort();
    await reading;
  });

  test("the lag is that of all partitions, also where nothing is stored", async () => {
    await makeTopic("behind", 2);
    const sendTo = (partition: number, values: readonly string[]) =>
      producer.send({ topic: "behind", messages: values.map((value) => ({ partition, value })) });
    await sendTo(0, numbers(0, 5));
    await read(open("behind"), all(5));
    await sendTo(0, numbers(5, 25));
    await sendTo(1, numbers(25, 35));
    const stop = new AbortController();
    const readBy = async (source: Source, isDurable: boolean, signal: AbortSignal) => {
      for await (const batch of source.batches(undefined, signal)) if (isDurable) batch.durable?.();
    };
    const lags = (...sources: Source[]) =>
      JSON.stringify(sources.flatMap((source) => [...(source.lag?.() ?? [])]).sort());
    const stuck = open("behind");
    const sticking = readBy(stuck, false, stop.signal);
    while (lags(stuck) !== '[["behind/0",20],["behind/1",10]]') await Bun.sleep(50);
    await sendTo(1, ["one more"]);
    while (lags(stuck) !== '[["behind/0",20],["behind/1",11]]') await Bun.sleep(50);
    stop.abort();
    await sticking;
    // Members share the partitions; of those that nothing is read from the lag is told all the same.
    const end = new AbortController();
    const [one, other] = [open("behind"), open("behind")];
    const reading = [one, other].map((source) => readBy(source, true, end.signal));
    const isShared = () => one.lag?.().size === 1 && other.lag?.().size === 1;
    while (!isShared() || lags(one, other) !== '[["behind/0",0],["behind/1",0]]') await Bun.sleep(50);
    end.abort();
    await Promise.all(reading);
  });

  test("sources of one group that read different topics, and begin differently, read all of them", async () => {
    await Promise.all([makeTopic("mixed-a", 2), makeTopic("mixed-b", 2)]);
    await send("mixed-a", numbers(0, 20));
    await send("mixed-b", ["old"]);
    const stop = new AbortController();
    const texts: string[] = [];
    const sources = [
      open("mixed-a", "mixed"),
      open("mixed-a", "mixed"),
      open("mixed-b", "mixed", { start: "latest" }),
    ];
    const reading = sources.map(async (source) => {
      for await (const batch of source.batches(undefined, stop.signal)) {
        texts.push(...textsOf(batch));
        batch.durable?.();
      }
    });
    const isDecided = async () => {
      const found = await admin.fetchOffsets({ groupId: "mixed", topics: ["mixed-b"] });
      return found[0]?.partitions.every(({ offset }) => offset !== "-1");
    };
    while (new Set(texts).size < 20 || !(await isDecided())) await Bun.sleep(50);
    await send("mixed-b", numbers(20, 40));
    while (new Set(texts).size < 40) await Bun.sleep(50);
    stop.abort();
    await Promise.all(reading);
    expect([...new Set(texts)].sort()).toEqual(numbers(0, 40).sort());
  });

  test.each(["earliest", "latest"] as const)(
    "members that began with %s read on when a topic is deleted, and one line names it",
    async (start) => {
      const topics = [`dead-${start}-1`, `dead-${start}-2`];
      for (const topic of topics) await makeTopic(topic);
      const [gone = "", kept = ""] = topics;
      const lines: string[] = [];
      const log = (_: string, line: string) => lines.push(line);
      const stop = new AbortController();
      const texts: string[] = [];
      const group = `dead-${start}`;
      const spec = { brokers: [broker.broker], topics: [`dead-${start}-*`], group, start };
      const members = [1, 2].map(async () => {
        const source = kafkaSource(spec, { topicsEveryMs: 300, log });
        for await (const batch of source.batches(undefined, stop.signal)) {
          texts.push(...textsOf(batch));
          batch.durable?.();
        }
      });
      const isReading = async () => {
        if (start === "earliest") return lines.includes(`reading ${topics.join(", ")}`);
        const found = await admin.fetchOffsets({ groupId: group, topics: [kept] });
        return found[0]?.partitions.every(({ offset }) => offset !== "-1");
      };
      while (!(await isReading())) await Bun.sleep(50);
      await send(kept, ["one"]);
      while (!texts.includes("one")) await Bun.sleep(50);
      // Another admin: it would look for the topic for ever.
      const other = kafka.admin();
      await other.connect();
      await other.deleteTopics({ topics: [gone] });
      await other.disconnect();
      while (!lines.includes(`reading ${kept}`)) await Bun.sleep(50);
      await send(kept, ["two"]);
      while (!texts.includes("two")) await Bun.sleep(50);
      stop.abort();
      await Promise.all(members);
      expect(lines.filter((line) => line.includes(`topic ${gone} was deleted`))).toHaveLength(1);
      expect(lines.join()).not.toContain("cannot be decided");
    },
  );

  test("begins at a time when that is asked for", async () => {
    await makeTopic("timed");
    await send("timed", ["old"], {});
    await Bun.sleep(20);
    const start = Date.now();
    await Bun.sleep(20);
    await send("timed", ["new"]);
    expect(await read(open("timed", "timed", { start }), all(1))).toEqual(["new"]);
  });

  test.skipIf(broker.kill === undefined)("goes on when the broker was away", async () => {
    await makeTopic("away", 2);
    await send("away", numbers(0, 50));
    const stop = new AbortController();
    const texts = new Set<string>();
    const source = open("away");
    const reading = (async () => {
      for await (const batch of source.batches(undefined, stop.signal)) {
        for (const text of textsOf(batch)) texts.add(text);
        batch.durable?.();
      }
    })();
    while (texts.size < 50) await Bun.sleep(50);
    await broker.kill?.();
    await Bun.sleep(500);
    const killed = source.answeredAt?.() ?? 0;
    await Bun.sleep(1000);
    expect(source.answeredAt?.()).toBe(killed);
    await broker.restart?.();
    for (;;) {
      const sent = await send("away", numbers(50, 100)).catch(() => undefined);
      if (sent !== undefined) break;
    }
    while (texts.size < 100 || source.answeredAt?.() === killed) await Bun.sleep(100);
    stop.abort();
    await reading;
    expect(texts.size).toBe(100);
  });

  const { secure } = broker;
  test.skipIf(secure === undefined).each(["plain", "scram-sha-256", "scram-sha-512"] as const)(
    "reads over TLS with an account, by %s",
    async (mechanism) => {
      if (secure === undefined) return;
      const { username, password } = secure;
      const ssl = { ca: readFileSync(secure.ca, "utf8") };
      const topic = `secure-${mechanism}`;
      await makeTopic(topic);
      await send(topic, ["secret"]);
      const more = { brokers: [secure.broker], ssl };
      const right = open(topic, topic, { ...more, sasl: { mechanism, username, password } });
      expect(await read(right, all(1))).toEqual(["secret"]);
      const wrong = open(topic, topic, { ...more, sasl: { mechanism, username, password: "wrong" } });
      const reading = read(wrong, all(1)).catch((error: unknown) => error);
      expect(String(await reading)).toMatch(/authentication/i);
    },
  );

  test("a broker that is not there, or that nobody vouches for, ends the source with a word", async () => {
    const failure = (source: Source) => read(source, () => false).catch((error: unknown) => String(error));
    const [absent, unknown] = await Promise.all([
      failure(open("x", "x", { brokers: ["127.0.0.1:1"] })),
      secure === undefined ? "" : failure(open("x", "x", { brokers: [secure.broker], ssl: true })),
    ]);
    expect(absent).toMatch(/kafka:x:x: .*(ECONNREFUSED|connect)/i);
    if (secure !== undefined) expect(unknown).toMatch(/certificate|self.signed/i);
  });
});
