/** What a data folder holds, read through the store, for tests that compare what ingest left behind. */
import type { Document } from "../../src/query/index.ts";
import { encodeDocument } from "../../src/store/embedded/encoding.ts";
import { openEmbeddedStore, type Store } from "../../src/store/index.ts";

/** Fields that tell when something was written: two runs differ in them. */
const TIMES = ["created_at", "updated_at"];
const COLLECTIONS = ["ZTF_alerts", "ZTF_alerts_aux", "ZTF_alerts_cutouts", "dead_letters"];

/** Opens the store for the time of `work`. */
export async function withStore<T>(dataDir: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openEmbeddedStore({ dataDir, readers: 1 });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** The documents of a collection. */
export function storedDocuments(
  dataDir: string,
  collection: string,
  filter: Document = {},
): Promise<Document[]> {
  return withStore(dataDir, (store) =>
    Array.fromAsync(store.find({ collection, filter, maxTimeMs: 60_000 }).documents()),
  );
}

/** How many documents each collection of alerts and the dead letters hold. */
export function storedCounts(dataDir: string): Promise<Record<string, number>> {
  return withStore(dataDir, async (store) => {
    const counts: Record<string, number> = {};
    for (const collection of COLLECTIONS) {
      counts[collection] = await store.count({ collection, filter: {}, maxTimeMs: 60_000 });
    }
    return counts;
  });
}

/** Every document by `collection/_id` as a hash of all its values and types. */
export function storedDigests(dataDir: string): Promise<Map<string, string>> {
  return withStore(dataDir, storeDigests);
}

/** The same of a store of any kind. */
export async function storeDigests(store: Store): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const collection of COLLECTIONS) {
    for await (const document of store.find({ collection, filter: {}, maxTimeMs: 600_000 }).documents()) {
      for (const field of TIMES) delete document[field];
      const key = `${collection}/${String(document["_id"])}`;
      if (digests.has(key)) throw new Error(`${key} is stored twice`);
      digests.set(key, Bun.hash(encodeDocument(document)).toString(16));
    }
  }
  return digests;
}

/** Every match by `_id` as a hash of all but its time and the name of the filter's version, which is random. */
export function storedMatches(dataDir: string): Promise<Map<string, string>> {
  return withStore(dataDir, storeMatches);
}

/** The same of a store of any kind. */
export async function storeMatches(store: Store): Promise<Map<string, string>> {
  const matches = new Map<string, string>();
  const request = { collection: "outbox", filter: { kind: "match" }, maxTimeMs: 600_000 };
  for await (const { _id, document, objectId, candid } of store.find(request).documents()) {
    const { passed_at: _time, fid: _fid, ...match } = document as Document;
    matches.set(String(_id), Bun.hash(encodeDocument({ candid, objectId, match })).toString(16));
  }
  return matches;
}

/** The keys whose documents differ between two folders, and those that only one has: empty when all is equal. */
export function differences(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  const keys = new Set([...a.keys(), ...b.keys()]);
  return [...keys].filter((key) => a.get(key) !== b.get(key)).sort();
}
