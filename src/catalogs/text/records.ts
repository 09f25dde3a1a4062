/** The records of a delimited text file, in pieces, each with the line it begins on. */
import Papa from "papaparse";
import { ByteStream } from "../bytes.ts";
import { TableError } from "../table.ts";

/** A record longer than this many characters is an open quote rather than a record. */
const LONGEST_RECORD = 16 * 1024 * 1024;

export interface Records {
  readonly records: readonly (readonly string[])[];
  /** Line of each record, from 1. */
  readonly lines: readonly number[];
  /** What is wrong with a record, by its position. */
  readonly problems: ReadonlyMap<number, string>;
  /** Whether there are bytes among them that are no UTF-8. */
  readonly isDamaged: boolean;
}

/** What bytes become that are no UTF-8. */
export const REPLACEMENT = "\ufffd";

/** The characters of a file; a byte order mark is left out, bytes that are no UTF-8 become U+FFFD. */
export class TextStream {
  readonly #bytes: ByteStream;
  readonly #decoder = new TextDecoder("utf-8");
  #ended = false;
  #newline: "\n" | "\r\n" | undefined;
  /** Characters that have been read and not taken. */
  text = "";
  /** Line on which `text` begins, from 1. */
  line = 1;

  constructor(readonly path: string) {
    this.#bytes = new ByteStream(path);
  }

  get bytesRead(): number {
    return this.#bytes.bytesRead;
  }

  /** What ends the lines, as the first one that was looked at. */
  get newline(): "\n" | "\r\n" {
    return this.#newline ?? "\n";
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Reads on; answers false at the end. */
  async more(): Promise<boolean> {
    if (this.#ended) return false;
    const chunk = await this.#bytes.next();
    this.#ended = chunk === undefined;
    this.text += chunk === undefined ? this.#decoder.decode() : this.#decoder.decode(chunk, { stream: true });
    return chunk !== undefined;
  }

  /** Takes `count` characters from the front. */
  take(count: number): string {
    const taken = this.text.slice(0, count);
    this.text = this.text.slice(count);
    this.line += lineBreaks(taken);
    return taken;
  }

  /** The next line without its end, not taken; undefined at the end. */
  async peekLine(): Promise<{ text: string; length: number } | undefined> {
    for (;;) {
      const end = this.text.indexOf("\n");
      if (end >= 0) this.#newline ??= this.text[end - 1] === "\r" ? "\r\n" : "\n";
      if (end >= 0) return { text: this.text.slice(0, end).replace(/\r$/, ""), length: end + 1 };
      if (this.text.length > LONGEST_RECORD) {
        throw new TableError(this.path, `line ${this.line} has no end: it is no text file`);
      }
      if (!(await this.more())) break;
    }
    return this.text === "" ? undefined : { text: this.text, length: this.text.length };
  }

  close(): void {
    this.#bytes.close();
  }
}

/** Yields the records from where the stream stands; empty lines are none. Throws `TableError`. */
export async function* recordsOf(stream: TextStream, delimiter: string): AsyncGenerator<Records> {
  while (stream.text === "" && (await stream.more()));
  for (;;) {
    const ended = stream.isEnded;
    const parser = new Papa.Parser({ delimiter, newline: stream.newline, quoteChar: '"' });
    // The last record may go on in what is not read yet.
    const parsed = parser.parse(stream.text, 0, !ended) as Papa.ParseResult<string[]>;
    const from = stream.line;
    const taken = stream.take(ended ? stream.text.length : parsed.meta.cursor);
    const records = placed(parsed, from, lineBreaks(taken), taken.includes(REPLACEMENT));
    if (records.records.length > 0) yield records;
    if (ended) return;
    if (stream.text.length > LONGEST_RECORD) {
      throw new TableError(
        stream.path,
        `the record on line ${stream.line} does not end within ${LONGEST_RECORD / 1024 / 1024} MB: look for a quote that is not closed`,
      );
    }
    await stream.more();
  }
}

function placed(
  { data, errors }: Papa.ParseResult<string[]>,
  from: number,
  breaks: number,
  isDamaged: boolean,
): Records {
  const problems = new Map<number, string>();
  const found = new Map(errors.map((error) => [error.row ?? 0, error.message]));
  const records: (readonly string[])[] = [];
  const lines: number[] = [];
  // Records of one line each, as nearly always: no need to look inside.
  const simple = breaks === data.length || breaks === data.length - 1;
  let line = from;
  data.forEach((fields, row) => {
    const last = fields.length - 1;
    if (fields[last]?.endsWith("\r") === true) fields[last] = fields[last].slice(0, -1);
    if (last > 0 || fields[0]?.trim() !== "") {
      const problem = found.get(row);
      if (problem !== undefined) problems.set(records.length, problem);
      records.push(fields);
      lines.push(line);
    }
    line += 1;
    if (!simple) for (const field of fields) line += lineBreaks(field);
  });
  return { records, lines, problems, isDamaged };
}

function lineBreaks(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}
