/** Writes documents of plain collections: users, filters, dead letters, positions. Synchronous. */
import type { Database } from "bun:sqlite";
import type { Document, Value } from "../../query/index.ts";
import { DuplicateKeyError, StoreError } from "../store.ts";
import { type Collection, Collections } from "./collections.ts";
import { encodeDocument, encodeKey } from "./encoding.ts";
import { indexReader } from "./index-values.ts";

/** Every call must be made inside a transaction of the caller. */
export class PlainWriter {
  readonly collections: Collections;

  constructor(readonly database: Database) {
    this.collections = new Collections(database);
  }

  /** Inserts one document; answers false when its `_id` exists and `ignoreDuplicate` is set. */
  insert(name: string, document: Document, ignoreDuplicate = false): boolean {
    const collection = this.#writable(name);
    const key = encodeKey(document["_id"]);
    const exists = this.database.query(`SELECT 1 FROM ${collection.table} WHERE key = ?`).get(key) !== null;
    if (exists && ignoreDuplicate) return false;
    if (exists) throw new DuplicateKeyError(name, `_id ${key.slice(1)}`);
    this.#put(collection, key, document);
    this.#count(collection, 1);
    return true;
  }

  /** Replaces the document of the same `_id`; answers whether there was one or `upsert` made it. */
  replace(name: string, document: Document, upsert: boolean): boolean {
    const collection = this.#writable(name);
    const key = encodeKey(document["_id"]);
    const { changes } = this.database.query(`DELETE FROM ${collection.table} WHERE key = ?`).run(key);
    if (changes === 0 && !upsert) return false;
    this.#put(collection, key, document);
    this.#count(collection, changes === 0 ? 1 : 0);
    return true;
  }

  remove(name: string, id: Value): boolean {
    const collection = this.collections.get(name);
    if (collection === undefined) return false;
    this.#refuseAlerts(collection);
    const { changes } = this.database
      .query(`DELETE FROM ${collection.table} WHERE key = ?`)
      .run(encodeKey(id));
    if (changes > 0) this.#count(collection, -changes);
    return changes > 0;
  }

  drop(name: string): boolean {
    const collection = this.collections.get(name);
    if (collection === undefined) return false;
    this.collections.drop(collection);
    return true;
  }

  #put(collection: Collection, key: string, document: Document): void {
    const values = collection.columns.map((column) => indexReader(column)(document));
    const names = ["key", "doc", ...collection.columns.map((_, n) => `i${n}`)];
    this.database
      .query(
        `INSERT INTO ${collection.table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
      )
      .run(key, encodeDocument(document), ...values);
  }

  #count(collection: Collection, difference: number): void {
    this.database
      .query("UPDATE collections SET documents = documents + ?, changes = changes + 1 WHERE id = ?")
      .run(difference, collection.id);
  }

  #writable(name: string): Collection {
    const collection = this.collections.ensure(name, "plain");
    this.#refuseAlerts(collection);
    return collection;
  }

  #refuseAlerts(collection: Collection): void {
    if (collection.kind === "plain") return;
    throw new StoreError(`${collection.name} holds alerts: they are written by ingest only`);
  }
}
