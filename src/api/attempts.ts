/** Limits failed logins by user and by address, so that passwords cannot be tried at will. */

/** Failures within the window after which no further attempt is looked at. */
const MOST_PER_USER = 10;
const MOST_PER_ADDRESS = 50;
const WINDOW_MS = 5 * 60_000;
/** Keys that are remembered at most; the oldest go first. */
const MOST_KEYS = 50_000;

/** What is known of one user or one address. */
interface Tally {
  failures: number;
  /** Attempts that are being looked at. */
  pending: number;
  /** Start of the window. */
  since: number;
}

/** What became of an attempt: its value, a failure, or that it has to wait. */
export type Attempt<T> = { readonly value: T } | { readonly failed: true } | { readonly waitSeconds: number };

export class LoginAttempts {
  readonly #tallies = new Map<string, Tally>();
  #waiting: (() => void)[] = [];

  constructor(readonly now: () => number = Date.now) {}

  /**
   * Looks at one attempt: `check` resolves with a value, or with undefined for wrong credentials.
   *
   * Attempts under way count as failures until they are decided, so that many at once get no more tries
   * than one after the other; those that come when all tries are under way wait for their outcome.
   */
  async try<T>(username: string, address: string, check: () => Promise<T | undefined>): Promise<Attempt<T>> {
    const user = `u ${username}`;
    const from = `a ${address}`;
    for (;;) {
      const waitSeconds = Math.max(this.#wait(user, MOST_PER_USER), this.#wait(from, MOST_PER_ADDRESS));
      if (waitSeconds > 0) return { waitSeconds };
      if (this.#isFull(user, MOST_PER_USER) || this.#isFull(from, MOST_PER_ADDRESS)) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      } else break;
    }
    const tallies = [this.#tally(user), this.#tally(from)];
    for (const tally of tallies) tally.pending++;
    try {
      const value = await check();
      if (value === undefined) for (const tally of tallies) tally.failures++;
      // The address is not forgiven: it may own one account and try others.
      else this.#tally(user).failures = 0;
      return value === undefined ? { failed: true } : { value };
    } finally {
      for (const tally of tallies) tally.pending--;
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  /** Seconds until this key may try again; 0 when at once. */
  #wait(key: string, most: number): number {
    const known = this.#current(key);
    if (known === undefined || known.failures < most) return 0;
    return Math.ceil((known.since + WINDOW_MS - this.now()) / 1000);
  }

  #isFull(key: string, most: number): boolean {
    const known = this.#current(key);
    return known !== undefined && known.failures + known.pending >= most;
  }

  #tally(key: string): Tally {
    const known = this.#current(key);
    if (known !== undefined) return known;
    const tally = { failures: 0, pending: 0, since: this.now() };
    this.#tallies.set(key, tally);
    if (this.#tallies.size > MOST_KEYS) {
      const [oldest] = this.#tallies.keys();
      if (oldest !== undefined) this.#tallies.delete(oldest);
    }
    return tally;
  }

  #current(key: string): Tally | undefined {
    const known = this.#tallies.get(key);
    if (known === undefined) return undefined;
    if (this.now() - known.since >= WINDOW_MS) {
      known.failures = 0;
      known.since = this.now();
    }
    return known;
  }
}
