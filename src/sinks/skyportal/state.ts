/**
 * What the sink remembers of an object: whether it was reported, which photometry SkyPortal has, and, while a
 * delivery is under way, which of its calls are done. Calls that must not be made twice (comments, requests) are
 * so made once even when the process is killed between two of them.
 */
import { createHash } from "node:crypto";
import { type Document, isDocument } from "../../query/index.ts";
import type { Store } from "../../store/index.ts";
import { RefusedError } from "../sink.ts";
import { integersOf } from "./client.ts";

const COLLECTION = "sink_state";
const MAX_TIME_MS = 60_000;

export class ObjectState {
  /** Whether the object was reported to the end once. */
  reported = false;
  /** Digests of the photometry that was sent, by what it is of. */
  readonly sent = new Map<string, { through: number; digest: string }>();
  /** Whether the delivery under way found the object unknown to SkyPortal. */
  isNew: boolean | undefined;
  /** Groups that the delivery under way saved the object to. */
  saved: number[] = [];
  readonly refusals: string[] = [];
  /** The entries of the last delivery that was done. */
  last: string | undefined;
  readonly #done = new Set<string>();
  #candid: bigint | undefined;

  private constructor(
    readonly store: Store,
    readonly id: string,
  ) {}

  /** The state of an object, with the calls that are done for the delivery of this alert. */
  static async open(store: Store, id: string, candid: bigint): Promise<ObjectState> {
    const state = new ObjectState(store, id);
    const found = await store.findOne({
      collection: COLLECTION,
      filter: { _id: id },
      maxTimeMs: MAX_TIME_MS,
    });
    if (found !== undefined) state.#restore(found, candid);
    state.#candid = candid;
    return state;
  }

  #restore(document: Document, candid: bigint): void {
    this.reported = document["reported"] === true;
    if (document["last"] !== undefined) this.last = String(document["last"]);
    const sent = document["sent"];
    for (const [key, value] of Object.entries(isDocument(sent) ? sent : {})) {
      if (isDocument(value)) {
        this.sent.set(key, { through: Number(value["through"]), digest: String(value["digest"]) });
      }
    }
    const underway = document["underway"];
    if (!isDocument(underway) || underway["candid"] !== candid) return;
    this.isNew = underway["is_new"] === true;
    this.saved = integersOf(underway["saved"]);
    const { done, refusals } = underway;
    for (const step of Array.isArray(done) ? done : []) this.#done.add(String(step));
    for (const refusal of Array.isArray(refusals) ? refusals : []) this.refusals.push(String(refusal));
  }

  /** Remembers what the delivery found before its first call that changes something. */
  async begin(isNew: boolean): Promise<void> {
    if (this.isNew !== undefined) return;
    this.isNew = isNew;
    await this.#save(true);
  }

  /**
   * Does a step of the delivery unless it is done. What SkyPortal refuses is noted, and the delivery goes on; a
   * refusal that `isDone` recognises, such as of what is there already, counts as done.
   */
  async once(step: string, work: () => Promise<unknown>, isDone?: RegExp): Promise<boolean> {
    if (this.#done.has(step)) return true;
    let good = true;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (isDone?.test(error.message) !== true) {
        this.refuse(error.message);
        good = false;
      }
    }
    this.#done.add(step);
    await this.#save(true);
    return good;
  }

  /** Notes what SkyPortal refuses of the delivery under way. */
  refuse(reason: string): void {
    if (!this.refusals.includes(reason)) this.refusals.push(reason);
  }

  /** The delivery of these entries is done. */
  async finish(entries: string): Promise<void> {
    this.reported = true;
    // What was refused may be asked for again.
    if (this.refusals.length === 0) this.last = entries;
    await this.#save(false);
  }

  async #save(isUnderway: boolean): Promise<void> {
    const document: Document = { _id: this.id, reported: this.reported, sent: Object.fromEntries(this.sent) };
    if (isUnderway && this.#candid !== undefined) {
      document["underway"] = {
        candid: this.#candid,
        is_new: this.isNew === true,
        saved: this.saved,
        done: [...this.#done],
        refusals: this.refusals,
      };
    }
    if (this.last !== undefined) document["last"] = this.last;
    document["updated_at"] = new Date();
    await this.store.replace(COLLECTION, document, { upsert: true });
  }
}

/** A short text that tells whether rows are the same ones. */
export function digestOf(rows: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(rows)).digest("base64url").slice(0, 22);
}
