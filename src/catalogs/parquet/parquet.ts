/** Parquet files as tables. The format is read by hyparquet, some millions of values at a time. */
import { type FileHandle, open } from "node:fs/promises";
import {
  type AsyncBuffer,
  type DecodedArray,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from "hyparquet";
import { fileSize } from "../bytes.ts";
import {
  type Cell,
  type Column,
  rowsOfShare,
  type Share,
  type Table,
  TableError,
  type TablePiece,
} from "../table.ts";
import { CODECS } from "./codecs.ts";
import { checkPages, PageError } from "./pages.ts";
import { PARSERS, type ValueReader, valueReader, withoutDecimals } from "./values.ts";

/** Values that are in memory at a time: the rows of a large group are read in parts. */
const MOST_VALUES = 3_000_000;
const ROWS_PER_PIECE = 2000;
/** Compressed bytes of one column in one row group. */
const LARGEST_CHUNK = 1024 * 1024 * 1024;
const LARGEST_METADATA = 256 * 1024 * 1024;

/** Rows in pieces: the first, and how many. */
function piecesOf(from: number, to: number): (readonly [first: number, count: number])[] {
  const count = Math.ceil((to - from) / ROWS_PER_PIECE);
  return Array.from({ length: count }, (_, i) => {
    const first = from + i * ROWS_PER_PIECE;
    return [first, Math.min(ROWS_PER_PIECE, to - first)] as const;
  });
}

/** Opens a file. Throws `TableError` when it is damaged. */
export async function openParquet(path: string): Promise<Table> {
  const size = fileSize(path);
  const file = await open(path, "r");
  try {
    return await inWords(path, "its description", async () => {
      const buffer = asyncBuffer(file, size, LARGEST_METADATA);
      const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
      const tree = parquetSchema(metadata);
      return new ParquetTable(path, file, size, metadata, tree);
    });
  } catch (error) {
    await file.close();
    throw error;
  }
}

function asyncBuffer(file: FileHandle, size: number, most: number): AsyncBuffer {
  return {
    byteLength: size,
    async slice(start: number, end = size): Promise<ArrayBuffer> {
      if (!(start >= 0 && start <= end && end <= size)) {
        throw new PageError(`it points at bytes ${start} to ${end} of a file of ${size}`);
      }
      if (end - start > most)
        throw new PageError(`a column of ${end - start} bytes is too large: write smaller row groups`);
      const bytes = new Uint8Array(end - start);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new PageError("the file became shorter while it was read");
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

/** What the reader throws is about its own code: said of the file instead. */
async function inWords<T>(path: string, place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TableError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new TableError(
      path,
      `${place} cannot be read: ${reason.replace(/^parquet /, "")}; the file is damaged, or of a kind that is not known`,
    );
  }
}

/** Paths of the columns that hold values. */
function leavesOf({ path, children }: SchemaTree): string[] {
  return children.length === 0 ? [path.join("\0")] : children.flatMap(leavesOf);
}

class ParquetTable implements Table {
  readonly format = "Parquet";
  readonly columns: readonly Column[];
  readonly rowCount: number;
  readonly #fields: readonly SchemaTree[];
  readonly #readers: readonly ValueReader[];
  readonly #metadata: FileMetaData;
  readonly #buffer: AsyncBuffer;
  /** Of the row groups that are done, and with the share of the one that is being read. */
  #bytesBefore = 0;
  #bytes = 0;

  constructor(
    readonly path: string,
    readonly file: FileHandle,
    size: number,
    metadata: FileMetaData,
    tree: SchemaTree,
  ) {
    this.#fields = tree.children;
    // Pandas keeps the index of its frames as a column.
    this.columns = this.#fields.map(({ element }) => ({
      name: /^__index_level_\d+__$/.test(element.name) ? "" : element.name,
    }));
    this.#readers = this.#fields.map(valueReader);
    this.#metadata = { ...metadata, schema: withoutDecimals(metadata.schema) };
    this.#buffer = asyncBuffer(file, size, LARGEST_CHUNK);
    this.rowCount = Number(metadata.num_rows);
    const paths = leavesOf(tree);
    for (const group of metadata.row_groups) {
      const described = group.columns.map(({ meta_data: data }) => data?.path_in_schema.join("\0"));
      if (described.length === paths.length && described.every((name, i) => name === paths[i])) continue;
      throw new TableError(path, "its row groups have other columns than its schema: it is damaged");
    }
    const sum = metadata.row_groups.reduce((rows, group) => rows + Number(group.num_rows), 0);
    const negative = metadata.row_groups.some((group) => group.num_rows < 0);
    if (sum !== this.rowCount || negative) {
      throw new TableError(
        path,
        `its row groups have ${sum} rows, its description says ${this.rowCount}: it is damaged`,
      );
    }
  }

  async *read(skip: number, needed: ReadonlySet<number>, share?: Share): AsyncGenerator<TablePiece> {
    let start = 0;
    for (const [number, group] of this.#metadata.row_groups.entries()) {
      const end = start + Number(group.num_rows);
      if (end > skip) {
        const place = `row group ${number + 1}`;
        await inWords(this.path, place, () => this.#check(group, needed));
        yield* this.#rows(place, group, Math.max(start, skip), end, needed, share);
      }
      this.#bytesBefore += bytesOf(group);
      this.#bytes = this.#bytesBefore;
      start = end;
    }
  }

  /** Looks at what the pages claim before anything is made of them. */
  async #check({ columns }: RowGroup, needed: ReadonlySet<number>): Promise<void> {
    const names = new Set([...needed].map((i) => this.#fields[i]?.element.name));
    for (const { meta_data: column, file_path: other } of columns) {
      if (column === undefined || !names.has(column.path_in_schema[0])) continue;
      if (other !== undefined) throw new PageError("its columns are in other files");
      const start = Number(column.dictionary_page_offset || column.data_page_offset);
      checkPages(await this.#buffer.slice(start, start + Number(column.total_compressed_size)), column);
    }
  }

  /** Of the rows `from` to `to` of the file, which lie in one group, those of the share. */
  async *#rows(
    place: string,
    group: RowGroup,
    from: number,
    to: number,
    needed: ReadonlySet<number>,
    share: Share | undefined,
  ): AsyncGenerator<TablePiece> {
    const values = group.columns.reduce((sum, { meta_data: data }) => sum + Number(data?.num_values ?? 0), 0);
    const perRow = Math.max(1, values / Math.max(1, Number(group.num_rows)));
    const atOnce = Math.max(ROWS_PER_PIECE, Math.floor(MOST_VALUES / perRow));
    for (let start = from; start < to; start += atOnce) {
      const end = Math.min(to, start + atOnce);
      const own = [...rowsOfShare(start, end, share)].flatMap(([first, last]) => piecesOf(first, last));
      if (own.length === 0) continue;
      const columns = await inWords(this.path, place, () => this.#columns(start, end, needed));
      for (const [first, count] of own) {
        const piece = await inWords(this.path, place, async () => this.#piece(columns, first, count));
        const done = (first + count - from) / (to - from);
        this.#bytes = this.#bytesBefore + Math.round(bytesOf(group) * done);
        yield piece;
      }
    }
  }

  #piece(columns: readonly (ColumnValues | undefined)[], first: number, count: number): TablePiece {
    const rows: Cell[][] = Array.from({ length: count }, () => new Array<Cell>(columns.length));
    columns.forEach((column, c) => {
      const read = this.#readers[c];
      if (column === undefined || read === undefined) return;
      column.each(first, count, (value, row) => {
        const cells = rows[row];
        if (cells !== undefined) cells[c] = read(value);
      });
    });
    return { first: first + 1, rows, bad: [] };
  }

  /** The needed columns of some rows. */
  async #columns(
    rowStart: number,
    rowEnd: number,
    needed: ReadonlySet<number>,
  ): Promise<(ColumnValues | undefined)[]> {
    const columns: (ColumnValues | undefined)[] = [];
    // One after the other: the bytes of a column are in memory only while it is decoded.
    for (const [i, { element }] of this.#fields.entries()) {
      columns.push(needed.has(i) ? await this.#column(element.name, rowStart, rowEnd) : undefined);
    }
    return columns;
  }

  async #column(name: string, rowStart: number, rowEnd: number): Promise<ColumnValues> {
    const column = new ColumnValues();
    await parquetRead({
      file: this.#buffer,
      metadata: this.#metadata,
      rowStart,
      rowEnd,
      columns: [name],
      compressors: CODECS,
      parsers: PARSERS,
      utf8: false,
      useOffsetIndex: false,
      onChunk: ({ columnData, rowStart: start }) => column.add(start, columnData),
    });
    return column;
  }

  bytesRead(): number {
    return this.#bytes;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

function bytesOf({ columns }: RowGroup): number {
  return columns.reduce((sum, { meta_data: data }) => sum + Number(data?.total_compressed_size ?? 0), 0);
}

/** Values of one column in parts that follow each other. */
class ColumnValues {
  readonly #parts: { readonly start: number; readonly values: DecodedArray }[] = [];

  add(start: number, values: DecodedArray): void {
    this.#parts.push({ start, values });
  }

  /** Calls back with the values of `count` rows from row `first` on. Throws `PageError` when some are missing. */
  each(first: number, count: number, callback: (value: unknown, row: number) => void): void {
    let next = first;
    for (const { start, values } of this.#parts) {
      const end = Math.min(first + count, start + values.length);
      for (; next >= start && next < end; next++) callback(values[next - start], next - first);
    }
    if (next < first + count) throw new PageError(`a column has no value for row ${next + 1}`);
  }
}
