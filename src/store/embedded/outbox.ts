/** The outbox of the embedded store: numbers entries in the order of their transactions, and removes old ones. */
import type { Database } from "bun:sqlite";
import { alertKey, objectKey, updateDocument } from "../outbox-entry.ts";
import type { EncodedEntry } from "../store.ts";
import { columnFor } from "./access.ts";
import { insertDocuments, insertRows } from "./documents.ts";
import { decodeDocument } from "./encoding.ts";
import { type IndexValue, indexReader } from "./index-values.ts";
import { ensureLayout, findLayout, type IndexColumn, noteChange } from "./layout.ts";
import { FILTER_PATH, numberedText, type OutboxRow } from "./outbox-row.ts";

/** An alert of the batch as far as the outbox is concerned. */
export interface WrittenAlert {
  readonly survey: string;
  readonly candid: bigint;
  readonly objectId: string;
  /** Whether it is new, not a duplicate. */
  readonly stored: boolean;
}

export interface OutboxOptions {
  /** Whether alerts of objects that had a match get an entry of their own when nothing passes them. */
  readonly followReported: boolean;
}

/**
 * Writes the entries of a batch. Entries of an alert that the batch brings and that was stored before are
 * dropped: they had their chance when it was new. Needs a running write transaction, which makes the numbers
 * of entries grow in the order in which they become visible.
 */
export function writeOutbox(
  database: Database,
  entries: readonly EncodedEntry[],
  alerts: readonly WrittenAlert[],
  { followReported }: OutboxOptions,
): void {
  if (entries.length === 0 && !followReported) return;
  const known = new Set(alerts.filter(({ stored }) => !stored).map(alertKey));
  const fresh = new Set(alerts.filter(({ stored }) => stored).map(alertKey));
  // Entries of one alert stand together, so that a sink can report them together.
  const matched = Map.groupBy(entries, alertKey);
  for (const key of matched.keys()) if (known.has(key) && !fresh.has(key)) matched.delete(key);
  const matches = [...matched.values()].flat();
  const reported = [...new Set(matches.map(objectKey))].map((_id) => ({ _id }));
  insertDocuments(database, "reported_objects", reported, "ignore");
  const updates = followReported ? updatesOf(database, matched, alerts) : [];
  if (matches.length === 0 && updates.length === 0) return;
  const now = new Date();
  const sequence = lastSequence(database);
  insertMatches(database, matches, sequence, now);
  const first = sequence + BigInt(matches.length) + 1n;
  const documents = updates.map((alert, n) => ({
    ...updateDocument(alert),
    seq: first + BigInt(n),
    created_at: now,
  }));
  insertDocuments(database, "outbox", documents, "ignore");
  const last = sequence + BigInt(matches.length + updates.length);
  insertDocuments(database, "outbox_state", [{ _id: "sequence", last }], "replace");
}

/** Removes the oldest entries up to and including a sequence number, at most `limit`; answers how many. */
export function removeOutbox(database: Database, through: bigint, limit: number): number {
  const layout = findLayout(database, "outbox");
  const column = layout === undefined ? undefined : columnFor("seq", "value", layout)?.name;
  if (layout === undefined || column === undefined) return 0;
  const { changes } = database
    .query(
      `DELETE FROM c${layout.id} WHERE n IN (SELECT n FROM c${layout.id} WHERE ${column} <= ? ORDER BY ${column} LIMIT ?)`,
    )
    .run(through, limit);
  if (changes > 0) noteChange(database, layout, -changes);
  return changes;
}

function lastSequence(database: Database): bigint {
  const layout = findLayout(database, "outbox_state");
  if (layout === undefined) return 0n;
  const row = database.query(`SELECT doc FROM c${layout.id} WHERE id = 'sequence'`).get();
  const last = row === null ? undefined : decodeDocument((row as { doc: string }).doc)["last"];
  return typeof last === "bigint" ? last : 0n;
}

/** New alerts of objects that were reported and that no filter passed this time. */
function updatesOf(
  database: Database,
  matched: ReadonlyMap<string, unknown>,
  alerts: readonly WrittenAlert[],
): WrittenAlert[] {
  const layout = findLayout(database, "reported_objects");
  if (layout === undefined) return [];
  const isReported = database.query(`SELECT 1 FROM c${layout.id} WHERE id = ?`);
  return alerts.filter(
    (alert) => alert.stored && !matched.has(alertKey(alert)) && isReported.get(objectKey(alert)) !== null,
  );
}

/** Writes entries behind the number `last`; those that are there stay as they are. */
function insertMatches(database: Database, matches: readonly EncodedEntry[], last: bigint, now: Date): void {
  if (matches.length === 0) return;
  const layout = ensureLayout(database, "outbox", "plain");
  const readers = layout.columns.map(columnReader);
  let seq = last;
  const rows = matches.map(({ id, row }) => {
    const { text, filter } = row as OutboxRow;
    const entry = { text: numberedText(text, ++seq, now), seq, filter };
    return { id, text: entry.text, values: readers.map((read) => read(entry)) };
  });
  insertRows(database, layout, rows);
}

/** An entry with its number. */
interface NumberedRow extends OutboxRow {
  readonly seq: bigint;
}

/** Reads the value of an index of the outbox; administrators may have made others than those it has from the start. */
function columnReader({ path, kind }: IndexColumn): (row: NumberedRow) => IndexValue {
  if (path === "seq") return ({ seq }) => seq;
  if (path === FILTER_PATH) return ({ filter }) => filter;
  const read = indexReader(path, kind);
  return ({ text }) => read(decodeDocument(text));
}
