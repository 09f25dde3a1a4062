/**
 * The way of alerts into MongoDB. A batch is one transaction where the deployment has them; on a standalone
 * server it is written in an order in which a repeated batch mends what a crash left half done: the alert
 * document, which tells that an alert is stored, comes after all that belongs to it, the position last.
 */
import type { ClientSession, Db } from "mongodb";
import type { AlertCollections } from "../alert-record.ts";
import { letterDocument } from "../dead-letter.ts";
import type { AlertBatch, AlertWriter, BatchResult, EncodedAlert, SourcePosition } from "../store.ts";
import { type Connection, connect, type MongoOptions } from "./client.ts";
import type { EncodedMongoAlert } from "./encoder.ts";
import { isDuplicateKey, storeError } from "./errors.ts";
import { newHistory, storedHistory } from "./history.ts";
import { chunksOf, ensureOutbox, ensureSurvey, objectsOf } from "./layout.ts";
import { type NewEntries, newEntries, storedEntries, storedIds, writeOutbox } from "./outbox.ts";
import { insertRaw, RawDocuments } from "./raw-insert.ts";
import { rematchObjects } from "./rematch.ts";
import { toBytes } from "./values.ts";

/** How often a batch is tried again because another host wrote the same objects meanwhile. */
const MOST_TRIES = 20;
const LONGEST_WAIT_MS = 500;
/** How a single server writes. */
const JOURNALED = { w: 1, j: true } as const;

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
  readonly documents: RawDocuments;
}

interface Plan {
  /** In the order in which they must be written where there are no transactions. */
  readonly additions: readonly Addition[];
  readonly outbox: NewEntries;
  readonly result: BatchResult;
}

/** Lets one in at a time, in the order in which they ask. */
class Turnstile {
  #last: Promise<void> = Promise.resolve();

  /** Resolves with what lets the next one in. */
  async take(): Promise<() => void> {
    const before = this.#last;
    let free = () => {};
    this.#last = new Promise((resolve) => {
      free = resolve;
    });
    await before;
    return free;
  }
}

class MongoWriter implements AlertWriter {
  /** Two transactions of one process that number entries would end each other again and again. */
  readonly #numbering = new Turnstile();
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
      let free: (() => void) | undefined;
      const write = async (session: ClientSession) => {
        for (const { collection, documents } of plan.additions) {
          await insertRaw(this.connection.db, collection, documents, { session });
        }
        await this.#settle(batch, session);
        // Last, because writers wait for each other from the numbering of entries to the commit.
        if (plan.outbox.entries.length > 0) free ??= await this.#numbering.take();
        await writeOutbox(this.connection.db, plan.outbox, { session });
      };
      try {
        await client.withSession((session) =>
          session.withTransaction(() => write(session), { writeConcern: { w: "majority" } }),
        );
        return plan.result;
      } catch (error) {
        // Another host, or another batch of this one, stored one of the same alerts or objects in the meantime: look again.
        if (!isDuplicateKey(error) || tries >= MOST_TRIES) throw error;
        await Bun.sleep(Math.random() * Math.min(LONGEST_WAIT_MS, 2 ** tries));
      } finally {
        free?.();
      }
    }
  }

  async #writeInOrder(batch: AlertBatch, groups: readonly SurveyAlerts[]): Promise<BatchResult> {
    const { additions, outbox, result } = await this.#plan(batch, groups);
    // Matches before alerts: an alert that is stored has been filtered.
    await writeOutbox(this.connection.db, outbox, { writeConcern: JOURNALED });
    for (const { collection, documents } of additions) {
      await insertRaw(this.connection.db, collection, documents, { writeConcern: JOURNALED });
    }
    await this.#settle(batch);
    return result;
  }

  /** What says that a batch is done: its letters are gone, its positions are told. */
  async #settle(batch: AlertBatch, session?: ClientSession): Promise<void> {
    const { positions, settledLetters = [], rematched } = batch;
    const { db } = this.connection;
    const options = session === undefined ? {} : { session };
    if (rematched !== undefined) await rematchObjects(db, rematched, options);
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

  /** What is new of a batch: one round of reads, all at once. */
  async #plan(batch: AlertBatch, groups: readonly SurveyAlerts[]): Promise<Plan> {
    const { db } = this.connection;
    const letters = batch.deadLetters.map(letterDocument);
    const reading = Promise.all([
      storedIds(
        db,
        "dead_letters",
        letters.map(({ _id }) => _id),
      ),
      storedEntries(db, batch, this.followReported),
    ]);
    const surveys = await Promise.all(groups.map((group) => surveyAdditions(db, group)));
    const [knownLetters, known] = await reading;
    const newLetters = new RawDocuments();
    for (const letter of letters) {
      if (knownLetters.has(letter["_id"])) continue;
      knownLetters.add(letter["_id"]);
      newLetters.add(toBytes(letter));
    }
    const stored = surveys.flatMap(({ fresh }) => fresh);
    return {
      additions: [
        ...surveys.flatMap(({ additions }) => additions),
        { collection: "dead_letters", documents: newLetters },
      ],
      outbox: newEntries(known, batch, stored, this.followReported),
      result: {
        stored: stored.length,
        duplicates: batch.alerts.length - stored.length,
        deadLetters: newLetters.count,
      },
    };
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

/** The alerts of a survey that are not stored, each candid once, and all that they add. */
async function surveyAdditions(
  db: Db,
  { collections, alerts }: SurveyAlerts,
): Promise<{ fresh: readonly EncodedAlert[]; additions: readonly Addition[] }> {
  const inputs = alerts.map((alert) => {
    const { histories, crossMatches } = rowsOf(alert);
    return { ...alert, histories, crossMatches };
  });
  const [seen, stored] = await Promise.all([
    storedCandids(db, collections.alerts, alerts),
    storedHistory(db, collections.aux, inputs),
  ]);
  const fresh = inputs.filter(({ candid }) => !seen.has(candid) && seen.add(candid));
  const { objects, chunks } = newHistory(stored, fresh);
  const [stamps, documents] = [new RawDocuments(), new RawDocuments()];
  for (const alert of fresh) {
    const { cutouts, document } = rowsOf(alert);
    if (cutouts !== undefined) stamps.add(...cutouts);
    documents.add(document);
  }
  const additions = [
    { collection: chunksOf(collections.aux), documents: chunks },
    { collection: objectsOf(collections.aux), documents: objects },
    { collection: collections.cutouts, documents: stamps },
    { collection: collections.alerts, documents },
  ];
  return { fresh, additions };
}

async function storedCandids(
  db: Db,
  collection: string,
  alerts: readonly EncodedAlert[],
): Promise<Set<bigint>> {
  const found = await db
    .collection<{ candid: bigint }>(collection)
    .find({ candid: { $in: alerts.map(({ candid }) => candid) } }, { projection: { _id: 0, candid: 1 } })
    .toArray();
  return new Set(found.map(({ candid }) => candid));
}
