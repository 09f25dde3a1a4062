/** What every file format is read as: named columns, and rows of values in pieces. */
import type { Value } from "../query/index.ts";

/** A value of a row; `undefined` is none: a null token, TNULL, NaN or null. */
export type Cell = Value | undefined;

export interface Column {
  readonly name: string;
  /** As the file has it, e.g. `deg` or `h`. */
  readonly unit?: string;
}

/** A row that cannot be read, or not be stored. */
export interface BadRow {
  /** Line of a text file, else number of the row; from 1. */
  readonly place: number;
  readonly reason: string;
}

/** What a row's place counts: the lines of a text file, else rows. */
export type PlaceKind = "line" | "row";

/** Some rows that follow each other. */
export interface TablePiece {
  /** Number of the first row, from 1; bad rows count. */
  readonly first: number;
  /** Cells by column; `undefined` for a row that is bad. */
  readonly rows: readonly (readonly Cell[] | undefined)[];
  /** Place of each row; the number of the row when left out. */
  readonly places?: readonly number[];
  readonly bad: readonly BadRow[];
  /** What the user should know of how the file is read: with the first of all rows that are read of it. */
  readonly notes?: readonly string[];
}

/** Rows of a file that go to one thread before the next has its turn. */
export const BLOCK_ROWS = 2000;

/** Which of a file's blocks of rows one thread reads: each `of`-th, from block number `index` (from 0) on. */
export interface Share {
  readonly index: number;
  readonly of: number;
}

/** The parts of the rows `from` to `to` (from 0, `to` not included) that belong to a share; all without one. */
export function* rowsOfShare(
  from: number,
  to: number,
  share: Share | undefined,
): Generator<readonly [from: number, to: number]> {
  if (share === undefined) {
    if (from < to) yield [from, to];
    return;
  }
  for (let start = from; start < to; ) {
    const block = Math.floor(start / BLOCK_ROWS);
    const end = Math.min(to, (block + 1) * BLOCK_ROWS);
    if (block % share.of === share.index) yield [start, end];
    start = end;
  }
}

export interface Table {
  /** `CSV`, `FITS`, … */
  readonly format: string;
  readonly columns: readonly Column[];
  /** How many there are, when the file says so. */
  readonly rowCount?: number;
  /**
   * The rows behind the first `skip` that belong to `share`, once; cells of columns that are not `needed` may be
   * left out. Throws `TableError` where the file cannot be read on.
   */
  read(skip: number, needed: ReadonlySet<number>, share?: Share): AsyncGenerator<TablePiece>;
  /** Bytes of the file that have been read. */
  bytesRead(): number;
  close(): Promise<void>;
}

/** How a file is to be read where it does not say so itself. */
export interface TableOptions {
  /** Names of the columns of a text file without a header. */
  readonly header?: readonly string[];
  /** One character between the fields of a text file; found out when left out. */
  readonly delimiter?: string;
  /** Texts that stand for no value, besides the usual ones. */
  readonly nulls?: readonly string[];
  /** Types of columns of a text file by name; the others are found out. */
  readonly types?: Readonly<Record<string, ColumnType>>;
  /** The extension of a FITS file, by number; the first table when left out. */
  readonly hdu?: number;
}

export const COLUMN_TYPES = ["string", "int", "float", "bool"] as const;
export type ColumnType = (typeof COLUMN_TYPES)[number];

/** A file that cannot be read (on): says which, where, and what to do. */
export class TableError extends Error {
  override readonly name = "TableError";
  constructor(
    readonly file: string,
    reason: string,
  ) {
    super(`${file}: ${reason}`);
  }
}
