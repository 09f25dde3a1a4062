/** All sinks of a process: started together, each drained for itself, watched by metrics and health. */
import type { Store } from "../store/index.ts";
import type { Health, Log, Metrics } from "../telemetry/index.ts";
import { DRAIN_DEFAULTS, Drain, type DrainEvent, type DrainOptions } from "./drain.ts";
import { FAILURES, failuresToRetry } from "./failures.ts";
import { newestOutbox, pruneOutbox, readCursor, writeCursor } from "./outbox.ts";
import type { Sink } from "./sink.ts";

/** A sink and where it begins when it is new. */
export interface ConfiguredSink {
  readonly sink: Sink;
  readonly from: "now" | "oldest";
}

export interface SinksParts {
  readonly store: Store;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Days after which entries that all sinks have are removed. */
  readonly retentionDays: number;
  readonly drain?: Partial<DrainOptions>;
  /** How long a host may drain a sink without renewing, and how often it does: milliseconds. */
  readonly lease?: { readonly ttlMs: number; readonly renewMs: number };
}

/** What is told of one sink. */
export interface SinkState {
  readonly name: string;
  readonly running: boolean;
  /** Entries of the outbox that the sink has not passed. */
  readonly backlog: number;
  /** Seconds since the oldest entry that waits was recorded. */
  readonly ageSeconds: number;
  readonly delivered: number;
  readonly refused: number;
  readonly problem: string | undefined;
}

export interface Sinks {
  states(): Promise<readonly SinkState[]>;
  stop(): Promise<void>;
}

const DAY_MS = 86_400_000;
const PRUNE_INTERVAL_MS = 3_600_000;
/** Where several hosts share a store, one of them drains a sink: its lease, and how often it is renewed. */
const LEASE = { ttlMs: 30_000, renewMs: 8000 } as const;

/** Gives every new sink its place in the outbox, so that matches from now on wait for it. */
export async function registerSinks(store: Store, sinks: readonly ConfiguredSink[]): Promise<void> {
  for (const { sink, from } of sinks) {
    if ((await readCursor(store, sink.name)) !== undefined) continue;
    await writeCursor(store, sink.name, from === "now" ? await newestOutbox(store) : 0n);
  }
}

/** Starts draining the outbox into the sinks. Their places are known before this resolves. */
export async function startSinks(sinks: readonly ConfiguredSink[], parts: SinksParts): Promise<Sinks> {
  await registerSinks(parts.store, sinks);
  const running = sinks.map(({ sink }) => new RunningSink(sink, parts));
  for (const one of running) await one.start();
  const stopListening = parts.store.onChange("outbox", () => {
    for (const one of running) one.wake();
  });
  const stopHearing = parts.store.onChange(FAILURES, () => {
    for (const one of running) void one.retryFailures();
  });
  let isStopped = false;
  const prune = () =>
    void pruneOld(parts, sinks).catch((error: unknown) => {
      // The store is closed behind us: what was not removed is, the next time.
      if (!isStopped) parts.log.warn({ err: error }, "old entries of the outbox could not be removed");
    });
  const pruner = setInterval(prune, PRUNE_INTERVAL_MS);
  pruner.unref();
  prune();
  watch(running, parts);
  return {
    states: () => statesOf(running, parts.store),
    async stop() {
      isStopped = true;
      clearInterval(pruner);
      stopListening();
      stopHearing();
      await Promise.all(running.map((one) => one.stop()));
    },
  };
}

async function pruneOld({ store, retentionDays, log }: SinksParts, sinks: readonly ConfiguredSink[]) {
  const cursors = await Promise.all(sinks.map(({ sink }) => readCursor(store, sink.name)));
  const before = new Date(Date.now() - retentionDays * DAY_MS);
  const removed = await pruneOutbox(
    store,
    before,
    cursors.map((cursor) => cursor ?? 0n),
  );
  if (removed > 0) log.info({ removed }, "removed old entries of the outbox");
}

/** A sink with its drain, which exists while this process holds the sink's lease. */
class RunningSink {
  readonly holder = crypto.randomUUID();
  readonly #lease: { readonly ttlMs: number; readonly renewMs: number };
  #drain: Drain | undefined;
  #renewal: Timer | undefined;
  #heldUntil = 0;
  #stopped = false;
  delivered = 0;
  failed = 0;
  refused = 0;

  constructor(
    readonly sink: Sink,
    readonly parts: SinksParts,
  ) {
    this.#lease = parts.lease ?? LEASE;
  }

  async start(): Promise<void> {
    // The embedded store has one server, which its lock sees to.
    if (this.parts.store.kind === "embedded") return this.#startDrain();
    await this.#renew();
    this.#renewal = setInterval(() => void this.#renew(), this.#lease.renewMs);
    this.#renewal.unref();
  }

