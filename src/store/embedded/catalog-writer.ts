/** Bulk writes of catalogues into the embedded store: short transactions, so that alerts have their turn. */
import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";
import type { Document } from "../../query/index.ts";
import {
  type BegunLoad,
  CATALOG_LOADS,
  CATALOGS,
  type CatalogLoad,
  type CatalogWriter,
  discardedName,
  type EncodedRows,
  type EnsuredIndex,
  stagingName,
} from "../catalog.ts";
import { indexOfKeys, underFreeName } from "../indexes.ts";
import { type IndexDescription, StoreError } from "../store.ts";
import type { EncodedCatalogRows } from "./catalog-encoder.ts";
import { beginWriting, closeDatabase, openDatabase, storeError } from "./database.ts";
import { insertDocuments, removeDocument } from "./documents.ts";
import { decodeDocument } from "./encoding.ts";
import { indexReader } from "./index-values.ts";
import {
  type CollectionLayout,
  columnsOf,
  dropLayout,
  findLayout,
  type IndexColumn,
  makeColumnIndex,
  makeUnindexed,
  noteChange,
  renameLayout,
  saveLayout,
} from "./layout.ts";
import { lockCatalog } from "./lock.ts";

/** How long a write waits for others, milliseconds: the batches of alerts go first. */
const LONGEST_WAIT_MS = 60_000;
/** Rows that are removed or read over in one transaction. */
const ROWS_AT_A_TIME = 20_000;
/** Pause between transactions that follow each other at once, in which others get their turn, milliseconds. */
const PAUSE_MS = 2;
/** Memory for pages while a catalogue is filled and its indexes are sorted, kB. */
const CACHE_KB = 64_000;

/** Opens the writer of a data folder, made when absent. Throws `StoreError` when it cannot be used. */
export async function openEmbeddedCatalogWriter(options: {
  readonly dataDir: string;
}): Promise<CatalogWriter> {
  return new EmbeddedCatalogWriter(options.dataDir);
}

/** A load under way with the statement that adds its rows. */
interface Target {
  readonly load: CatalogLoad;
  readonly layout: CollectionLayout;
  readonly add: Statement;
}

class EmbeddedCatalogWriter implements CatalogWriter {
  readonly #database: Database;
  #target: Target | undefined;
  #unlock = () => {};

  constructor(readonly dataDir: string) {
    this.#database = openDatabase({ dataDir });
    this.#database.run("PRAGMA busy_timeout = 0");
    this.#database.run(`PRAGMA cache_size = -${CACHE_KB}`);
    // Indexes of large catalogues are sorted on disk.
    this.#database.run("PRAGMA temp_store = FILE");
  }

