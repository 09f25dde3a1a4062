/**
 * What the rest of the house asks of a store. `embedded/` (SQLite) and `mongo/` implement it; one
 * conformance suite in `test/store` tests both.
 *
 * Two faces: `Store` answers queries and keeps small documents (users, filters, saved queries) and may be
 * used on the thread that answers HTTP: no call blocks it. `AlertWriter` is the way of an alert into the
 * store and lives on a thread of its own. `AlertEncoder` turns alerts into bytes of the store's format on
 * any thread, so that only bytes travel between threads.
 */
import type { StageExplanation } from "../query/index.ts";
import type { Document, Value } from "../query/values.ts";
import type { AlertCollections, AlertRecord, HistoryUpdate } from "./alert-record.ts";
import type { CatalogReader } from "./catalog-reader.ts";
import type { ConesRequest } from "./cones.ts";

/** `[path, 1 | -1]` pairs, most significant first. */
export type SortSpec = readonly (readonly [path: string, direction: 1 | -1])[];

export interface FindRequest {
  readonly collection: string;
  readonly filter: Document;
  readonly projection?: Document;
  readonly sort?: SortSpec;
  readonly skip?: number;
  /** 0 or absent: no limit. */
  readonly limit?: number;
  /** Name of the index to use, or its keys. */
  readonly hint?: string | Document;
  /** Only documents whose position lies in these cells: bytes of a `CellSet` of the sky room. */
  readonly within?: Uint8Array;
  /** Milliseconds after which the query ends with `QueryError("deadline")`. */
  readonly maxTimeMs: number;
  /** Shown in logs and by the server: who asks. */
  readonly comment?: string;
}

/** An answer that is read once, either way. Leaving the iteration early frees the reader. */
export interface DocumentStream {
  /** Relaxed extended JSON of the documents, comma-separated, without the surrounding brackets, in chunks. */
  json(): AsyncIterable<string>;
  documents(): AsyncIterable<Document>;
}

export interface CountRequest {
  readonly collection: string;
  readonly filter: Document;
  readonly skip?: number;
  readonly limit?: number;
  readonly hint?: string | Document;
  readonly maxTimeMs: number;
  readonly comment?: string;
}

export interface AggregateRequest {
  readonly collection: string;
  /** Stages that only administrators may use are the caller's to refuse: `parsePipeline` with `forbid`. */
  readonly pipeline: readonly Document[];
  /** Name of the index to use, or its keys. */
  readonly hint?: string | Document;
  /** Milliseconds after which the query ends with `QueryError("deadline")`. */
  readonly maxTimeMs: number;
  /** Accepted: the embedded store keeps to memory, and says so where a stage needs too much. */
  readonly allowDiskUse?: boolean;
  /** Shown in logs and by the server: who asks. */
  readonly comment?: string;
}

/** Which index served a query and how much of the collection was read. */
export interface FindExplanation {
  /** Name of the index, or `null` for a scan of the collection. */
  readonly index: string | null;
  readonly documentsExamined: number;
  readonly documentsReturned: number;
}

/** The same of a pipeline, and what each stage let through: counted by running it to its end. */
export interface AggregateExplanation extends FindExplanation {
  readonly stages: readonly StageExplanation[];
}

export interface IndexDescription {
  readonly name: string;
  /** `[path, 1 | -1 | "2dsphere"]`, most significant first. */
  readonly keys: readonly (readonly [path: string, kind: 1 | -1 | "2dsphere"])[];
  readonly unique: boolean;
}

export interface CollectionDescription {
  readonly name: string;
  readonly documents: number;
  /** Bytes on disk, indexes included, as far as the store can tell. */
  readonly bytes: number;
  readonly indexes: readonly IndexDescription[];
}

/** New values of a document's fields. */
export interface FieldChange {
  readonly id: Value;
  /** Dotted path and value of each; objects on the way are made where there are none. */
  readonly fields: readonly (readonly [path: string, value: Value])[];
}

export interface Store {
  readonly kind: "embedded" | "mongo";
  /** What may be lost where the deployment is accepted though it is less safe than it should be: for the log. */
  readonly caution?: string | undefined;

  find(request: FindRequest): DocumentStream;
  explainFind(request: FindRequest): Promise<FindExplanation>;
  findOne(request: FindRequest): Promise<Document | undefined>;
  count(request: CountRequest): Promise<number>;
  /** Runs a pipeline; `$lookup` and its like read this store's collections. Errors name the place in it. */
  aggregate(request: AggregateRequest): DocumentStream;
  explainAggregate(request: AggregateRequest): Promise<AggregateExplanation>;
  /**
   * The documents round each of many positions, as JSON text in pieces: the members `"key":[documents]` of an
   * object, comma-separated, without its braces. Every target has its member.
   */
  cones(request: ConesRequest): AsyncIterable<string>;
  /** From metadata: cheap, may lag behind. 0 for an unknown collection. */
  estimatedCount(collection: string): Promise<number>;

