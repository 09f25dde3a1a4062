/** What verbs print: lines and tables for people, JSON lines for machines, and the progress of long work. */
import { Progress, type ProgressOptions } from "./progress.ts";

const USUAL_COLUMNS = 80;

export interface OutputStreams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Resolves when the reader of `out` has caught up; absent where nothing waits. */
  readonly drained?: () => Promise<void>;
  /** Width of the terminal that `err` is, or `undefined` when it is none. */
  readonly columns: number | undefined;
}

export class Output {
  constructor(
    /** Whether the answer is for machines. */
    readonly isJson: boolean,
    private readonly streams: OutputStreams = standardStreams(),
  ) {}

  /** A line for people on stdout; nothing with --json. */
  line(text = ""): void {
    if (!this.isJson) this.streams.out(`${text}\n`);
  }

  /** One JSON value on a line of stdout, int64 exact; nothing without --json. */
  json(value: unknown): void {
    if (this.isJson) this.streams.out(`${jsonText(value)}\n`);
  }

  /** Text for stdout as it is, in either mode: an answer that is JSON already, or bytes as text. */
  raw(text: string): void {
    this.streams.out(text);
  }

  /** Resolves when the reader of stdout has caught up: to be awaited between the parts of a long answer. */
  async drained(): Promise<void> {
    await this.streams.drained?.();
  }

  /** Something to know that is not the answer: on stderr, in either mode. */
  note(text: string): void {
    this.streams.err(`${text}\n`);
  }

  /** Rows under their headings; with --json each row as an object on a line of its own. */
  table<K extends string>(columns: readonly K[], rows: readonly Readonly<Record<K, unknown>>[]): void {
    if (this.isJson) {
      for (const row of rows) this.json(row);
      return;
    }
    const cells = rows.map((row) => columns.map((column) => cellText(row[column])));
    const widths = columns.map((column, i) =>
      Math.max(column.length, ...cells.map((cell) => cell[i]?.length ?? 0)),
    );
    const numeric = columns.map(
      (column) => rows.length > 0 && rows.every((row) => ["number", "bigint"].includes(typeof row[column])),
    );
    const print = (line: readonly string[]) =>
      this.line(
        line
          .map((cell, i) =>
            numeric[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
          )
          .join("  ")
          .trimEnd(),
      );
    print(columns);
    for (const line of cells) print(line);
  }

  /** Reports long work on stderr: a bar on a terminal, lines at intervals elsewhere, JSON lines with --json. */
  progress(options: ProgressOptions): Progress {
    return new Progress(options, {
      write: this.streams.err,
      columns: this.isJson ? undefined : this.streams.columns,
      json: this.isJson,
    });
  }
}

function standardStreams(): OutputStreams {
  const onError = (error: NodeJS.ErrnoException) => {
    // The reader went away (`kowalski … | head`): there is nobody to print for.
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  };
  if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", onError);
  return {
    out: (text) => process.stdout.write(text),
    async drained() {
      if (!process.stdout.writableNeedDrain) return;
      await new Promise<void>((resolve) => process.stdout.once("drain", resolve));
    },
    err: (text) => process.stderr.write(text),
    // A terminal that does not know its width says 0.
    columns: process.stderr.isTTY === true ? process.stderr.columns || USUAL_COLUMNS : undefined,
  };
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : typeof value === "object" ? jsonText(value) : String(value);
}

/** Part of the runtime, not yet of its types. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** JSON with int64 as bare integers. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "bigint" ? rawJSON(item.toString()) : item instanceof Error ? item.message : item,
  );
}
