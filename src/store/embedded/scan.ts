/**
 * Reads the documents of an access, a page of rows at a time: no statement stays open between pages, so a
 * long scan neither holds back the write-ahead log nor the thread.
 */
import type { Database, SQLQueryBindings } from "bun:sqlite";
import { type Document, setField } from "../../query/index.ts";
import type { Access, End, Scan } from "./access.ts";
import { decodeDocument } from "./encoding.ts";
import { HistoryReader, type ObjectRow } from "./history-read.ts";
import type { IndexValue } from "./index-values.ts";
import type { CollectionKind, CollectionLayout } from "./layout.ts";

/** Rows of the first page: enough for most indexed queries. */
const FIRST_PAGE = 32;

/** How the rows of a kind of collection are read. */
const KINDS: Record<CollectionKind, { columns: string; largestPage: number; rowsPerTurn: number }> = {
  plain: { columns: "n, doc", largestPage: 512, rowsPerTurn: 32 },
  alerts: { columns: "n, doc", largestPage: 512, rowsPerTurn: 32 },
  aux: { columns: "n, id, kept, cross_matches", largestPage: 128, rowsPerTurn: 2 },
  cutouts: { columns: "n, object_id, stamps, d0, d1, d2, d3", largestPage: 16, rowsPerTurn: 2 },
};

interface Row {
  readonly n: bigint;
  readonly at: IndexValue;
}

type DocumentRow = Row & { readonly doc: string };

type CutoutsRow = Row & {
  readonly object_id: string;
  readonly stamps: string;
  readonly [data: `d${number}`]: Uint8Array | null;
};

/** A document and about how much memory it takes, bytes. */
export interface Found {
  /** The number of its row. */
  readonly n: bigint;
  readonly document: Document;
  readonly size: number;
}

/** Yields the documents of an access in the order of its scans, and `undefined` where others may have a turn. */
export function* scanDocuments(
  database: Database,
  layout: CollectionLayout,
  access: Access,
  direction: 1 | -1 = 1,
): Generator<Found | undefined> {
  const assemble = assembler(database, layout);
  const { rowsPerTurn } = KINDS[layout.kind];
  const seen = access.mayRepeat ? new Set<bigint>() : undefined;
  let rows = 0;
  for (const scan of access.scans) {
    for (const page of pages(database, layout, scan, direction)) {
      for (const row of page) {
        if (++rows % rowsPerTurn === 0) yield undefined;
        if (seen?.has(row.n)) continue;
        seen?.add(row.n);
        yield assemble(row);
      }
    }
    yield undefined;
  }
}

function* pages(
  database: Database,
  layout: CollectionLayout,
  scan: Scan,
  direction: 1 | -1,
): Generator<Row[]> {
  const reader = new PageReader(database, layout, scan.column, direction);
  if (scan.kind === "point") yield* reader.equal(scan.value);
  else yield* reader.between(scan.lower, scan.upper);
}

/** Reads pages of one column's rows, in order of its value and the row number. */
class PageReader {
  readonly #select: string;
  readonly #order: "ASC" | "DESC";
  readonly #beyond: "<" | ">";
  readonly #largest: number;
  #size = FIRST_PAGE;

  constructor(
    readonly database: Database,
    layout: CollectionLayout,
    readonly column: string,
    readonly direction: 1 | -1,
  ) {
    const { columns, largestPage } = KINDS[layout.kind];
    this.#select = `SELECT ${columns}, ${column} AS at FROM c${layout.id} WHERE`;
    this.#order = direction === 1 ? "ASC" : "DESC";
    this.#beyond = direction === 1 ? ">" : "<";
    this.#largest = largestPage;
    this.#size = Math.min(FIRST_PAGE, largestPage);
  }

  /** Rows with this value, beyond a row number. */
  *equal(value: IndexValue, beyond?: bigint): Generator<Row[]> {
    let last = beyond;
    for (;;) {
      const where = `${this.column} IS ?${last === undefined ? "" : ` AND n ${this.#beyond} ?`}`;
      const rows = this.#page(
        `${where} ORDER BY n ${this.#order}`,
        last === undefined ? [value] : [value, last],
      );
      yield rows.rows;
      if (!rows.full) return;
      last = rows.rows.at(-1)?.n;
    }
  }

  /** Rows with a value between two; null is between none. */
  *between(lower: End | undefined, upper: End | undefined): Generator<Row[]> {
    let from = lower;
    let to = upper;
    for (;;) {
      const ends: string[] = [];
      const values: IndexValue[] = [];
      if (from !== undefined) ends.push(`${this.column} ${from.inclusive ? ">=" : ">"} ?`);
      if (from !== undefined) values.push(from.value);
      if (to !== undefined) ends.push(`${this.column} ${to.inclusive ? "<=" : "<"} ?`);
      if (to !== undefined) values.push(to.value);
      const where = ends.length === 0 ? "TRUE" : ends.join(" AND ");
      const by = `ORDER BY ${this.column} ${this.#order}${this.column === "n" ? "" : `, n ${this.#order}`}`;
      const { rows, full } = this.#page(`${where} ${by}`, values);
      yield rows;
      const last = rows.at(-1);
      if (!full || last === undefined) return;
      // Going on behind the last row: first the rest with its value, then the values beyond.
      if (this.column !== "n") yield* this.equal(last.at, last.n);
      const end = { value: last.at, inclusive: false };
      if (this.direction === 1) from = end;
      else to = end;
    }
  }

  #page(condition: string, values: readonly IndexValue[]): { rows: Row[]; full: boolean } {
    const size = this.#size;
    const rows = this.database
      .query<Row, SQLQueryBindings[]>(`${this.#select} ${condition} LIMIT ?`)
      .all(...(values as SQLQueryBindings[]), size);
    this.#size = Math.min(this.#largest, size * 4);
    return { rows, full: rows.length === size };
  }
}

function assembler(database: Database, layout: CollectionLayout): (row: Row) => Found {
  if (layout.kind === "cutouts") return (row) => cutoutsDocument(row as CutoutsRow);
  if (layout.kind === "aux") {
    const histories = new HistoryReader(database, layout);
    return (row) => ({ n: row.n, ...histories.document(row as Row & ObjectRow) });
  }
  return (row) => {
    const { n, doc } = row as DocumentRow;
    return { n, document: decodeDocument(doc), size: 2 * doc.length };
  };
}

function cutoutsDocument(row: CutoutsRow): Found {
  const document: Document = { _id: row.n, candid: row.n, objectId: row.object_id };
  let size = 0;
  (JSON.parse(row.stamps) as [string, string | null][]).forEach(([field, fileName], n) => {
    const data = row[`d${n}`];
    if (data === null || data === undefined) return;
    setField(document, field, fileName === null ? { stampData: data } : { fileName, stampData: data });
    size += data.length;
  });
  return { n: row.n, document, size };
}
