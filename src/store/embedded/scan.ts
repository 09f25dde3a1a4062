/**
 * Reads the documents of an access, a page of rows at a time: no statement stays open between pages, so a
 * long scan neither holds back the write-ahead log nor the thread.
 */
import type { Database } from "bun:sqlite";
import { type Document, setField } from "../../query/index.ts";
import type { Access, Scan } from "./access.ts";
import { type Collection, CUTOUT_COLUMNS } from "./collections.ts";
import { decodeDocument } from "./encoding.ts";
import { Histories } from "./history.ts";
import type { IndexValue } from "./index-values.ts";

/** Rows of the first page: enough for most indexed queries. */
const FIRST_PAGE = 32;
const LARGEST_PAGE = 512;

interface Row {
  readonly rid: bigint;
  readonly at: IndexValue;
  readonly doc: string;
  readonly [blob: `b${number}`]: Uint8Array | null;
}

/** A document and about how much memory it takes, bytes. */
export interface Found {
  readonly document: Document;
  readonly size: number;
}

/** Yields the documents of an access in the order of its scans, and `undefined` between pages. */
export function* scanDocuments(
  database: Database,
  collection: Collection,
  access: Access,
  direction: 1 | -1 = 1,
): Generator<Found | undefined> {
  const assemble = assembler(database, collection);
  const seen = access.mayRepeat ? new Set<bigint>() : undefined;
  for (const scan of access.scans) {
    for (const page of pages(database, collection, scan, direction)) {
      for (const row of page) {
        if (seen?.has(row.rid)) continue;
        seen?.add(row.rid);
        yield { document: assemble(row), size: 2 * row.doc.length };
      }
      yield undefined;
    }
  }
}

function* pages(database: Database, collection: Collection, scan: Scan, direction: 1 | -1): Generator<Row[]> {
  const { column, where, parameters } = scan;
  const beyond = direction === 1 ? ">" : "<";
  const order = direction === 1 ? "ASC" : "DESC";
  const blobs =
    collection.kind === "cutouts" ? Array.from({ length: CUTOUT_COLUMNS }, (_, n) => `, b${n}`).join("") : "";
  const select = `SELECT rid, ${column} AS at, doc${blobs} FROM ${collection.table} WHERE ${where}`;
  const by =
    column === "rid" ? `ORDER BY rid ${order} LIMIT ?` : `ORDER BY ${column} ${order}, rid ${order} LIMIT ?`;
  const after = column === "rid" ? `rid ${beyond} ?` : `(${column}, rid) ${beyond} (?, ?)`;
  let size = FIRST_PAGE;
  let last: Row | undefined;
  for (;;) {
    const position = last === undefined ? [] : column === "rid" ? [last.rid] : [last.at, last.rid];
    const rows = database
      .query<Row, IndexValue[]>(`${select}${last === undefined ? "" : ` AND ${after}`} ${by}`)
      .all(...parameters, ...position, size);
    yield rows;
    last = rows.at(-1);
    if (rows.length < size || last === undefined) return;
    size = Math.min(LARGEST_PAGE, size * 4);
  }
}

function assembler(database: Database, collection: Collection): (row: Row) => Document {
  if (collection.kind === "cutouts") return cutoutsDocument;
  if (collection.kind !== "aux") return (row) => decodeDocument(row.doc);
  const histories = new Histories(database, collection.table);
  return (row) => {
    const document = decodeDocument(row.doc);
    for (const [field, rows] of histories.read(row.rid)) setField(document, field, rows);
    return document;
  };
}

function cutoutsDocument(row: Row): Document {
  const { objectId, fields } = decodeDocument(row.doc);
  const document: Document = { _id: row.rid, candid: row.rid };
  if (objectId !== undefined) document["objectId"] = objectId;
  (fields as [string, string | null][]).forEach(([field, fileName], n) => {
    const data = row[`b${n}`];
    if (data === null || data === undefined) return;
    setField(document, field, fileName === null ? { stampData: data } : { fileName, stampData: data });
  });
  return document;
}
