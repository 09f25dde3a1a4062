/** The outbox on MongoDB: what of a batch's matches is new, numbered in the order of the transactions. */
import type { Document as BsonDocument, ClientSession, Db } from "mongodb";
import type { AlertBatch, EncodedAlert, OutboxEntry } from "../store.ts";
import { isOnlyDuplicates } from "./errors.ts";

/** Entries without their numbers; those of one alert stand together. */
export interface NewEntries {
  readonly entries: readonly BsonDocument[];
  /** Documents of the objects that have a match. */
  readonly reported: readonly BsonDocument[];
}

interface Identity {
  readonly survey: string;
  readonly candid: bigint;
}

/**
 * What a batch adds to the outbox when `stored` of its alerts are new. Matches of an alert that the batch
 * brings and that was stored before are dropped: they had their chance when it was new.
 */
export async function newEntries(
  db: Db,
  { alerts, outbox }: AlertBatch,
  stored: readonly EncodedAlert[],
  followReported: boolean,
): Promise<NewEntries> {
  const fresh = new Set(stored.map(keyOf));
  const known = new Set(alerts.map(keyOf).filter((key) => !fresh.has(key)));
  const matches = outbox.filter((entry) => !known.has(keyOf(entry)));
  const updates = followReported ? await updatesOf(db, matches, stored) : [];
  const together = [...Map.groupBy(matches, keyOf).values()].flat();
  const entries = await newById(db, "outbox", [...together.map(matchEntry), ...updates.map(updateEntry)]);
  const objects = [...new Set(matches.map(objectKey))].map((_id) => ({ _id }));
  return { entries, reported: await newById(db, "reported_objects", objects) };
}

/**
 * Numbers the entries and writes them. In a transaction the counter holds up other writers until the commit,
 * so that numbers become visible in their order; without one only a single writer keeps that order.
 */
export async function writeOutbox(
  db: Db,
  { entries, reported }: NewEntries,
  session?: ClientSession,
): Promise<void> {
  const options = { ordered: false, ...(session === undefined ? {} : { session }) };
  // Written by another, or by the batch that was cut off. In a transaction such a key ends it, and the batch is
  // looked at again.
  const insert = async (collection: string, documents: readonly BsonDocument[]) => {
    try {
      if (documents.length > 0) await db.collection(collection).insertMany([...documents], options);
    } catch (error) {
      if (session !== undefined || !isOnlyDuplicates(error)) throw error;
    }
  };
  await insert("reported_objects", reported);
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
  const documents = entries.map((entry, index) => ({
    ...entry,
    seq: first + BigInt(index),
    created_at: now,
  }));
  await insert("outbox", documents);
}

/** The documents whose `_id` is not stored, each once. */
export async function newById(
  db: Db,
  collection: string,
  documents: readonly BsonDocument[],
): Promise<BsonDocument[]> {
  if (documents.length === 0) return [];
  const ids = documents.map(({ _id }) => _id);
  const found = await db
    .collection(collection)
    .find({ _id: { $in: ids } }, { projection: { _id: 1 } })
    .toArray();
  const seen = new Set<unknown>(found.map(({ _id }) => _id));
  return documents.filter(({ _id }) => !seen.has(_id) && seen.add(_id));
}

/** New alerts of objects that were reported and that no filter passed this time. */
async function updatesOf(
  db: Db,
  matches: readonly OutboxEntry[],
  stored: readonly EncodedAlert[],
): Promise<EncodedAlert[]> {
  const matched = new Set(matches.map(keyOf));
  const others = stored.filter((alert) => !matched.has(keyOf(alert)));
  if (others.length === 0) return [];
  const found = await db
    .collection<{ _id: string }>("reported_objects")
    .find({ _id: { $in: others.map(objectKey) } })
    .toArray();
  const reported = new Set([...found.map(({ _id }) => _id), ...matches.map(objectKey)]);
  return others.filter((alert) => reported.has(objectKey(alert)));
}

function matchEntry({ id, survey, candid, objectId, document }: OutboxEntry): BsonDocument {
  return { _id: id, kind: "match", survey, candid, objectId, document };
}

function updateEntry({ survey, candid, objectId }: EncodedAlert): BsonDocument {
  return { _id: `update/${survey}/${candid}`, kind: "update", survey, candid, objectId };
}

function keyOf({ survey, candid }: Identity): string {
  return `${survey}/${candid}`;
}

function objectKey({ survey, objectId }: { survey: string; objectId: string }): string {
  return `${survey}/${objectId}`;
}
