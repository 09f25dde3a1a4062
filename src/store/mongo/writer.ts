/**
 * The way of alerts into MongoDB. A batch is one transaction where the deployment has them; on a standalone
 * server it is written in an order in which a repeated batch mends what a crash left half done: the alert
 * document, which tells that an alert is stored, comes after all that belongs to it, the position last.
 */
import type { Document as BsonDocument, ClientSession, Db } from "mongodb";
import type { AlertCollections } from "../alert-record.ts";
import { letterDocument } from "../dead-letter.ts";
import type { AlertBatch, AlertWriter, BatchResult, EncodedAlert, SourcePosition } from "../store.ts";
import { type Connection, connect, type MongoOptions } from "./client.ts";
import type { EncodedMongoAlert } from "./encoder.ts";
import { isDuplicateKey, isOnlyDuplicates, storeError } from "./errors.ts";
import { newHistory } from "./history.ts";
import { chunksOf, ensureOutbox, ensureSurvey, objectsOf } from "./layout.ts";
import { type NewEntries, newById, newEntries, writeOutbox } from "./outbox.ts";
import { bytesToDriver } from "./values.ts";

/** How often a batch is tried again because another host wrote the same objects meanwhile. */
const MOST_TRIES = 20;
const LONGEST_WAIT_MS = 500;

export interface MongoWriterOptions extends MongoOptions {
  /** Whether alerts of objects that had a match get an entry of their own when nothing passes them. */
  readonly followReported?: boolean;
}

/** Opens the writer. Throws `StoreError` when the deployment cannot be reached or used. */
export async function openMongoWriter(options: MongoWriterOptions): Promise<AlertWriter> {
  return new MongoWriter(await connect(options), options.followReported ?? false);
}

/** What a batch adds to one collection. */
interface Addition {
  readonly collection: string;
  readonly documents: readonly BsonDocument[];
}

interface Plan {
  /** In the order in which they must be written where there are no transactions. */
  readonly additions: readonly Addition[];
  readonly outbox: NewEntries;
  readonly result: BatchResult;
}

class MongoWriter implements AlertWriter {
  readonly #ready = new Set<string>();

  constructor(
    readonly connection: Connection,
    readonly followReported: boolean,
  ) {}

  async write(batch: AlertBatch): Promise<BatchResult> {
    try {
      const groups = bySurvey(batch.alerts);
      await this.#ensure("outbox", () => ensureOutbox(this.connection.db));
      for (const { collections } of groups) {
        await this.#ensure(collections.alerts, () => ensureSurvey(this.connection.db, collections));
      }
      return this.connection.hasTransactions
        ? await this.#writeInTransaction(batch, groups)
        : await this.#writeInOrder(batch, groups);
    } catch (error) {
      throw storeError(error);
    }
  }

  async position(source: string): Promise<SourcePosition | undefined> {
    try {
      const found = await this.connection.db.collection("sources").findOne({ _id: source as never });
      if (found === null) return undefined;
      const { position, done } = found;
      return { source, position: String(position), done: done === true };
    } catch (error) {
      throw storeError(error);
    }
  }

  async close(): Promise<void> {
    await this.connection.client.close();
  }

  async #ensure(name: string, make: () => Promise<void>): Promise<void> {
    if (this.#ready.has(name)) return;
    await make();
    this.#ready.add(name);
  }

