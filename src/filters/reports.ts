/**
 * What filters do, by night: gathered from the threads where they run, kept in the store, told in the log and
 * the metrics. Filters that overrun are switched off here.
 */
import { type Document, setField } from "../query/index.ts";
import type { Store } from "../store/index.ts";
import { MOST_OVERRUNS } from "./engine.ts";
import type { Filters } from "./filters.ts";
import type { BrokenFilter, Tallies } from "./registry.ts";
import { addTally, emptyTally, quantileMicros, type Tally } from "./tally.ts";

/** The collection of reports: one document per night, filter and process. */
export const FILTER_REPORTS = "filter_reports";
const FLUSH_INTERVAL_MS = 5000;
const MAX_TIME_MS = 10_000;
/** How many of the slowest filters the log tells. */
const SLOWEST = 5;

/** What a filter did in a night, over all processes. */
export interface FilterReport extends Document {
  night: string;
  filter: string;
  seen: number;
  passed: number;
  errors: number;
  overruns: number;
  mean_micros: number;
  p99_micros: number;
  total_ms: number;
}

export interface ReportLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Gathers the news of one broker. */
export class FilterReports {
  readonly #process = crypto.randomUUID().slice(0, 8);
  readonly #tallies = new Map<string, { night: string; filter: string; tally: Tally }>();
  readonly #changed = new Set<string>();
  /** Overruns by night and filter, since the filter was last switched off. */
  readonly #overruns = new Map<string, number>();
  /** The night that reports come from, to be told in the log when it is over. */
  #night = "";
  #timer: Timer | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(
    readonly store: Store,
    readonly filters: Filters,
    readonly log: ReportLog,
  ) {}

  /** Takes in what a broker tells. */
  take({ tallies, broken }: { readonly tallies: Tallies; readonly broken: readonly BrokenFilter[] }): void {
    for (const { night, filter, tally } of tallies) {
      if (night > this.#night) this.#endNight(night);
      const key = `${night}/${filter}/${this.#process}`;
      const known = this.#tallies.get(key) ?? { night, filter, tally: emptyTally() };
      addTally(known.tally, tally);
      this.#tallies.set(key, known);
      this.#changed.add(key);
      if (tally.overruns > 0) this.#noteOverruns(night, filter, tally);
    }
    for (const { filter, fid, message } of broken) {
      this.log.warn({ filter, fid }, `filter ${filter} cannot be run: ${message}`);
      this.#switchOff(filter, fid, `this version of Kowalski cannot run it: ${message}`);
    }
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Sums since the start by filter, for metrics. */
  totals(): ReadonlyMap<string, Tally> {
    const totals = new Map<string, Tally>();
    for (const { filter, tally } of this.#tallies.values()) {
      const total = totals.get(filter) ?? emptyTally();
      addTally(total, tally);
      totals.set(filter, total);
    }
    return totals;
  }

  /** Writes what changed to the store. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  /** Writes what changed, and tells the log of the night. */
  close(): Promise<void> {
    this.#endNight("");
    return this.flush();
  }

  /** The log hears of a night when another begins. */
  #endNight(next: string): void {
    const tallies = [...this.#tallies.values()].filter(({ night }) => night === this.#night);
    const night = this.#night;
    this.#night = next;
    if (tallies.length === 0) return;
    const slowest = tallies.toSorted((a, b) => b.tally.micros - a.tally.micros).slice(0, SLOWEST);
    const sum = (of: (tally: Tally) => number) => tallies.reduce((total, { tally }) => total + of(tally), 0);
    const matches = sum(({ passed }) => passed);
    const errors = sum(({ errors }) => errors);
    this.log.info(
      {
        night,
        filters: tallies.length,
        matches,
        errors,
        seconds: Number((sum(({ micros }) => micros) / 1e6).toFixed(3)),
        slowest: slowest.map(({ filter, tally }) => {
          const { mean_micros, p99_micros } = reportOf(night, filter, tally);
          return { filter, mean_micros, p99_micros };
        }),
      },
      `filters of the night ${night}: ${tallies.length} ran, ${matches} matches, ${errors} errors`,
    );
  }

  async #write(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const key of changed) {
      const report = this.#tallies.get(key);
      if (report === undefined) continue;
      try {
        await this.store.replace(FILTER_REPORTS, reportDocument(key, report), { upsert: true });
      } catch (error) {
        this.#changed.add(key);
        this.log.warn({ err: error }, "reports of filters could not be written; they will be tried again");
        return;
      }
    }
  }

  #noteOverruns(night: string, filter: string, { overruns, failure }: Tally): void {
    const key = `${night}/${filter}`;
    const count = (this.#overruns.get(key) ?? 0) + overruns;
    this.#overruns.set(key, count);
    this.log.warn(
      { filter, candid: failure?.candid, overruns: count },
      `filter ${filter}: ${failure?.message}`,
    );
    if (count < MOST_OVERRUNS) return;
    this.#overruns.delete(key);
    const last = `${failure?.candid}: ${failure?.message}`;
    this.#switchOff(filter, undefined, `it took too long on ${count} alerts of ${night}, last on ${last}`);
  }

  #switchOff(filter: string, fid: string | undefined, reason: string): void {
    this.filters.switchOff(filter, fid, reason).then(
      (done) => done && this.log.warn({ filter }, `filter ${filter} was switched off: ${reason}`),
      (error: unknown) => this.log.warn({ err: error, filter }, `filter ${filter} could not be switched off`),
    );
  }
}

function reportDocument(
  key: string,
  { night, filter, tally }: { night: string; filter: string; tally: Tally },
): Document {
  const document: Document = { _id: key, night, filter, updated_at: new Date() };
  for (const [field, value] of Object.entries(tally)) setField(document, field, value as Document);
  return document;
}

/** Reports of nights and filters, the newest night and the slowest filter first. */
export async function readReports(store: Store, filter: Document): Promise<FilterReport[]> {
  const sums = new Map<string, { night: string; filter: string; tally: Tally }>();
  const request = { collection: FILTER_REPORTS, filter, maxTimeMs: MAX_TIME_MS };
  for await (const document of store.find(request).documents()) {
    const { night, filter: name, ...tally } = document;
    const key = `${String(night)}/${String(name)}`;
    const sum = sums.get(key) ?? { night: String(night), filter: String(name), tally: emptyTally() };
    addTally(sum.tally, { ...emptyTally(), ...(tally as unknown as Tally) });
    sums.set(key, sum);
  }
  return [...sums.values()]
    .map(({ night, filter: name, tally }) => reportOf(night, name, tally))
    .sort((a, b) => (a.night === b.night ? b.total_ms - a.total_ms : a.night < b.night ? 1 : -1));
}

function reportOf(night: string, filter: string, tally: Tally): FilterReport {
  const { seen, passed, errors, overruns, runs, micros, failure } = tally;
  return {
    night,
    filter,
    seen,
    passed,
    errors,
    overruns,
    mean_micros: runs === 0 ? 0 : Number((micros / runs).toFixed(1)),
    p99_micros: quantileMicros(tally, 0.99),
    total_ms: Number((micros / 1000).toFixed(2)),
    ...(failure === undefined
      ? {}
      : {
          last_error: {
            candid: BigInt(failure.candid),
            message: failure.message,
            at: new Date(failure.at),
          },
        }),
  };
}
