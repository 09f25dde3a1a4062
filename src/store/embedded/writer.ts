/** The way of alerts into the embedded store: a whole batch in one transaction. */
import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Document } from "../../query/index.ts";
import type { AlertCollections } from "../alert-record.ts";
import { letterDocument } from "../dead-letter.ts";
import type { AlertBatch, AlertWriter, BatchResult, EncodedAlert, SourcePosition } from "../store.ts";
import { closeDatabase, DATABASE_FILE, openDatabase, storeError } from "./database.ts";
import { insertDocuments, removeDocument } from "./documents.ts";
import type { EncodedRows } from "./encoder.ts";
import { decodeDocument } from "./encoding.ts";
import { HistoryWriter } from "./history-write.ts";
import { ALERT_COLUMNS, type CollectionLayout, ensureLayout, findLayout, noteChange } from "./layout.ts";
import { type OutboxOptions, type WrittenAlert, writeOutbox } from "./outbox.ts";
import { rematchObjects } from "./rematch.ts";

/** A write-ahead log beyond this many bytes is folded in even when that waits for readers. */
const LARGEST_LOG = 512 * 1024 * 1024;

export interface WriterOptions extends Partial<OutboxOptions> {
  readonly dataDir: string;
}

/** Opens the writer of a data folder, made when absent. Throws `StoreError` when it cannot be used. */
export async function openEmbeddedWriter(options: WriterOptions): Promise<AlertWriter> {
  return new EmbeddedWriter(options.dataDir, { followReported: options.followReported ?? false });
}

class EmbeddedWriter implements AlertWriter {
  readonly #database: Database;
  readonly #tables = new Map<string, SurveyTables>();

  constructor(
    readonly dataDir: string,
    readonly outbox: OutboxOptions,
  ) {
    this.#database = openDatabase({ dataDir });
  }

  async write(batch: AlertBatch): Promise<BatchResult> {
    try {
      const result = this.#database.transaction(() => this.#write(batch)).immediate();
      this.#limitLog();
      return result;
    } catch (error) {
      // Prepared statements and numbers may be of tables that the failed transaction made.
      this.#tables.clear();
      throw storeError(error, this.dataDir);
    }
  }

  async position(source: string): Promise<SourcePosition | undefined> {
    const layout = findLayout(this.#database, "sources");
    if (layout === undefined) return undefined;
    const row = this.#database.query(`SELECT doc FROM c${layout.id} WHERE id = ?`).get(source);
    if (row === null) return undefined;
    const document = decodeDocument((row as { doc: string }).doc);
    return { source, position: String(document["position"]), done: document["done"] === true };
  }

  async close(): Promise<void> {
    closeDatabase(this.#database);
  }

  #write(batch: AlertBatch): BatchResult {
    const touched = new Set<SurveyTables>();
    const written: WrittenAlert[] = [];
    for (const alert of batch.alerts) {
      const tables = this.#tablesOf((alert.rows as EncodedRows).collections);
      touched.add(tables);
      const { survey, candid, objectId } = alert;
      written.push({ survey, candid, objectId, stored: tables.write(alert) });
    }
    const stored = written.filter((alert) => alert.stored).length;
    for (const tables of touched) tables.noteChanges();
    const letters = batch.deadLetters.map(letterDocument);
    const deadLetters = insertDocuments(this.#database, "dead_letters", letters, "ignore");
    for (const id of batch.settledLetters ?? []) removeDocument(this.#database, "dead_letters", id);
    if (batch.rematched !== undefined) rematchObjects(this.#database, batch.rematched);
    writeOutbox(this.#database, batch.outbox, written, this.outbox);
    insertDocuments(this.#database, "sources", batch.positions.map(positionDocument), "replace");
    return { stored, duplicates: batch.alerts.length - stored, deadLetters };
  }

  #tablesOf(collections: AlertCollections): SurveyTables {
    const known = this.#tables.get(collections.alerts);
    // Another process may have dropped the collection since.
    if (known?.isCurrent() === true) return known;
    const tables = new SurveyTables(this.#database, collections);
    this.#tables.set(collections.alerts, tables);
    return tables;
  }

  /** SQLite folds the log into the database as it goes, but never while somebody reads old pages. */
  #limitLog(): void {
    const log = join(this.dataDir, `${DATABASE_FILE}-wal`);
    if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) < LARGEST_LOG) return;
    this.#database.run("PRAGMA wal_checkpoint(RESTART)");
  }
}

/** The three collections of one survey with their prepared statements. */
class SurveyTables {
  readonly #alerts: CollectionLayout;
  readonly #aux: CollectionLayout;
  readonly #cutouts: CollectionLayout;
  readonly #addAlert: Statement;
  readonly #addCutouts: Statement;
  readonly #history: HistoryWriter;
  #alertsAdded = 0;
  #objectsAdded = 0;
  #cutoutsAdded = 0;

  constructor(
    readonly database: Database,
    collections: AlertCollections,
  ) {
    this.#alerts = ensureLayout(database, collections.alerts, "alerts");
    this.#aux = ensureLayout(database, collections.aux, "aux");
    this.#cutouts = ensureLayout(database, collections.cutouts, "cutouts");
    const columns = ALERT_COLUMNS.map((_, n) => `, k${n}`).join("");
    const marks = ALERT_COLUMNS.map(() => ", ?").join("");
    this.#addAlert = database.prepare(
      `INSERT OR IGNORE INTO c${this.#alerts.id} (n, doc${columns}) VALUES (?, ?${marks})`,
    );
    this.#addCutouts = database.prepare(
      `INSERT OR REPLACE INTO c${this.#cutouts.id} (n, object_id, stamps, d0, d1, d2, d3) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#history = new HistoryWriter(database, this.#aux);
  }

  isCurrent(): boolean {
    return (
      findLayout(this.database, this.#alerts.name)?.id === this.#alerts.id &&
      findLayout(this.database, this.#aux.name)?.id === this.#aux.id &&
      findLayout(this.database, this.#cutouts.name)?.id === this.#cutouts.id
    );
  }

  /** Writes an alert; answers false, and writes nothing, when it was stored before. */
  write({ candid, objectId, rows }: EncodedAlert): boolean {
    const { document, index, histories, cutouts, crossMatches } = rows as EncodedRows;
    const { changes } = this.#addAlert.run(candid, document, ...(index as SQLQueryBindings[]));
    if (changes === 0) return false;
    this.#alertsAdded++;
    if (this.#history.append(objectId, histories, crossMatches)) this.#objectsAdded++;
    if (cutouts !== undefined) {
      const [d0 = null, d1 = null, d2 = null, d3 = null] = cutouts.stamps;
      this.#addCutouts.run(candid, objectId, cutouts.names, d0, d1, d2, d3);
      this.#cutoutsAdded++;
    }
    return true;
  }

  noteChanges(): void {
    if (this.#alertsAdded > 0) noteChange(this.database, this.#alerts, this.#alertsAdded);
    if (this.#alertsAdded > 0) noteChange(this.database, this.#aux, this.#objectsAdded);
    if (this.#cutoutsAdded > 0) noteChange(this.database, this.#cutouts, this.#cutoutsAdded);
    this.#alertsAdded = 0;
    this.#objectsAdded = 0;
    this.#cutoutsAdded = 0;
  }
}

function positionDocument({ source, position, done }: SourcePosition): Document {
  return { _id: source, position, done, updated_at: new Date() };
}