  collectionNames(): Promise<string[]>;
  describeCollection(name: string): Promise<CollectionDescription | undefined>;
  /** Totals of the whole database: collections, documents, bytes. */
  describeDatabase(): Promise<{ collections: number; documents: number; bytes: number }>;

  /** What keeps the documents, in words: the deployment, and which collections are sharded there. */
  deployment(): Promise<string>;

  /** Inserts; a document whose `_id` (or other unique key) exists throws `DuplicateKeyError` and none is inserted. */
  insert(collection: string, documents: readonly Document[]): Promise<void>;
  /** Replaces the document with this `_id`; answers whether there was one (or `upsert` made it). */
  replace(collection: string, document: Document, options?: { upsert?: boolean }): Promise<boolean>;
  /**
   * Sets fields of documents, each of which is named once, and leaves their other fields as they are, also those
   * that others write at the same time. Answers how many of the documents there were.
   */
  setFields(collection: string, changes: readonly FieldChange[]): Promise<number>;
  /** Removes the document with this `_id`; answers whether there was one. */
  remove(collection: string, id: Value): Promise<boolean>;
  drop(collection: string): Promise<boolean>;
  /**
   * Makes the indexes that are not there, and the collection when it is absent. What is stored already is
   * indexed before it resolves: on a collection of millions that takes minutes, during which nothing else is
   * written to the embedded store. Indexes of a name that exists are left as they are.
   */
  ensureIndexes(collection: string, indexes: readonly IndexDescription[]): Promise<void>;

  /** Removes the oldest outbox entries up to and including `through`, at most `limit`; answers how many. */
  removeOutbox(through: bigint, limit: number): Promise<number>;
  /**
   * Takes or renews, for `ttlMs`, what only one process at a time may do; answers whether `holder` has it.
   * 0 gives it back.
   */
  lease(name: string, holder: string, ttlMs: number): Promise<boolean>;

  /** Whether the store answers, with how long it took; throws what is wrong. */
  ping(): Promise<void>;
  /** Calls back when documents of `collection` were written by anyone, this process or another; within a second. */
  onChange(collection: string, callback: () => void): () => void;
  close(): Promise<void>;
}

/** An alert in the store's own format: opaque to the broker, cheap to send between threads. */
export interface EncodedAlert {
  readonly survey: string;
  readonly candid: bigint;
  readonly objectId: string;
  /** The store's rows; only its writer looks inside. */
  readonly rows: unknown;
}

export interface AlertEncoder {
  encode(alert: AlertRecord): EncodedAlert;
  /** The same alert to be written without its image stamps. */
  withoutCutouts(alert: EncodedAlert): EncodedAlert;
  /** The same alert with the matches of its object, which are written when it is the object's first. */
  withCrossMatches(alert: EncodedAlert, crossMatches: Document): EncodedAlert;
  /** An entry of the outbox, numbered when it is written. */
  encodeEntry(entry: OutboxEntry): EncodedEntry;
  /**
   * The buffers, besides those of the packets, to which the alerts and entries that were encoded since the last call
   * refer: to be given away with them. Until then the encoder keeps them.
   */
  takeBuffers(): ArrayBuffer[];
}

/**
 * What is stored of one object, growing with the alerts of a batch as the writer will make it grow: how
 * filters see an object between two writes.
 */
export interface ObjectRecord {
  /** Matches by catalogue; empty when none are stored. */
  readonly crossMatches: Document;
  /** Takes in what the next alert of the object brings; matches only when it is the object's first. */
  append(histories: readonly HistoryUpdate[], crossMatches?: Document): void;
  /**
   * The rows of a history in ascending `jd`, not to be modified; undefined when the object's record of it is
   * not kept.
   */
  rows(field: string): readonly Document[] | undefined;
}

/** Which stored alerts a replay reads. */
export interface AlertSelection {
  readonly collections: AlertCollections;
  /** On the alerts, as a find filter. */
  readonly filter: Document;
  /** The newest so many; all when left out. */
  readonly newest?: number;
  /** Fields that are not wanted where another system stored alerts with them: the stamps. */
  readonly without?: readonly string[];
}

export interface ObjectPage {
  readonly after: string | undefined;
  readonly limit: number;
}

/** A stored object; `position` in degrees (longitude = ra − 180) is of its alert with the smallest candid. */
export interface ObjectPlace {
  readonly objectId: string;
  readonly position: readonly [longitude: number, latitude: number] | undefined;
}

