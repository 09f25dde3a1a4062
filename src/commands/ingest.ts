/** `kowalski ingest`: reads packets from files, folders, archives or addresses into the store. */
import os from "node:os";
import { type BrokerStats, startBroker } from "../broker/index.ts";
import { describeCatalogs, surveyCatalogs } from "../enrich/crossmatch/index.ts";
import { prepareScores, runtimeText } from "../enrich/scores/index.ts";
import { FilterReports } from "../filters/index.ts";
import { registrySettings } from "../kafka/index.ts";
import { followsReported, openSinks, registerSinks } from "../sinks/index.ts";
import { type CommandContext, defineCommand, type OptionValues } from "./command.ts";
import { CommandError, EXIT_DONE, EXIT_FAILED } from "./errors.ts";
import {
  crossMatchSettings,
  downloadsFolder,
  openConfiguredStore,
  openFilters,
  storeSettings,
} from "./open-store.ts";
import { scoreLines } from "./score-lines.ts";

const options = {
  workers: {
    type: "integer",
    min: 1,
    value: "N",
    help: "threads that decode packets (default: one per core)",
  },
  batch: { type: "integer", min: 1, value: "N", help: "packets stored in one transaction (default: 300)" },
  cutouts: { type: "text", choices: ["all", "matched", "none"], help: "whose image stamps are kept" },
  username: {
    type: "text",
    value: "NAME",
    help: "user name for http(s) addresses (default: that of ztf_depot)",
  },
  password: {
    type: "text",
    value: "WORD",
    help: "password for http(s) addresses (default: that of ztf_depot)",
  },
  "from-start": { type: "flag", help: "read interrupted sources from their beginning" },
  strict: { type: "flag", help: "exit with 1 when a packet became a dead letter" },
} as const;

/** How long a full disk or a lock may last before the command gives up, milliseconds. */
const RETRY_MS = 60_000;
const REPORT_INTERVAL_MS = 100;

export const command = defineCommand({
  name: "ingest",
  summary: "read alert packets into the store",
  description:
    "Reads .avro files, folders of them, .tar and .tar.gz archives, and http(s) addresses of such archives. An interrupted run goes on where it stopped; alerts that are stored already are counted and left alone. Packets that cannot be read are kept as dead letters (see `kowalski deadletter`). Works beside a running `kowalski serve` on the same data folder.",
  positionals: [{ name: "SOURCE", help: "file, folder, archive or address", variadic: true }],
  options,
  examples: [
    { line: "kowalski ingest packets/", help: "all packets of a folder and those below it" },
    { line: "kowalski ingest ztf_public_20231012.tar.gz --cutouts none", help: "a night, without images" },
  ],
  async run(context) {
    const stats = await ingest(context.args, context);
    return report(stats, context);
  },
});

async function ingest(
  sources: readonly string[],
  context: CommandContext<typeof options>,
): Promise<BrokerStats> {
  const { output, options: given, signal } = context;
  const { config } = context.loadConfig();
  const scores = await prepareScores(config);
  if (scores?.runtime.kind === "webassembly") output.note(`Networks run by ${runtimeText(scores.runtime)}`);
  const credentials = credentialsFor(given, config.ztf_depot);
  const store = await openConfiguredStore(config);
  if (store.caution !== undefined) output.note(store.caution);
  for (const catalogs of await surveyCatalogs(store, config.cross_matches)) {
    // Those that only the survey's own list names need not be told each time.
    if (catalogs.missingConfigured.length > 0) output.note(`cross-matches of ${describeCatalogs(catalogs)}`);
  }
  const reports = new FilterReports(store, openFilters(store, config), {
    info: (_, message) => output.note(message),
    warn: (_, message) => output.note(message),
  });
  // A sink that never ran begins with what comes from now on: its place is taken before the first match.
  await registerSinks(store, openSinks({ config, store }));
  const broker = startBroker(
    {
      store: storeSettings(config),
      downloads: downloadsFolder(config),
      sources: sources.map((location) => ({ location, ...credentials })),
      workers: given.workers ?? (config.ingest.workers || os.availableParallelism()),
      batchPackets: given.batch ?? config.ingest.batch_packets,
      cutouts: given.cutouts ?? config.cutouts,
      crossMatches: crossMatchSettings(config),
      registry: registrySettings(config),
      scores,
      sequential: true,
      fromStart: given["from-start"],
      followReported: followsReported(config.sinks),
      retryMs: RETRY_MS,
    },
    { log: (line) => output.note(line.message), filters: (news) => reports.take(news) },
  );
  const progress = output.progress({ unit: "packets" });
  const state = (stats: BrokerStats) => ({ count: stats.packets, ...bytesOf(stats) });
  const timer = setInterval(() => progress.update(state(broker.stats())), REPORT_INTERVAL_MS);
  const onAbort = () => void broker.stop();
  signal.addEventListener("abort", onAbort);
  try {
    return await broker.done;
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error));
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", onAbort);
    progress.finish(state(broker.stats()));
    await reports.close();
    await store.close();
  }
}

function credentialsFor(
  given: OptionValues<typeof options>,
  depot: { readonly username?: string | undefined; readonly password?: string | undefined },
): { username?: string; password?: string } {
  const username = given.username ?? depot.username;
  const password = given.password ?? depot.password;
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function bytesOf(stats: BrokerStats): { bytes: number; bytesTotal?: number } {
  const bytes = stats.sources.reduce((sum, source) => sum + source.bytesRead, 0);
  const known = stats.sources.every((source) => source.bytesTotal !== undefined || source.state === "failed");
  if (!known) return { bytes };
  return { bytes, bytesTotal: stats.sources.reduce((sum, source) => sum + (source.bytesTotal ?? 0), 0) };
}

function report(stats: BrokerStats, { output, options: given }: CommandContext<typeof options>): number {
  const failed = stats.sources.filter((source) => source.state === "failed");
  const stopped = stats.sources.some((source) => source.state === "stopped" || source.state === "waiting");
  const { deadLetters: faulty } = stats;
  output.json({ event: "summary", ...stats });
  output.line(`read        ${stats.packets} packets`);
  output.line(`stored      ${stats.stored} alerts`);
  output.line(`duplicate   ${stats.duplicates} alerts that were stored before`);
  output.line(`dead letter ${faulty} packets${faulty > 0 ? " (see `kowalski deadletter list`)" : ""}`);
  for (const [reason, count] of Object.entries(stats.reasons)) output.line(`            ${count} ${reason}`);
  for (const line of scoreLines(stats.scores)) output.line(line);
  for (const source of failed) output.line(`failed      ${source.error ?? source.name}`);
  if (stopped) output.line("stopped     before the end: run the same command again to go on");
  return failed.length > 0 || stopped || (given.strict && faulty > 0) ? EXIT_FAILED : EXIT_DONE;
}
