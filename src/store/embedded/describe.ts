/** What a collection holds and takes, as far as can be told without reading it whole. */
import type { Database } from "bun:sqlite";
import type { CollectionDescription } from "../store.ts";
import { Collections } from "./collections.ts";

/** Rows whose size stands for all. */
const SAMPLE = 200;
/** A row's entry in one index, bytes, roughly. */
const INDEX_ENTRY = 24;

/** Yields nothing: a generator so that it runs like a query. Returns a `CollectionDescription` as JSON, or null. */
// biome-ignore lint/correctness/useYield: it runs in a reader thread's turn, where every task is a generator
export function* describeCollection(
  database: Database,
  name: string,
): Generator<undefined, string | null, undefined> {
  const collection = new Collections(database).get(name);
  if (collection === undefined) return null;
  const documents = estimatedCount(database, name);
  const blobs = collection.kind === "cutouts" ? " + length(b0) + length(b1) + length(b2)" : "";
  const { size } = database
    .query<{ size: number | null }, [number]>(
      `SELECT avg(n) AS size FROM (SELECT length(doc)${blobs} AS n FROM ${collection.table} ORDER BY rid DESC LIMIT ?)`,
    )
    .get(SAMPLE) ?? { size: 0 };
  let bytes = documents * ((size ?? 0) + INDEX_ENTRY * collection.columns.length);
  if (collection.kind === "aux") bytes += historyBytes(database, `${collection.table}_history`);
  const description: CollectionDescription = {
    name,
    documents,
    bytes: Math.round(bytes),
    indexes: collection.indexes,
  };
  return JSON.stringify(description);
}

function historyBytes(database: Database, table: string): number {
  const row = database
    .query<{ last: bigint | null; size: number | null }, [number]>(
      `SELECT max(id) AS last, avg(n) AS size FROM (
         SELECT id, length(rows) + length(points) + ${INDEX_ENTRY} AS n FROM ${table} ORDER BY id DESC LIMIT ?)`,
    )
    .get(SAMPLE);
  return Number(row?.last ?? 0n) * (row?.size ?? 0);
}

/** The count that the writers keep. */
export function estimatedCount(database: Database, name: string): number {
  const row = database
    .query<{ documents: bigint }, [string]>("SELECT documents FROM collections WHERE name = ?")
    .get(name);
  return Number(row?.documents ?? 0n);
}
