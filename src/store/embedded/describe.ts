/** What a collection holds and takes, as far as can be told without reading it whole. */
import type { Database } from "bun:sqlite";
import { isHidden } from "../catalog.ts";
import type { CollectionDescription } from "../store.ts";
import { type CollectionKind, findLayout } from "./layout.ts";

/** Rows whose size stands for all. */
const SAMPLE = 200;
/** A row's entry in one index, bytes, roughly. */
const INDEX_ENTRY = 24;

/** What a row takes, bytes. */
const SIZES: Record<CollectionKind, string> = {
  plain: "length(doc) + length(id)",
  alerts: "length(doc)",
  aux: "length(id) + coalesce(length(cross_matches), 0) + 16",
  cutouts:
    "length(stamps) + coalesce(length(d0), 0) + coalesce(length(d1), 0) + coalesce(length(d2), 0) + coalesce(length(d3), 0)",
};

/** Yields nothing: a generator so that it runs like a query. Returns a `CollectionDescription` as JSON, or null. */
// biome-ignore lint/correctness/useYield: it runs in a reader thread's turn, where every task is a generator
export function* describeCollection(
  database: Database,
  name: string,
): Generator<undefined, string | null, undefined> {
  const layout = findLayout(database, name);
  if (layout === undefined) return null;
  const documents = estimatedCount(database, name);
  const { size } = database
    .query<{ size: number | null }, [number]>(
      `SELECT avg(size) AS size FROM (SELECT ${SIZES[layout.kind]} AS size FROM c${layout.id} ORDER BY n DESC LIMIT ?)`,
    )
    .get(SAMPLE) ?? { size: 0 };
  let bytes = documents * ((size ?? 0) + INDEX_ENTRY * layout.columns.length);
  if (layout.kind === "aux") bytes += historyBytes(database, `h${layout.id}`);
  const description: CollectionDescription = {
    name,
    documents,
    bytes: Math.round(bytes),
    indexes: layout.indexes,
  };
  return JSON.stringify(description);
}

function historyBytes(database: Database, table: string): number {
  const row = database
    .query<{ last: bigint | null; size: number | null }, [number]>(
      `SELECT max(n) AS last, avg(size) AS size FROM (
         SELECT n, length(rows) + length(keys) + ${INDEX_ENTRY} AS size FROM ${table} ORDER BY n DESC LIMIT ?)`,
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

/** Names of all collections that users may see, in order. */
export function collectionNames(database: Database): string[] {
  const rows = database.query<{ name: string }, []>("SELECT name FROM collections ORDER BY name").all();
  return rows.map(({ name }) => name).filter((name) => !isHidden(name));
}
