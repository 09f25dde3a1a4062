#!/usr/bin/env bun
/** Reads the command line and hands over to one command. */
import { program } from "./commands/index.ts";
import { runCommandLine } from "./commands/run.ts";

const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The second one means it: end at once, with the shell's code for an interrupted program.
    if (abort.signal.aborted) process.exit(130);
    abort.abort(signal);
  });
}

const code = await runCommandLine(program, process.argv.slice(2), { signal: abort.signal });
process.exit(code);
