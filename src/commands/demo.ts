/** `kowalski demo`: a simulated night, ingested, served and queried, in a folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadedConfig } from "../config/index.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { CommandError, EXIT_DONE } from "./errors.ts";

const DEFAULT_ALERTS = 1000;

const options = {
  alerts: { type: "integer", min: 1, default: DEFAULT_ALERTS, help: "alerts of the simulated night" },
  port: {
    type: "integer",
    min: 0,
    help: "port to listen on (default 4000, or a free one when that is taken)",
  },
  once: { type: "flag", help: "end after the example query instead of going on serving" },
} as const;

export const command = defineCommand({
  name: "demo",
  summary: "show everything at work on a simulated night",
  description:
    "Makes a folder in the system's place for temporary files (or takes --data-dir), simulates a night of ZTF " +
    "alerts (or takes your packets), ingests it while an example filter is active, starts the server, runs an " +
    "example query over HTTP, and prints lines to try yourself. Goes on serving until Ctrl-C; the temporary folder is removed then.",
  positionals: [
    {
      name: "PACKETS",
      help: "files, folders or archives instead of a simulated night",
      optional: true,
      variadic: true,
    },
  ],
  options,
  examples: [
    { line: "kowalski demo", help: "a simulated night" },
    { line: "kowalski demo packets/ --data-dir mine", help: "your packets, in a folder that stays" },
  ],
  async run(context) {
    const temporary = context.common.dataDir === undefined;
    const dataDir = context.common.dataDir ?? mkdtempSync(join(tmpdir(), "kowalski-demo-"));
    const scratch = mkdtempSync(join(tmpdir(), "kowalski-demo-night-"));
    try {
      return await demonstrate(context, dataDir, scratch);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
      if (temporary) rmSync(dataDir, { recursive: true, force: true });
    }
  },
});

async function demonstrate(
  context: CommandContext<typeof options>,
  dataDir: string,
  scratch: string,
): Promise<number> {
  const { output, signal, args } = context;
  const loaded = await demoConfig(context, dataDir);
  // The demo speaks for itself; its log only says what goes wrong.
  const { log, redactor } = context.openLog({
    ...loaded,
    config: { ...loaded.config, log_level: context.common.logLevel ?? "warn" },
  });
  const [{ startServer }, { untilStopped }, { beginTour }] = await Promise.all([
    import("./server.ts"),
    import("./serve.ts"),
    import("./demo-tour.ts"),
  ]);
  const server = await startServer(loaded, log, redactor);
  try {
    output.line(`Data folder ${dataDir}`);
    const tour = await beginTour(server, output);
    const packets = args.length > 0 ? args : await simulate(context, join(scratch, "night.tar.gz"));
    if (!signal.aborted) await verb(context, ["ingest", "--data-dir", dataDir, "--", ...packets]);
    if (!signal.aborted) await tour.show();
  } catch (error) {
    await server.stop();
    throw error;
  }
  if (context.options.once) {
    await server.stop();
    return EXIT_DONE;
  }
  output.line(`\nServing at ${server.url} until Ctrl-C.`);
  return untilStopped(server, signal, log);
}

/** The configuration with the demo's own folder and address, without the sources of a real installation. */
async function demoConfig(context: CommandContext<typeof options>, dataDir: string): Promise<LoadedConfig> {
  const loaded = context.loadConfig({ dataDir, port: context.options.port });
  const { server } = loaded.config;
  const { portIsFree } = await import("./checks.ts");
  const port = context.options.port ?? (portIsFree(server.host, server.port) ? server.port : 0);
  return { ...loaded, config: { ...loaded.config, sources: [], server: { ...server, port } } };
}

async function simulate(context: CommandContext<typeof options>, file: string): Promise<string[]> {
  const alerts = String(context.options.alerts);
  context.output.line(`Simulating a night of ${alerts} alerts…`);
  await verb(context, ["simulate", "--out", file, "--alerts", alerts]);
  return [file];
}

/** Runs another verb as the user would; throws when it fails. */
async function verb(context: CommandContext<typeof options>, words: readonly string[]): Promise<void> {
  const [{ program }, { runCommandLine }] = await Promise.all([import("./index.ts"), import("./run.ts")]);
  const flags = context.output.isJson ? ["--json"] : [];
  const code = await runCommandLine(program, [words[0] ?? "", ...flags, ...words.slice(1)], {
    signal: context.signal,
  });
  if (code !== EXIT_DONE && !context.signal.aborted) throw new CommandError(`${words[0]} ended with ${code}`);
}
