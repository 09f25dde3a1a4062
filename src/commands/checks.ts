/** The checks of `kowalski check`: each resolves with what it found or throws what is wrong and how to mend it. */
import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Config, type LoadedConfig, readableByOthers, type SourceConfig } from "../config/index.ts";
import { crossMatchRules, describeCatalogs, surveyCatalogs } from "../enrich/crossmatch/index.ts";
import { prepareScores, runtimeText } from "../enrich/scores/index.ts";
import {
  type KafkaCluster,
  kafkaClient,
  kafkaCluster,
  registrySettings,
  SchemaRegistry,
} from "../kafka/index.ts";
import { openSinks } from "../sinks/index.ts";
import { topicsOf } from "../sources/index.ts";
import { openConfiguredStore } from "./open-store.ts";

export interface Check {
  readonly name: string;
  /** Gives up at the signal, which comes after so many milliseconds. */
  readonly run: (signal: AbortSignal, timeoutMs: number) => Promise<string>;
}

/** Below this much free space a night does not fit. */
const LOW_SPACE_BYTES = 2e9;
/** No clock is right that shows an earlier day. */
const EARLIEST = Date.UTC(2026, 0, 1);
const CLOCK_TOLERANCE_MS = 120_000;

export interface CheckOptions {
  /** Look for topics in Kafka's test cluster, as `serve --test` does. */
  readonly testCluster?: boolean;
}

/** One check for each part that is configured. */
export function checks(loaded: LoadedConfig, { testCluster = false }: CheckOptions = {}): Check[] {
  const { config } = loaded;
  return [
    { name: "config", run: async () => loaded.configFile ?? "built-in defaults; no config.yaml" },
    { name: "secrets", run: async () => checkSecrets(loaded) },
    { name: "clock", run: async () => checkClock(config.data_dir) },
    { name: "data folder", run: async () => checkDataFolder(config.data_dir) },
    { name: "store", run: (_, timeoutMs) => checkStore(loaded, timeoutMs) },
    { name: "catalogues", run: (_, timeoutMs) => checkCrossMatches(loaded, timeoutMs) },
    { name: "address", run: (signal) => checkAddress(config.server.host, config.server.port, signal) },
    ...config.sources.map((source, index) => ({
      name: `sources[${index}]`,
      run: async (signal: AbortSignal) =>
        source.topics.length > 0
          ? checkTopics(kafkaCluster(config.kafka, testCluster), source, signal)
          : checkSource(source, signal),
    })),
    ...checkSchemas(config),
    ...checkModels(config),
    ...config.sinks.map((sink, index) => ({
      name: `sinks[${index}]`,
      run: (signal: AbortSignal) => checkSink(loaded, index, `${sink.name ?? sink.type}: `, signal),
    })),
  ];
}

function checkSecrets({ config, secretsFiles }: LoadedConfig): string {
  const open = secretsFiles.filter(readableByOthers);
  if (open.length > 0) throw new Error(`others may read ${open.join(" and ")}: chmod 600 ${open.join(" ")}`);
  const missing = [
    ...(config.server.admin_password === "" ? ["server.admin_password"] : []),
    ...(config.server.jwt_secret === "" ? ["server.jwt_secret"] : []),
  ];
  const later = missing.length === 0 ? "" : `; ${missing.join(" and ")} will be made at the first start`;
  return `${secretsFiles.length === 0 ? "no secrets file" : secretsFiles.join(", ")}${later}`;
}

function checkClock(dataDir: string): string {
  const now = Date.now();
  if (now < EARLIEST)
    throw new Error(`the clock shows ${new Date(now).toISOString()}, which is in the past: set it`);
  if (existsSync(dataDir) && statSync(dataDir).mtimeMs > now + CLOCK_TOLERANCE_MS) {
    throw new Error(
      `${dataDir} was changed in the future, as seen from the clock's ${new Date(now).toISOString()}`,
    );
  }
  return new Date(now).toISOString();
}

function checkDataFolder(dataDir: string): string {
  // Where it does not exist yet, the folder it will be made in counts.
  let folder = dataDir;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  if (!statSync(folder).isDirectory())
    throw new Error(`${folder} is not a folder: choose another with --data-dir`);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    throw new Error(
      `${folder} is not writable for this user: change its owner, or choose another with --data-dir`,
    );
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const space = `${(free / 1e9).toFixed(1)} GB free`;
  if (free < LOW_SPACE_BYTES) throw new Error(`${dataDir}: only ${space}; a night of ZTF takes tens of GB`);
  return `${dataDir}${folder === dataDir ? "" : " (will be made)"}, ${space}`;
}

async function checkStore({ config }: LoadedConfig, timeoutMs: number): Promise<string> {
  if (config.store === "embedded" && !existsSync(config.data_dir))
    return "embedded, empty: will be made at the first start";
  const store = await openConfiguredStore(config, { selectionTimeoutMs: timeoutMs });
  try {
    await store.ping();
    const { collections, documents, bytes } = await store.describeDatabase();
    const where = store.kind === "embedded" ? store.kind : `${store.kind}, ${await store.deployment()}`;
    return `${where}, ${collections} collections, ${documents} documents, ${(bytes / 1e6).toFixed(1)} MB`;
  } finally {
    await store.close();
  }
}

