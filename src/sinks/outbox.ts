/** The outbox as sinks read it: pages of entries by number, whole alerts at a time, and where each sink stands. */
import type { Match } from "../filters/index.ts";
import { type Document, isDocument } from "../query/index.ts";
import type { Store } from "../store/index.ts";

const OUTBOX = "outbox";
const CURSORS = "sink_cursors";
const MAX_TIME_MS = 60_000;

export interface OutboxItem {
  /** The same however often the entry is delivered: the receiver's key against duplicates. */
  readonly id: string;
  readonly seq: bigint;
  readonly survey: string;
  readonly candid: bigint;
  readonly objectId: string;
  readonly createdAt: Date;
  /** Absent: a new alert of a reported object that no filter passed. */
  readonly match?: Match;
}

/** Entries behind `after` in their order, about `limit`: an alert's entries are not torn apart. */
export async function readOutbox(store: Store, after: bigint, limit: number): Promise<OutboxItem[]> {
  for (let size = limit; ; size *= 2) {
    const items: OutboxItem[] = [];
    const found = store.find({
      collection: OUTBOX,
      filter: { seq: { $gt: after } },
      sort: [["seq", 1]],
      limit: size,
      maxTimeMs: MAX_TIME_MS,
      comment: "sinks",
    });
    for await (const document of found.documents()) items.push(itemOf(document));
    if (items.length < size) return items;
    // The last alert may go on behind the page: it is left for the next one.
    const last = items.at(-1);
    const whole = items.findLastIndex((item) => item.candid !== last?.candid || item.survey !== last.survey);
    if (whole >= 0) return items.slice(0, whole + 1);
  }
}

/** Entries by their ids, in their order; those that are removed are missing. */
export async function readEntries(store: Store, ids: readonly string[]): Promise<OutboxItem[]> {
  const items: OutboxItem[] = [];
  const request = { collection: OUTBOX, filter: { _id: { $in: [...ids] } }, maxTimeMs: MAX_TIME_MS };
  for await (const document of store.find(request).documents()) items.push(itemOf(document));
  return items.sort((a, b) => Number(a.seq - b.seq));
}

/** Number of the newest entry that there ever was; 0 before the first. */
export async function newestOutbox(store: Store): Promise<bigint> {
  const filter = { _id: "sequence" };
  const state = await store.findOne({ collection: "outbox_state", filter, maxTimeMs: MAX_TIME_MS });
  const last = state?.["last"];
  return typeof last === "bigint" ? last : 0n;
}

/** Number of the entry up to which a sink has everything; undefined for one that never ran. */
export async function readCursor(store: Store, sink: string): Promise<bigint | undefined> {
  const found = await store.findOne({ collection: CURSORS, filter: { _id: sink }, maxTimeMs: MAX_TIME_MS });
  const seq = found?.["seq"];
  return typeof seq === "bigint" ? seq : undefined;
}

/** Where all sinks stand that ever ran. */
export async function readCursors(
  store: Store,
): Promise<{ readonly sink: string; readonly seq: bigint; readonly updatedAt: Date }[]> {
  const found = store.find({ collection: CURSORS, filter: {}, maxTimeMs: MAX_TIME_MS });
  const cursors = [];
  for await (const { _id, seq, updated_at } of found.documents()) {
    cursors.push({
      sink: String(_id),
      seq: typeof seq === "bigint" ? seq : 0n,
      updatedAt: updated_at instanceof Date ? updated_at : new Date(0),
    });
  }
  return cursors.sort((a, b) => (a.sink < b.sink ? -1 : 1));
}

export async function writeCursor(store: Store, sink: string, seq: bigint): Promise<void> {
  await store.replace(CURSORS, { _id: sink, seq, updated_at: new Date() }, { upsert: true });
}

/** Removes entries older than `before` that all of `cursors` have passed, some at a time; answers how many. */
export async function pruneOutbox(store: Store, before: Date, cursors: readonly bigint[]): Promise<number> {
  const STEP = 1000;
  let removed = 0;
  for (;;) {
    let through = 0n;
    const oldest = store.find({
      collection: OUTBOX,
      filter: {},
      sort: [["seq", 1]],
      limit: STEP,
      projection: { seq: 1, created_at: 1 },
      maxTimeMs: MAX_TIME_MS,
    });
    for await (const document of oldest.documents()) {
      const { seq, created_at } = document;
      const isOld = created_at instanceof Date && created_at < before;
      if (typeof seq !== "bigint" || !isOld || cursors.some((cursor) => cursor < seq)) break;
      through = seq;
    }
    if (through === 0n) return removed;
    removed += await store.removeOutbox(through, STEP);
  }
}

function itemOf(document: Document): OutboxItem {
  const { _id, seq, survey, candid, objectId, created_at, document: match } = document;
  return {
    id: String(_id),
    seq: typeof seq === "bigint" ? seq : 0n,
    survey: String(survey),
    candid: typeof candid === "bigint" ? candid : 0n,
    objectId: String(objectId),
    createdAt: created_at instanceof Date ? created_at : new Date(0),
    ...(isDocument(match) ? { match: match as unknown as Match } : {}),
  };
}
