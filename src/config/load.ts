/** Loads the configuration: built-in < config.yaml < secrets.json < environment < flags. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { environmentLayer } from "./environment.ts";
import { ConfigError, type Fields, isObjectKind, type ObjectKind } from "./kinds.ts";
import { type Config, type SourceConfig, schema } from "./schema.ts";

/** What flags set; each wins over the files and the environment. */
export interface ConfigFlags {
  readonly dataDir?: string | undefined;
  readonly config?: string | undefined;
  readonly secrets?: string | undefined;
  readonly store?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}

export interface LoadOptions {
  readonly flags?: ConfigFlags;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths are meant from. */
  readonly cwd?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Things a user should know that are not errors, e.g. unused keys. */
  readonly notes: readonly string[];
  readonly configFile: string | undefined;
  /** In the order they were laid over each other. */
  readonly secretsFiles: readonly string[];
  /** Every secret value, to keep it out of the log. */
  readonly secretValues: readonly string[];
}

/** The file with generated secrets in the data folder. */
export function generatedSecretsFile(dataDir: string): string {
  return join(dataDir, "secrets.json");
}

/**
 * Reads all layers and checks them against the schema.
 *
 * `config.yaml` and `secrets.json` are looked for in the working directory unless named; secrets generated
 * at the first start lie in the data folder, beneath the others. Throws `ConfigError`.
 */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const flags = options.flags ?? {};
  const env = options.env ?? process.env;
  const cwd = options.cwd ?? process.cwd();
  const notes: string[] = [];
  const note = (text: string) => notes.push(text);
  const layer = (value: unknown, origin: string) => schema.readPartial(value, { path: "", origin, note });

  const configFile = findFile(flags.config ?? env["KOWALSKI_CONFIG"], "config.yaml", cwd);
  const fromConfig = configFile === undefined ? {} : layer(readYaml(configFile), configFile);
  const fromEnv = environmentLayer(schema, env, { path: "", origin: "environment", note });
  const fromFlags = layer(flagLayer(flags), "command line");

  const named = merge(merge(fromConfig, fromEnv), fromFlags);
  const dataDir = resolve(
    cwd,
    typeof named["data_dir"] === "string" ? named["data_dir"] : schema.default.data_dir,
  );
  const secretsFile = findFile(flags.secrets ?? env["KOWALSKI_SECRETS"], "secrets.json", cwd);
  const generated = generatedSecretsFile(dataDir);
  const secretsFiles = [...new Set([existsSync(generated) ? generated : undefined, secretsFile])].filter(
    (file) => file !== undefined,
  );
  let merged: Record<string, unknown> = merge(schema.default, fromConfig);
  for (const file of secretsFiles) merged = merge(merged, layer(readJson(file), file));
  merged = merge(merge(merged, fromEnv), fromFlags);
  // Every layer was checked against the schema, and the defaults complete it.
  const config = { ...(merged as Config), data_dir: dataDir };
  checkSources(config.sources, configFile ?? "configuration");
  return { config, notes, configFile, secretsFiles, secretValues: secretValuesOf(config) };
}

/** Every value of the configuration that must not be shown. */
export function secretValuesOf(config: Config): string[] {
  const found: string[] = [];
  collectSecrets(schema, config, found);
  for (const source of config.sources) if (source.password !== undefined) found.push(source.password);
  const credentials = /\/\/([^/@]*)@/.exec(config.store)?.[1];
  const password = credentials?.slice(credentials.indexOf(":") + 1);
  if (password !== undefined) found.push(password);
  return found.filter((value) => value !== "" && value !== "embedded");
}

function collectSecrets(
  kind: ObjectKind<Fields>,
  value: Readonly<Record<string, unknown>>,
  found: string[],
): void {
  for (const [key, field] of Object.entries(kind.fields)) {
    const item = value[key];
    if (isObjectKind(field)) collectSecrets(field, (item ?? {}) as Record<string, unknown>, found);
    else if (field.secret && typeof item === "string") found.push(item);
  }
}

function findFile(named: string | undefined, standard: string, cwd: string): string | undefined {
  if (named !== undefined && named !== "") {
    const path = resolve(cwd, named);
    if (!existsSync(path)) throw new ConfigError("", "there is no such file", path);
    return path;
  }
  const path = join(cwd, standard);
  return existsSync(path) ? path : undefined;
}

function readYaml(file: string): unknown {
  const content = parseFile(file, "YAML", (text) => parseYaml(text) ?? {});
  // Configurations of the original have everything under one key.
  if (isRecord(content) && Object.keys(content).length === 1 && isRecord(content["kowalski"]))
    return content["kowalski"];
  return content;
}

function readJson(file: string): unknown {
  const content = parseFile(file, "JSON", (text) => JSON.parse(text));
  if (isRecord(content) && Object.keys(content).length === 1 && isRecord(content["kowalski"]))
    return content["kowalski"];
  return content;
}

function parseFile(file: string, format: string, parse: (text: string) => unknown): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError("", `cannot be read: ${(error as Error).message}`, file);
  }
  try {
    return parse(text);
  } catch (error) {
    // Parsers quote the text around an error, which may be a password: only the place is told.
    const place = /line \d+(, column \d+)?/i.exec(String((error as Error).message))?.[0];
    throw new ConfigError("", `is not valid ${format}${place === undefined ? "" : ` (${place})`}`, file);
  }
}

function flagLayer(flags: ConfigFlags): Record<string, unknown> {
  const server = defined({ host: flags.host, port: flags.port });
  return {
    ...defined({ data_dir: flags.dataDir, store: flags.store, log_level: flags.logLevel }),
    ...(Object.keys(server).length > 0 ? { server } : {}),
  };
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lays `upper` over `lower`: objects key by key, everything else whole. */
function merge(
  lower: Readonly<Record<string, unknown>>,
  upper: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...lower };
  for (const [key, value] of Object.entries(upper)) {
    const below = merged[key];
    merged[key] = isRecord(value) && isRecord(below) ? merge(below, value) : value;
  }
  return merged;
}

function checkSources(sources: readonly SourceConfig[], origin: string): void {
  for (const [index, source] of sources.entries()) {
    const ways = [source.path, source.url, source.topics[0]].filter((way) => way !== undefined);
    if (ways.length !== 1)
      throw new ConfigError(`sources[${index}]`, "expected one of path, url, topics", origin);
  }
}