/** Reads what filters need, on the thread where they run. It sees every write that was durable when it is asked. */
export interface AlertReader {
  /** Those of the candids whose alerts are stored. */
  storedCandids(collections: AlertCollections, candids: readonly bigint[]): Promise<ReadonlySet<bigint>>;
  /** Those of the objects that are stored. */
  storedObjects(collections: AlertCollections, objectIds: Iterable<string>): Promise<ReadonlySet<string>>;
  /** Objects in the order of their names behind `after`, at most `limit`, each with the place of its first alert. */
  objects(collections: AlertCollections, page: ObjectPage): Promise<readonly ObjectPlace[]>;
  /** The rows of catalogues, on the same connection. */
  readonly catalogs: CatalogReader;
  /** The records of objects, with one read for all; of an object that is new an empty one. */
  records(
    collections: AlertCollections,
    objectIds: Iterable<string>,
  ): Promise<ReadonlyMap<string, ObjectRecord>>;
  /** Stored alerts in ascending `candidate.jd`, in pieces of a few hundred. */
  alerts(selection: AlertSelection): AsyncIterable<readonly Document[]>;
  /** How many alerts `alerts` would yield. */
  count(selection: AlertSelection): Promise<number>;
  /** All documents of a small collection. */
  documents(collection: string): Promise<Document[]>;
  /** Changes whenever documents of a small collection are written; cheap to ask for. */
  changeMark(collection: string): Promise<string>;
  close(): void;
}

/** A packet that could not be ingested, kept with its bytes. */
export interface DeadLetter {
  /** From the source position, so that reading the same packet again makes no second letter. */
  readonly id: string;
  readonly source: string;
  /** Where in the source, in words: file name and record, or topic, partition and offset. */
  readonly place: string;
  readonly survey?: string;
  /** Name of the error class, e.g. `TornFileError`. */
  readonly reason: string;
  readonly message: string;
  readonly bytes: Uint8Array;
}

/** How far a source was read: kept in the same transaction as what was read. */
export interface SourcePosition {
  /** Identifies the source: an absolute path, a URL, or `topic/partition`. */
  readonly source: string;
  /** The source's own encoding of its position. */
  readonly position: string;
  /** Whether the source was read to its end. */
  readonly done: boolean;
}

/**
 * A match of a filter, to be delivered by the sinks. In the collection `outbox` it is a document with `_id`,
 * `seq` (int64, larger than that of every entry that was visible before; entries of one alert follow each
 * other), `created_at`, `kind` (`match`, or `update` for a new alert of an object that was reported, without
 * `document`), `survey`, `candid`, `objectId`, `document`.
 */
export interface OutboxEntry {
  /** The same for the same match: an entry that exists is left as it is. */
  readonly id: string;
  readonly survey: string;
  readonly candid: bigint;
  readonly objectId: string;
  /** A `Match` of the filters room. */
  readonly document: Document;
}

/** An entry in the store's own format: opaque to the broker, cheap to send between threads. */
export interface EncodedEntry extends Omit<OutboxEntry, "document"> {
  /** The store's row; only its writer looks inside, and puts the number and the time in. */
  readonly row: unknown;
}

/** One batch on its way into the store: all of it is written, or none. */
export interface AlertBatch {
  readonly alerts: readonly EncodedAlert[];
  readonly deadLetters: readonly DeadLetter[];
  /** Ids of dead letters whose packets this batch brings at last: they are removed with its write. */
  readonly settledLetters?: readonly string[];
  readonly outbox: readonly EncodedEntry[];
  readonly positions: readonly SourcePosition[];
  /** New matches of objects that are stored. */
  readonly rematched?: RematchedObjects;
}

/** Objects of one survey with the lists that replace those they have of the same catalogues. */
export interface RematchedObjects {
  readonly collections: AlertCollections;
  readonly objects: readonly { readonly objectId: string; readonly crossMatches: Document }[];
}

export interface BatchResult {
  readonly stored: number;
  /** Candids that were stored before, or came twice in the batch: not written again. */
  readonly duplicates: number;
  readonly deadLetters: number;
}

export interface AlertWriter {
  /** Writes a batch durably in one transaction; resolves when it is durable. */
  write(batch: AlertBatch): Promise<BatchResult>;
  position(source: string): Promise<SourcePosition | undefined>;
  close(): Promise<void>;
}

/** An `_id` or another unique key that exists already. */
export class DuplicateKeyError extends Error {
  override readonly name = "DuplicateKeyError";
  constructor(
    readonly collection: string,
    readonly key: string,
  ) {
    super(`${collection}: a document with ${key} exists already`);
  }
}

/** The data folder or database cannot be used: says why and what to do. */
export class StoreError extends Error {
  override readonly name: string = "StoreError";
}

/** The store cannot do this however often it is asked: what it holds is not what it would have to be. */
export class UnfitStoreError extends StoreError {
  override readonly name = "UnfitStoreError";
}

/** Collections that only administrators may name. */
export const SYSTEM_COLLECTIONS: ReadonlySet<string> = new Set([
  "users",
  "filters",
  "filter_reports",
  "queries",
  "saved_answers",
  "outbox",
  "outbox_state",
  "reported_objects",
  "sink_cursors",
  "sink_failures",
  "sink_state",
  "leases",
  "dead_letters",
  "sources",
  "catalogs",
  "catalog_loads",
]);
