/** The log: pino lines as JSON, readable text on a terminal, and nothing secret in either. */
import pino from "pino";
import { prettyLine } from "./pretty.ts";
import { Redactor } from "./redact.ts";

export type Log = pino.Logger;

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** `stdout` for a server, whose log is its output; `stderr` for verbs that print an answer. */
  readonly stream: "stdout" | "stderr";
  /** Text for people instead of JSON. By default: when the stream is a terminal. */
  readonly pretty?: boolean;
  /** Replaces the stream: for tests. */
  readonly write?: (line: string) => void;
}

/** A log and the redactor behind it, to which secrets are told as soon as they are known. */
export interface LogWithRedactor {
  readonly log: Log;
  readonly redactor: Redactor;
}

/**
 * Opens the log. Lines are written synchronously, in the process: no transports, which do not work in a
 * compiled executable, and no lines lost at exit.
 */
export function createLog(options: LogOptions): LogWithRedactor {
  const redactor = new Redactor();
  const terminal = options.stream === "stdout" ? process.stdout : process.stderr;
  const pretty = options.pretty ?? (options.write === undefined && terminal.isTTY === true);
  const write = options.write ?? streamWriter(options.stream);
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redactor.fields(fields),
      },
      serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
    },
    {
      write: (line: string) => {
        const clean = redactor.text(line);
        write(pretty ? prettyLine(clean) : clean);
      },
    },
  );
  return { log, redactor };
}

function streamWriter(stream: "stdout" | "stderr"): (line: string) => void {
  const destination = pino.destination({ dest: stream === "stdout" ? 1 : 2, sync: true });
  // A reader that went away (`kowalski … | head`) must not turn into a crash of the writer.
  destination.on("error", () => {});
  return (line) => {
    destination.write(line);
  };
}
