/** Reads alerts and records of objects for filters from MongoDB. */
import type { Document } from "../../query/index.ts";
import type { AlertCollections } from "../alert-record.ts";
import { positionOf } from "../catalog-reader.ts";
import { GrowingRecord, type RankedRow, type StoredObject } from "../object-record.ts";
import type {
  AlertReader,
  AlertSelection,
  FindRequest,
  ObjectPage,
  ObjectPlace,
  ObjectRecord,
} from "../store.ts";
import { MongoCatalogReader } from "./catalog-reader.ts";
import { type Connection, connect, type MongoOptions } from "./client.ts";
import { queryError, storeError } from "./errors.ts";
import { count, findCursor } from "./find.ts";
import { Chunk } from "./history.ts";
import { chunksOf, isFilledByOthers, objectsOf } from "./layout.ts";
import { documentOf } from "./values.ts";
import { wholeObject } from "./whole-object.ts";

/** Alerts in one piece of a replay. */
const PIECE = 300;
/** A replay has the limits of whoever asked for it. */
const NO_LIMIT_MS = 24 * 3_600_000;
/** Small collections are looked at for changes at most this often, milliseconds. */
const MARK_MS = 1000;

/** Opens a reader. Throws `StoreError` when the deployment cannot be reached or used. */
export async function openMongoReader(options: MongoOptions): Promise<AlertReader> {
  return new MongoReader(await connect(options));
}

class MongoReader implements AlertReader {
  readonly #marks = new Map<string, { readonly mark: string; readonly at: number }>();
  /** By name of the aux collection: whether another system filled it. */
  readonly #byOthers = new Map<string, boolean>();
  readonly catalogs: MongoCatalogReader;

  constructor(readonly connection: Connection) {
    this.catalogs = new MongoCatalogReader(connection.db);
  }

