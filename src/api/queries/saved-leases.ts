/** Which server a saved query is run by, where several share a store: its own for as long as it says so. */
import type { Store } from "../../store/index.ts";

/** A server that was killed says no more; another takes its queries after this time, milliseconds. */
const LEASE_MS = 30_000;

export class QueryLeases {
  readonly #holder = crypto.randomUUID();
  readonly #held = new Set<string>();
  readonly #timer: Timer;

  /** `onFailure` hears of leases that could not be renewed. */
  constructor(
    readonly store: Store,
    onFailure: (error: unknown) => void,
    readonly ttlMs = LEASE_MS,
  ) {
    this.#timer = setInterval(() => void this.#renew().catch(onFailure), ttlMs / 3);
    this.#timer.unref();
  }

  /** Takes a query; answers whether it is this server's, and was not before. */
  async take(id: string): Promise<boolean> {
    if (this.#held.has(id) || !(await this.store.lease(nameOf(id), this.#holder, this.ttlMs))) return false;
    this.#held.add(id);
    return true;
  }

  /** Forgets a query that has ended. */
  async drop(id: string): Promise<void> {
    if (this.#held.delete(id)) await this.store.remove("leases", nameOf(id));
  }

  /** Leaves all queries to others at once. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const id of this.#held) await this.store.lease(nameOf(id), this.#holder, 0);
    this.#held.clear();
  }

  async #renew(): Promise<void> {
    for (const id of this.#held) await this.store.lease(nameOf(id), this.#holder, this.ttlMs);
  }
}

const nameOf = (id: string): string => `saved_query/${id}`;
