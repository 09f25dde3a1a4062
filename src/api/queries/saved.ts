/**
 * Saved queries: run in the background, answered later, kept for some days. Their state is in the store, so
 * that those that a restart interrupted are run again.
 */
import { type Document, parseJson, printJson, type Value } from "../../query/index.ts";
import { DuplicateKeyError, type Store } from "../../store/index.ts";
import type { Log } from "../../telemetry/index.ts";
import { badRequest, forbidden, HttpError, toHttpError } from "../errors.ts";
import type { User } from "../identity.ts";
import { seesNoLess } from "../visibility.ts";
import type { QueryAnswer } from "./request.ts";
import { QueryLeases } from "./saved-leases.ts";
import { readText, removeText, writeText } from "./saved-text.ts";

const QUERIES = "queries";
const MAX_TIME_MS = 30_000;
/** How many run at the same time; the others wait. */
const MOST_RUNNING = 2;
const MOST_WAITING_PER_USER = 100;
/** A query during which the server ended this often is not tried again. */
const MOST_ATTEMPTS = 3;
/** How often queries of servers that ended are looked for, where several share a store, milliseconds. */
const LOOK_MS = 15_000;
const SWEEP_MS = 3_600_000;
const DAY_MS = 86_400_000;
const MOST_DAYS = 365;
/** Ids that clients choose themselves, so that a request they repeat is one query. */
const ID = /^[A-Za-z0-9_-]{8,64}$/;

export type SavedState = "queued" | "running" | "done" | "failed";

/** What is known of a saved query, beside its answer. */
export interface SavedQuery {
  readonly _id: string;
  readonly user: string;
  readonly state: SavedState;
  /** The body of the request, JSON text. */
  readonly task: string;
  readonly attempts: number;
  readonly created_at: Date;
  readonly finished_at: Date | null;
  readonly expires_at: Date;
  /** How it ended: the message of the answer, or of the error with its status. */
  readonly message: string | null;
  readonly code: number | null;
  /** Parts of the text of `data`; 0 when the answer has none. */
  readonly parts: number;
  /** What its user could see when it ran, as `programsBySurvey` gives it. */
  readonly programs?: Document;
}

export interface SavedParts {
  readonly store: Store;
  readonly log: Log;
  /** Runs a query as this user may see it now; rejects when there is no such user any more. */
  readonly run: (username: string, body: Document) => Promise<QueryAnswer & { readonly programs: Document }>;
  readonly days: number;
  readonly maxBytes: number;
  /** Whether other servers use the same store: what they run is left to them for as long as they live. */
  readonly isShared: boolean;
  /** How long a server that says nothing is taken to live, milliseconds. */
  readonly leaseMs?: number;
}

export class SavedQueries {
  readonly #queue: string[] = [];
  readonly #running = new Map<string, Promise<void>>();
  readonly #timers: Timer[] = [];
  readonly #leases: QueryLeases | undefined;
  #closed = false;

  constructor(readonly parts: SavedParts) {
    const { store, isShared, leaseMs } = parts;
    if (isShared) this.#leases = new QueryLeases(store, (error) => this.#report(error), leaseMs);
  }

