/** A real Kafka broker for tests: one that is named, or one from Java archives, which a test may kill and restart. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GenericContainer, Wait } from "testcontainers";
import { selfSigned } from "./certificates.ts";
import { freePort, run, ServerProcess } from "./processes.ts";

const VERSION = "4.3.1";
const CACHE = join(import.meta.dir, "..", "..", ".cache", "kafka");
const LIBRARIES = join(CACHE, VERSION);
const START_TIMEOUT_MS = 60_000;
const ARTIFACTS = ["kafka_2.13", "kafka-tools"];

export interface TestKafka {
  /** `host:port` */
  readonly broker: string;
  /** Ends the broker at once, as `kill -9` does; its topics stay. Undefined where it is not ours to kill. */
  readonly kill?: () => Promise<void>;
  readonly restart?: () => Promise<void>;
  /** A listener that asks for an account over TLS, where the broker is ours. */
  readonly secure?: SecureListener;
  /** Sends lines with Java's own producer; undefined where there is none. */
  readonly produce?: (topic: string, lines: readonly string[], compression: string) => Promise<void>;
  stop(): Promise<void>;
}

export interface SecureListener {
  /** `host:port` */
  readonly broker: string;
  /** File of the certificate that the broker shows, PEM. */
  readonly ca: string;
  readonly username: string;
  readonly password: string;
}

/** A broker of the caller's own, or, as a text, why there is none. It ends with the test process, however that ends. */
export async function startKafka(): Promise<TestKafka | string> {
  const named = process.env["KOWALSKI_TEST_KAFKA"];
  if (named !== undefined && named !== "") return { broker: named, stop: async () => {} };
  const failures: string[] = [];
  for (const [way, start] of [
    ["a container", fromContainer],
    ["Java archives", fromArchives],
  ] as const) {
    try {
      return await start();
    } catch (error) {
      failures.push(`${way}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return `no KOWALSKI_TEST_KAFKA; ${failures.join("; ")}`;
}

async function fromContainer(): Promise<TestKafka> {
  await run(["docker", "info"], 10_000);
  const port = await freePort();
  const container = await new GenericContainer(`apache/kafka:${VERSION}`)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: "1",
      KAFKA_PROCESS_ROLES: "broker,controller",
      KAFKA_LISTENERS: "PLAINTEXT://:9092,CONTROLLER://:9093",
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
      KAFKA_CONTROLLER_LISTENER_NAMES: "CONTROLLER",
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
      KAFKA_CONTROLLER_QUORUM_VOTERS: "1@localhost:9093",
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: "1",
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: "0",
    })
    .withWaitStrategy(Wait.forLogMessage("Kafka Server started"))
    .start();
  return {
    broker: `127.0.0.1:${port}`,
    stop: async () => {
      await container.stop();
    },
  };
}

async function fromArchives(): Promise<TestKafka> {
  if (!existsSync(LIBRARIES)) await installArchives();
  const folder = mkdtempSync(join(tmpdir(), "kowalski-kafka-"));
  const [port, controller] = [await freePort(), await freePort()];
  const securePort = await freePort();
  const { certificate, both } = await selfSigned(folder);
  const secure = { broker: `127.0.0.1:${securePort}`, ca: certificate, ...ACCOUNT };
  const settings = join(folder, "server.properties");
  const lines = { ...properties(folder, port, controller, securePort), ...secureProperties(both) };
  writeFileSync(
    settings,
    Object.entries(lines)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(""),
  );
  const java = ["java", "-Xmx512m", "-cp", join(LIBRARIES, "*")];
  const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
  // With "=", for an id may begin with a dash.
  const format = [
    "kafka.tools.StorageTool",
    "format",
    `--cluster-id=${id}`,
    "-c",
    settings,
    ...scramAccounts(),
  ];
  await run([...java, ...format], START_TIMEOUT_MS);
  const server = new ServerProcess([...java, "kafka.Kafka", settings], folder);
  const ready = () => untilListening(port);
  await ready();
  return {
    broker: `127.0.0.1:${port}`,
    secure,
    kill: () => server.kill(),
    async restart() {
      server.start();
      await ready();
    },
    async produce(topic, lines, compression) {
      const tool = ["org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", `127.0.0.1:${port}`];
      const options = ["--topic", topic, "--compression-codec", compression, "--max-block-ms", "20000"];
      await run([...java, ...tool, ...options], START_TIMEOUT_MS, lines.join("\n"));
    },
    stop: () => server.remove(),
  };
}

/** The account of the secure listener, by every mechanism. */
const ACCOUNT = { username: "kowalski", password: "kafka-secret" } as const;

function scramAccounts(): string[] {
  const { username, password } = ACCOUNT;
  return ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=${username},password=${password}]`,
  ]);
}

function secureProperties(both: string): Record<string, string> {
  const { username, password } = ACCOUNT;
  const jaas = "listener.name.sasl_ssl";
  const login = "org.apache.kafka.common.security";
  return {
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    [`${jaas}.plain.sasl.jaas.config`]: `${login}.plain.PlainLoginModule required user_${username}="${password}";`,
    [`${jaas}.scram-sha-256.sasl.jaas.config`]: `${login}.scram.ScramLoginModule required;`,
    [`${jaas}.scram-sha-512.sasl.jaas.config`]: `${login}.scram.ScramLoginModule required;`,
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": both,
  };
}

function properties(
  folder: string,
  port: number,
  controller: number,
  securePort: number,
): Record<string, string | number | boolean> {
  return {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},SASL_SSL://127.0.0.1:${securePort},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port},SASL_SSL://127.0.0.1:${securePort}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
    "log.dirs": join(folder, "data"),
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "auto.create.topics.enable": false,
  };
}

async function untilListening(port: number): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    try {
      const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
      socket.end();
      return;
    } catch {
      await Bun.sleep(100);
    }
  }
  throw new Error(`Kafka did not start within ${START_TIMEOUT_MS / 1000} s`);
}

async function installArchives(): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  const partial = mkdtempSync(join(CACHE, "installing-"));
  const dependencies = ARTIFACTS.map(
    (name) =>
      `<dependency><groupId>org.apache.kafka</groupId><artifactId>${name}</artifactId><version>${VERSION}</version></dependency>`,
  );
  writeFileSync(
    join(partial, "pom.xml"),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>kowalski</groupId>` +
      `<artifactId>test-kafka</artifactId><version>1</version><dependencies>${dependencies.join("")}</dependencies></project>`,
  );
  const libraries = join(partial, "libraries");
  const pom = join(partial, "pom.xml");
  await run(
    ["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${libraries}`],
    600_000,
  );
  if (readdirSync(libraries).length === 0) throw new Error("Maven brought no archives");
  // Whole or not at all, also when another test process does the same.
  try {
    renameSync(libraries, LIBRARIES);
  } catch (error) {
    if (!existsSync(LIBRARIES)) throw error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
