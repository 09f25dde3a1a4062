/** The embedded store as the thread that answers HTTP uses it: every call goes to another thread. */
import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Document, Value } from "../../query/index.ts";
import type { ConesRequest } from "../cones.ts";
import {
  type AggregateExplanation,
  type AggregateRequest,
  type CollectionDescription,
  type CountRequest,
  type DocumentStream,
  type FieldChange,
  type FindExplanation,
  type FindRequest,
  type IndexDescription,
  type Store,
  StoreError,
} from "../store.ts";
import { DATABASE_FILE, openDatabase } from "./database.ts";
import { collectionNames, estimatedCount } from "./describe.ts";
import { encodeDocument } from "./encoding.ts";
import { fromPlainError, type Thread, type WriterAnswer, type WriterRequest } from "./messages.ts";
import { ReaderPool } from "./reader-pool.ts";

/** How often other processes' changes are looked for, milliseconds. */
const CHANGE_INTERVAL_MS = 500;

export interface StoreOptions {
  readonly dataDir: string;
  /** Threads that answer queries. */
  readonly readers?: number;
}

type Listener = { readonly collection: string; readonly callback: () => void };
/** A write request before it has its number. */
type Write =
  Exclude<WriterRequest, { type: "open" }> extends infer R
    ? R extends { id: number }
      ? Omit<R, "id">
      : never
    : never;

interface Waiting {
  readonly resolve: (value: boolean | number) => void;
  readonly reject: (error: Error) => void;
}

class EmbeddedStore implements Store {
  readonly kind = "embedded";
  readonly #readers: ReaderPool;
  readonly #writes = new Map<number, Waiting>();
  readonly #listeners = new Set<Listener>();
  readonly #changes = new Map<string, number>();
  #writer: Thread | undefined;
  #nextWrite = 1;
  #poll: Timer | undefined;
  #dataVersion = -1n;

  constructor(
    /** For metadata only: single rows of a small table. */
    readonly database: Database,
    readonly options: StoreOptions,
  ) {
    this.#readers = new ReaderPool({ dataDir: options.dataDir }, options.readers ?? 3);
  }

  find(request: FindRequest): DocumentStream {
    return this.#readers.find(request);
  }

  findOne(request: FindRequest): Promise<Document | undefined> {
    return this.#readers.findOne(request);
  }

  explainFind(request: FindRequest): Promise<FindExplanation> {
    return this.#readers.explainFind(request);
  }

  aggregate(request: AggregateRequest): DocumentStream {
    return this.#readers.aggregate(request);
  }

  explainAggregate(request: AggregateRequest): Promise<AggregateExplanation> {
    return this.#readers.explainAggregate(request);
  }

  cones(request: ConesRequest): AsyncIterable<string> {
    return this.#readers.cones(request);
  }

  count(request: CountRequest): Promise<number> {
    return this.#readers.count(request);
  }

  async estimatedCount(collection: string): Promise<number> {
    return estimatedCount(this.database, collection);
  }

  async collectionNames(): Promise<string[]> {
    return collectionNames(this.database);
  }

  async describeCollection(name: string): Promise<CollectionDescription | undefined> {
    const text = await this.#readers.describe(name);
    return text === null ? undefined : (JSON.parse(text) as CollectionDescription);
  }

  async describeDatabase(): Promise<{ collections: number; documents: number; bytes: number }> {
    const names = collectionNames(this.database);
    const documents = names.reduce((sum, name) => sum + estimatedCount(this.database, name), 0);
    const sizeOf = (suffix: string) =>
      statSync(join(this.options.dataDir, DATABASE_FILE + suffix), { throwIfNoEntry: false })?.size ?? 0;
    return { collections: names.length, documents, bytes: sizeOf("") + sizeOf("-wal") };
  }

  async deployment(): Promise<string> {
    return "this process's own files";
  }

  async insert(collection: string, documents: readonly Document[]): Promise<void> {
    await this.#write({ type: "insert", collection, documents: documents.map(encodeDocument) });
  }

  replace(collection: string, document: Document, { upsert = false } = {}): Promise<boolean> {
    return this.#write({ type: "replace", collection, document: encodeDocument(document), upsert });
  }

