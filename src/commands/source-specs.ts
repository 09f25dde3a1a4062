/** The sources of the configuration as the broker takes them. */
import { resolve } from "node:path";
import type { Config } from "../config/index.ts";
import type { KafkaCluster } from "../kafka/index.ts";
import type { KafkaSpec, SourceSpec } from "../sources/index.ts";
import { CommandError } from "./errors.ts";

type ConfiguredSource = Config["sources"][number];

/** Throws `CommandError` for a source that says too little. `testCluster` reads topics from the test cluster. */
export function sourceSpecs(
  config: Config,
  { testCluster }: { readonly testCluster: boolean },
): SourceSpec[] {
  return config.sources.map((source, index) => {
    if (source.topics.length === 0) return fileSpec(source);
    return kafkaSpec(source, config.kafka, testCluster, `sources[${index}]`);
  });
}

function fileSpec({ path, url, watch, username, password }: ConfiguredSource): SourceSpec {
  return {
    location: url ?? resolve(path ?? "."),
    watch,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function kafkaSpec(
  { topics, group, start }: ConfiguredSource,
  kafka: Config["kafka"],
  testCluster: boolean,
  at: string,
): SourceSpec {
  const spec: KafkaSpec = { ...kafkaCluster(kafka, testCluster), topics, group, start: startOf(start, at) };
  return { location: `kafka:${topics.join(",")}`, kafka: spec };
}

/** The configured cluster. Throws `CommandError` where it is not configured. */
export function kafkaCluster(kafka: Config["kafka"], testCluster: boolean): KafkaCluster {
  const key = testCluster ? "bootstrap.test.servers" : "bootstrap.servers";
  const brokers = (kafka[key] ?? "")
    .split(",")
    .map((broker) => broker.trim())
    .filter((broker) => broker !== "");
  if (brokers.length === 0) {
    throw new CommandError(`kafka.${key} is not set: expected the addresses of the brokers (host:port, …)`);
  }
  return { brokers, ssl: kafka.ssl, ...saslOf(kafka) };
}

function startOf(start: string, at: string): KafkaSpec["start"] {
  if (start === "earliest" || start === "latest") return start;
  const time = Date.parse(start);
  if (Number.isNaN(time)) throw new CommandError(`${at}.start: ${start} is no time`);
  return time;
}

function saslOf(kafka: Config["kafka"]): Pick<KafkaCluster, "sasl"> {
  const { sasl_mechanism: mechanism, sasl_username: username, sasl_password: password } = kafka;
  if (mechanism === "none") return {};
  if (username === undefined || password === undefined) {
    throw new CommandError(
      `kafka.sasl_mechanism is ${mechanism}: set kafka.sasl_username and kafka.sasl_password`,
    );
  }
  return { sasl: { mechanism, username, password } };
}
