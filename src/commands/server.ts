/** Store, broker and API of one process, as `serve` and `demo` start and stop them. */
import { availableParallelism } from "node:os";
import { openApi } from "../api/index.ts";
import { type Broker, type BrokerStats, startBroker } from "../broker/index.ts";
import { CatalogJobs } from "../catalogs/index.ts";
import { type Config, ensureSecrets, type LoadedConfig } from "../config/index.ts";
import { describeCatalogs, surveyCatalogs } from "../enrich/crossmatch/index.ts";
import { prepareScores, runtimeText, type ScoreSettings } from "../enrich/scores/index.ts";
import { FilterReports } from "../filters/index.ts";
import { registrySettings } from "../kafka/index.ts";
import { followsReported, openSinks, startSinks } from "../sinks/index.ts";
import type { SourceSpec } from "../sources/index.ts";
import { lockServe, type Store } from "../store/index.ts";
import { Health, type Log, Metrics, type Redactor } from "../telemetry/index.ts";
import {
  catalogsFolder,
  crossMatchSettings,
  downloadsFolder,
  openConfiguredStore,
  openFilters,
  storeSettings,
} from "./open-store.ts";
import { sourceSpecs } from "./source-specs.ts";

/** Brokers that have been silent for longer are away, milliseconds. */
const SILENT_MS = 10_000;
/** Longest wait for the store while `serve` runs: it never gives up by itself. */
const RETRY_MS = Number.MAX_SAFE_INTEGER;

export interface ServerOptions {
  /** Read topics from Kafka's test cluster. */
  readonly testCluster?: boolean;
}

export interface Server {
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  readonly config: Config;
  /** Where secrets were written, at the first start. */
  readonly createdSecrets: string | undefined;
  /** Stops consuming, finishes the batch, answers the last requests, closes. */
  stop(): Promise<void>;
  /** Rejects when the broker fails for good. */
  readonly failed: Promise<never>;
}

