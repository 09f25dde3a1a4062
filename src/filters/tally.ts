/** Counts what a filter does in a night: kept on the threads where filters run, added up where they are stored. */

/** Upper bounds of the time classes: 1 µs times powers of two, the last without bound. */
const CLASSES = 24;

/** What went wrong last, for the author. */
export interface FilterFailure {
  readonly candid: string;
  readonly message: string;
  readonly at: number;
}

/** Plain numbers and texts: it travels between threads. */
export interface Tally {
  seen: number;
  passed: number;
  errors: number;
  /** Runs that took longer than the filter may. */
  overruns: number;
  /** Alerts that the leading condition did not reject: `micros` and `times` are of these. */
  runs: number;
  micros: number;
  /** Runs by time class. */
  times: number[];
  failure?: FilterFailure;
}

export function emptyTally(): Tally {
  const times = new Array<number>(CLASSES).fill(0);
  return { seen: 0, passed: 0, errors: 0, overruns: 0, runs: 0, micros: 0, times };
}

/** Counts one run of this many milliseconds. */
export function countRun(tally: Tally, milliseconds: number): void {
  const micros = 1000 * milliseconds;
  tally.runs++;
  tally.micros += micros;
  const number = Math.min(CLASSES - 1, micros <= 1 ? 0 : Math.ceil(Math.log2(micros)));
  tally.times[number] = (tally.times[number] ?? 0) + 1;
}

export function addTally(to: Tally, from: Tally): void {
  to.seen += from.seen;
  to.passed += from.passed;
  to.errors += from.errors;
  to.overruns += from.overruns;
  to.runs += from.runs;
  to.micros += from.micros;
  from.times.forEach((count, number) => {
    to.times[number] = (to.times[number] ?? 0) + count;
  });
  if (from.failure !== undefined && (to.failure === undefined || from.failure.at >= to.failure.at)) {
    to.failure = from.failure;
  }
}

/** The time in µs that this share of runs stays below, to a factor of two. */
export function quantileMicros(tally: Tally, share: number): number {
  let left = share * tally.runs;
  for (const [number, count] of tally.times.entries()) {
    left -= count;
    if (left <= 0 && count > 0) return 2 ** number;
  }
  return 0;
}

/** The night of a Julian date as its UTC date: 20231012. */
export function nightOf(jd: number): string {
  return new Date((jd - 2440587.5) * 86_400_000).toISOString().slice(0, 10).replaceAll("-", "");
}
