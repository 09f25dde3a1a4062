/** The outbox on MongoDB: what of a batch's matches is new, numbered in the order of the transactions. */
import type { Db } from "mongodb";
import type { Value } from "../../query/index.ts";
import { alertKey, objectKey, updateDocument, updateId } from "../outbox-entry.ts";
import type { AlertBatch, EncodedAlert } from "../store.ts";
import { numberRow } from "./outbox-row.ts";
import { type InsertOptions, insertRaw, RawDocuments } from "./raw-insert.ts";
import { documentOf, toBytes } from "./values.ts";

/** Entries as BSON, not numbered yet; those of one alert stand together. */
export interface NewEntries {
  readonly entries: readonly Uint8Array[];
  /** Objects that have their first match. */
  readonly reported: RawDocuments;
}

/** What is stored already of what a batch could add. */
export interface StoredEntries {
  /** Ids of entries. */
  readonly ids: ReadonlySet<Value | undefined>;
  /** Keys of objects that were reported. */
  readonly reported: ReadonlySet<Value | undefined>;
}

/** Reads what is stored of what a batch could add. */
export async function storedEntries(
  db: Db,
  { alerts, outbox }: AlertBatch,
  followReported: boolean,
): Promise<StoredEntries> {
  const updates = followReported ? alerts : [];
  const [ids, reported] = await Promise.all([
    storedIds(db, "outbox", [...outbox.map(({ id }) => id), ...updates.map(updateId)]),
    storedIds(db, "reported_objects", [...new Set([...outbox, ...updates].map(objectKey))]),
  ]);
  return { ids, reported };
}

/**
 * What a batch adds to the outbox when `stored` of its alerts are new. Matches of an alert that the batch
 * brings and that was stored before are dropped: they had their chance when it was new.
 */
export function newEntries(
  known: StoredEntries,
  { alerts, outbox }: AlertBatch,
  stored: readonly EncodedAlert[],
  followReported: boolean,
): NewEntries {
  const fresh = new Set(stored.map(alertKey));
  const old = new Set(alerts.map(alertKey).filter((key) => !fresh.has(key)));
  const matches = outbox.filter((entry) => !old.has(alertKey(entry)));
  const matched = new Set(matches.map(alertKey));
  const objects = new Set(matches.map(objectKey));
  const updates = stored.filter(
    (alert) =>
      followReported &&
      !matched.has(alertKey(alert)) &&
      (known.reported.has(objectKey(alert)) || objects.has(objectKey(alert))),
  );
  const together = [...Map.groupBy(matches, alertKey).values()].flat();
  const seen = new Set(known.ids);
  const isNew = (id: Value | undefined) => !seen.has(id) && seen.add(id);
  const entries = [
    ...together.filter(({ id }) => isNew(id)).map(({ row }) => row as Uint8Array),
    ...updates
      .map(updateDocument)
      .filter(({ _id }) => isNew(_id))
      .map(toBytes),
  ];
  const reported = new RawDocuments();
  for (const _id of objects) if (!known.reported.has(_id)) reported.add(toBytes({ _id }));
  return { entries, reported };
}

/**
 * Numbers the entries and writes them. In a transaction the counter holds up other writers until the commit,
 * so that numbers become visible in their order; without one only a single writer keeps that order.
 *
 * An entry that another wrote meanwhile, or the batch that was cut off, ends a transaction, whose batch is then
 * looked at again.
 */
export async function writeOutbox(
  db: Db,
  { entries, reported }: NewEntries,
  options: InsertOptions,
): Promise<void> {
  const { session } = options;
  await insertRaw(db, "reported_objects", reported, options);
  if (entries.length === 0) return;
  const state = db.collection<{ _id: string; last: bigint }>("outbox_state");
  const count = BigInt(entries.length);
  const counter = await state.findOneAndUpdate(
    { _id: "sequence" },
    { $inc: { last: count } },
    { upsert: true, returnDocument: "after", ...(session === undefined ? {} : { session }) },
  );
  const first = BigInt(counter?.last ?? count) - count + 1n;
  const now = new Date();
  const documents = new RawDocuments();
  entries.forEach((entry, index) => {
    numberRow(entry, first + BigInt(index), now);
    documents.add(entry);
  });
  await insertRaw(db, "outbox", documents, options);
}

/** Those of `ids` under which a document is stored. */
export async function storedIds(
  db: Db,
  collection: string,
  ids: readonly (Value | undefined)[],
): Promise<Set<Value | undefined>> {
  const stored = new Set<Value | undefined>();
  if (ids.length === 0) return stored;
  const found = db
    .collection(collection)
    .find({ _id: { $in: ids as never[] } }, { projection: { _id: 1 }, raw: true });
  for await (const bytes of found) stored.add(documentOf(bytes as unknown as Uint8Array)["_id"]);
  return stored;
}
