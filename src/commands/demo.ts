/** `kowalski demo`: a simulated night, ingested, served and queried, in a folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatedSecretsFile, type LoadedConfig } from "../config/index.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { CommandError, EXIT_DONE } from "./errors.ts";
import type { Output } from "./output.ts";
import type { Server } from "./server.ts";

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
    "alerts (or takes your packets), ingests it, starts the server, runs an example query over HTTP, and prints " +
    "lines to try yourself. Goes on serving until Ctrl-C; the temporary folder is removed then.",
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
  const [{ startServer }, { untilStopped }] = await Promise.all([
    import("./server.ts"),
    import("./serve.ts"),
  ]);
  const server = await startServer(loaded, log, redactor);
  try {
    output.line(`Data folder ${dataDir}`);
    const packets = args.length > 0 ? args : await simulate(context, join(scratch, "night.tar.gz"));
    if (!signal.aborted) await verb(context, ["ingest", "--data-dir", dataDir, "--", ...packets]);
    if (!signal.aborted) await show(context, server);
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

/** What a part of the demo works with: the running server, and the administrator's token. */
interface Visit {
  readonly output: Output;
  readonly url: string;
  readonly token: string;
}

/** A part of the demo: shows something at work and answers the lines with which users do the same. */
type Part = (visit: Visit) => Promise<readonly string[]>;

/** In the order they are shown. */
const PARTS: readonly Part[] = [showQuery];

async function show({ output }: CommandContext<typeof options>, server: Server): Promise<void> {
  const { url } = server;
  const { admin_username, admin_password } = server.config.server;
  const login = JSON.stringify({ username: admin_username, password: admin_password });
  const { token } = JSON.parse(await post(`${url}/api/auth`, login)) as { token?: string };
  if (token === undefined) throw new CommandError("the login gave no token");
  const lines = [`TOKEN=${token}`];
  for (const part of PARTS) lines.push(...(await part({ output, url, token })));
  output.line(`\nTry it yourself: paste these lines into another terminal.\n\n${lines.join("\n")}`);
  output.line(
    `\nSwagger UI is at ${url}/docs: log in as ${admin_username}, with the password in ` +
      `${generatedSecretsFile(server.config.data_dir)} unless you set your own.`,
  );
  output.json({ event: "serving", url, docs: `${url}/docs`, token, curl: lines });
}

async function showQuery({ output, url, token }: Visit): Promise<readonly string[]> {
  const query = JSON.stringify({
    query_type: "find",
    query: {
      catalog: "ZTF_alerts",
      filter: { "candidate.drb": { $gt: 0.9 } },
      projection: { _id: 0, candid: 1, objectId: 1, "candidate.magpsf": 1, "candidate.drb": 1 },
    },
    kwargs: { limit: 3 },
  });
  const answer = await post(`${url}/api/queries`, query, token);
  output.line(`\nThree alerts with a deep-learning score above 0.9:\n\n${answer}`);
  // Candids are beyond what JSON.parse keeps exactly, so they are read from the text.
  const candid = /"candid":\s*(\d+)/.exec(answer)?.[1];
  const objectId = /"objectId":\s*"([^"]+)"/.exec(answer)?.[1];
  const auth = `-H "Authorization: Bearer $TOKEN"`;
  return [
    `curl -s ${url}/api/queries ${auth} -H 'Content-Type: application/json' -d '${query}'`,
    ...(candid === undefined ? [] : [`curl -s ${url}/api/alerts/ztf/${candid} ${auth}`]),
    ...(objectId === undefined ? [] : [`curl -s ${url}/api/objects/ztf/${objectId} ${auth}`]),
  ];
}

async function post(url: string, body: string, token?: string): Promise<string> {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body,
  });
  const text = await answer.text();
  if (!answer.ok) throw new CommandError(`${url} answered ${answer.status}: ${text}`);
  return text;
}
