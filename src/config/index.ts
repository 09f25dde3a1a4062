/** The configuration: its schema, how it is loaded, and its secrets. */
export { type CatalogMatch, DISTANCE_DEFAULTS, type DistanceMatch } from "./cross-matches.ts";
export { ConfigError } from "./kinds.ts";
export {
  type ConfigFlags,
  generatedSecretsFile,
  type LoadedConfig,
  type LoadOptions,
  loadConfig,
} from "./load.ts";
export { nearest } from "./nearest.ts";
export {
  type Config,
  type ModelConfig,
  type ServerConfig,
  type SinkConfig,
  type SourceConfig,
  schema,
} from "./schema.ts";
export { ensureSecrets, newSecrets, randomPassword, readableByOthers, writeSecrets } from "./secrets.ts";
export { version } from "./version.ts";