/** Opens everything. Throws `StoreError` when another server has the folder, and whatever a part says. */
export async function startServer(
  given: LoadedConfig,
  log: Log,
  redactor: Redactor,
  options: ServerOptions = {},
): Promise<Server> {
  // Before anything is written: a folder in use is left alone.
  const unlock = lockServe(given.config.data_dir);
  const stoppers: (() => Promise<unknown>)[] = [];
  let store: Store | undefined;
  let flush = async () => {};
  const close = async () => {
    // Side by side: each takes the time it may. One that fails keeps the others and the store from nothing.
    const stopped = await Promise.allSettled(stoppers.map((stop) => stop()));
    await flush();
    await store?.close();
    unlock();
    const failed = stopped.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  };
  try {
    const loaded = ensureSecrets(given);
    redactor.add(loaded.secretValues);
    const { config } = loaded;
    const scores = await openScores(config, log);
    const metrics = new Metrics({ processMetrics: true });
    const health = new Health();
    const opened = await openConfiguredStore(config);
    store = opened;
    if (opened.caution !== undefined) log.warn(opened.caution);
    health.register("store", async () => {
      await opened.ping();
      return opened.kind;
    });
    const filters = openFilters(opened, config);
    const reports = new FilterReports(opened, filters, log);
    flush = () => reports.close();
    watchFilters(reports, metrics);
    // Before the broker: the first match waits for every sink.
    const sinks = await startSinks(openSinks({ config, store: opened }), {
      store: opened,
      log,
      metrics,
      health,
      retentionDays: config.outbox.retention_days,
    });
    stoppers.push(() => sinks.stop());
    for (const catalogs of await surveyCatalogs(opened, config.cross_matches)) {
      const level = catalogs.missingConfigured.length > 0 ? "warn" : "info";
      log[level](`cross-matches of ${describeCatalogs(catalogs)}`);
    }
    const sources = sourceSpecs(config, {
      testCluster: options.testCluster ?? false,
      workers: workersOf(config),
    });
    const broker = startSources({ config, sources, scores }, log, reports);
    if (broker !== undefined) {
      stoppers.push(() => broker.stop());
      watchBroker(broker, metrics, health);
    }
    if (scores !== undefined) health.register("models", async () => modelsText(scores));
    const jobs = new CatalogJobs(storeSettings(config));
    stoppers.push(() => jobs.close());
    const catalogs = { jobs, folder: catalogsFolder(config) };
    const api = await openApi({ store: opened, filters, catalogs, config, log, metrics, health });
    stoppers.push(() => api.stop());
    return {
      url: api.url,
      config,
      createdSecrets: loaded.created,
      stop: close,
      failed: new Promise<never>((_, reject) => broker?.done.catch(reject)),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The configured networks, known to work. Throws `ModelError`. */
async function openScores(config: Config, log: Log): Promise<ScoreSettings | undefined> {
  const scores = await prepareScores(config);
  if (scores === undefined) return undefined;
  const level = scores.runtime.kind === "native" ? "info" : "warn";
  log[level](`${modelsText(scores)}, by ${runtimeText(scores.runtime)}`);
  return scores;
}

function modelsText({ models }: ScoreSettings): string {
  return `alerts are scored with ${models.map(({ name, version }) => `${name} ${version}`).join(", ")}`;
}

interface SourcesParts {
  readonly config: Config;
  readonly sources: readonly SourceSpec[];
  readonly scores: ScoreSettings | undefined;
}

function workersOf({ ingest }: Config): number {
  return ingest.workers === 0 ? availableParallelism() : ingest.workers;
}

function startSources(
  { config, sources, scores }: SourcesParts,
  log: Log,
  reports: FilterReports,
): Broker | undefined {
  if (sources.length === 0) return undefined;
  return startBroker(
    {
      store: storeSettings(config),
      downloads: downloadsFolder(config),
      sources,
      workers: workersOf(config),
      batchPackets: config.ingest.batch_packets,
      cutouts: config.cutouts,
      crossMatches: crossMatchSettings(config),
      registry: registrySettings(config),
      scores,
      sequential: false,
      fromStart: false,
      followReported: followsReported(config.sinks),
      retryMs: RETRY_MS,
    },
    {
      log: ({ level, message, fields }) => log[level](fields, message),
      filters: (news) => reports.take(news),
    },
  );
}

function watchBroker(broker: Broker, metrics: Metrics, health: Health): void {
  metrics.gauge(
    "kowalski_packets",
    "Packets since the start by what became of them.",
    ["outcome"],
    (gauge) => {
      const { stored, duplicates, deadLetters } = broker.stats();
      gauge.set({ outcome: "stored" }, stored);
      gauge.set({ outcome: "duplicate" }, duplicates);
      gauge.set({ outcome: "dead_letter" }, deadLetters);
    },
  );
  metrics.gauge("kowalski_packet_bytes", "Bytes of the packets since the start.", [], (gauge) => {
    gauge.set(broker.stats().bytes);
  });
  metrics.gauge(
    "kowalski_scores",
    "Alerts since the start by network and what became of them there: scored, or why not.",
    ["model", "outcome"],
    (gauge) => {
      for (const [model, outcomes] of Object.entries(broker.stats().scores)) {
        for (const [outcome, count] of Object.entries(outcomes)) gauge.set({ model, outcome }, count);
      }
    },
  );
  metrics.gauge(
    "kowalski_kafka_lag",
    "Messages of a partition that are not committed: its high watermark minus the offset of the group.",
    ["partition"],
    (gauge) => {
      gauge.reset();
      for (const { lag } of broker.stats().sources) {
        for (const [partition, messages] of lag ?? []) gauge.set({ partition }, messages);
      }
    },
  );
  let failure: Error | undefined;
  broker.done.catch((error: Error) => {
    failure = error;
  });
  health.register("broker", async () => {
    if (failure !== undefined) throw failure;
    const { sources } = broker.stats();
    const wrong = sourceTroubles(sources, Date.now());
    if (wrong.length > 0) throw new Error(wrong.join("; "));
    return `${sources.length} sources`;
  });
}

/** What keeps sources from being read, each told once for all members of a group. */
export function sourceTroubles(sources: BrokerStats["sources"], now: number): string[] {
  const failed = sources.flatMap(({ name, state, error }) =>
    state === "failed" ? [error ?? `${name}: failed`] : [],
  );
  const silent = new Map<string, number>();
  for (const { name, answeredAt = now } of sources) {
    const silentMs = Math.max(now - answeredAt, silent.get(name) ?? 0);
    if (silentMs > SILENT_MS) silent.set(name, silentMs);
  }
  const away = [...silent].map(
    ([name, ms]) => `${name}: the brokers have not answered for ${Math.round(ms / 1000)} s`,
  );
  return [...new Set([...failed, ...away])];
}

function watchFilters(reports: FilterReports, metrics: Metrics): void {
  metrics.gauge(
    "kowalski_filter_alerts",
    "Alerts since the start by filter and what came of them.",
    ["filter", "outcome"],
    (gauge) => {
      for (const [filter, { seen, passed, errors }] of reports.totals()) {
        gauge.set({ filter, outcome: "seen" }, seen);
        gauge.set({ filter, outcome: "passed" }, passed);
        gauge.set({ filter, outcome: "error" }, errors);
      }
    },
  );
  metrics.gauge("kowalski_filter_seconds", "Time spent since the start by filter.", ["filter"], (gauge) => {
    for (const [filter, { micros }] of reports.totals()) gauge.set({ filter }, micros / 1e6);
  });
}
