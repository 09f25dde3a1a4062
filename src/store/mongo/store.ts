/** The store on a MongoDB deployment, for queries and small documents. */
import { MongoBulkWriteError } from "mongodb";
import type { Document, Value } from "../../query/index.ts";
import { isHidden } from "../catalog.ts";
import type { ConesRequest } from "../cones.ts";
import type {
  AggregateExplanation,
  AggregateRequest,
  CollectionDescription,
  CountRequest,
  DocumentStream,
  FieldChange,
  FindExplanation,
  FindRequest,
  IndexDescription,
  Store,
} from "../store.ts";
import { aggregateCursor, explainAggregate } from "./aggregate.ts";
import { watchCollection } from "./changes.ts";
import { type Connection, connect, type MongoOptions, STANDALONE_LOSES } from "./client.ts";
import { searchCones } from "./cones.ts";
import { queryError, storeError, writeError } from "./errors.ts";
import { CursorStream, count, explain, FoundStream, isOnlyOfFinds } from "./find.ts";
import { chunksOf, createCollection, ensureIndexes, indexesOf, isBehindView, objectsOf } from "./layout.ts";
import { takeLease } from "./lease.ts";
import { WithinStream } from "./within.ts";

const PING_MS = 5000;

/** Opens the store. Throws `StoreError` when the deployment cannot be reached or used. */
export async function openMongoStore(options: MongoOptions): Promise<Store> {
  return new MongoStore(await connect(options));
}

class MongoStore implements Store {
  readonly kind = "mongo";
  readonly #watches = new Set<() => void>();

  constructor(readonly connection: Connection) {}

  get caution(): string | undefined {
    if (this.connection.hasTransactions) return undefined;
    return `MongoDB is a standalone server, as database.allow_standalone accepts: ${STANDALONE_LOSES}`;
  }