  async begin(load: CatalogLoad): Promise<BegunLoad> {
    const { collection, mode, fingerprint } = load;
    this.#lock(collection);
    await this.#clearAway(discardedName(collection));
    const known = this.#document(CATALOG_LOADS, collection);
    const isThere = findLayout(this.#database, this.#placeOf(load)) !== undefined;
    const goesOn = isThere && known?.["fingerprint"] === fingerprint && known["mode"] === mode;
    if (!goesOn) {
      // Forgotten first: interrupted here, that load must not go on behind rows that are gone.
      this.#transaction(() => removeDocument(this.#database, CATALOG_LOADS, collection));
      await this.#clearAway(stagingName(collection));
    }
    if (mode === "append") {
      for (const index of load.indexes) await this.#ensureIndex(collection, index);
    }
    const layout = this.#transaction(() => this.#startLoad(load, goesOn));
    this.#target = { load, layout, add: this.#database.prepare(insertSql(layout)) };
    const progress = goesOn ? (known["progress"] as Document | undefined) : undefined;
    return { progress, indexes: layout.indexes };
  }

  #startLoad(load: CatalogLoad, goesOn: boolean): CollectionLayout {
    const { collection, mode, fingerprint, indexes } = load;
    const name = this.#placeOf(load);
    const found = findLayout(this.#database, name);
    const old = findLayout(this.#database, collection);
    if (old !== undefined && old.kind !== "plain") {
      throw new StoreError(`${collection} holds ${old.kind}, not a catalogue: choose another name`);
    }
    if (!goesOn) {
      insertDocuments(this.#database, CATALOG_LOADS, [{ _id: collection, mode, fingerprint }], "replace");
    }
    return found ?? makeUnindexed(this.#database, name, indexes);
  }

  /** Where the rows of a load go: into the collection itself only when there is something to append to. */
  #placeOf({ collection, mode }: CatalogLoad): string {
    const appends = mode === "append" && findLayout(this.#database, collection) !== undefined;
    return appends ? collection : stagingName(collection);
  }

  async write(encoded: EncodedRows, progressOf: (written: number) => Document): Promise<number> {
    const { load, layout, add } = this.#begun();
    const rows = encoded.rows as EncodedCatalogRows;
    const columns = layout.columns.map(({ path, kind }) => rows.columns[`${kind} ${path}`]);
    if (columns.includes(undefined)) throw new StoreError("rows were encoded for other indexes");
    return this.#transaction(() => {
      if (findLayout(this.#database, layout.name)?.id !== layout.id) {
        throw new StoreError(`${load.collection} was dropped while it was loaded: load it again`);
      }
      let added = 0;
      rows.ids.forEach((id, i) => {
        const values = columns.map((column) => column?.[i] ?? null);
        added += add.run(id, rows.documents[i] ?? "", ...(values as SQLQueryBindings[])).changes;
      });
      noteChange(this.#database, layout, added);
      const { collection: _id, mode, fingerprint } = load;
      const state = { _id, mode, fingerprint, progress: progressOf(added) };
      insertDocuments(this.#database, CATALOG_LOADS, [state], "replace");
      return added;
    });
  }

  async description(collection: string): Promise<Document | undefined> {
    return this.#document(CATALOGS, collection);
  }

  async finish(description: Document): Promise<void> {
    const { load, layout } = this.#begun();
    const { collection } = load;
    // An index is sorted in one transaction: the longest that others wait.
    for (const n of layout.columns.keys()) {
      this.#transaction(() => makeColumnIndex(this.#database, layout, n));
      await Bun.sleep(PAUSE_MS);
    }
    this.#transaction(() => {
      if (layout.name !== collection) {
        const old = findLayout(this.#database, collection);
        if (old !== undefined) renameLayout(this.#database, old, discardedName(collection));
        renameLayout(this.#database, layout, collection);
      }
      insertDocuments(this.#database, CATALOGS, [{ ...description, _id: collection }], "replace");
      removeDocument(this.#database, CATALOG_LOADS, collection);
    });
    this.#target = undefined;
    await this.#clearAway(discardedName(collection));
  }

  async abandon(): Promise<void> {
    const { collection } = this.#begun().load;
    this.#target = undefined;
    this.#transaction(() => removeDocument(this.#database, CATALOG_LOADS, collection));
    await this.#clearAway(stagingName(collection));
  }

  async drop(collection: string): Promise<boolean> {
    this.#lock(collection);
    await this.#clearAway(discardedName(collection));
    const existed = this.#transaction(() => {
      removeDocument(this.#database, CATALOGS, collection);
      removeDocument(this.#database, CATALOG_LOADS, collection);
      const layout = findLayout(this.#database, collection);
      if (layout === undefined) return false;
      if (layout.kind !== "plain") return dropLayout(this.#database, collection);
      renameLayout(this.#database, layout, discardedName(collection));
      return true;
    });
    const unfinished = await this.#clearAway(stagingName(collection));
    await this.#clearAway(discardedName(collection));
    return existed || unfinished;
  }

  async ensureIndex(
    collection: string,
    index: IndexDescription,
    onProgress?: (rows: number) => void,
  ): Promise<EnsuredIndex> {
    // Rows that another process appends meanwhile would have no place in the index.
    if (this.#target === undefined) this.#lock(collection);
    return this.#ensureIndex(collection, index, onProgress);
  }

  async #ensureIndex(
    collection: string,
    wanted: IndexDescription,
    onProgress: (rows: number) => void = () => {},
  ): Promise<EnsuredIndex> {
    const layout = findLayout(this.#database, collection);
    if (layout === undefined) return { name: wanted.name, made: false };
    const same = indexOfKeys(wanted, layout.indexes);
    if (same !== undefined) return { name: same.name, made: false };
    const index = underFreeName(wanted, layout.indexes);
    if (layout.kind !== "plain") {
      throw new StoreError(`${collection} holds ${layout.kind}, whose indexes are fixed`);
    }
    const fresh = columnsOf([index]).filter((column) => !isAmong(column, layout.columns));
    const columns = [...layout.columns, ...fresh];
    const extended = { ...layout, columns, indexes: [...layout.indexes, index] };
    await this.#fillColumns(layout, extended, onProgress);
    this.#transaction(() => {
      for (const n of columns.keys()) makeColumnIndex(this.#database, extended, n);
      saveLayout(this.#database, extended);
    });
    return { name: index.name, made: true };
  }

  /** Adds columns that no query uses yet, and fills them piece by piece. */
  async #fillColumns(
    layout: CollectionLayout,
    extended: CollectionLayout,
    onProgress: (rows: number) => void,
  ): Promise<void> {
    const { id } = layout;
    const fresh = extended.columns.slice(layout.columns.length);
    if (fresh.length === 0) return;
    const names = fresh.map((_, i) => `k${layout.columns.length + i}`);
    const there = this.#database.query<{ name: string }, []>(`PRAGMA table_info(c${id})`).all();
    for (const name of names) {
      if (there.some((column) => column.name === name)) continue;
      this.#transaction(() => this.#database.run(`ALTER TABLE c${id} ADD COLUMN ${name}`));
    }
    const readers = fresh.map(({ path, kind }) => indexReader(path, kind));
    const page = this.#database.query<{ n: bigint; doc: string }, [bigint]>(
      `SELECT n, doc FROM c${id} WHERE n > ? ORDER BY n LIMIT ${ROWS_AT_A_TIME}`,
    );
    const update = this.#database.prepare(
      `UPDATE c${id} SET ${names.map((name) => `${name} = ?`).join(", ")} WHERE n = ?`,
    );
    let after = -(2n ** 63n);
    let done = 0;
    for (;;) {
      const rows = page.all(after);
      const last = rows[rows.length - 1];
      if (last === undefined) return;
      this.#transaction(() => {
        for (const { n, doc } of rows) {
          const document = decodeDocument(doc);
          update.run(...(readers.map((read) => read(document)) as SQLQueryBindings[]), n);
        }
      });
      after = last.n;
      done += rows.length;
      onProgress(done);
      await Bun.sleep(PAUSE_MS);
    }
  }

  /** Only one process at a time loads or drops a catalogue. */
  #lock(collection: string): void {
    this.#unlock();
    this.#unlock = lockCatalog(this.dataDir, collection);
  }

  async close(): Promise<void> {
    this.#unlock();
    closeDatabase(this.#database);
  }

  #begun(): Target {
    if (this.#target === undefined) throw new StoreError("no load was begun");
    return this.#target;
  }

  #document(collection: string, id: string): Document | undefined {
    const layout = findLayout(this.#database, collection);
    if (layout === undefined) return undefined;
    const row = this.#database.query(`SELECT doc FROM c${layout.id} WHERE id = ?`).get(id);
    return row === null ? undefined : decodeDocument((row as { doc: string }).doc);
  }

  /** Removes a hidden collection piece by piece; answers whether there was one. */
  async #clearAway(name: string): Promise<boolean> {
    const layout = findLayout(this.#database, name);
    if (layout === undefined) return false;
    const { id } = layout;
    for (const n of layout.columns.keys()) {
      this.#transaction(() => this.#database.run(`DROP INDEX IF EXISTS c${id}_k${n}`));
    }
    const remove = this.#database.prepare(
      `DELETE FROM c${id} WHERE n IN (SELECT n FROM c${id} ORDER BY n LIMIT ${ROWS_AT_A_TIME})`,
    );
    while (this.#transaction(() => remove.run().changes) > 0) await Bun.sleep(PAUSE_MS);
    this.#transaction(() => dropLayout(this.#database, name));
    return true;
  }

  #transaction<T>(work: () => T): T {
    try {
      beginWriting(this.#database, LONGEST_WAIT_MS);
      const value = work();
      this.#database.run("COMMIT");
      return value;
    } catch (error) {
      if (this.#database.inTransaction) this.#database.run("ROLLBACK");
      throw storeError(error, this.dataDir);
    }
  }
}

function insertSql({ id, columns }: CollectionLayout): string {
  const names = columns.map((_, n) => `, k${n}`).join("");
  const marks = columns.map(() => ", ?").join("");
  return `INSERT INTO c${id} (id, doc${names}) VALUES (?, ?${marks}) ON CONFLICT (id) DO NOTHING`;
}

function isAmong({ path, kind }: IndexColumn, columns: readonly IndexColumn[]): boolean {
  return columns.some((column) => column.path === path && column.kind === kind);
}