  /**
   * Runs again what a restart interrupted, and removes what has expired, now and every hour. Of several servers each
   * looks again and again for what another that was killed has left.
   */
  async start(): Promise<void> {
    this.#every(SWEEP_MS, () => this.#sweep());
    if (this.#leases !== undefined) this.#every(this.parts.leaseMs ?? LOOK_MS, () => this.#takeUp());
    await this.#sweep();
    await this.#takeUp();
  }

  async #takeUp(): Promise<void> {
    const interrupted = await this.#list({ state: { $in: ["queued", "running"] } });
    for (const { _id: id } of interrupted.reverse()) {
      if (this.#leases === undefined || (await this.#leases.take(id))) this.#enqueue(id);
    }
  }

  #every(ms: number, work: () => Promise<void>): void {
    const timer = setInterval(() => void work().catch((error: unknown) => this.#report(error)), ms);
    timer.unref();
    this.#timers.push(timer);
  }

  /** Begins no more; what is under way is run again at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#queue.length = 0;
    await Promise.allSettled(this.#running.values());
    await this.#leases?.close();
  }

  /** Takes a query in; resolves with its id. */
  async add(user: User, body: Document, kwargs: Document): Promise<string> {
    const id = idOf(kwargs["_id"]);
    const waiting = await this.#list({ user: user.name, state: "queued" });
    if (waiting.length >= MOST_WAITING_PER_USER) {
      throw new HttpError(429, `${waiting.length} saved queries of yours are waiting: wait for some to end`);
    }
    const now = new Date();
    const { save: _save, _id, query_expiration_interval: days, ...rest } = kwargs;
    const query: SavedQuery = {
      _id: id,
      user: user.name,
      state: "queued",
      task: printJson({ query_type: body["query_type"], query: body["query"] ?? {}, kwargs: rest }),
      attempts: 0,
      created_at: now,
      finished_at: null,
      expires_at: new Date(now.getTime() + this.#days(days) * DAY_MS),
      message: null,
      code: null,
      parts: 0,
    };
    try {
      // Before it can be seen, so that it is nobody else's.
      await this.#leases?.take(id);
      await this.parts.store.insert(QUERIES, [{ ...query }]);
    } catch (error) {
      // A client that repeats its request, after an answer that got lost, means the same query.
      if (!(error instanceof DuplicateKeyError) || (await this.#load(id))?.user !== user.name) throw error;
      return id;
    }
    this.#enqueue(id);
    return id;
  }

  /** The user's queries, newest first; all of them for the administrator. */
  list(user: User): Promise<SavedQuery[]> {
    return this.#list(user.isAdministrator ? {} : { user: user.name });
  }

  /** A query of the user. Throws `HttpError` 404, also for one of another user. */
  async find(user: User, id: string): Promise<SavedQuery> {
    const query = await this.#load(id);
    const isTheirs = query !== undefined && (user.isAdministrator || query.user === user.name);
    if (!isTheirs || query.expires_at.getTime() <= Date.now()) {
      throw new HttpError(404, `query ${id} not found: answers are kept for ${this.parts.days} days`);
    }
    return query;
  }

  /** The JSON text of `data` of a query that is done. Throws `HttpError` 403 when the user may see less by now. */
  answer(query: SavedQuery, user: User): AsyncGenerator<string> {
    if (!seesNoLess(user, query.programs ?? {})) {
      throw forbidden("you may see less than when this query ran: run it again");
    }
    return readText(this.parts.store, query._id, query.parts);
  }

  /** Removes a query and its answer; one that runs is given up at its end. */
  async remove({ _id: id }: SavedQuery): Promise<void> {
    await this.parts.store.remove(QUERIES, id);
    await removeText(this.parts.store, id);
  }

  #days(given: Value | undefined): number {
    if (given === undefined || given === null) return this.parts.days;
    if (typeof given === "number" && given >= 1 && given <= MOST_DAYS) return given;
    throw badRequest(`kwargs.query_expiration_interval: expected days from 1 to ${MOST_DAYS}`);
  }

  async #list(filter: Document): Promise<SavedQuery[]> {
    const request = { collection: QUERIES, filter, maxTimeMs: MAX_TIME_MS };
    const found: SavedQuery[] = [];
    for await (const document of this.parts.store.find(request).documents()) found.push(savedQuery(document));
    return found.sort((a, b) => b.created_at.getTime() - a.created_at.getTime());
  }

  async #load(id: string): Promise<SavedQuery | undefined> {
    const request = { collection: QUERIES, filter: { _id: id }, maxTimeMs: MAX_TIME_MS };
    const document = await this.parts.store.findOne(request);
    return document === undefined ? undefined : savedQuery(document);
  }

  #enqueue(id: string): void {
    this.#queue.push(id);
    this.#next();
  }

  #next(): void {
    while (!this.#closed && this.#running.size < MOST_RUNNING) {
      const id = this.#queue.shift();
      if (id === undefined) return;
      const done = this.#run(id)
        .catch((error: unknown) => this.#report(error))
        .finally(() => {
          this.#running.delete(id);
          this.#next();
        });
      this.#running.set(id, done);
    }
  }

  async #run(id: string): Promise<void> {
    const queued = await this.#load(id);
    if (queued === undefined || queued.state === "done" || queued.state === "failed") {
      await this.#leases?.drop(id);
      return;
    }
    const query: SavedQuery = {
      ...queued,
      state: "running",
      attempts: queued.attempts + 1,
    };
    if (query.attempts > MOST_ATTEMPTS) {
      const message = `the server ended ${MOST_ATTEMPTS} times while this query ran`;
      return this.#end({ ...query, state: "failed", message, code: 500 });
    }
    await this.#store(query);
    try {
      const body = parseJson(query.task) as Document;
      const answer = await this.parts.run(query.user, body);
      const { message, programs } = answer;
      const text =
        answer.text ?? (answer.items === undefined ? valueText(answer.data) : listText(answer.items));
      const { parts } = await writeText(this.parts.store, id, text, this.parts.maxBytes);
      await this.#end({ ...query, state: "done", message, parts, programs });
    } catch (error) {
      // Interrupted by the end of this server: run again at the next start.
      if (this.#closed) return;
      const known = toHttpError(error);
      if (known === undefined) this.#report(error);
      const message = known?.message ?? "internal error: the log of the server tells more";
      await this.#end({ ...query, state: "failed", message, code: known?.status ?? 500 });
    }
  }

  async #end(query: SavedQuery): Promise<void> {
    const isThere = await this.#store({ ...query, finished_at: new Date() });
    // Left over from an attempt before, or of a query that was removed while it ran.
    await removeText(this.parts.store, query._id, isThere ? query.parts : 0);
    await this.#leases?.drop(query._id);
  }

  /** Answers whether the query was still there. */
  #store(query: SavedQuery): Promise<boolean> {
    return this.parts.store.replace(QUERIES, { ...query });
  }

  async #sweep(): Promise<void> {
    for (const query of await this.#list({ expires_at: { $lte: new Date() } })) await this.remove(query);
  }

  #report(error: unknown): void {
    if (!this.#closed) this.parts.log.error({ err: error }, "a saved query failed");
  }
}

/** Documents of this collection are written here only. */
const savedQuery = (document: Document) => document as unknown as SavedQuery;

function idOf(given: Value | undefined): string {
  if (given === undefined || given === null) return crypto.randomUUID().replaceAll("-", "");
  if (typeof given === "string" && ID.test(given)) return given;
  throw badRequest("kwargs._id: expected 8 to 64 letters, digits, _ and -");
}

async function* valueText(data: Value | undefined): AsyncGenerator<string> {
  if (data !== undefined) yield printJson(data);
}

async function* listText(items: AsyncIterable<string>): AsyncGenerator<string> {
  yield "[";
  yield* items;
  yield "]";
}
