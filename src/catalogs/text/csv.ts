/** CSV, TSV and ECSV files as tables: delimiter, header and types are told or found out. */
import { extname } from "node:path";
import Papa from "papaparse";
import { parseJson, type Value } from "../../query/index.ts";
import {
  type BadRow,
  type Cell,
  type Column,
  rowsOfShare,
  type Share,
  type Table,
  TableError,
  type TableOptions,
  type TablePiece,
} from "../table.ts";
import { type EcsvHeader, isEcsv, parseEcsvHeader } from "./ecsv.ts";
import { type Records, recordsOf, TextStream } from "./records.ts";
import { FieldProblem, type FieldReader, fieldReader, typeOfFields } from "./values.ts";

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
  if (options.header !== undefined) return { format, delimiter, names: options.header, ecsv };
  const fields = fieldsOf(line.text, delimiter);
  const above = commentedHeader(
    comments.map(({ text }) => text),
    fields,
    delimiter,
  );
  if (above === undefined) stream.take(line.length);
  const names = above ?? fields;
  checkNames(stream.path, names, ecsv);
  return { format, delimiter, names, ecsv };
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
  const twice = names.find((name, i) => name !== "" && names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new TableError(
      path,
      `the header names the column "${twice}" twice: give other names with --header`,
    );
  }
  const wrong = ecsv?.columns.find(({ name }, i) => names[i] !== name);
  if (wrong !== undefined)
    throw new TableError(path, `the column "${wrong.name}" of the ECSV header is not where it should be`);
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

  #readerOf(name: string, i: number): FieldReader {
    const { nulls = [], types = {} } = this.options;
    const told = this.head.ecsv?.columns[i];
    if (told?.isJson === true) return jsonValue;
    const type = types[name] ?? told?.type ?? typeOfFields(this.#sampled(i), nulls);
    return fieldReader(type, nulls);
  }

  *#sampled(column: number): Generator<string> {
    for (const { records } of this.sample) for (const fields of records) yield fields[column] ?? "";
  }

  async *read(skip: number, needed: ReadonlySet<number>, share?: Share): AsyncGenerator<TablePiece> {
    const readers = this.head.names.map((name, i) => (needed.has(i) ? this.#readerOf(name, i) : undefined));
    let before = 0;
    for await (const piece of this.#pieces()) {
      const after = before + piece.records.length;
      for (const [from, to] of rowsOfShare(Math.max(before, skip), after, share))
        yield this.#convert(piece, readers, before, from - before, to - before);
      before = after;
    }
  }

  async *#pieces(): AsyncGenerator<Records> {
    for (let piece = this.sample.shift(); piece !== undefined; piece = this.sample.shift()) yield piece;
    yield* this.records;
  }

  /** Records `from` to `to` of some that have `before` rows before them. */
  #convert(
    { records, lines, problems }: Records,
    readers: Readers,
    before: number,
    from: number,
    to: number,
  ): TablePiece {
    const rows: (readonly Cell[] | undefined)[] = [];
    const bad: BadRow[] = [];
    for (let i = from; i < to; i++) {
      const problem = problems.get(i);
      const cells = problem ?? this.#cells(records[i] ?? [], readers);
      if (typeof cells === "string") bad.push({ place: lines[i] ?? 0, reason: cells });
      rows.push(typeof cells === "string" ? undefined : cells);
    }
    return { first: before + from + 1, rows, places: lines.slice(from, to), bad };
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

/** Arrays and objects of ECSV. */
function jsonValue(text: string): Cell | FieldProblem {
  if (text.trim() === "") return undefined;
  try {
    return parseJson(text) as Value;
  } catch {
    return new FieldProblem("expected JSON");
  }
}