  find(request: FindRequest): DocumentStream {
    const { within } = request;
    if (within !== undefined) return new WithinStream(this.connection.db, { ...request, within });
    return new FoundStream(this.connection.db, request, () => this.#isView(request.collection));
  }

  async findOne(request: FindRequest): Promise<Document | undefined> {
    for await (const document of this.find({ ...request, limit: 1 }).documents()) return document;
    return undefined;
  }

  async explainFind(request: FindRequest): Promise<FindExplanation> {
    const { projection, ...whole } = request;
    const here = projection !== undefined && isOnlyOfFinds(projection);
    const asked = here && (await this.#isView(request.collection)) ? whole : request;
    return explain(this.connection.db, asked);
  }

  cones(request: ConesRequest): AsyncIterable<string> {
    return searchCones(this.connection.db, request);
  }

  count(request: CountRequest): Promise<number> {
    return count(this.connection.db, request);
  }

  aggregate(request: AggregateRequest): DocumentStream {
    return new CursorStream(() => aggregateCursor(this.connection.db, request, true));
  }

  explainAggregate(request: AggregateRequest): Promise<AggregateExplanation> {
    return explainAggregate(this.connection.db, request);
  }

  async estimatedCount(collection: string): Promise<number> {
    try {
      const behind = await this.#behind(collection);
      return await this.connection.db.collection(behind[0] ?? collection).estimatedDocumentCount();
    } catch (error) {
      throw queryError(error);
    }
  }

  async collectionNames(): Promise<string[]> {
    const found = await this.#listed({});
    return found
      .map(({ name }) => name)
      .filter((name) => !isBehindView(name) && !isHidden(name) && !name.startsWith("system."));
  }

  async describeCollection(name: string): Promise<CollectionDescription | undefined> {
    const [known] = await this.#listed({ name });
    if (known === undefined) return undefined;
    const { db } = this.connection;
    const behind = await this.#behind(name);
    const parts = behind.length > 0 ? behind : [name];
    try {
      const sizes = await Promise.all(parts.map((part) => this.#stats(part)));
      const [documents = 0] = sizes.map((size) => size.count);
      const first = parts[0] ?? name;
      const indexes = await indexesOf(db, first);
      return {
        name,
        documents,
        bytes: sizes.reduce((sum, size) => sum + size.bytes, 0),
        indexes,
      };
    } catch (error) {
      throw queryError(error);
    }
  }

  async describeDatabase(): Promise<{ collections: number; documents: number; bytes: number }> {
    try {
      const stats = await this.connection.db.stats();
      const bytes = Number(stats["storageSize"]) + Number(stats["indexSize"]);
      const { length: collections } = await this.collectionNames();
      return { collections, documents: Number(stats["objects"]), bytes };
    } catch (error) {
      throw storeError(error);
    }
  }

  async deployment(): Promise<string> {
    const where = await this.#servers();
    const others = (await this.#listed({}))
      .filter(({ name, type }) => name.endsWith("_alerts_aux") && type !== "view")
      .map(({ name }) => name);
    if (others.length === 0) return where;
    return `${where}, ${others.join(" and ")} filled by another system: no alerts can be added`;
  }

  async #servers(): Promise<string> {
    const { client, db } = this.connection;
    try {
      const hello = await client.db("admin").command({ hello: 1 });
      if (typeof hello["setName"] === "string") return `replica set ${hello["setName"]}, nothing is sharded`;
      if (hello["msg"] !== "isdbgrid") return `standalone server (${STANDALONE_LOSES})`;
      const prefix = `${db.databaseName}.`;
      const sharded = await client
        .db("config")
        .collection<{ _id: string; key: object }>("collections")
        .find()
        .toArray();
      const own = sharded.filter(({ _id }) => _id.startsWith(prefix));
      const list = own.map(({ _id, key }) => `${_id.slice(prefix.length)} by ${Object.keys(key).join(", ")}`);
      return `sharded cluster, ${list.length === 0 ? "nothing is sharded" : `sharded: ${list.join("; ")}`}`;
    } catch (error) {
      throw storeError(error);
    }
  }

  async insert(collection: string, documents: readonly Document[]): Promise<void> {
    const { client, db, hasTransactions } = this.connection;
    try {
      if (documents.length === 1) await db.collection(collection).insertMany([...documents] as never[]);
      else if (!hasTransactions) await this.#insertOrUndo(collection, documents);
      else {
        await client.withSession((session) =>
          session.withTransaction(() =>
            db.collection(collection).insertMany([...documents] as never[], { session }),
          ),
        );
      }
    } catch (error) {
      throw writeError(error, collection);
    }
  }

  /** Inserts in order; when one fails, those before it are taken out again. */
  async #insertOrUndo(collection: string, documents: readonly Document[]): Promise<void> {
    const target = this.connection.db.collection(collection);
    try {
      await target.insertMany([...documents] as never[], { ordered: true });
    } catch (error) {
      const inserted = error instanceof MongoBulkWriteError ? error.insertedCount : 0;
      const ids = documents.slice(0, inserted).map(({ _id }) => _id);
      await target.deleteMany({ _id: { $in: ids } } as never);
      throw error;
    }
  }

  async replace(collection: string, document: Document, { upsert = false } = {}): Promise<boolean> {
    try {
      const { matchedCount, upsertedCount } = await this.connection.db
        .collection(collection)
        .replaceOne({ _id: document["_id"] as never }, document, { upsert });
      return matchedCount + upsertedCount > 0;
    } catch (error) {
      throw writeError(error, collection);
    }
  }

  async setFields(collection: string, changes: readonly FieldChange[]): Promise<number> {
    if (changes.length === 0) return 0;
    const updates = changes.map(({ id, fields }) => ({
      updateOne: { filter: { _id: id as never }, update: { $set: Object.fromEntries(fields) } },
    }));
    try {
      const target = this.connection.db.collection(collection);
      return (await target.bulkWrite(updates as never[], { ordered: false })).matchedCount;
    } catch (error) {
      throw writeError(error, collection);
    }
  }

  async remove(collection: string, id: Value): Promise<boolean> {
    try {
      const { deletedCount } = await this.connection.db
        .collection(collection)
        .deleteOne({ _id: id as never });
      return deletedCount > 0;
    } catch (error) {
      throw storeError(error);
    }
  }

  async drop(collection: string): Promise<boolean> {
    try {
      const [known] = await this.#listed({ name: collection });
      if (known === undefined) return false;
      for (const part of await this.#behind(collection)) await this.connection.db.dropCollection(part);
      return await this.connection.db.dropCollection(collection);
    } catch (error) {
      throw storeError(error);
    }
  }

  async ensureIndexes(collection: string, indexes: readonly IndexDescription[]): Promise<void> {
    const { db } = this.connection;
    try {
      await createCollection(db, collection, {});
      const known = new Set((await indexesOf(db, collection)).map(({ name }) => name));
      const missing = indexes.filter(({ name }) => !known.has(name));
      await ensureIndexes(db, collection, missing);
    } catch (error) {
      throw storeError(error);
    }
  }

  async removeOutbox(through: bigint, limit: number): Promise<number> {
    try {
      const outbox = this.connection.db.collection("outbox");
      const oldest = outbox.find(
        { seq: { $lte: through } },
        { projection: { _id: 1 }, sort: { seq: 1 }, limit },
      );
      const ids = (await oldest.toArray()).map(({ _id }) => _id);
      return (await outbox.deleteMany({ _id: { $in: ids } })).deletedCount;
    } catch (error) {
      throw storeError(error);
    }
  }

  async lease(name: string, holder: string, ttlMs: number): Promise<boolean> {
    try {
      return await takeLease(this.connection.db, name, holder, ttlMs);
    } catch (error) {
      throw storeError(error);
    }
  }

  async ping(): Promise<void> {
    try {
      await this.connection.db.command({ ping: 1, maxTimeMS: PING_MS });
    } catch (error) {
      throw storeError(error);
    }
  }

  onChange(collection: string, callback: () => void): () => void {
    const stop = watchCollection(this.connection, collection, callback);
    this.#watches.add(stop);
    return () => {
      this.#watches.delete(stop);
      stop();
    };
  }

  async close(): Promise<void> {
    for (const stop of this.#watches) stop();
    this.#watches.clear();
    await this.connection.client.close();
  }

  async #listed(filter: Document): Promise<{ name: string; type?: string }[]> {
    try {
      return await this.connection.db.listCollections(filter, { nameOnly: true }).toArray();
    } catch (error) {
      throw storeError(error);
    }
  }

  async #isView(name: string): Promise<boolean> {
    const [known] = await this.#listed({ name });
    return known?.type === "view";
  }

  /** The collections behind a view of ours, objects first; none for a collection. */
  async #behind(name: string): Promise<string[]> {
    return (await this.#isView(name)) ? [objectsOf(name), chunksOf(name)] : [];
  }

  async #stats(name: string): Promise<{ count: number; bytes: number }> {
    const [found] = await this.connection.db
      .collection(name)
      .aggregate([{ $collStats: { storageStats: {} } }])
      .toArray();
    const stats = found === undefined ? {} : (found["storageStats"] as Document);
    const number = (field: string) => Number(stats[field] ?? 0);
    return { count: number("count"), bytes: number("storageSize") + number("totalIndexSize") };
  }
}
