/** The outbox of the embedded store: numbers entries in the order of their transactions, and removes old ones. */
import type { Database } from "bun:sqlite";
import type { Document } from "../../query/index.ts";
import type { OutboxEntry } from "../store.ts";
import { columnFor } from "./access.ts";
import { insertDocuments } from "./documents.ts";
import { decodeDocument } from "./encoding.ts";
import { findLayout, noteChange } from "./layout.ts";

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
  entries: readonly OutboxEntry[],
  alerts: readonly WrittenAlert[],
  { followReported }: OutboxOptions,
): void {
  if (entries.length === 0 && !followReported) return;
  const known = new Set(alerts.filter(({ stored }) => !stored).map(keyOf));
  const fresh = new Set(alerts.filter(({ stored }) => stored).map(keyOf));
  const matches = entries.filter((entry) => !known.has(keyOf(entry)) || fresh.has(keyOf(entry)));
  const reported = matches.map((entry) => ({ _id: objectKey(entry) }));
  insertDocuments(database, "reported_objects", reported, "ignore");
  const updates = followReported ? updatesOf(database, matches, alerts) : [];
  if (matches.length === 0 && updates.length === 0) return;
  const now = new Date();
  let sequence = lastSequence(database);
  // Entries of one alert stand together, so that a sink can report them together.
  const together = Map.groupBy(matches, keyOf).values();
  const documents = [...together].flat().map((entry) => matchEntry(entry, ++sequence, now));
  documents.push(...updates.map((alert) => updateEntry(alert, ++sequence, now)));
  insertDocuments(database, "outbox", documents, "ignore");
  insertDocuments(database, "outbox_state", [{ _id: "sequence", last: sequence }], "replace");
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
  matches: readonly OutboxEntry[],
  alerts: readonly WrittenAlert[],
): WrittenAlert[] {
  const layout = findLayout(database, "reported_objects");
  if (layout === undefined) return [];
  const isReported = database.query(`SELECT 1 FROM c${layout.id} WHERE id = ?`);
  const matched = new Set(matches.map(keyOf));
  return alerts.filter(
    (alert) => alert.stored && !matched.has(keyOf(alert)) && isReported.get(objectKey(alert)) !== null,
  );
}

function matchEntry(entry: OutboxEntry, seq: bigint, now: Date): Document {
  const { id, survey, candid, objectId, document } = entry;
  return { _id: id, seq, kind: "match", survey, candid, objectId, document, created_at: now };
}

function updateEntry({ survey, candid, objectId }: WrittenAlert, seq: bigint, now: Date): Document {
  return {
    _id: `update/${survey}/${candid}`,
    seq,
    kind: "update",
    survey,
    candid,
    objectId,
    created_at: now,
  };
}

function keyOf({ survey, candid }: { survey: string; candid: bigint }): string {
  return `${survey}/${candid}`;
}

function objectKey({ survey, objectId }: { survey: string; objectId: string }): string {
  return `${survey}/${objectId}`;
}
