/** Writes documents of plain collections and single alerts, inside a running write transaction. */
import type { Database, SQLQueryBindings } from "bun:sqlite";
import { type Document, getField, isDocument, setField, type Value } from "../../query/index.ts";
import { DuplicateKeyError, type IndexDescription, StoreError } from "../store.ts";
import { decodeDocument, encodeDocument, keyOfId } from "./encoding.ts";
import { type IndexValue, indexReader } from "./index-values.ts";
import {
  type CollectionLayout,
  ensureLayout,
  findLayout,
  mayBeIndexed,
  noteChange,
  withIndexes,
} from "./layout.ts";

/** Rows that are read at a time when an index is made. */
const ROWS_PER_PAGE = 1000;
const SMALLEST_ROW = -(2n ** 63n);

/** What to do about a document whose `_id` exists. */
export type OnDuplicate = "fail" | "ignore" | "replace";

/**
 * Inserts documents into a collection, made when absent; answers how many were added. With `fail` throws
 * `DuplicateKeyError`, and the caller must roll back.
 */
export function insertDocuments(
  database: Database,
  collection: string,
  documents: readonly Document[],
  onDuplicate: OnDuplicate,
): number {
  if (documents.length === 0) return 0;
  const layout = writable(ensureLayout(database, collection, "plain"));
  const statement = database.query(insertSql(layout, onDuplicate));
  const readers = layout.columns.map(({ path, kind }) => indexReader(path, kind));
  let added = 0;
  for (const document of documents) {
    const values: SQLQueryBindings[] = [rowKey(layout, document["_id"]), encodeDocument(document)];
    for (const read of readers) values.push(read(document));
    const before = onDuplicate === "replace" && exists(database, layout, document["_id"]);
    const { changes } = statement.run(...values);
    if (changes === 0 && onDuplicate === "fail") {
      throw new DuplicateKeyError(collection, `_id ${String(document["_id"])}`);
    }
    if (changes > 0 && !before) added++;
  }
  noteChange(database, layout, added);
  return added;
}

/** A document that is encoded already, with the values of its collection's columns. */
export interface EncodedDocument {
  readonly id: Value;
  readonly text: string;
  readonly values: readonly IndexValue[];
}

/** Inserts rows of documents; those whose `_id` exists are left out. Answers how many were added. */
export function insertRows(
  database: Database,
  layout: CollectionLayout,
  rows: readonly EncodedDocument[],
): number {
  const statement = database.query(insertSql(writable(layout), "ignore"));
  let added = 0;
  for (const { id, text, values } of rows) {
    added += statement.run(rowKey(layout, id), text, ...(values as SQLQueryBindings[])).changes;
  }
  noteChange(database, layout, added);
  return added;
}

/** Replaces the document with this `_id`; answers whether there was one or `upsert` made it. */
export function replaceDocument(
  database: Database,
  collection: string,
  document: Document,
  upsert: boolean,
): boolean {
  const layout = findLayout(database, collection);
  if (!upsert && (layout === undefined || !exists(database, layout, document["_id"]))) return false;
  insertDocuments(database, collection, [document], "replace");
  return true;
}

/** Sets fields of documents, as a list of `{id, fields: [[path, value], …]}`; answers how many there were. */
export function setFields(database: Database, collection: string, changes: Value | undefined): number {
  const layout = findLayout(database, collection);
  if (layout === undefined || !Array.isArray(changes)) return 0;
  const found = database.query<{ doc: string }, SQLQueryBindings[]>(
    `SELECT doc FROM c${writable(layout).id} WHERE ${keyColumn(layout)} = ?`,
  );
  const changed: Document[] = [];
  for (const change of changes) {
    if (!isDocument(change) || !isKey(layout, change["id"])) continue;
    const row = found.get(rowKey(layout, change["id"]));
    if (row === null) continue;
    const document = decodeDocument(row.doc);
    for (const field of Array.isArray(change["fields"]) ? change["fields"] : []) {
      const [path, value] = Array.isArray(field) ? field : [];
      if (typeof path === "string" && value !== undefined) setAt(document, path.split("."), value);
    }
    changed.push(document);
  }
  insertDocuments(database, collection, changed, "replace");
  return changed.length;
}

