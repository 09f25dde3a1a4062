/**
 * Brings the outbox to one sink: in order for each object, several objects side by side, again and again
 * until the sink has it. Holds a bounded number of entries however long the sink is away, and never waits
 * for another sink.
 */
import type { Store } from "../store/index.ts";
import { forgetFailure, recordFailure } from "./failures.ts";
import { newestOutbox, type OutboxItem, readCursor, readOutbox, writeCursor } from "./outbox.ts";
import { type Delivery, RefusedError, type Sink, UnavailableError } from "./sink.ts";

export interface DrainOptions {
  /** Entries that are held at once. */
  readonly window: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /**
   * A delivery that failed this often and this long, while others got through, is given up. As long as
   * nothing gets through, nothing is given up.
   */
  readonly giveUp: { readonly attempts: number; readonly afterMs: number };
}

export const DRAIN_DEFAULTS: DrainOptions = {
  window: 500,
  firstWaitMs: 250,
  longestWaitMs: 300_000,
  giveUp: { attempts: 12, afterMs: 3_600_000 },
};

/** A receiver that asks for a longer pause is asked again after this, milliseconds. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;
/** A place that could not be written is written again after this at the latest, milliseconds. */
const LONGEST_PLACE_WAIT_MS = 10_000;

export type DrainEvent =
  | { readonly type: "delivered"; readonly delivery: Delivery }
  | {
      readonly type: "failed";
      readonly delivery: Delivery;
      readonly reason: string;
      readonly retryInMs: number;
    }
  | { readonly type: "refused"; readonly delivery: Delivery; readonly reason: string }
  /** Deliveries under way wait for the receiver; none has failed. */
  | { readonly type: "waiting"; readonly deliveries: number; readonly reason: string };

interface Unit {
  readonly delivery: Delivery;
  readonly last: bigint;
  attempts: number;
  firstFailedAt: number;
  notBefore: number;
  running: boolean;
  /** Whether it failed for good before, and is tried again because somebody asked for it. */
  readonly isRetry: boolean;
}

export class Drain {
  readonly #stop = new AbortController();
  /** Deliveries that are not done, in the order of the outbox. */
  readonly #open = new Map<bigint, Unit>();
  /** The same by object: only the first of each may be under way. */
  readonly #lanes = new Map<string, Unit[]>();
  readonly #running = new Set<Promise<void>>();
  /** First entries of deliveries that were asked for again, until they are refused again. */
  readonly #retried = new Set<string>();
  /** Everything up to here was read. */
  #readThrough = 0n;
  #acknowledged = 0n;
  #isStarted = false;
  #reading = false;
  #mayHaveMore = true;
  #writing: Promise<void> | undefined;
  #writesFailedInARow = 0;
  #writeTimer: Timer | undefined;
  #failuresInARow = 0;
  #pausedUntil = 0;
  #lastSuccess = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  /** Why the last delivery failed, the outbox was not read, and the place was not written. */
  #problem: string | undefined;
  #readProblem: string | undefined;
  #placeProblem: string | undefined;
  /** What deliveries under way wait for, as the sink says. */
  #trouble: string | undefined;

