/**
 * The executable at a Kafka broker with TLS and accounts and at a schema registry, with poison among the messages:
 * what is good is stored, what is not becomes a dead letter, and nothing stalls.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { Encoder, openContainer } from "../../src/avro/index.ts";
import { simulate } from "../../src/sources/simulator/index.ts";
import { Client, until } from "../support/client.ts";
import { runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startKafka } from "../support/kafka.ts";
import { startRegistry } from "../support/registry.ts";
import { skipOrFail } from "../support/services.ts";

const TOPIC = "ztf_poisoned";
const SCHEMA_ID = 703;
const LATE_ID = 704;
const GOOD = 60;
const TIMEOUT_MS = 120_000;

const kafka = await startKafka();
const secure = typeof kafka === "string" ? undefined : kafka.secure;
const skip = skipOrFail("a Kafka broker with accounts", secure, String(kafka));

/** A message in Confluent's framing. */
function framed(id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(id, 1);
  return Buffer.concat([head, payload]);
}

describe.skipIf(skip)("a poisoned topic", () => {
  const folder = temporaryFolder();
  afterAll(async () => {
    if (typeof kafka !== "string") await kafka.stop();
    folder[Symbol.dispose]();
  });

  const packets = Array.from(simulate({ alerts: GOOD, seed: 7, cutouts: false }), ({ bytes }) =>
    bytes.slice(),
  );
  const [first = new Uint8Array()] = packets;
  const schema = Buffer.from(openContainer(first).schema).toString();
  const encoder = new Encoder(schema);
  const datum = (packet: Uint8Array) => {
    const [record] = openContainer(packet).records();
    return encoder.datum(record ?? {});
  };

  /** Every other packet without its schema, and poison between them. */
  function messages(): (Buffer | null)[] {
    const good = packets.map((packet, n) =>
      n % 2 === 0 ? Buffer.from(packet) : framed(n === GOOD - 1 ? LATE_ID : SCHEMA_ID, datum(packet)),
    );
    const poison = [
      Buffer.from("this is no packet"),
      Buffer.from([0, 0, 1]),
      framed(999, datum(first)),
      framed(SCHEMA_ID, datum(first).subarray(0, 200)),
      Buffer.from(first.subarray(0, 500)),
      null,
    ];
    return good.flatMap((message, n) => (n % 10 === 5 ? [poison[(n - 5) / 10] ?? null, message] : [message]));
  }

  test(
    "good packets are stored, poison becomes dead letters, what waits for a schema is replayed",
    async () => {
      if (typeof kafka === "string" || secure === undefined) return;
      const client = new kafkajs.Kafka({ brokers: [kafka.broker], logLevel: kafkajs.logLevel.NOTHING });
      const admin = client.admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 3 }], waitForLeaders: true });
      await admin.disconnect();
      const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      await producer.send({ topic: TOPIC, messages: messages().map((value) => ({ value })) });
      await producer.disconnect();
      const registry = startRegistry([[SCHEMA_ID, schema]], "reader:registry-secret");
      registry.fail = 503;
      const dataDir = join(folder.path, "data");
      mkdirSync(dataDir);
      const config = join(dataDir, "config.yaml");
      writeFileSync(
        config,
        JSON.stringify({
          sources: [{ topics: [TOPIC], members: 2 }],
          kafka: {
            "bootstrap.servers": secure.broker,
            ssl: true,
            ssl_ca: secure.ca,
            sasl_mechanism: "scram-sha-512",
            sasl_username: secure.username,
            sasl_password: secure.password,
            schema_registry_url: registry.url,
            schema_registry_username: "reader",
            schema_registry_password: "registry-secret",
          },
        }),
      );
      const server = await startServe(dataDir, { words: ["--config", config] });
      await until("the log says that the registry does not answer", async () =>
        server.output().includes(`gave no schema`),
      );
      registry.fail = undefined;
      const api = await Client.ofAdministrator(server.url, dataDir);
      await until("all is stored", async () => (await api.count("ZTF_alerts")) === GOOD - 1, TIMEOUT_MS);
      await until(
        "all else is a dead letter",
        async () => (await api.count("dead_letters")) === 7,
        TIMEOUT_MS,
      );
      const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
      await until("nothing waits in any partition", async () => {
        const lags = (await metrics()).match(/^kowalski_kafka_lag\{.*$/gm) ?? [];
        return lags.length === 3 && lags.every((line) => line.endsWith("} 0"));
      });
      const letters = (await api.query("find", {
        catalog: "dead_letters",
        filter: {},
        projection: { reason: 1, _id: 0 },
      })) as { reason: string }[];
      expect(letters.map(({ reason }) => reason).sort()).toEqual([
        "EmptyInputError",
        "LengthError",
        "TornFileError",
        "TornFileError",
        "UnknownSchemaError",
        "UnknownSchemaError",
        "WrongMagicError",
      ]);
      expect(server.output()).not.toContain("registry-secret");
      expect(await server.stop()).toBe(0);
      registry.schemas.set(LATE_ID, schema);
      const words = ["deadletter", "replay", "--reason", "UnknownSchemaError"];
      const replay = await runExecutable([...words, "--data-dir", dataDir, "--config", config]);
      expect(replay.stdout + replay.stderr).toContain("the registry knows no schema of number 999");
      const after = await startServe(dataDir, { words: ["--config", config] });
      const again = await Client.ofAdministrator(after.url, dataDir);
      expect(await again.count("ZTF_alerts")).toBe(GOOD);
      expect(await after.stop()).toBe(0);
      await registry.stop();
    },
    TIMEOUT_MS,
  );
});
