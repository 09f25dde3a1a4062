/** The sources of the configuration as the broker takes them. */
import { resolve } from "node:path";
import type { Config } from "../config/index.ts";
import { kafkaCluster } from "../kafka/index.ts";
import type { KafkaSpec, SourceSpec } from "../sources/index.ts";
import { CommandError } from "./errors.ts";

type ConfiguredSource = Config["sources"][number];

/** Throws `CommandError` or `ConfigError` for a source that says too little. `testCluster` reads topics from the test cluster. */
export function sourceSpecs(
  config: Config,
  { testCluster, workers }: { readonly testCluster: boolean; readonly workers: number },
): SourceSpec[] {
  return config.sources.flatMap((source, index) => {
    if (source.topics.length === 0) return fileSpec(source);
    const spec = kafkaSpec(source, config.kafka, testCluster, `sources[${index}]`);
    // Each is a member of the group of its own, and shares its partitions with the others, here and elsewhere.
    return Array.from({ length: source.members || workers }, () => spec);
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

function startOf(start: string, at: string): KafkaSpec["start"] {
  if (start === "earliest" || start === "latest") return start;
  const time = Date.parse(start);
  if (Number.isNaN(time)) throw new CommandError(`${at}.start: ${start} is no time`);
  return time;
}