async function checkCrossMatches({ config }: LoadedConfig, timeoutMs: number): Promise<string> {
  const rules = crossMatchRules(config.cross_matches);
  if (rules.size === 0) return "none";
  if (config.store === "embedded" && !existsSync(config.data_dir)) return "no catalogues are loaded yet";
  const store = await openConfiguredStore(config, { selectionTimeoutMs: timeoutMs });
  try {
    const found = await surveyCatalogs(store, config.cross_matches);
    const wanting = found.flatMap(({ survey, missingConfigured }) =>
      missingConfigured.map((catalog) => `cross_matches.${survey}.${catalog}`),
    );
    if (wanting.length > 0) {
      throw new Error(
        `${wanting.join(", ")}: there is no such catalogue, load it with \`kowalski catalog load\``,
      );
    }
    return found.map(describeCatalogs).join("; ");
  } finally {
    await store.close();
  }
}

/** Each network by itself, so that one that is broken hides no other. */
function checkModels(config: Config): Check[] {
  return Object.entries(config.models).map(([name, model]) => ({
    name: `models.${name}`,
    run: async () => {
      const prepared = await prepareScores({ ...config, models: { [name]: model } });
      const [settings] = prepared?.models ?? [];
      if (prepared === undefined || settings === undefined) return "not configured";
      const { version, survey, inputs } = settings;
      return `${version}, ${survey}, ${inputs.join(" and ")}; by ${runtimeText(prepared.runtime)}`;
    },
  }));
}

async function checkSink({ config }: LoadedConfig, index: number, name: string, signal: AbortSignal) {
  const sink = openSinks({ config })[index]?.sink;
  try {
    return `${name}${(await sink?.check(signal)) ?? "not configured"}`;
  } catch (error) {
    throw new Error(`${name}${error instanceof Error ? error.message : String(error)}`);
  }
}

async function checkAddress(host: string, port: number, signal: AbortSignal): Promise<string> {
  if (port === 0) return "any free port";
  const shown = host.includes(":") ? `[${host}]` : host;
  const asked = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : shown;
  let answer: Response | undefined;
  try {
    answer = await fetch(`http://${asked}:${port}/health`, { signal });
  } catch {
    // Nobody answers, which is what a server about to start there wants.
  }
  if (answer?.ok === true) return `a server answers at http://${shown}:${port}`;
  if (answer !== undefined)
    throw new Error(`port ${port} is taken by another program: choose another with --port`);
  if (!portIsFree(host, port)) {
    throw new Error(`cannot listen on ${shown}:${port}: choose another with --host or --port`);
  }
  return `${shown}:${port} is free`;
}

/** Whether a server could listen there. */
export function portIsFree(host: string, port: number): boolean {
  try {
    Bun.listen({ hostname: host, port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

/** Asks the brokers for their topics and says which of them the source would read. */
async function checkTopics(
  cluster: KafkaCluster,
  { topics }: SourceConfig,
  signal: AbortSignal,
): Promise<string> {
  const client = await kafkaClient(cluster, () => {});
  const admin = client.admin();
  const timedOut = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new Error(`${cluster.brokers.join(", ")}: no answer`));
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp);
  });
  try {
    const existing = await Promise.race([admin.connect().then(() => admin.listTopics()), timedOut]);
    const found = new Set(topics.flatMap((pattern) => topicsOf(pattern, existing)));
    const count = found.size === 0 ? "no topic yet" : `${found.size} topic${found.size === 1 ? "" : "s"}`;
    return `${cluster.brokers.join(", ")}: ${count} for ${topics.join(", ")}`;
  } finally {
    // Not waited for: a broker that does not answer does not answer this either.
    void admin.disconnect().catch(() => {});
  }
}

/** Where the schemas of framed messages come from, as far as that is configured. */
function checkSchemas(config: Config): Check[] {
  const settings = registrySettings(config);
  const { url, folder } = settings;
  const registry = url === undefined ? [] : [new SchemaRegistry(settings)];
  return [
    ...registry.map((asked) => ({
      name: "kafka.schema_registry_url",
      run: (signal: AbortSignal) => asked.check(signal),
    })),
    ...(folder === undefined
      ? []
      : [{ name: "kafka.schemas_folder", run: async () => checkSchemasFolder(folder, url === undefined) }]),
  ];
}

function checkSchemasFolder(folder: string, isAll: boolean): string {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new Error(`${folder}: there is no such folder`);
  const files = readdirSync(folder).filter((file) => /^\d+\.avsc$/.test(file));
  for (const file of files) {
    const path = join(folder, file);
    try {
      JSON.parse(readFileSync(path, "utf8"));
    } catch (error) {
      throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (files.length === 0 && isAll) {
    throw new Error(
      `${folder}: no schema in it is named by its number (5.avsc), and no registry is configured`,
    );
  }
  return `${folder}, ${files.length} schema${files.length === 1 ? "" : "s"}`;
}

async function checkSource(source: SourceConfig, signal: AbortSignal): Promise<string> {
  if (source.path !== undefined) {
    const path = resolve(source.path);
    if (!existsSync(path)) throw new Error(`${path}: there is no such file or folder`);
    accessSync(path, constants.R_OK);
    return `${path}${source.watch ? ", watched" : ""}`;
  }
  const url = source.url ?? "";
  const headers: Record<string, string> = {};
  if (source.username !== undefined) {
    const credentials = Buffer.from(`${source.username}:${source.password ?? ""}`).toString("base64");
    headers["authorization"] = `Basic ${credentials}`;
  }
  const answer = await fetch(url, { method: "HEAD", headers, signal });
  if (!answer.ok) throw new Error(`${url}: answers ${answer.status} ${answer.statusText}`);
  const date = Date.parse(answer.headers.get("date") ?? "");
  const off = Math.abs(Date.now() - date);
  if (off > CLOCK_TOLERANCE_MS)
    throw new Error(`${url}: its clock and ours differ by ${Math.round(off / 1000)} s`);
  return url;
}
