/** Counts failed logins by user and by address, so that passwords cannot be tried at will. */

/** Failures within the window after which no further attempt is looked at. */
const MOST_PER_USER = 10;
const MOST_PER_ADDRESS = 50;
const WINDOW_MS = 5 * 60_000;
/** Keys that are remembered at most; the oldest go first. */
const MOST_KEYS = 50_000;

interface Failures {
  count: number;
  readonly since: number;
}

export class LoginAttempts {
  readonly #failures = new Map<string, Failures>();

  constructor(readonly now: () => number = Date.now) {}

  /** Seconds until this user may try again from this address; 0 when at once. */
  waitSeconds(username: string, address: string): number {
    return Math.max(this.#wait(`u ${username}`, MOST_PER_USER), this.#wait(`a ${address}`, MOST_PER_ADDRESS));
  }

  failed(username: string, address: string): void {
    for (const key of [`u ${username}`, `a ${address}`]) {
      const known = this.#current(key);
      if (known !== undefined) known.count++;
      else this.#failures.set(key, { count: 1, since: this.now() });
    }
    while (this.#failures.size > MOST_KEYS) {
      const [oldest] = this.#failures.keys();
      if (oldest === undefined) break;
      this.#failures.delete(oldest);
    }
  }

  /** Takes back the failure that was counted in advance, and forgives the user's earlier ones. */
  succeeded(username: string, address: string): void {
    this.#failures.delete(`u ${username}`);
    const known = this.#current(`a ${address}`);
    if (known !== undefined) known.count--;
  }

  #wait(key: string, most: number): number {
    const known = this.#current(key);
    if (known === undefined || known.count < most) return 0;
    return Math.ceil((known.since + WINDOW_MS - this.now()) / 1000);
  }

  #current(key: string): Failures | undefined {
    const known = this.#failures.get(key);
    if (known === undefined) return undefined;
    if (this.now() - known.since < WINDOW_MS) return known;
    this.#failures.delete(key);
    return undefined;
  }
}