  async setFields(collection: string, changes: readonly FieldChange[]): Promise<number> {
    const list = changes.map(({ id, fields }) => ({
      id,
      fields: fields.map(([path, value]) => [path, value]),
    }));
    return Number(await this.#answer({ type: "set-fields", collection, changes: encodeDocument({ list }) }));
  }

  remove(collection: string, id: Value): Promise<boolean> {
    return this.#write({ type: "remove", collection, key: encodeDocument({ _id: id }) });
  }

  drop(collection: string): Promise<boolean> {
    return this.#write({ type: "drop", collection });
  }

  async ensureIndexes(collection: string, indexes: readonly IndexDescription[]): Promise<void> {
    await this.#write({ type: "ensure-indexes", collection, indexes });
  }

  async removeOutbox(through: bigint, limit: number): Promise<number> {
    return Number(await this.#answer({ type: "remove-outbox", through, limit }));
  }

  lease(name: string, holder: string, ttlMs: number): Promise<boolean> {
    return this.#write({ type: "lease", name, holder, ttlMs });
  }

  async #write(request: Write): Promise<boolean> {
    return (await this.#answer(request)) === true;
  }

  #answer(request: Write): Promise<boolean | number> {
    const writer = this.#startWriter();
    const id = this.#nextWrite++;
    writer.ref();
    return new Promise((resolve, reject) => {
      this.#writes.set(id, { resolve, reject });
      writer.postMessage({ ...request, id });
    });
  }

  #startWriter(): Thread {
    if (this.#writer !== undefined) return this.#writer;
    const writer = new Worker(new URL("./writer-thread.ts", import.meta.url).href) as Thread;
    writer.onmessage = ({ data }: MessageEvent<WriterAnswer>) => {
      const waiting = this.#writes.get(data.id);
      this.#writes.delete(data.id);
      if (this.#writes.size === 0) writer.unref();
      if (data.type === "done") {
        waiting?.resolve(data.value);
        this.#lookForChanges();
      } else waiting?.reject(fromPlainError(data.error));
    };
    writer.onerror = (event) => {
      const error = new StoreError(`the writer thread died: ${event.message}`);
      for (const waiting of this.#writes.values()) waiting.reject(error);
      this.#writes.clear();
      this.#writer = undefined;
    };
    writer.postMessage({ type: "open", options: { dataDir: this.options.dataDir } } satisfies WriterRequest);
    this.#writer = writer;
    return writer;
  }

  async ping(): Promise<void> {
    await this.#readers.count({ collection: "users", filter: {}, limit: 1, maxTimeMs: 5000 });
  }

  onChange(collection: string, callback: () => void): () => void {
    const listener = { collection, callback };
    this.#changes.set(collection, this.#changeCount(collection));
    this.#listeners.add(listener);
    this.#poll ??= setInterval(() => this.#lookForChanges(), CHANGE_INTERVAL_MS);
    this.#poll.unref();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#poll);
      this.#poll = undefined;
    };
  }

  #lookForChanges(): void {
    if (this.#listeners.size === 0) return;
    // Counts the commits of other connections: while it stands still nothing has changed.
    const row = this.database.query<{ data_version: bigint }, []>("PRAGMA data_version").get();
    if (row === null || row.data_version === this.#dataVersion) return;
    this.#dataVersion = row.data_version;
    for (const collection of new Set([...this.#listeners].map((listener) => listener.collection))) {
      const count = this.#changeCount(collection);
      if (count === this.#changes.get(collection)) continue;
      this.#changes.set(collection, count);
      for (const listener of this.#listeners) if (listener.collection === collection) listener.callback();
    }
  }

  #changeCount(collection: string): number {
    const row = this.database
      .query<{ changes: bigint }, [string]>("SELECT changes FROM collections WHERE name = ?")
      .get(collection);
    return Number(row?.changes ?? -1n);
  }

  async close(): Promise<void> {
    clearInterval(this.#poll);
    this.#poll = undefined;
    this.#readers.close();
    this.#writer?.terminate();
    this.#writer = undefined;
    for (const waiting of this.#writes.values()) waiting.reject(new StoreError("the store is closed"));
    this.#writes.clear();
    this.database.close(false);
  }
}

/** Opens the store of a data folder, made when absent. Throws `StoreError`. */
export async function openEmbeddedStore(options: StoreOptions): Promise<Store> {
  openDatabase({ dataDir: options.dataDir }).close();
  return new EmbeddedStore(openDatabase({ dataDir: options.dataDir, readonly: true }), options);
}
