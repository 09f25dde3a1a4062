/** Runs cases on a real server. */
import { type Collection, type Db, MongoClient, MongoError, type Document as WireDocument } from "mongodb";
import { type Document, isDocument, setField, type Value } from "../../../src/query/index.ts";
import { STAGES } from "../../../src/query/stages/index.ts";
import { testDatabaseName } from "../../support/mongod.ts";
import type { AggregateQuery, Case, Outcome, Query } from "./cases.ts";
import { documentsFromWire, KEEP_TYPES } from "./wire.ts";

/** A server with databases of its own, which are dropped at the end. */
export class OracleServer implements AsyncDisposable {
  readonly #client: MongoClient;
  readonly #name = testDatabaseName();
  #slots = 0;

  constructor(url: string, connections: number) {
    this.#client = new MongoClient(url, { maxPoolSize: connections, ...KEEP_TYPES });
  }

  /**
   * The version. Has the server use its classic engine, which all versions share: the other, which 6.0 tries
   * first, gives other answers in corners.
   */
  async prepare(): Promise<string> {
    const admin = this.#client.db("admin");
    await admin.command({ setParameter: 1, internalQueryForceClassicEngine: true }).catch(() => undefined);
    const info = await admin.command({ buildInfo: 1 });
    return String(info["version"]);
  }

  /** A place for the documents of one batch at a time. */
  async slot(): Promise<Slot> {
    const db = this.#client.db(this.#name);
    const slot = new Slot(db, `documents${this.#slots++}`);
    await slot.create();
    return slot;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.db(this.#name).dropDatabase();
    await this.#client.close();
  }
}

/** Two collections whose documents are replaced from batch to batch, which is faster than new collections. */
export class Slot {
  readonly #documents: Collection;
  readonly #other: Collection;
  /** Its positions are indexed, so that it takes no others. */
  readonly #places: Collection;
  /** The one that was filled last. */
  #filled: Collection;

  constructor(
    readonly db: Db,
    readonly name: string,
  ) {
    this.#documents = db.collection(name);
    this.#other = db.collection(`${name}_other`);
    this.#places = db.collection(`${name}_places`);
    this.#filled = this.#documents;
  }

  async create(): Promise<void> {
    await this.db.createCollection(this.#documents.collectionName);
    await this.db.createCollection(this.#other.collectionName);
    await this.#places.createIndex({ "o.p": "2dsphere" });
    await this.#places.createIndex({ q: "2d" });
  }

  async fill({ documents, other, indexed }: Omit<Case, "query">): Promise<void> {
    this.#filled = indexed === true ? this.#places : this.#documents;
    for (const [collection, contents] of [
      [this.#filled, documents],
      [this.#other, other],
    ] as const) {
      await collection.deleteMany({});
      if (contents.length > 0) await collection.insertMany(contents.map((document) => ({ ...document })));
    }
  }

  /**
   * The server's answer over the documents that were filled in. `asWritten` keeps it from moving stages, which
   * decides whether a document that one stage fails on and another drops makes an error.
   */
  async run(query: Query, asWritten = false): Promise<Outcome> {
    try {
      const command = this.#command(query, asWritten);
      const answer = await this.db.command(command, KEEP_TYPES);
      const { firstBatch, id } = answer["cursor"];
      if (String(id) === "0") return { documents: documentsFromWire(firstBatch) };
      // An error may lie behind the first documents.
      return { documents: documentsFromWire(await this.db.runCursorCommand(command, KEEP_TYPES).toArray()) };
    } catch (error) {
      if (!(error instanceof MongoError)) throw error;
      return { error: `${error.code}: ${error.message}`, refused: false };
    }
  }

  /** The answer to a pipeline whose stages run one by one, each on what the one before it answered. */
  async runInSteps({ pipeline, ...query }: AggregateQuery, contents: Omit<Case, "query">): Promise<Outcome> {
    let outcome: Outcome | undefined;
    for (const stage of pipeline) {
      const stages = outcome === undefined ? [stage] : [{ $replaceWith: "$document" }, stage];
      outcome = await this.run({ ...query, pipeline: stages });
      if ("error" in outcome) break;
      const documents = outcome.documents.map((document, _id) => ({ _id, document }));
      await this.fill({ documents, other: contents.other });
    }
    await this.fill(contents);
    return outcome ?? { documents: [] };
  }

  #command(query: Query, asWritten: boolean): WireDocument {
    const collection = this.#filled.collectionName;
    if (query.kind === "find") {
      const { kind: _, anyOrder: _order, ...rest } = query;
      return { find: collection, ...rest, ...this.#hint, batchSize: 10_000, singleBatch: true };
    }
    const stages = withOther(query.pipeline, this.#other.collectionName);
    const pipeline = asWritten ? withBarriers(stages) : stages;
    return { aggregate: collection, pipeline, ...this.#hint, cursor: { batchSize: 10_000 } };
  }

  /** Without an index the documents come in their order. */
  get #hint(): WireDocument {
    return this.#filled === this.#places ? {} : { hint: { $natural: 1 } };
  }
}

/** A pipeline with the name of a collection where it reads `other`. */
export function withOther(value: unknown, collection: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withOther(item, collection));
  if (!isDocument(value)) return value;
  const named: Document = {};
  for (const [name, below] of Object.entries(value)) {
    const names = below === "other" && ["from", "coll", "$unionWith"].includes(name);
    setField(named, name, (names ? collection : withOther(below, collection)) as Value);
  }
  return named;
}

/** Puts a stage between all stages, nested ones too, past which the server moves nothing. */
export function withBarriers(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(withBarriers);
    if (!isPipeline(items)) return items;
    const barrier = { $_internalInhibitOptimization: {} };
    const apart = items.flatMap((item) => [item, barrier]);
    // A projection that comes first would be computed for more documents than are asked for.
    return FIRST_ONLY.has(Object.keys(items[0] ?? {})[0] ?? "") ? apart : [barrier, ...apart];
  }
  if (!isDocument(value)) return value;
  const out: Document = {};
  for (const [name, below] of Object.entries(value)) setField(out, name, withBarriers(below) as Value);
  return out;
}

/** Stages that must or had better come first: they use indexes. */
const FIRST_ONLY = new Set(["$geoNear", "$match", "$documents"]);

/** Whether these are the stages of a pipeline. */
export function isPipeline(values: readonly unknown[]): values is Document[] {
  return values.length > 0 && values.every(isStage);
}

function isStage(value: unknown): boolean {
  return isDocument(value) && STAGES.has(Object.keys(value)[0] ?? "");
}