function setAt(document: Document, path: readonly string[], value: Value): void {
  let at = document;
  for (const part of path.slice(0, -1)) {
    const below = getField(at, part);
    const next: Document = isDocument(below) ? below : {};
    setField(at, part, next);
    at = next;
  }
  setField(at, path.at(-1) ?? "", value);
}

/** Removes the document with this `_id`; answers whether there was one. */
export function removeDocument(database: Database, collection: string, id: Value): boolean {
  const layout = findLayout(database, collection);
  if (layout === undefined || !isKey(layout, id)) return false;
  writable(layout);
  const { changes } = database
    .query(`DELETE FROM c${layout.id} WHERE ${keyColumn(layout)} = ?`)
    .run(rowKey(layout, id));
  if (changes > 0) noteChange(database, layout, -1);
  return changes > 0;
}

/** Makes indexes of a collection, made when absent, and fills them from what is stored. */
export function ensureIndexes(
  database: Database,
  collection: string,
  indexes: readonly IndexDescription[],
): void {
  const known = writable(ensureLayout(database, collection, "plain"));
  if (!mayBeIndexed(known)) throw new StoreError(`${collection} cannot have indexes of its own`);
  const { layout, added } = withIndexes(database, known, indexes);
  if (added.length === 0) return;
  const readers = added.map(({ column }) => indexReader(column.path, column.kind));
  const sets = added.map(({ name }) => `${name} = ?`).join(", ");
  const update = database.prepare(`UPDATE c${layout.id} SET ${sets} WHERE n = ?`);
  const page = database.prepare<{ n: bigint; doc: string }, [bigint]>(
    `SELECT n, doc FROM c${layout.id} WHERE n > ? ORDER BY n LIMIT ${ROWS_PER_PAGE}`,
  );
  for (let last = SMALLEST_ROW; ; ) {
    const rows = page.all(last);
    for (const { n, doc } of rows) {
      const document = decodeDocument(doc);
      update.run(...readers.map((read) => read(document) as SQLQueryBindings), n);
    }
    const end = rows.at(-1);
    if (end === undefined) break;
    last = end.n;
  }
  for (const { name } of added) database.run(`CREATE INDEX c${layout.id}_${name} ON c${layout.id} (${name})`);
}

function exists(database: Database, layout: CollectionLayout, id: Value | undefined): boolean {
  return (
    isKey(layout, id) &&
    database.query(`SELECT 1 FROM c${layout.id} WHERE ${keyColumn(layout)} = ?`).get(rowKey(layout, id)) !==
      null
  );
}

function insertSql(layout: CollectionLayout, onDuplicate: OnDuplicate): string {
  const columns = layout.columns.map((_, n) => `k${n}`);
  const marks = columns.map(() => ", ?").join("");
  const key = keyColumn(layout);
  const conflict =
    onDuplicate === "replace"
      ? `DO UPDATE SET ${["doc", ...columns].map((name) => `${name} = excluded.${name}`).join(", ")}`
      : "DO NOTHING";
  const names = [key, "doc", ...columns].join(", ");
  return `INSERT INTO c${layout.id} (${names}) VALUES (?, ?${marks}) ON CONFLICT (${key}) ${conflict}`;
}

function keyColumn(layout: CollectionLayout): string {
  return layout.kind === "plain" ? "id" : "n";
}

function isKey(layout: CollectionLayout, id: Value | undefined): boolean {
  const key = keyOfId(id);
  return layout.kind === "plain" || typeof key === "bigint" || Number.isSafeInteger(key);
}

function rowKey(layout: CollectionLayout, id: Value | undefined): SQLQueryBindings {
  if (!isKey(layout, id)) {
    throw new StoreError(`${layout.name}: _id must be the candid, an integer; found ${String(id)}`);
  }
  return keyOfId(id);
}

function writable(layout: CollectionLayout): CollectionLayout {
  if (layout.kind === "aux" || layout.kind === "cutouts") {
    throw new StoreError(`${layout.name} is written with its alerts, not document by document`);
  }
  return layout;
}