  constructor(
    readonly sink: Sink,
    readonly store: Store,
    readonly options: DrainOptions,
    readonly report: (event: DrainEvent) => void,
  ) {
    sink.onTrouble?.((reason) => this.#troubled(reason));
  }

  /** Begins behind the sink's cursor; one that never ran begins with what comes from now on, or with the oldest. */
  async start(from: "now" | "oldest"): Promise<void> {
    const known = await readCursor(this.store, this.sink.name);
    this.#acknowledged = known ?? (from === "now" ? await newestOutbox(this.store) : 0n);
    if (known === undefined) await writeCursor(this.store, this.sink.name, this.#acknowledged);
    this.#readThrough = this.#acknowledged;
    this.#isStarted = true;
    this.#pump();
  }

  /** There may be new entries. */
  wake(): void {
    this.#mayHaveMore = true;
    this.#pump();
  }

  /** Delivers again what failed for good, behind what waits of the same object. */
  retry(delivery: Delivery): void {
    const { survey, objectId, items } = delivery;
    const key = `${survey}/${objectId}`;
    const lane = this.#lanes.get(key) ?? [];
    // A list that was read a moment ago may have what was delivered meanwhile.
    if (this.#retried.has(items[0].id)) return;
    this.#retried.add(items[0].id);
    this.#lanes.set(key, lane);
    const last = items.at(-1)?.seq ?? 0n;
    lane.push({ delivery, last, attempts: 0, firstFailedAt: 0, notBefore: 0, running: false, isRetry: true });
    this.#pump();
  }

  /** Number of the entry up to which the sink has everything. */
  get cursor(): bigint {
    return this.#acknowledged;
  }

  /** What is wrong with the sink right now, if anything. */
  get problem(): string | undefined {
    if (this.#failuresInARow > 0) return this.#problem;
    const own = this.#readProblem ?? this.#placeProblem;
    return own ?? (this.#running.size > 0 ? this.#trouble : undefined);
  }

  /** Deliveries that are held in memory. */
  get held(): number {
    return this.#open.size;
  }

  /** When the oldest entry that waits was recorded. */
  get oldestWaiting(): Date | undefined {
    for (const unit of this.#open.values()) return unit.delivery.items[0].createdAt;
    return undefined;
  }

  /** Ends deliveries under way; what is not acknowledged by then is delivered again at the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await Promise.allSettled([...this.#running]);
    await this.#writing;
    this.#acknowledge();
    await this.#writing;
    clearTimeout(this.#writeTimer);
  }

  #pump(): void {
    if (this.#stop.signal.aborted || !this.#isStarted) return;
    if (this.#mayHaveMore && !this.#reading && this.#open.size < this.options.window) void this.#read();
    clearTimeout(this.#timer);
    // After a failure one delivery at a time finds out whether the sink is back.
    const most = this.#failuresInARow > 0 ? 1 : this.sink.concurrency;
    while (this.#running.size < most) {
      const next = this.#next();
      if (next === undefined) return;
      const wait = Math.max(next.notBefore, this.#pausedUntil) - Date.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), wait);
        return;
      }
      this.#begin(next);
    }
  }

  /** Whose turn it is: what may go soonest, and of that what failed least, so that one bad delivery holds up no other. */
  #next(): Unit | undefined {
    const now = Date.now();
    let best: Unit | undefined;
    let bestReady = 0;
    for (const [first] of this.#lanes.values()) {
      if (first === undefined || first.running) continue;
      const ready = Math.max(first.notBefore, this.#pausedUntil, now);
      const isBetter =
        best === undefined || ready < bestReady || (ready === bestReady && first.attempts < best.attempts);
      if (!isBetter) continue;
      best = first;
      bestReady = ready;
    }
    return best;
  }

  async #read(): Promise<void> {
    this.#reading = true;
    this.#mayHaveMore = false;
    try {
      const items = await readOutbox(this.store, this.#readThrough, this.options.window);
      for (const item of items) this.#add(item);
      const last = items.at(-1);
      if (last !== undefined) {
        this.#readThrough = last.seq;
        this.#mayHaveMore = true;
      }
      this.#readProblem = undefined;
      // Entries for other sinks only are done as soon as they were seen.
      this.#acknowledge();
    } catch (error) {
      this.#readProblem = `the outbox cannot be read: ${messageOf(error)}`;
      if (!this.#stop.signal.aborted) setTimeout(() => this.wake(), this.options.firstWaitMs * 4).unref();
    } finally {
      this.#reading = false;
    }
    this.#pump();
  }

  #add(item: OutboxItem): void {
    if (!this.sink.wants(item)) return;
    const { survey, candid, objectId, seq } = item;
    const key = `${survey}/${objectId}`;
    const lane = this.#lanes.get(key) ?? [];
    this.#lanes.set(key, lane);
    const previous = lane.at(-1);
    const joins =
      this.sink.takes === "alerts" &&
      previous !== undefined &&
      !previous.isRetry &&
      !previous.running &&
      previous.attempts === 0 &&
      previous.delivery.candid === candid &&
      previous.last === seq - 1n;
    const items: Delivery["items"] = joins ? [...previous.delivery.items, item] : [item];
    const unit: Unit = {
      delivery: { survey, candid, objectId, items },
      last: seq,
      attempts: 0,
      firstFailedAt: 0,
      notBefore: 0,
      running: false,
      isRetry: false,
    };
    if (joins) lane.pop();
    lane.push(unit);
    this.#open.set(items[0].seq, unit);
  }

  #begin(unit: Unit): void {
    unit.running = true;
    unit.attempts++;
    const run = this.#deliver(unit).finally(() => {
      unit.running = false;
      this.#running.delete(run);
      this.#pump();
    });
    this.#running.add(run);
  }

  async #deliver(unit: Unit): Promise<void> {
    const { delivery } = unit;
    try {
      await this.sink.deliver(delivery, this.#stop.signal);
      this.#succeeded();
      // Should the list not be written, the sink gets it once more.
      if (unit.isRetry) await forgetFailure(this.store, this.sink.name, delivery);
      this.#finish(unit);
      this.report({ type: "delivered", delivery });
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      await this.#failed(unit, error);
    }
  }

  #troubled(reason: string): void {
    this.#trouble = reason;
    const deliveries = this.#running.size;
    // With nothing under way it keeps nobody waiting.
    if (deliveries > 0) this.report({ type: "waiting", deliveries, reason });
  }

  #succeeded(): void {
    this.#trouble = undefined;
    this.#failuresInARow = 0;
    this.#pausedUntil = 0;
    this.#lastSuccess = Date.now();
  }

  async #failed(unit: Unit, error: unknown): Promise<void> {
    const reason = messageOf(error);
    const now = Date.now();
    if (unit.firstFailedAt === 0) unit.firstFailedAt = now;
    const { attempts, afterMs } = this.options.giveUp;
    const isStuck =
      unit.attempts >= attempts &&
      now - unit.firstFailedAt >= afterMs &&
      this.#lastSuccess > unit.firstFailedAt;
    if (error instanceof RefusedError || isStuck) {
      const why = isStuck
        ? `given up after ${unit.attempts} attempts while others got through: ${reason}`
        : reason;
      try {
        await recordFailure(this.store, this.sink.name, unit.delivery, why, unit.attempts);
      } catch (storeError) {
        return this.#wait(unit, `the refusal cannot be recorded: ${messageOf(storeError)}`, undefined);
      }
      this.#retried.delete(unit.delivery.items[0].id);
      // A refusal is an answer: the sink is there.
      if (error instanceof RefusedError) this.#succeeded();
      this.#finish(unit);
      this.report({ type: "refused", delivery: unit.delivery, reason: why });
      return;
    }
    this.#wait(unit, reason, error instanceof UnavailableError ? error.retryAfterMs : undefined);
  }

