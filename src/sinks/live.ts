/**
 * The outbox as it grows, for any number of listeners: the newest entries are read once and kept for all of
 * them, older ones are read from the store by who asks. Nothing is kept per listener: each asks for what is behind
 * its own place when it can take it, so a slow one costs nothing.
 */
import type { Store } from "../store/index.ts";
import { newestOutbox, type OutboxItem, readOutbox } from "./outbox.ts";

/** Entries that are kept in memory. */
const KEPT = 1000;
/** Entries that are handed over at once. */
const PAGE = 200;

export class LiveFeed {
  readonly #listeners = new Set<() => void>();
  #recent: OutboxItem[] = [];
  /** Everything behind this, up to the newest known, is in `#recent`. */
  #keptAfter = 0n;
  #newest = 0n;
  #reading: Promise<void> | undefined;
  #isStale = false;
  #stopListening: (() => void) | undefined;
  #opened: Promise<void> | undefined;
  #closed = false;

  constructor(readonly store: Store) {}

  /** Number of the newest entry: who begins here gets what comes from now on. */
  async newest(): Promise<bigint> {
    await this.#open();
    return this.#newest;
  }

  /**
   * Some entries behind `after`, oldest first; waits for the first one, and answers an empty list when there is
   * none within `timeoutMs`, or when the signal or the end of the feed says so.
   */
  async next(after: bigint, timeoutMs: number, signal: AbortSignal): Promise<readonly OutboxItem[]> {
    await this.#open();
    const deadline = performance.now() + timeoutMs;
    while (!this.#closed && !signal.aborted) {
      if (after < this.#keptAfter) return readOutbox(this.store, after, PAGE);
      if (after < this.#newest) {
        const start = this.#recent.findIndex(({ seq }) => seq > after);
        return start < 0 ? [] : this.#recent.slice(start, start + PAGE);
      }
      const left = deadline - performance.now();
      if (left <= 0) return [];
      await this.#change(left, signal);
    }
    return [];
  }

  /** Whether the feed has ended: the server stops. */
  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    this.#stopListening?.();
    for (const wake of this.#listeners) wake();
  }

  #open(): Promise<void> {
    this.#opened ??= this.#begin();
    this.#opened.catch(() => {
      this.#opened = undefined;
    });
    return this.#opened;
  }

  async #begin(): Promise<void> {
    this.#stopListening ??= this.store.onChange("outbox", () => this.#refresh());
    this.#newest = await newestOutbox(this.store);
    this.#keptAfter = this.#newest;
  }

  #refresh(): void {
    this.#isStale = true;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
  }

  async #read(): Promise<void> {
    await this.#opened;
    while (this.#isStale && !this.#closed) {
      this.#isStale = false;
      try {
        const items = await readOutbox(this.store, this.#newest, PAGE);
        const last = items.at(-1);
        if (last === undefined) continue;
        this.#isStale = true;
        this.#keep(items, last.seq);
      } catch {
        // The next change, or a listener that asks the store itself, finds what is wrong.
        return;
      }
      for (const wake of this.#listeners) wake();
    }
  }

  #keep(items: readonly OutboxItem[], newest: bigint): void {
    this.#recent.push(...items);
    this.#newest = newest;
    const dropped = this.#recent.splice(0, Math.max(0, this.#recent.length - KEPT)).at(-1);
    if (dropped !== undefined) this.#keptAfter = dropped.seq;
  }

  #change(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#listeners.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#listeners.add(done);
      signal.addEventListener("abort", done);
    });
  }
}