  async #writeInTransaction(batch: AlertBatch, groups: readonly SurveyAlerts[]): Promise<BatchResult> {
    const { client } = this.connection;
    for (let tries = 1; ; tries++) {
      // Looked at before the transaction: a key that exists would end it.
      const plan = await this.#plan(batch, groups);
      const write = async (session: ClientSession) => {
        for (const addition of plan.additions) await this.#insert(addition, session);
        await this.#settle(batch, session);
        // Last, because writers wait for each other from the numbering of entries to the commit.
        await writeOutbox(this.connection.db, plan.outbox, session);
      };
      try {
        await client.withSession((session) =>
          session.withTransaction(() => write(session), { writeConcern: { w: "majority" } }),
        );
        return plan.result;
      } catch (error) {
        // Another host stored one of the same alerts or objects in the meantime: look again.
        if (!isDuplicateKey(error) || tries >= MOST_TRIES) throw error;
        await Bun.sleep(Math.random() * Math.min(LONGEST_WAIT_MS, 2 ** tries));
      }
    }
  }

  async #writeInOrder(batch: AlertBatch, groups: readonly SurveyAlerts[]): Promise<BatchResult> {
    const { additions, outbox, result } = await this.#plan(batch, groups);
    // Matches before alerts: an alert that is stored has been filtered.
    await writeOutbox(this.connection.db, outbox);
    for (const { collection, documents } of additions) {
      if (documents.length === 0) continue;
      try {
        await this.connection.db
          .collection(collection)
          .insertMany([...documents], { ordered: false, writeConcern: { w: 1, journal: true } });
      } catch (error) {
        if (!isOnlyDuplicates(error)) throw error;
      }
    }
    await this.#settle(batch);
    return result;
  }

  async #insert({ collection, documents }: Addition, session: ClientSession): Promise<void> {
    if (documents.length === 0) return;
    await this.connection.db.collection(collection).insertMany([...documents], { session, ordered: false });
  }

  /** What says that a batch is done: its letters are gone, its positions are told. */
  async #settle({ positions, settledLetters = [] }: AlertBatch, session?: ClientSession): Promise<void> {
    const { db } = this.connection;
    const options = session === undefined ? {} : { session };
    if (settledLetters.length > 0) {
      await db.collection("dead_letters").deleteMany({ _id: { $in: settledLetters as never[] } }, options);
    }
    for (const { source, position, done } of positions) {
      const document = { position, done, updated_at: new Date() };
      await db
        .collection("sources")
        .replaceOne({ _id: source as never }, document, { upsert: true, ...options });
    }
  }

  /** What is new of a batch. */
  async #plan(batch: AlertBatch, groups: readonly SurveyAlerts[]): Promise<Plan> {
    const { db } = this.connection;
    const additions: Addition[] = [];
    const stored: EncodedAlert[] = [];
    for (const { collections, alerts } of groups) {
      const fresh = await newAlerts(db, collections.alerts, alerts);
      stored.push(...fresh);
      additions.push(...(await surveyAdditions(db, collections, fresh)));
    }
    const letters = await newById(db, "dead_letters", batch.deadLetters.map(letterDocument));
    additions.push({ collection: "dead_letters", documents: letters });
    const outbox = await newEntries(db, batch, stored, this.followReported);
    const duplicates = batch.alerts.length - stored.length;
    return { additions, outbox, result: { stored: stored.length, duplicates, deadLetters: letters.length } };
  }
}

interface SurveyAlerts {
  readonly collections: AlertCollections;
  readonly alerts: readonly EncodedAlert[];
}

const rowsOf = (alert: EncodedAlert) => alert.rows as EncodedMongoAlert;

function bySurvey(alerts: readonly EncodedAlert[]): SurveyAlerts[] {
  const groups = Map.groupBy(alerts, (alert) => rowsOf(alert).collections.alerts);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ collections: rowsOf(first).collections, alerts: group }];
  });
}

/** The alerts that are not stored, each candid once. */
async function newAlerts(
  db: Db,
  collection: string,
  alerts: readonly EncodedAlert[],
): Promise<EncodedAlert[]> {
  const candids = alerts.map(({ candid }) => candid);
  const found = await db
    .collection(collection)
    .find({ candid: { $in: candids } }, { projection: { _id: 0, candid: 1 } })
    .toArray();
  const seen = new Set(found.map((document) => document["candid"]));
  return alerts.filter(({ candid }) => !seen.has(candid) && seen.add(candid));
}

async function surveyAdditions(
  db: Db,
  { alerts, aux, cutouts }: AlertCollections,
  fresh: readonly EncodedAlert[],
): Promise<Addition[]> {
  if (fresh.length === 0) return [];
  const { objects, chunks } = await newHistory(
    db,
    aux,
    fresh.map((alert) => {
      const { histories, crossMatches } = rowsOf(alert);
      return { ...alert, histories, crossMatches };
    }),
  );
  const stamps = fresh.flatMap((alert) => rowsOf(alert).cutouts ?? []).map(bytesToDriver);
  return [
    { collection: chunksOf(aux), documents: chunks },
    { collection: objectsOf(aux), documents: objects },
    { collection: cutouts, documents: stamps },
    { collection: alerts, documents: fresh.map((alert) => bytesToDriver(rowsOf(alert).document)) },
  ];
}
