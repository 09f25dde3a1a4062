/** Bulk writes of catalogues into MongoDB. */
import type { Document as BsonDocument } from "mongodb";
import type { Document } from "../../query/index.ts";
import {
  type BegunLoad,
  CATALOG_LOADS,
  CATALOGS,
  type CatalogEncoder,
  type CatalogLoad,
  type CatalogWriter,
  type EncodedRows,
  type EnsuredIndex,
  stagingName,
} from "../catalog.ts";
import { ID_INDEX, indexOfKeys, underFreeName } from "../indexes.ts";
import { type IndexDescription, StoreError } from "../store.ts";
import { type Connection, connect, type MongoOptions } from "./client.ts";
import { storeError } from "./errors.ts";
import { indexesOf } from "./layout.ts";
import { holdLease } from "./lease.ts";
import { insertRaw, RawDocuments } from "./raw-insert.ts";
import { documentOf, toBytes, toDriver } from "./values.ts";

const NAMESPACE_NOT_FOUND = 26;
/** Acknowledged means kept: by most members, in their journals. */
const DURABLE = { writeConcern: { w: "majority", j: true } } as const;

/** An encoder of rows: BSON of each. */
export function mongoCatalogEncoder(): CatalogEncoder {
  return {
    encode: (documents) => ({ count: documents.length, rows: documents.map(toBytes) }),
  };
}

/** Opens the writer. Throws `StoreError` when the deployment cannot be reached or used. */
export async function openMongoCatalogWriter(options: MongoOptions): Promise<CatalogWriter> {
  return new MongoCatalogWriter(await connect(options));
}

interface Target {
  readonly load: CatalogLoad;
  /** The collection that is written. */
  readonly name: string;
}

class MongoCatalogWriter implements CatalogWriter {
  #target: Target | undefined;
  #release = async () => {};

  constructor(readonly connection: Connection) {}

  async begin(load: CatalogLoad): Promise<BegunLoad> {
    const { collection, mode, fingerprint } = load;
    return this.#try(async () => {
      await this.#lock(collection);
      const loads = this.connection.db.collection<BsonDocument>(CATALOG_LOADS);
      const known = await this.#document(CATALOG_LOADS, collection);
      const appends = mode === "append" && (await this.#exists(collection));
      const name = appends ? collection : stagingName(collection);
      // Interrupted between taking its name and being described, a load has no rows here to go on behind.
      const isThere = await this.#exists(name);
      const goesOn = isThere && known?.["fingerprint"] === fingerprint && known["mode"] === mode;
      if (!goesOn) {
        await this.#dropOne(stagingName(collection));
        await loads.replaceOne(
          { _id: collection as never },
          { mode, fingerprint },
          { upsert: true, ...DURABLE },
        );
      }
      this.#target = { load, name };
      if (appends) for (const index of load.indexes) await this.ensureIndex(collection, index);
      const indexes = appends ? await indexesOf(this.connection.db, collection) : load.indexes;
      const progress = goesOn ? (known["progress"] as Document | undefined) : undefined;
      return { progress, indexes: [ID_INDEX, ...indexes.filter((index) => index.name !== ID_INDEX.name)] };
    });
  }

  async write(encoded: EncodedRows, progressOf: (written: number) => Document): Promise<number> {
    const { load, name } = this.#begun();
    const { db } = this.connection;
    return this.#try(async () => {
      const written = await this.#insert(name, encoded.rows as readonly Uint8Array[]);
      const { collection, mode, fingerprint } = load;
      const state = toDriver({ mode, fingerprint, progress: progressOf(written) });
      await db
        .collection(CATALOG_LOADS)
        .replaceOne({ _id: collection as never }, state, { upsert: true, ...DURABLE });
      return written;
    });
  }

  /** Inserts what is not there; a load that goes on meets some of its own rows. */
  async #insert(name: string, rows: readonly Uint8Array[]): Promise<number> {
    const documents = new RawDocuments();
    for (const row of rows) documents.add(row);
    return insertRaw(this.connection.db, name, documents, DURABLE);
  }

  description(collection: string): Promise<Document | undefined> {
    return this.#try(() => this.#document(CATALOGS, collection));
  }

  async #document(collection: string, id: string): Promise<Document | undefined> {
    const raw = await this.connection.db
      .collection(collection)
      .findOne({ _id: id as never }, { raw: true, promoteValues: true });
    return raw === null ? undefined : documentOf(raw as unknown as Uint8Array);
  }

  async finish(description: Document): Promise<void> {
    const { load, name } = this.#begun();
    const { collection, indexes } = load;
    const { db } = this.connection;
    await this.#try(async () => {
      if (name !== collection) {
        if (!(await this.#exists(name))) await db.createCollection(name);
        for (const index of indexes) await this.ensureIndex(name, index);
        await db.renameCollection(name, collection, { dropTarget: true });
      }
      const described = toDriver({ ...description, _id: collection });
      await db
        .collection(CATALOGS)
        .replaceOne({ _id: collection as never }, described, { upsert: true, ...DURABLE });
      await db.collection<BsonDocument>(CATALOG_LOADS).deleteOne({ _id: collection as never });
    });
    this.#target = undefined;
  }

  async abandon(): Promise<void> {
    const { collection } = this.#begun().load;
    this.#target = undefined;
    await this.#try(async () => {
      await this.#forget(CATALOG_LOADS, collection);
      await this.#dropOne(stagingName(collection));
    });
  }

  async drop(collection: string): Promise<boolean> {
    return this.#try(async () => {
      await this.#lock(collection);
      await this.#forget(CATALOGS, collection);
      const begun = await this.#forget(CATALOG_LOADS, collection);
      await this.#dropOne(stagingName(collection));
      return (await this.#dropOne(collection)) || begun;
    });
  }

  async ensureIndex(collection: string, wanted: IndexDescription): Promise<EnsuredIndex> {
    return this.#try(async () => {
      if (!(await this.#exists(collection))) return { name: wanted.name, made: false };
      const known = await indexesOf(this.connection.db, collection);
      const same = indexOfKeys(wanted, known);
      if (same !== undefined) return { name: same.name, made: false };
      const { name, keys, unique } = underFreeName(wanted, known);
      await this.connection.db.collection(collection).createIndex(new Map(keys), { name, unique });
      return { name, made: true };
    });
  }

  /** Only one process at a time loads or drops a catalogue. */
  async #lock(collection: string): Promise<void> {
    await this.#release();
    const refusal = `another process is loading ${collection}: try again when it is done`;
    this.#release = await holdLease(this.connection.db, `catalog ${collection}`, refusal);
  }

  async close(): Promise<void> {
    // A lease that cannot be given back runs out.
    await this.#release().catch(() => {});
    await this.connection.client.close();
  }

  #begun(): Target {
    if (this.#target === undefined) throw new StoreError("no load was begun");
    return this.#target;
  }

  async #exists(name: string): Promise<boolean> {
    return (await this.connection.db.listCollections({ name }, { nameOnly: true }).toArray()).length > 0;
  }

  async #forget(collection: string, id: string): Promise<boolean> {
    const { deletedCount } = await this.connection.db
      .collection(collection)
      .deleteOne({ _id: id as never }, DURABLE);
    return deletedCount > 0;
  }

  async #dropOne(name: string): Promise<boolean> {
    try {
      if (!(await this.#exists(name))) return false;
      return await this.connection.db.dropCollection(name);
    } catch (error) {
      if ((error as { code?: unknown }).code === NAMESPACE_NOT_FOUND) return false;
      throw error;
    }
  }

  async #try<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw storeError(error);
    }
  }
}
