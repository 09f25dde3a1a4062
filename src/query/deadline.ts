/**
 * The time limit of whatever query code runs now.
 *
 * Compiled code is synchronous, so one running limit per thread suffices: long loops call `tick()`, which
 * is a decrement, and every few thousand ticks looks at the clock.
 */
import { QueryError } from "./errors.ts";

const TICKS_BETWEEN_LOOKS = 4096;

let remaining = TICKS_BETWEEN_LOOKS;
let running: Deadline | undefined;

const wallClock = () => performance.now();

/** A time limit that starts when it is made. */
export class Deadline {
  /** Undefined as long as the clock was not looked at. */
  #end: number | undefined;
  /** Of the time, from its start. */
  readonly #left: number;

  /**
   * `milliseconds` from now; `path` names what is limited in the error, e.g. `pipeline`; `clock` tells the
   * time in milliseconds, by default that of the wall. A `late` limit starts when it is first looked at, a few
   * thousand steps into the work: for clocks that cost as much as short work. Of the time, `spent` milliseconds are
   * over already.
   */
  constructor(
    readonly milliseconds: number,
    readonly path = "",
    readonly clock: () => number = wallClock,
    { late = false, spent = 0 }: { readonly late?: boolean; readonly spent?: number } = {},
  ) {
    this.#left = milliseconds - spent;
    this.#end = late ? undefined : clock() + this.#left;
  }

  /** Throws a `deadline` error when the time is over. */
  check(): void {
    const now = this.clock();
    this.#end ??= now + this.#left;
    if (now < this.#end) return;
    throw new QueryError("deadline", this.path, `took longer than its time limit of ${this.milliseconds} ms`);
  }

  /** Runs synchronous query code under this limit; an enclosing one on the same clock holds on. */
  run<T>(work: () => T): T {
    const outer = running;
    running = outer?.endsBefore(this) === true ? outer : this;
    remaining = TICKS_BETWEEN_LOOKS;
    try {
      return work();
    } finally {
      running = outer;
    }
  }

  /** Whether it ends before another on the same clock. */
  endsBefore(other: Deadline): boolean {
    if (this.clock !== other.clock || this.#end === undefined) return false;
    return this.#end < (other.#end ?? this.clock() + other.#left);
  }
}

/** Counts one step (or `steps`, for work done in bulk) of a loop against the running limit. */
export function tick(steps = 1): void {
  remaining -= steps;
  if (remaining < 0) look();
}

function look(): void {
  remaining = TICKS_BETWEEN_LOOKS;
  running?.check();
}