  #wait(unit: Unit, reason: string, retryAfterMs: number | undefined): void {
    const now = Date.now();
    this.#problem = reason;
    this.#failuresInARow++;
    const asked = Math.min(retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
    const pause = Math.max(this.#backOff(this.#failuresInARow), asked);
    this.#pausedUntil = now + pause;
    unit.notBefore = now + Math.max(this.#backOff(unit.attempts), asked);
    this.report({ type: "failed", delivery: unit.delivery, reason, retryInMs: unit.notBefore - now });
  }

  /** Twice as long each time, with chance in it, so that many do not come back at once. */
  #backOff(failures: number): number {
    const { firstWaitMs, longestWaitMs } = this.options;
    const wait = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(failures - 1, 30));
    return Math.round(wait * (0.8 + 0.4 * Math.random()));
  }

  #finish(unit: Unit): void {
    const { survey, objectId, items } = unit.delivery;
    const key = `${survey}/${objectId}`;
    const lane = this.#lanes.get(key);
    lane?.shift();
    if (lane?.length === 0) this.#lanes.delete(key);
    if (unit.isRetry) return;
    this.#open.delete(items[0].seq);
    this.#acknowledge();
  }

  /** Remembers how far the sink is: all before the first delivery that is not done. */
  #acknowledge(): void {
    if (this.#writing !== undefined || this.#doneThrough() <= this.#acknowledged) return;
    this.#writing = this.#writeCursor();
  }

  async #writeCursor(): Promise<void> {
    clearTimeout(this.#writeTimer);
    try {
      for (let done = this.#doneThrough(); done > this.#acknowledged; done = this.#doneThrough()) {
        await writeCursor(this.store, this.sink.name, done);
        this.#acknowledged = done;
      }
      this.#writesFailedInARow = 0;
      this.#placeProblem = undefined;
    } catch (error) {
      // A restart before it is written delivers some again.
      this.#placeProblem = `the sink's place cannot be written: ${messageOf(error)}`;
      if (this.#stop.signal.aborted) return;
      const wait = Math.min(this.#backOff(++this.#writesFailedInARow), LONGEST_PLACE_WAIT_MS);
      this.#writeTimer = setTimeout(() => this.#acknowledge(), wait);
    } finally {
      // At once, not when the promise is looked at: what ends in between would be forgotten.
      this.#writing = undefined;
    }
  }

  #doneThrough(): bigint {
    for (const first of this.#open.keys()) return first - 1n;
    return this.#readThrough;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
