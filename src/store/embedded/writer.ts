/**
 * The way of alerts into the embedded store: one batch, one transaction, synchronous on the thread that owns
 * it. With WAL and synchronous=NORMAL a committed batch survives the death of the process at any point.
 */
import type { Database, Statement } from "bun:sqlite";
import { type Document, getField } from "../../query/index.ts";
import type { AlertCollections } from "../alert-record.ts";
import type { AlertBatch, AlertWriter, BatchResult, EncodedAlert, SourcePosition } from "../store.ts";
import { type Collection, CUTOUT_COLUMNS } from "./collections.ts";
import { openDatabase, storeError } from "./database.ts";
import type { EmbeddedRows } from "./encoder.ts";
import { decodeDocument, encodeDocument, encodeKey } from "./encoding.ts";
import { type EncodedHistory, Histories } from "./history.ts";
import { PlainWriter } from "./plain-writer.ts";

/** Rows of one survey's three collections. */
class SurveyTables {
  readonly #alert: Statement;
  readonly #findObject: Statement<{ rid: bigint; doc: string }, [string]>;
  readonly #newObject: Statement;
  readonly #cutouts: Statement;
  readonly #histories: Histories;
  /** What was added since the counts were last written. */
  readonly added = new Map<Collection, number>();

  constructor(
    database: Database,
    readonly alerts: Collection,
    readonly aux: Collection,
    readonly stamps: Collection,
  ) {
    const columns = alerts.columns.map((_, n) => `, i${n}`).join("");
    const marks = alerts.columns.map(() => ", ?").join("");
    this.#alert = database.prepare(
      `INSERT OR IGNORE INTO ${alerts.table} (rid, doc${columns}) VALUES (?, ?${marks})`,
    );
    this.#findObject = database.prepare(`SELECT rid, doc FROM ${aux.table} WHERE key = ?`);
    this.#newObject = database.prepare(`INSERT INTO ${aux.table} (key, doc) VALUES (?, ?)`);
    const blobs = Array.from({ length: CUTOUT_COLUMNS }, (_, n) => `, b${n}`).join("");
    this.#cutouts = database.prepare(
      `INSERT OR IGNORE INTO ${stamps.table} (rid, doc${blobs}) VALUES (?, ?${", ?".repeat(CUTOUT_COLUMNS)})`,
    );
    this.#histories = new Histories(database, aux.table);
  }

  /** Writes one alert; answers false, with nothing written, when its candid is stored already. */
  write(alert: EncodedAlert, rows: EmbeddedRows): boolean {
    if (this.#alert.run(alert.candid, rows.document, ...rows.indexValues).changes === 0) return false;
    this.#count(this.alerts);
    this.#writeHistories(alert.objectId, rows.histories);
    if (rows.cutouts.length > 0) this.#writeCutouts(alert, rows);
    return true;
  }

  #writeHistories(objectId: string, updates: readonly EncodedHistory[]): void {
    const key = encodeKey(objectId);
    const known = this.#findObject.get(key);
    if (known === null) {
      const kept = updates.filter((update) => update.startsRecord);
      const document: Document = { _id: objectId, cross_matches: {} };
      for (const { field } of kept) document[field] = [];
      const { lastInsertRowid } = this.#newObject.run(key, encodeDocument(document));
      for (const update of kept) this.#histories.append(lastInsertRowid, update, true);
      this.#count(this.aux);
      return;
    }
    const document = decodeDocument(known.doc);
    for (const update of updates) {
      if (getField(document, update.field) !== undefined) this.#histories.append(known.rid, update, false);
    }
  }

  #writeCutouts(alert: EncodedAlert, { cutouts }: EmbeddedRows): void {
    const document = {
      objectId: alert.objectId,
      fields: cutouts.map(({ field, fileName }) => [field, fileName ?? null]),
    };
    const blobs = Array.from({ length: CUTOUT_COLUMNS }, (_, n) => cutouts[n]?.data ?? null);
    this.#cutouts.run(alert.candid, encodeDocument(document), ...blobs);
    this.#count(this.stamps);
  }

  #count(collection: Collection): void {
    this.added.set(collection, (this.added.get(collection) ?? 0) + 1);
  }
}

class EmbeddedWriter implements AlertWriter {
  readonly #plain: PlainWriter;
  readonly #surveys = new Map<string, SurveyTables>();

  constructor(
    readonly database: Database,
    readonly dataDir: string,
  ) {
    this.#plain = new PlainWriter(database);
  }

  async write(batch: AlertBatch): Promise<BatchResult> {
    try {
      return this.database.transaction(() => this.#write(batch)).immediate();
    } catch (error) {
      // What was prepared for tables made in a transaction that is undone must not outlive it.
      this.#surveys.clear();
      throw storeError(error, this.dataDir);
    }
  }

  #write(batch: AlertBatch): BatchResult {
    let stored = 0;
    for (const alert of batch.alerts) {
      const rows = alert.rows as EmbeddedRows;
      if (this.#tables(rows.collections).write(alert, rows)) stored++;
    }
    let deadLetters = 0;
    for (const letter of batch.deadLetters) {
      const { id, ...rest } = letter;
      const document: Document = { _id: id, ...rest, created_at: new Date() };
      if (this.#plain.insert("dead_letters", document, true)) deadLetters++;
    }
    for (const entry of batch.outbox) {
      this.#plain.insert("outbox", { ...entry.document, _id: entry.id, candid: entry.candid }, true);
    }
    for (const { source, position, done } of batch.positions) {
      this.#plain.replace("sources", { _id: source, position, done, updated_at: new Date() }, true);
    }
    this.#writeCounts();
    return { stored, duplicates: batch.alerts.length - stored, deadLetters };
  }

  #tables(names: AlertCollections): SurveyTables {
    const known = this.#surveys.get(names.alerts);
    if (known !== undefined) return known;
    const { collections } = this.#plain;
    const tables = new SurveyTables(
      this.database,
      collections.ensure(names.alerts, "alerts"),
      collections.ensure(names.aux, "aux"),
      collections.ensure(names.cutouts, "cutouts"),
    );
    this.#surveys.set(names.alerts, tables);
    return tables;
  }

  #writeCounts(): void {
    const update = this.database.query(
      "UPDATE collections SET documents = documents + ?, changes = changes + 1 WHERE id = ?",
    );
    for (const { added } of this.#surveys.values()) {
      for (const [collection, count] of added) update.run(count, collection.id);
      added.clear();
    }
  }

  async position(source: string): Promise<SourcePosition | undefined> {
    const collection = this.#plain.collections.get("sources");
    if (collection === undefined) return undefined;
    const row = this.database
      .query<{ doc: string }, [string]>(`SELECT doc FROM ${collection.table} WHERE key = ?`)
      .get(encodeKey(source));
    if (row === null) return undefined;
    const { position, done } = decodeDocument(row.doc);
    return { source, position: String(position), done: done === true };
  }

  async close(): Promise<void> {
    this.database.close(false);
  }
}

export interface WriterOptions {
  readonly dataDir: string;
}

/** Opens the data folder for alerts, made when absent. Throws `StoreError`. */
export async function openEmbeddedWriter({ dataDir }: WriterOptions): Promise<AlertWriter> {
  return new EmbeddedWriter(openDatabase({ dataDir }), dataDir);
}
