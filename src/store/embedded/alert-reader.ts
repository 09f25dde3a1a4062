/** Reads alerts and records of objects for filters, on a connection of the thread where they run. */
import type { Database } from "bun:sqlite";
import type { Document } from "../../query/index.ts";
import type { AlertCollections } from "../alert-record.ts";
import { positionOf } from "../catalog-reader.ts";
import { GrowingRecord } from "../object-record.ts";
import type { AlertReader, AlertSelection, ObjectPage, ObjectPlace, ObjectRecord } from "../store.ts";
import { columnFor } from "./access.ts";
import { EmbeddedCatalogReader } from "./catalog-reader.ts";
import { openDatabase } from "./database.ts";
import { decodeDocument } from "./encoding.ts";
import { Finder } from "./find.ts";
import { HistoryReader, type ObjectRow } from "./history-read.ts";
import { type CollectionLayout, findLayout } from "./layout.ts";

/** Alerts in one piece of a replay. */
const PIECE = 300;
/** A replay has the limits of whoever asked for it. */
const NO_LIMIT_MS = 24 * 3_600_000;

export interface ReaderOptions {
  readonly dataDir: string;
}

/** Opens a reader of a data folder that exists. Throws `StoreError`. */
export function openEmbeddedReader(options: ReaderOptions): AlertReader {
  return new EmbeddedReader(openDatabase({ dataDir: options.dataDir, readonly: true }));
}

class EmbeddedReader implements AlertReader {
  /** By the number of the collection and its fields: both may change. */
  readonly #histories = new Map<string, HistoryReader>();
  readonly catalogs: EmbeddedCatalogReader;

  constructor(readonly database: Database) {
    this.catalogs = new EmbeddedCatalogReader(database);
  }

  async storedCandids(
    collections: AlertCollections,
    candids: readonly bigint[],
  ): Promise<ReadonlySet<bigint>> {
    const layout = findLayout(this.database, collections.alerts);
    const found = new Set<bigint>();
    if (layout === undefined) return found;
    for (const { n } of this.#in<{ n: bigint }>(`SELECT n FROM c${layout.id} WHERE n`, candids)) found.add(n);
    return found;
  }

  async storedObjects(
    collections: AlertCollections,
    objectIds: Iterable<string>,
  ): Promise<ReadonlySet<string>> {
    const layout = findLayout(this.database, collections.aux);
    if (layout === undefined) return new Set();
    const sql = `SELECT id FROM c${layout.id} WHERE id`;
    return new Set(this.#in<{ id: string }>(sql, [...objectIds]).map(({ id }) => id));
  }

  async objects({ alerts, aux }: AlertCollections, { after, limit }: ObjectPage): Promise<ObjectPlace[]> {
    const objects = findLayout(this.database, aux);
    const layout = findLayout(this.database, alerts);
    if (objects === undefined) return [];
    const ids = this.database
      .query<{ id: string }, [string, number]>(
        `SELECT id FROM c${objects.id} WHERE id > ? ORDER BY id LIMIT ?`,
      )
      .all(after ?? "", limit);
    const column = layout === undefined ? undefined : columnFor("objectId", "value", layout);
    if (layout === undefined || column === undefined) {
      return ids.map(({ id }) => ({ objectId: id, position: undefined }));
    }
    const first = this.database.query<{ doc: string }, [string]>(
      `SELECT doc FROM c${layout.id} WHERE ${column.name} = ? ORDER BY n LIMIT 1`,
    );
    return ids.map(({ id }) => {
      const found = first.get(id);
      return { objectId: id, position: found === null ? undefined : positionOf(decodeDocument(found.doc)) };
    });
  }

  async records(
    collections: AlertCollections,
    objectIds: Iterable<string>,
  ): Promise<ReadonlyMap<string, ObjectRecord>> {
    const records = new Map<string, ObjectRecord>();
    for (const id of objectIds) records.set(id, new GrowingRecord(undefined));
    const layout = findLayout(this.database, collections.aux);
    if (layout === undefined) return records;
    const reader = this.#historyReader(layout);
    const sql = `SELECT n, id, kept, cross_matches FROM c${layout.id} WHERE id`;
    for (const object of this.#in<ObjectRow>(sql, [...records.keys()])) {
      records.set(object.id, new GrowingRecord(reader.stored(object)));
    }
    return records;
  }

  async *alerts({ collections, filter, newest }: AlertSelection): AsyncGenerator<readonly Document[]> {
    const finder = new Finder(this.database);
    const request = { collection: collections.alerts, filter, maxTimeMs: NO_LIMIT_MS };
    let piece: Document[] = [];
    if (newest !== undefined) {
      const sorted = finder.find({ ...request, sort: [["candidate.jd", -1]], limit: newest });
      const found: Document[] = [];
      for (const document of sorted) if (document !== undefined) found.push(document);
      found.reverse();
      while (found.length > 0) yield found.splice(0, PIECE);
      return;
    }
    for (const document of finder.find({ ...request, sort: [["candidate.jd", 1]] })) {
      if (document === undefined) continue;
      piece.push(document);
      if (piece.length < PIECE) continue;
      yield piece;
      piece = [];
    }
    if (piece.length > 0) yield piece;
  }

  async count({ collections, filter, newest }: AlertSelection): Promise<number> {
    const request = { collection: collections.alerts, filter, maxTimeMs: NO_LIMIT_MS };
    const counting = new Finder(this.database).count({
      ...request,
      ...(newest === undefined ? {} : { limit: newest }),
    });
    for (;;) {
      const { done, value } = counting.next();
      if (done === true) return value;
    }
  }

  async documents(collection: string): Promise<Document[]> {
    const layout = findLayout(this.database, collection);
    if (layout === undefined) return [];
    const rows = this.database.query<{ doc: string }, []>(`SELECT doc FROM c${layout.id} ORDER BY n`).all();
    return rows.map(({ doc }) => decodeDocument(doc));
  }

  async changeMark(collection: string): Promise<string> {
    const row = this.database
      .query<{ id: bigint; changes: bigint }, [string]>("SELECT id, changes FROM collections WHERE name = ?")
      .get(collection);
    return row === null ? "" : `${row.id}/${row.changes}`;
  }

  close(): void {
    this.database.close(false);
  }

  #in<Row>(select: string, values: readonly (bigint | string)[]): Row[] {
    // As one JSON text, so that the statement is the same for any number of values.
    const list = `[${values.map((value) => (typeof value === "string" ? JSON.stringify(value) : value)).join()}]`;
    return this.database.query<Row, [string]>(`${select} IN (SELECT value FROM json_each(?))`).all(list);
  }

  #historyReader(layout: CollectionLayout): HistoryReader {
    const key = `${layout.id}/${layout.fields.join()}`;
    const known = this.#histories.get(key);
    if (known !== undefined) return known;
    const reader = new HistoryReader(this.database, layout);
    this.#histories.clear();
    this.#histories.set(key, reader);
    return reader;
  }
}
