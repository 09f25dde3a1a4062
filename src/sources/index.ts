/** Where packets come from. Adding a kind of source is a file in this room and a line in `openSource`. */
import { downloadSource } from "./download.ts";
import { fileSource } from "./files.ts";
import { type KafkaSpec, kafkaSource } from "./kafka.ts";
import { type BatchLimits, type Source, SourceError } from "./source.ts";

export { giveBack, PacketRoom } from "./buffers.ts";
export { pause } from "./files.ts";
export { type KafkaSpec, kafkaSource } from "./kafka.ts";
export { topicsOf } from "./kafka-topics.ts";
export * from "./source.ts";

/** A source as configuration and command line name it. */
export interface SourceSpec {
  /** A path, or an http(s) address. */
  readonly location: string;
  readonly watch?: boolean;
  readonly username?: string;
  readonly password?: string;
  /** Topics of Kafka, instead of a file or an address. */
  readonly kafka?: KafkaSpec;
}

export interface OpenOptions {
  readonly limits: BatchLimits;
  /** Folder for downloads. */
  readonly downloads: string;
  /** What an operator should know of a source's own troubles. */
  readonly log?: (level: "info" | "warn" | "error", message: string) => void;
}

/** The source of a specification; nothing is read yet. Throws `SourceError` for an address that is none. */
export function openSource(spec: SourceSpec, { limits, downloads, log }: OpenOptions): Source {
  const { location, watch = false, username, password, kafka } = spec;
  if (kafka !== undefined) return kafkaSource(kafka, { limits, ...(log === undefined ? {} : { log }) });
  if (!/^https?:\/\//i.test(location)) return fileSource(location, { watch, limits });
  if (!URL.canParse(location)) throw new SourceError(location, "this is no address");
  return downloadSource(location, {
    folder: downloads,
    limits,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
}
