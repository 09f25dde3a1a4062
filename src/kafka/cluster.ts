/** The clusters that the configuration names. */
import { type Config, ConfigError } from "../config/index.ts";
import type { KafkaCluster } from "./client.ts";

/** The configured cluster, or the test cluster. Throws `ConfigError` where it is not configured. */
export function kafkaCluster(kafka: Config["kafka"], testCluster = false): KafkaCluster {
  const key = testCluster ? "bootstrap.test.servers" : "bootstrap.servers";
  const brokers = (kafka[key] ?? "")
    .split(",")
    .map((broker) => broker.trim())
    .filter((broker) => broker !== "");
  if (brokers.length === 0) {
    const reason = "not set: expected the addresses of the brokers (host:port, …)";
    throw new ConfigError(`kafka.${key}`, reason, "configuration");
  }
  return { brokers, ssl: kafka.ssl, ...saslOf(kafka) };
}

function saslOf(kafka: Config["kafka"]): Pick<KafkaCluster, "sasl"> {
  const { sasl_mechanism: mechanism, sasl_username: username, sasl_password: password } = kafka;
  if (mechanism === "none") return {};
  if (username === undefined || password === undefined) {
    const reason = `${mechanism}: set kafka.sasl_username and kafka.sasl_password`;
    throw new ConfigError("kafka.sasl_mechanism", reason, "configuration");
  }
  return { sasl: { mechanism, username, password } };
}
