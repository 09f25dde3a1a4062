/** CSV, TSV and ECSV files as tables: delimiter, header and types are told or found out. */
import { extname } from "node:path";
import Papa from "papaparse";
import { parseJson, type Value } from "../../query/index.ts";
import {
  type BadRow,
  type Cell,
  type Column,
  type ColumnType,
  rowsOfShare,
  type Share,
  type Table,
  TableError,
  type TableOptions,
  type TablePiece,
} from "../table.ts";
import { type EcsvHeader, isEcsv, parseEcsvHeader } from "./ecsv.ts";
import { REPLACEMENT, type Records, recordsOf, TextStream } from "./records.ts";
import {
  FieldProblem,
  type FieldReader,
  type FoundType,
  fieldReader,
  quoted,
  typeOfFields,
} from "./values.ts";

/** Rows whose fields tell the types of the columns. */
const SAMPLE = 2000;
const DELIMITERS = [",", "\t", ";", "|"];
const MOST_COLUMNS = 20_000;

/** Opens a file. Throws `TableError` when it holds no table. */
export async function openText(path: string, options: TableOptions): Promise<Table> {
  const stream = new TextStream(path);
  try {
    const head = await readHead(stream, options);
    const records = recordsOf(stream, head.delimiter);
    const sample: Records[] = [];
    for (let rows = 0; rows < SAMPLE; ) {
      const { value } = await records.next();
      if (value === undefined) break;
      sample.push(value);
      rows += value.records.length;
    }
    return new TextTable(stream, head, options, sample, records);
  } catch (error) {
    stream.close();
    throw error;
  }
}

interface Head {
  readonly format: string;
  readonly delimiter: string;
  readonly names: readonly string[];
  readonly ecsv: EcsvHeader | undefined;
  /** What was found to be odd. */
  readonly notes: readonly string[];
}

/** Reads comments and header; the stream stands before the first row. */
async function readHead(stream: TextStream, options: TableOptions): Promise<Head> {
  const comments: { text: string; line: number }[] = [];
  let line = await stream.peekLine();
  while (line?.text.startsWith("#") === true || line?.text === "") {
    comments.push({ text: line.text, line: stream.line });
    stream.take(line.length);
    line = await stream.peekLine();
  }
  const ecsv = isEcsv(comments[0]?.text ?? "") ? ecsvOf(stream.path, comments.slice(1)) : undefined;
  if (line === undefined) throw new TableError(stream.path, "it holds no table: there is no header");
  if (line.text.includes("\0")) {
    throw new TableError(stream.path, "it is no FITS, Parquet or text file: expected one of these");
  }
  const delimiter = options.delimiter ?? ecsv?.delimiter ?? delimiterOf(stream.path, line.text);
  const format = ecsv !== undefined ? "ECSV" : delimiter === "\t" ? "TSV" : "CSV";
  if (options.header !== undefined) return { format, delimiter, names: options.header, ecsv, notes: [] };
  const fields = fieldsOf(line.text, delimiter);
  const above = commentedHeader(
    comments.map(({ text }) => text),
    fields,
    delimiter,
  );
  if (above === undefined) stream.take(line.length);
  const found = above ?? fields;
  checkNames(stream.path, found, ecsv);
  const { names, notes } = distinct(found);
  const damaged = names.find((name) => name.includes(REPLACEMENT));
  if (damaged !== undefined) notes.push(`the header is not in UTF-8: ${quoted(damaged)}`);
  return { format, delimiter, names, ecsv, notes };
}

