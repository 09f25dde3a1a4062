/**
 * The way of catalogue rows into a store: bulk writes that can be interrupted anywhere.
 *
 * A load that replaces (or makes) a collection fills a hidden one beside it, which takes the name of the
 * other when it is complete: what users see is the old catalogue or the new one. A load that appends writes
 * into the collection itself. Either goes on where it stopped when the same load is begun again: how far it
 * came is written with the rows.
 */
import type { Document } from "../query/index.ts";
import type { IndexDescription } from "./store.ts";

/** Rows in the store's own format: opaque to the loader, cheap to send between threads. */
export interface EncodedRows {
  readonly count: number;
  /** Only the store's writer looks inside. */
  readonly rows: unknown;
}

export interface CatalogEncoder {
  /** Documents with `_id`, in the representation of the query language. */
  encode(documents: readonly Document[]): EncodedRows;
}

export interface CatalogLoad {
  readonly collection: string;
  readonly mode: "replace" | "append";
  /** Of the files and options: only the same load is continued, another begins anew. */
  readonly fingerprint: string;
  /** Besides that of `_id`. */
  readonly indexes: readonly IndexDescription[];
}

export interface BegunLoad {
  /** What was given with the last rows that are stored; undefined at a beginning. */
  readonly progress: Document | undefined;
  /** The indexes that the collection will have: those asked for and, when appending, its own. */
  readonly indexes: readonly IndexDescription[];
}

export interface CatalogWriter {
  /**
   * Begins a load, or continues it. What another load of this collection that should have replaced it left
   * behind is removed. Until the writer is closed no other process loads this collection: throws `StoreError`
   * when another does.
   */
  begin(load: CatalogLoad): Promise<BegunLoad>;
  /**
   * Writes rows, and how far the load is with them, which `progressOf` says of the number that were written.
   * A row whose `_id` exists is left out. Answers that number.
   */
  write(rows: EncodedRows, progressOf: (written: number) => Document): Promise<number>;
  /** What `finish` said of the catalogue that is there; undefined when there is none. */
  description(collection: string): Promise<Document | undefined>;
  /**
   * Gives the load up that was begun: it does not go on, and what it should have replaced stays. Rows that were
   * appended stay too.
   */
  abandon(): Promise<void>;
  /** Makes the indexes; then the collection is visible, and described in `catalogs` by `description`. */
  finish(description: Document): Promise<void>;
  /**
   * Makes an index of an existing collection, while others read and write other collections; tells how many
   * rows are done. An index of the same keys is left as it is; a name that others have is not taken.
   */
  ensureIndex(
    collection: string,
    index: IndexDescription,
    onProgress?: (rows: number) => void,
  ): Promise<EnsuredIndex>;
  /** Removes a catalogue with its description and unfinished loads; answers whether there was anything. */
  drop(collection: string): Promise<boolean>;
  close(): Promise<void>;
}

/** An index that was asked for. */
export interface EnsuredIndex {
  /** The name under which it is, which may be another than the one proposed. */
  readonly name: string;
  /** Whether it was made now. */
  readonly made: boolean;
}

/** Descriptions of loaded catalogues by name. */
export const CATALOGS = "catalogs";
/** Progress of loads under way by the name of their collection. */
export const CATALOG_LOADS = "catalog_loads";

/** Between the name of a collection and what it is in the course of a load; users' names have no such character. */
const MARK = "~";

/** The hidden collection that a load fills. */
export function stagingName(collection: string): string {
  return `${collection}${MARK}loading`;
}

/** The hidden name of a collection that was replaced or dropped, until it is taken apart. */
export function discardedName(collection: string): string {
  return `${collection}${MARK}discarded`;
}

/** Whether a collection is not for users to see: an unfinished load, or what a finished one replaced. */
export function isHidden(name: string): boolean {
  return name.includes(MARK);
}