  async storedCandids(
    collections: AlertCollections,
    candids: readonly bigint[],
  ): Promise<ReadonlySet<bigint>> {
    const filter = { candid: { $in: [...candids] } };
    const found = await this.#all({
      collection: collections.alerts,
      filter,
      projection: { _id: 0, candid: 1 },
    });
    return new Set(found.flatMap(({ candid }) => (typeof candid === "bigint" ? [candid] : [])));
  }

  async storedObjects({ aux }: AlertCollections, objectIds: Iterable<string>): Promise<ReadonlySet<string>> {
    const filter = { _id: { $in: [...objectIds] } };
    const collection = await this.#objects(aux);
    const found = await this.#all({ collection, filter, projection: { _id: 1 } });
    return new Set(found.map(({ _id }) => String(_id)));
  }

  async objects({ alerts, aux }: AlertCollections, { after, limit }: ObjectPage): Promise<ObjectPlace[]> {
    const filter = after === undefined ? {} : { _id: { $gt: after } };
    const sort = [["_id", 1]] as const;
    const found = await this.#all({
      collection: await this.#objects(aux),
      filter,
      sort,
      limit,
      projection: { _id: 1 },
    });
    const ids = found.map(({ _id }) => String(_id));
    const places = await this.#firstPlaces(alerts, ids);
    return ids.map((objectId) => ({ objectId, position: places.get(objectId) }));
  }

  /** Where the first alerts of objects are. */
  async #firstPlaces(alerts: string, ids: readonly string[]): Promise<Map<string, ObjectPlace["position"]>> {
    const stages = [
      { $match: { objectId: { $in: [...ids] } } },
      { $sort: { candid: 1 } },
      { $group: { _id: "$objectId", coordinates: { $first: "$coordinates" } } },
    ];
    try {
      const first = await this.connection.db.collection(alerts).aggregate(stages, { raw: true }).toArray();
      const documents = first.map((bytes) => documentOf(bytes as unknown as Uint8Array));
      return new Map(documents.map((document) => [String(document["_id"]), positionOf(document)]));
    } catch (error) {
      throw storeError(error);
    }
  }

  async records(
    { aux }: AlertCollections,
    objectIds: Iterable<string>,
  ): Promise<ReadonlyMap<string, ObjectRecord>> {
    const ids = [...objectIds];
    const records = new Map<string, ObjectRecord>();
    for (const id of ids) records.set(id, new GrowingRecord(undefined));
    if (await this.#isFilledByOthers(aux)) {
      for await (const object of this.#stream({ collection: aux, filter: { _id: { $in: ids } } })) {
        records.set(String(object["_id"]), new GrowingRecord(wholeObject(object)));
      }
      return records;
    }
    const [objects, chunks] = await Promise.all([
      this.#all({ collection: objectsOf(aux), filter: { _id: { $in: ids } } }),
      this.#chunks(aux, ids),
    ]);
    for (const object of objects) {
      const id = String(object["_id"]);
      records.set(id, new GrowingRecord(storedObject(object, chunks.get(id) ?? [])));
    }
    return records;
  }

  /** The filter is a user's: what is wrong with it is a `QueryError`. */
  async *alerts({
    collections,
    filter,
    newest,
    without = [],
  }: AlertSelection): AsyncGenerator<readonly Document[]> {
    const isByOthers = without.length > 0 && (await this.#isFilledByOthers(collections.aux));
    const projection = Object.fromEntries(without.map((field) => [field, 0]));
    const request = { collection: collections.alerts, filter, ...(isByOthers ? { projection } : {}) };
    if (newest !== undefined) {
      const latest = { ...request, sort: [["candidate.jd", -1]], limit: newest } as const;
      const found = await Array.fromAsync(this.#stream(latest, queryError));
      found.reverse();
      while (found.length > 0) yield found.splice(0, PIECE);
      return;
    }
    let piece: Document[] = [];
    for await (const document of this.#stream({ ...request, sort: [["candidate.jd", 1]] }, queryError)) {
      piece.push(document);
      if (piece.length < PIECE) continue;
      yield piece;
      piece = [];
    }
    if (piece.length > 0) yield piece;
  }

  count({ collections, filter, newest }: AlertSelection): Promise<number> {
    const limit = newest === undefined ? {} : { limit: newest };
    return count(this.connection.db, {
      collection: collections.alerts,
      filter,
      maxTimeMs: NO_LIMIT_MS,
      ...limit,
    });
  }

  documents(collection: string): Promise<Document[]> {
    return this.#all({ collection, filter: {}, sort: [["_id", 1]] });
  }

  async changeMark(collection: string): Promise<string> {
    const known = this.#marks.get(collection);
    const now = performance.now();
    if (known !== undefined && now - known.at < MARK_MS) return known.mark;
    // The collection is small: its documents tell best whether they changed.
    const hash = new Bun.CryptoHasher("sha1");
    const request = { collection, filter: {}, sort: [["_id", 1]] as const, maxTimeMs: NO_LIMIT_MS };
    try {
      for await (const bytes of findCursor(this.connection.db, request, true))
        hash.update(bytes as Uint8Array);
    } catch (error) {
      throw storeError(error);
    }
    const mark = hash.digest("hex");
    this.#marks.set(collection, { mark, at: now });
    return mark;
  }

  close(): void {
    void this.connection.client.close();
  }

  /** Asked once: what a collection is does not change while somebody reads it. */
  async #isFilledByOthers(aux: string): Promise<boolean> {
    const known = this.#byOthers.get(aux);
    if (known !== undefined) return known;
    try {
      const answer = await isFilledByOthers(this.connection.db, aux);
      this.#byOthers.set(aux, answer);
      return answer;
    } catch (error) {
      throw storeError(error);
    }
  }

  /** The collection with one document for each object. */
  async #objects(aux: string): Promise<string> {
    return (await this.#isFilledByOthers(aux)) ? aux : objectsOf(aux);
  }

  /** The chunks of objects in the order in which they were written. */
  async #chunks(aux: string, ids: readonly string[]): Promise<Map<string, Chunk[]>> {
    const request = { collection: chunksOf(aux), filter: { objectId: { $in: [...ids] } } };
    const chunks = new Map<string, Chunk[]>();
    for await (const bytes of this.#raw({ ...request, sort: [["sequence", 1]] })) {
      const chunk = new Chunk(bytes);
      const known = chunks.get(chunk.objectId);
      if (known === undefined) chunks.set(chunk.objectId, [chunk]);
      else known.push(chunk);
    }
    return chunks;
  }

  #all(request: Omit<FindRequest, "maxTimeMs">): Promise<Document[]> {
    return Array.fromAsync(this.#stream(request));
  }

  async *#stream(request: Omit<FindRequest, "maxTimeMs">, toError = storeError): AsyncGenerator<Document> {
    for await (const bytes of this.#raw(request, toError)) yield documentOf(bytes);
  }

  /** Our own reads are never wrong: whatever a server says to them is trouble of the server, which passes. */
  async *#raw(request: Omit<FindRequest, "maxTimeMs">, toError = storeError): AsyncGenerator<Uint8Array> {
    try {
      const cursor = findCursor(this.connection.db, { ...request, maxTimeMs: NO_LIMIT_MS }, true);
      for await (const bytes of cursor) yield bytes as unknown as Uint8Array;
    } catch (error) {
      throw toError(error);
    }
  }
}

function storedObject(object: Document, chunks: readonly Chunk[]): StoredObject {
  return {
    kept: Array.isArray(object["kept"]) ? object["kept"].map(String) : [],
    crossMatches: () => (object["cross_matches"] ?? {}) as Document,
    rows(field) {
      const rows = new Map<bigint, RankedRow>();
      for (const chunk of chunks) {
        if (chunk.field !== field) continue;
        const { rank } = chunk;
        chunk.rows((signed, jd, at) => {
          const key = BigInt.asUintN(64, signed);
          const known = rows.get(key);
          if (known === undefined || rank < known.rank) rows.set(key, { row: chunk.row(at), jd, rank });
        });
      }
      return rows;
    },
  };
}
