/** `kowalski serve`: answers HTTP and ingests the configured sources until it is told to stop. */
import { type CommandContext, defineCommand } from "./command.ts";
import { EXIT_DONE, EXIT_FAILED } from "./errors.ts";
import type { Server } from "./server.ts";

/** A stop that takes longer ends the process; what was not acknowledged is read again at the next start. */
const STOP_MS = 10_000;

export const command = defineCommand({
  name: "serve",
  summary: "answer HTTP and ingest the configured sources",
  description:
    "Opens the data folder (making it at the first start, with random secrets), reads the sources that the " +
    "configuration names, and answers HTTP: the API, its documentation at /docs, /health, /ready and /metrics.\n\n" +
    "SIGTERM and Ctrl-C stop reading, finish the batch, and close within 10 seconds. Its log goes to stdout, as " +
    "JSON when that is not a terminal. Other commands work beside it on the same folder.",
  options: {
    host: {
      type: "text",
      value: "ADDRESS",
      help: "address to listen on (default 127.0.0.1; 0.0.0.0 for all)",
    },
    port: { type: "integer", min: 0, help: "port to listen on (default 4000; 0 for a free one)" },
    test: { type: "flag", help: "read topics from kafka.bootstrap.test.servers" },
  },
  examples: [
    { line: "kowalski serve", help: "serve the folder kowalski-data on http://127.0.0.1:4000" },
    { line: "kowalski serve --host 0.0.0.0 --data-dir /data", help: "in a container" },
  ],
  async run(context) {
    const loaded = context.loadConfig({ host: context.options.host, port: context.options.port });
    const { log, redactor } = context.openLog(loaded, "stdout");
    const { startServer } = await import("./server.ts");
    const server = await startServer(loaded, log, redactor, { testCluster: context.options.test });
    if (server.createdSecrets !== undefined) {
      log.info(`wrote new secrets to ${server.createdSecrets}: the administrator's password is there`);
    }
    log.info({ url: server.url }, `listening on ${server.url}, docs at ${server.url}/docs`);
    return untilStopped(server, context.signal, log);
  },
});

/** Serves until the signal or a failure of the broker, then closes; resolves with the exit code. */
export async function untilStopped(
  server: Server,
  signal: AbortSignal,
  log: ReturnType<CommandContext["openLog"]>["log"],
): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  let code = EXIT_DONE;
  try {
    await Promise.race([stopped, server.failed]);
    log.info("stopping");
  } catch (error) {
    log.fatal({ err: error }, "ingest failed");
    code = EXIT_FAILED;
  }
  const late = Bun.sleep(STOP_MS).then(() => {
    log.error(`not stopped within ${STOP_MS / 1000} s; ending`);
    return EXIT_FAILED;
  });
  return Promise.race([server.stop().then(() => code), late]);
}