  async #renew(): Promise<void> {
    const { store, log } = this.parts;
    const until = performance.now() + this.#lease.ttlMs;
    try {
      const held = await store.lease(`sink/${this.sink.name}`, this.holder, this.#lease.ttlMs);
      if (this.#stopped) return;
      if (held) this.#heldUntil = until;
      if (held && this.#drain === undefined) await this.#startDrain();
      if (!held && this.#drain !== undefined) await this.#stopDrain();
    } catch (error) {
      log.warn({ err: error, sink: this.sink.name }, "the sink's lease could not be renewed");
      // Another host may have it by now.
      if (performance.now() > this.#heldUntil) await this.#stopDrain();
    }
  }

  async #startDrain(): Promise<void> {
    const options = { ...DRAIN_DEFAULTS, ...this.parts.drain };
    const drain = new Drain(this.sink, this.parts.store, options, (event) => this.#note(event));
    this.#drain = drain;
    try {
      await drain.start("now");
    } catch (error) {
      // The next renewal begins anew; another may have done so while this one was waiting for the store.
      if (this.#drain === drain) this.#drain = undefined;
      throw error;
    }
    await this.retryFailures();
  }

  async #stopDrain(): Promise<void> {
    const drain = this.#drain;
    this.#drain = undefined;
    await drain?.stop();
  }

  #note(event: DrainEvent): void {
    const { name } = this.sink;
    const { log } = this.parts;
    if (event.type === "waiting") {
      const { reason, deliveries } = event;
      log.warn({ sink: name, reason, deliveries }, "deliveries wait for the receiver");
      return;
    }
    const { survey, candid, objectId } = event.delivery;
    const fields = { sink: name, survey, candid: candid.toString(), objectId };
    if (event.type === "delivered") {
      this.delivered++;
      log.debug(fields, "delivered");
    } else if (event.type === "failed") {
      this.failed++;
      log.warn({ ...fields, reason: event.reason, retryInMs: event.retryInMs }, "delivery failed");
    } else {
      this.refused++;
      log.error({ ...fields, reason: event.reason }, "delivery refused; kept in sink_failures");
    }
  }

  /** Delivers again what somebody asked for. */
  async retryFailures(): Promise<void> {
    const { store, log } = this.parts;
    try {
      if (this.#drain === undefined) return;
      for (const delivery of await failuresToRetry(store, this.sink.name)) this.#drain?.retry(delivery);
    } catch (error) {
      log.warn({ err: error, sink: this.sink.name }, "failed deliveries could not be read");
    }
  }

  wake(): void {
    this.#drain?.wake();
  }

  state(newest: bigint): SinkState {
    const drain = this.#drain;
    const oldest = drain?.oldestWaiting;
    const backlog = drain === undefined ? 0n : newest - drain.cursor;
    return {
      name: this.sink.name,
      running: drain !== undefined,
      backlog: Number(backlog > 0n ? backlog : 0n),
      ageSeconds: oldest === undefined ? 0 : Math.max(0, (Date.now() - oldest.getTime()) / 1000),
      delivered: this.delivered,
      refused: this.refused,
      problem: drain?.problem,
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#renewal);
    if (this.#drain === undefined) return this.sink.close();
    await this.#stopDrain();
    await this.sink.close();
    if (this.#renewal !== undefined) await this.parts.store.lease(`sink/${this.sink.name}`, this.holder, 0);
  }
}

async function statesOf(running: readonly RunningSink[], store: Store): Promise<SinkState[]> {
  const newest = await newestOutbox(store);
  return running.map((one) => one.state(newest));
}

function watch(running: readonly RunningSink[], { store, metrics, health }: SinksParts): void {
  metrics.gauge(
    "kowalski_sink_backlog",
    "Entries of the outbox that a sink has not passed.",
    ["sink"],
    async (gauge) => {
      for (const { name, backlog } of await statesOf(running, store)) gauge.set({ sink: name }, backlog);
    },
  );
  metrics.gauge(
    "kowalski_sink_age_seconds",
    "Seconds since the oldest entry that waits for a sink was recorded.",
    ["sink"],
    (gauge) => {
      for (const one of running) gauge.set({ sink: one.sink.name }, one.state(0n).ageSeconds);
    },
  );
  metrics.gauge(
    "kowalski_sink_deliveries",
    "Deliveries since the start: delivered, failed (to be tried again), refused for good.",
    ["sink", "outcome"],
    (gauge) => {
      for (const { sink, delivered, failed, refused } of running) {
        gauge.set({ sink: sink.name, outcome: "delivered" }, delivered);
        gauge.set({ sink: sink.name, outcome: "failed" }, failed);
        gauge.set({ sink: sink.name, outcome: "refused" }, refused);
      }
    },
  );
  // A receiver that is away is no reason to take the broker out of service: told, never failed.
  for (const one of running) {
    health.register(`sinks.${one.sink.name}`, async () => one.state(0n).problem ?? "ok");
  }
}
