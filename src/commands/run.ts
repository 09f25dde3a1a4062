/** Runs one command line: finds the verb, checks the words, hands over, and turns errors into a line and an exit code. */
import { type ConfigFlags, type LoadedConfig, loadConfig } from "../config/index.ts";
import { createLog } from "../telemetry/index.ts";
import type { Command, CommandContext } from "./command.ts";
import { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, UsageError } from "./errors.ts";
import { helpText } from "./help.ts";
import { Output, type OutputStreams } from "./output.ts";
import { findCommand, type Parsed, parseWords } from "./parse.ts";

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Replaces stdout and stderr: for tests. */
  readonly streams?: OutputStreams;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Runs the command line `words` (without the program's name); resolves with the exit code and never throws. */
export async function runCommandLine(
  root: Command,
  words: readonly string[],
  options: RunOptions,
): Promise<number> {
  const output = new Output(words.includes("--json"), options.streams);
  let path: readonly string[] = [];
  try {
    const found = await findCommand(root, words);
    path = found.path;
    const parsed = parseWords(found);
    if (parsed.help || found.command.run === undefined) {
      (parsed.help ? output.raw : output.note).call(output, helpText(path, found.command));
      if (parsed.help) output.raw("\n");
      return parsed.help ? EXIT_DONE : EXIT_USAGE;
    }
    return await found.command.run(makeContext(parsed, output, options));
  } catch (error) {
    return report(error, path, words, output);
  }
}

function makeContext(parsed: Parsed, output: Output, options: RunOptions): CommandContext {
  const { common } = parsed;
  const { dataDir, config, secrets, store, logLevel } = common;
  return {
    args: parsed.args,
    options: parsed.options,
    common,
    output,
    signal: options.signal,
    loadConfig(flags: ConfigFlags = {}): LoadedConfig {
      const loaded = loadConfig({
        flags: { dataDir, config, secrets, store, logLevel, ...flags },
        ...(options.env === undefined ? {} : { env: options.env }),
      });
      for (const note of loaded.notes) output.note(note);
      return loaded;
    },
    openLog(loaded, stream = "stderr") {
      const opened = createLog({ level: loaded.config.log_level, stream });
      opened.redactor.add(loaded.secretValues);
      return opened;
    },
  };
}

function report(error: unknown, path: readonly string[], words: readonly string[], output: Output): number {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) {
    output.note(`kowalski: ${message}`);
    output.note(`See: ${["kowalski", ...path, "--help"].join(" ")}`);
    return EXIT_USAGE;
  }
  output.note(`kowalski: ${message}`);
  if (debugs(words) && error instanceof Error && error.stack !== undefined) output.note(error.stack);
  return EXIT_FAILED;
}

/** Whether a stack is wanted; read from the words because the command line itself may be what is wrong. */
function debugs(words: readonly string[]): boolean {
  return words.some(
    (word, index) =>
      /^--log-level=(debug|trace)$/.test(word) ||
      (word === "--log-level" && /^(debug|trace)$/.test(words[index + 1] ?? "")),
  );
}
