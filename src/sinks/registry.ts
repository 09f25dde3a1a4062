/** The kinds of sinks that a configuration may name. Adding one is a file in this room and a line in `KINDS`. */
import { resolve } from "node:path";
import { type Config, ConfigError, type SinkConfig, version } from "../config/index.ts";
import { kafkaCluster } from "../kafka/index.ts";
import type { Store } from "../store/index.ts";
import { openFileSink } from "./file.ts";
import { openKafkaSink } from "./kafka/sink.ts";
import type { Sink } from "./sink.ts";
import type { ConfiguredSink } from "./sinks.ts";
import { openSkyPortal } from "./skyportal/sink.ts";
import { openWebhook } from "./webhook.ts";

export interface OpenParts {
  readonly config: Pick<Config, "sinks" | "skyportal" | "kafka">;
  /** Where alerts are read; sinks that are only checked do without. */
  readonly store?: Store;
}

interface Place {
  readonly name: string;
  /** `sinks[0]`, for errors. */
  readonly path: string;
}

type Open = (config: SinkConfig, place: Place, parts: OpenParts) => Sink;

export const USER_AGENT = `Kowalski v${version.release}`;

const KINDS: Record<SinkConfig["type"], Open> = {
  webhook: (config, { name, path }) =>
    openWebhook({
      name,
      url: requireAddress(config.url, `${path}.url`),
      ...(config.secret === undefined ? {} : { secret: config.secret }),
      timeoutMs: config.timeout_seconds * 1000,
      concurrency: config.concurrency,
      choice: config,
      userAgent: USER_AGENT,
    }),
  file: (config, { name, path }) => {
    if (config.path === undefined) throw wrong(`${path}.path`, "a file sink needs the folder of its files");
    return openFileSink({ name, path: resolve(config.path), choice: config });
  },
  kafka: (config, { name }, { config: { kafka }, store }) =>
    openKafkaSink({
      name,
      cluster: kafkaCluster(kafka),
      topic: config.topic,
      partitions: config.partitions,
      format: config.format,
      compression: config.compression,
      choice: config,
      ...(store === undefined ? {} : { store }),
    }),
  skyportal: (config, { name }, { config: { skyportal }, store }) => {
    const { protocol, host, port, token } = skyportal;
    if (host === undefined || host === "") throw wrong("skyportal.host", "a skyportal sink needs the host");
    if (token === undefined || token === "") throw wrong("skyportal.token", "a skyportal sink needs a token");
    return openSkyPortal({
      name,
      address: `${protocol}://${host}${port === undefined ? "" : `:${port}`}`,
      token,
      userAgent: USER_AGENT,
      timeoutMs: config.timeout_seconds * 1000,
      concurrency: config.concurrency,
      choice: config,
      ...(store === undefined ? {} : { store }),
    });
  },
};

/** The configured sinks, none of them running. Throws `ConfigError` naming the key that is missing or wrong. */
export function openSinks(parts: OpenParts): ConfiguredSink[] {
  const names = new Set<string>();
  return parts.config.sinks.map((config, index) => {
    const path = `sinks[${index}]`;
    const name = config.name ?? config.type;
    if (names.has(name)) throw wrong(`${path}.name`, `two sinks are named ${name}: give each its own`);
    names.add(name);
    return { sink: KINDS[config.type](config, { name, path }, parts), from: config.from };
  });
}

/** Whether a sink wants to hear of new alerts of the objects that it reported. */
export function followsReported(sinks: readonly Pick<SinkConfig, "type">[]): boolean {
  return sinks.some(({ type }) => type === "skyportal");
}

function requireAddress(url: string | undefined, path: string): string {
  if (url !== undefined && /^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw wrong(path, "expected an http:// or https:// address");
}

function wrong(path: string, reason: string): ConfigError {
  return new ConfigError(path, reason, "configuration");
}
