/** What is known of the catalogues of a store: those that were loaded, with where they came from. */
import type { Document } from "../query/index.ts";
import { CATALOGS, type CollectionDescription, type Store } from "../store/index.ts";

const MAX_TIME_MS = 60_000;
/** Documents whose fields are told. */
const EXAMPLES = 20;

/**
 * The descriptions of all loaded catalogues that are there, by name: `_id`, `files`, `rows`, `bad_rows`, `options`,
 * `loaded_at`.
 */
export async function listCatalogs(store: Store): Promise<Document[]> {
  const request = { collection: CATALOGS, filter: {}, sort: [["_id", 1]], maxTimeMs: MAX_TIME_MS } as const;
  const [described, names] = await Promise.all([
    Array.fromAsync(store.find(request).documents()),
    store.collectionNames(),
  ]);
  // A query may have dropped the collection alone.
  const there = new Set(names);
  return described.filter(({ _id }) => there.has(String(_id)));
}

export interface CatalogDescription extends CollectionDescription {
  /** Of its load; undefined for a collection that was filled otherwise. */
  readonly loaded: Document | undefined;
  /** Names of the fields of some of its documents. */
  readonly fields: readonly string[];
}

/** A catalogue, or another collection, with the fields of documents that pass `filter`; undefined when there is none of this name. */
export async function describeCatalog(
  store: Store,
  name: string,
  filter: Document = {},
): Promise<CatalogDescription | undefined> {
  const collection = await store.describeCollection(name);
  if (collection === undefined) return undefined;
  const loaded = await store.findOne({ collection: CATALOGS, filter: { _id: name }, maxTimeMs: MAX_TIME_MS });
  const fields = new Set<string>();
  const request = { collection: name, filter, limit: EXAMPLES, maxTimeMs: MAX_TIME_MS };
  for await (const document of store.find(request).documents()) {
    for (const field of Object.keys(document)) fields.add(field);
  }
  return { ...collection, loaded, fields: [...fields] };
}
