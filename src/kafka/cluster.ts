/** The clusters that the configuration names. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Config, ConfigError } from "../config/index.ts";
import type { KafkaCluster } from "./client.ts";
import type { RegistrySettings } from "./registry.ts";

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
  return { brokers, ssl: sslOf(kafka), ...saslOf(kafka) };
}

/** Where the schemas of framed messages are found. */
export function registrySettings({ kafka, data_dir: dataDir }: Config): RegistrySettings {
  const {
    schema_registry_url: url,
    schema_registry_username: username,
    schema_registry_password: password,
    schemas_folder: folder,
  } = kafka;
  return {
    cacheFolder: join(dataDir, "schemas"),
    ...(url === undefined ? {} : { url }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(folder === undefined ? {} : { folder: resolve(folder) }),
  };
}

/** Certificates are read here, so that a wrong path is an error of the configuration. */
function sslOf({
  ssl,
  ssl_ca,
  ssl_certificate,
  ssl_key,
}: Config["kafka"]): (KafkaCluster["ssl"] & object) | boolean {
  const files = { ca: ssl_ca, cert: ssl_certificate, key: ssl_key };
  const given = Object.entries(files).filter(([, file]) => file !== undefined);
  if (given.length === 0) return ssl;
  const names = { ca: "ssl_ca", cert: "ssl_certificate", key: "ssl_key" } as const;
  if (!ssl) {
    const [name] = given[0] ?? ["ca"];
    const reason = "certificates are given, but kafka.ssl is false: set it to true";
    throw new ConfigError(`kafka.${names[name as keyof typeof names]}`, reason, "configuration");
  }
  return Object.fromEntries(
    given.map(([name, file]) => {
      try {
        return [name, readFileSync(file ?? "", "utf8")];
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new ConfigError(`kafka.${names[name as keyof typeof names]}`, reason, "configuration");
      }
    }),
  );
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