function ecsvOf(path: string, comments: readonly { text: string }[]): EcsvHeader {
  try {
    return parseEcsvHeader(comments.map(({ text }) => text));
  } catch (error) {
    throw new TableError(path, `the ECSV header cannot be read: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** A header in the last comment, as some programs write it: told by numbers in the line below. */
function commentedHeader(
  comments: readonly string[],
  fields: readonly string[],
  delimiter: string,
): readonly string[] | undefined {
  const last = comments[comments.length - 1];
  if (last === undefined || !fields.some((field) => /\d/.test(field) && !Number.isNaN(Number(field))))
    return undefined;
  const names = fieldsOf(last.replace(/^#+\s*/, ""), delimiter);
  return names.length === fields.length ? names : undefined;
}

function fieldsOf(line: string, delimiter: string): string[] {
  const [first = []] = new Papa.Parser({ delimiter, newline: "\n" }).parse(line, 0, false).data as string[][];
  return first.map((field) => field.trim());
}

function delimiterOf(path: string, line: string): string {
  if (/^\.(tsv|tab)$/.test(extname(path.replace(/\.gz$/, "")))) return "\t";
  const counts = DELIMITERS.map((delimiter) => line.split(delimiter).length - 1);
  const most = Math.max(...counts);
  return (most > 0 ? DELIMITERS[counts.indexOf(most)] : undefined) ?? ",";
}

function checkNames(path: string, names: readonly string[], ecsv: EcsvHeader | undefined): void {
  if (names.length > MOST_COLUMNS)
    throw new TableError(path, `the header has ${names.length} columns: it is no table`);
  const wrong = ecsv?.columns.find(({ name }, i) => names[i] !== name);
  if (wrong !== undefined)
    throw new TableError(path, `the column "${wrong.name}" of the ECSV header is not where it should be`);
}

/** The second of equal names gets a number, and so on; columns without a name have none. */
function distinct(found: readonly string[]): { names: readonly string[]; notes: string[] } {
  const taken = new Set(found);
  const met = new Set<string>();
  const notes: string[] = [];
  const names = found.map((name, i) => {
    if (name === "" || !met.has(name)) {
      met.add(name);
      return name;
    }
    let number = 2;
    while (taken.has(`${name}_${number}`)) number++;
    const other = `${name}_${number}`;
    taken.add(other);
    notes.push(
      `the header names the column ${quoted(name)} again: column ${i + 1} is called ${quoted(other)}`,
    );
    return other;
  });
  return { names, notes };
}

type Readers = readonly (FieldReader | undefined)[];

class TextTable implements Table {
  readonly format: string;
  readonly columns: readonly Column[];

  constructor(
    readonly stream: TextStream,
    readonly head: Head,
    readonly options: TableOptions,
    readonly sample: Records[],
    readonly records: AsyncGenerator<Records>,
  ) {
    this.format = head.format;
    this.columns = head.names.map((name, i) => {
      const unit = head.ecsv?.columns[i]?.unit;
      return { name, ...(unit === undefined ? {} : { unit }) };
    });
  }

  #readerOf(name: string, i: number, notes: string[]): FieldReader {
    const { nulls = [], types = {} } = this.options;
    const told = this.head.ecsv?.columns[i];
    if (told?.isJson === true) return jsonValue;
    const known = types[name] ?? told?.type;
    if (known !== undefined) return fieldReader(known, nulls);
    const { type, odd } = typeOfFields(this.#sampled(i), nulls);
    if (odd !== undefined) notes.push(noteOf(name, type, odd, this.#lineOf(odd.at)));
    return fieldReader(type, nulls);
  }

  /** Line of a row of the sample. */
  #lineOf(row: number): number {
    let before = 0;
    for (const { lines } of this.sample) {
      const line = lines[row - before];
      if (line !== undefined) return line;
      before += lines.length;
    }
    return 0;
  }

  *#sampled(column: number): Generator<string> {
    for (const { records } of this.sample) for (const fields of records) yield fields[column] ?? "";
  }

  async *read(skip: number, needed: ReadonlySet<number>, share?: Share): AsyncGenerator<TablePiece> {
    const notes = [...this.head.notes];
    const readers = this.head.names.map((name, i) =>
      needed.has(i) ? this.#readerOf(name, i, notes) : undefined,
    );
    // One of the threads that read a file tells what all of them find.
    if (share !== undefined && share.index > 0) notes.length = 0;
    let before = 0;
    for await (const piece of this.#pieces()) {
      const after = before + piece.records.length;
      for (const [from, to] of rowsOfShare(Math.max(before, skip), after, share))
        yield {
          ...this.#convert(piece, readers, before, from - before, to - before),
          notes: notes.splice(0),
        };
      before = after;
    }
  }

  async *#pieces(): AsyncGenerator<Records> {
    for (let piece = this.sample.shift(); piece !== undefined; piece = this.sample.shift()) yield piece;
    yield* this.records;
  }

  /** Records `from` to `to` of some that have `before` rows before them. */
  #convert(
    { records, lines, problems, isDamaged }: Records,
    readers: Readers,
    before: number,
    from: number,
    to: number,
  ): TablePiece {
    const rows: (readonly Cell[] | undefined)[] = [];
    const bad: BadRow[] = [];
    for (let i = from; i < to; i++) {
      const fields = records[i] ?? [];
      const problem = problems.get(i) ?? (isDamaged ? this.#damage(fields, readers) : undefined);
      const cells = problem ?? this.#cells(fields, readers);
      if (typeof cells === "string") bad.push({ place: lines[i] ?? 0, reason: cells });
      rows.push(typeof cells === "string" ? undefined : cells);
    }
    return { first: before + from + 1, rows, places: lines.slice(from, to), bad };
  }

  /** Which of the columns that are read has bytes that are no UTF-8. */
  #damage(fields: readonly string[], readers: Readers): string | undefined {
    const at = fields.findIndex((field, i) => readers[i] !== undefined && field.includes(REPLACEMENT));
    if (at < 0) return undefined;
    const name = this.columns[at]?.name;
    return `column ${name}: ${quoted(fields[at] ?? "")} is not in UTF-8, or holds the sign of a lost character (U+FFFD): convert the file, as iconv -f LATIN1 -t UTF-8 does, or mend it`;
  }

  #cells(fields: readonly string[], readers: Readers): Cell[] | string {
    if (fields.length !== readers.length) {
      return `expected ${readers.length} fields, found ${fields.length}`;
    }
    const cells = new Array<Cell>(readers.length);
    for (let i = 0; i < readers.length; i++) {
      const value = readers[i]?.(fields[i] ?? "");
      if (value instanceof FieldProblem) return `column ${this.columns[i]?.name}: ${value.reason}`;
      cells[i] = value;
    }
    return cells;
  }

  bytesRead(): number {
    return this.stream.bytesRead;
  }

  async close(): Promise<void> {
    this.stream.close();
  }
}

/** How a column is read that has numbers and, from some line on, others. */
function noteOf(
  name: string,
  type: ColumnType | undefined,
  { text, count, of }: NonNullable<FoundType["odd"]>,
  line: number,
): string {
  const more = count > 1 ? ` and ${count - 1} more of the first ${of} values are no numbers` : "";
  const found = `line ${line} has ${quoted(text)}${more}`;
  const [read, other, effect] =
    type === "string" ? ["text, for", "float", "numbers"] : ["numbers, though", "string", "text"];
  return (
    `column ${name} is read as ${read} ${found}: --columns with ${name}:${other} reads it as ${effect}, ` +
    `--null ${quoted(text)} takes such a cell for no value`
  );
}

/** Arrays and objects of ECSV. */
function jsonValue(text: string): Cell | FieldProblem {
  if (text.trim() === "") return undefined;
  try {
    return parseJson(text) as Value;
  } catch {
    return new FieldProblem("expected JSON");
  }
}
