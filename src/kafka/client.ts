/** How a Kafka cluster is reached, for those who read from it and those who write to it. */
import type { Kafka, KafkaConfig, logLevel } from "kafkajs";

export interface KafkaCluster {
  /** `host:port` pairs. */
  readonly brokers: readonly string[];
  /** Whether connections are encrypted, and with which certificates (PEM): of who vouches for the brokers, and our own. */
  readonly ssl?: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
}

/** What an operator should know. */
export type KafkaLog = (level: "info" | "warn" | "error", message: string) => void;

/** The client's level of warnings. */
const WARN: logLevel.WARN = 2;
/** How often a request is repeated before its failure is told. */
const RETRIES = 8;
/** The same trouble is told at most once in this time, milliseconds. */
const SAME_TROUBLE_MS = 30_000;

/** A client with every compression in use. It is loaded only here: it would be in the way of every start. */
export async function kafkaClient(
  { brokers, ssl = false, sasl }: KafkaCluster,
  log: KafkaLog,
  { retries = RETRIES }: { readonly retries?: number } = {},
): Promise<Kafka> {
  const { default: kafkajs } = await import("kafkajs");
  const { registerCodecs } = await import("./codecs.ts");
  registerCodecs();
  const config: KafkaConfig = {
    clientId: "kowalski",
    brokers: [...brokers],
    ssl: typeof ssl === "boolean" ? ssl : { ...ssl },
    logCreator: () => logTo(log),
    retry: { initialRetryTime: 300, maxRetryTime: 10_000, retries },
    ...(sasl === undefined ? {} : { sasl: sasl as NonNullable<KafkaConfig["sasl"]> }),
  };
  return new kafkajs.Kafka(config);
}

/**
 * Said of every idempotent producer: its requests are repeated so often, and then by another one. Whoever tried for ever
 * would wait for ever where the topic is gone.
 */
const EXPECTED = /^Limiting retries for the idempotent producer/;

/** What the client says, as far as it concerns an operator, each trouble once in a while. */
function logTo(log: KafkaLog) {
  const tell = damped(log);
  return ({
    level,
    log: { message, error },
  }: {
    level: logLevel;
    log: { message: string; error?: unknown };
  }) => {
    if (level > WARN || EXPECTED.test(message)) return;
    tell("warn", `Kafka: ${message}${error === undefined ? "" : `: ${String(error)}`}`);
  };
}

/** When each trouble was last told, by the log it was told to. */
const tellings = new WeakMap<KafkaLog, Map<string, number>>();

/** A log that tells the same trouble once in a while, whichever of those that share `log` has it. */
export function damped(log: KafkaLog): KafkaLog {
  const told = tellings.get(log) ?? new Map<string, number>();
  tellings.set(log, told);
  return (level, message) => {
    const now = Date.now();
    if (level !== "info") {
      if (now - (told.get(message) ?? 0) < SAME_TROUBLE_MS) return;
      if (told.size > 1000) told.clear();
      told.set(message, now);
    }
    log(level, message);
  };
}
