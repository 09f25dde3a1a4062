/** What became of alerts at each network: numbers that travel between threads and add up. */

/** Number of alerts by network and outcome: `scored`, `not selected`, or why there is no score. */
export type ScoreCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface ScoreNews {
  readonly counts: ScoreCounts;
  /** The first failure of a network since it was last asked, by network. */
  readonly failures: Readonly<Record<string, string>>;
}

export class ScoreTally {
  #counts: Record<string, Record<string, number>> = byName();
  #failures: Record<string, string> = byName();

  count(model: string, outcome: string): void {
    this.#counts[model] ??= {};
    const counts = this.#counts[model];
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }

  fail(model: string, candid: bigint, error: unknown): void {
    this.count(model, "failed");
    const message = error instanceof Error ? error.message : String(error);
    this.#failures[model] ??= `models.${model} failed on alert ${candid}: ${message}`;
  }

  /** Adds what another thread counted. */
  add({ counts, failures }: ScoreNews): void {
    for (const [model, outcomes] of Object.entries(counts)) {
      for (const [outcome, number] of Object.entries(outcomes)) {
        this.#counts[model] ??= {};
        const known = this.#counts[model];
        known[outcome] = (known[outcome] ?? 0) + number;
      }
    }
    for (const [model, message] of Object.entries(failures)) this.#failures[model] ??= message;
  }

  get counts(): ScoreCounts {
    return this.#counts;
  }

  /** What was counted since this was last called. */
  take(): ScoreNews {
    const news = { counts: this.#counts, failures: this.#failures };
    this.#counts = byName();
    this.#failures = byName();
    return news;
  }
}

/** An object in which every name is free, also `constructor`. */
function byName<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}
