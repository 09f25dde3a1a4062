/**
 * The way of an alert: sources → decode → filter → store, in batches.
 *
 * A batch is written in one transaction with its dead letters and the position behind it: that write is its
 * acknowledgement. Batches of a source are decoded ahead but filtered and written in order (`turns.ts`), and few are
 * under way at once, so memory is bounded and a slow store slows the source.
 */
import { type ScoreNews, ScoreTally } from "../enrich/scores/index.ts";
import {
  DEFAULT_LIMITS,
  giveBack,
  type OpenOptions,
  openSource,
  type PacketBatch,
  pause,
  type Source,
  SourceError,
  type SourceSpec,
} from "../sources/index.ts";
import type { AlertBatch, AlertWriter, BatchResult, DeadLetter } from "../store/index.ts";
import type { DecodedPackets, FilteredPackets } from "./decode-pool.ts";
import type { BrokerOptions, BrokerStats, LogLine, SourceState } from "./messages.ts";
import { Turns } from "./turns.ts";

/** Batches of one source that are decoded, at least, while another is written. */
const AHEAD = 1;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;
const NOT_BEGUN = { bytesRead: 0, bytesTotal: undefined } as const;

export interface PipelineParts {
  readonly writer: AlertWriter;
  /** Decodes a batch; may wait for its schemas until `signal` aborts. */
  readonly decode: (batch: PacketBatch, signal: AbortSignal) => Promise<DecodedPackets>;
  readonly log: (line: LogLine) => void;
}

/** A batch on its way: decoded or being so, and what of its source comes before it. */
interface Underway {
  readonly batch: PacketBatch;
  readonly decoded: Promise<DecodedPackets>;
  /** Resolves when the batch before has taken its turn. */
  readonly previous: Promise<unknown>;
  /** Resolves when the batch before is written and counted, rejects when it failed. */
  readonly acknowledged: Promise<void>;
}

/** A batch whose turn is taken. An object, because a promise of a promise waits for both. */
interface Turn {
  readonly written: Promise<Written>;
}

export class Pipeline {
  readonly #stop = new AbortController();
  readonly #states: SourceState[];
  readonly #reasons: Record<string, number> = {};
  readonly #scores = new ScoreTally();
  /** Networks whose failure is in the log. */
  readonly #failing = new Set<string>();
  readonly #sources: Source[];
  /** One for all sources: what several members of a group have to say is told once. */
  readonly #log: NonNullable<OpenOptions["log"]>;
  #packets = 0;
  #bytes = 0;
  #stored = 0;
  #duplicates = 0;
  #deadLetters = 0;
  /** Of each source; of all together where the store is written by one at a time. */
  readonly #turns = new Turns<Source | undefined>();

  constructor(
    readonly options: BrokerOptions,
    readonly parts: PipelineParts,
  ) {
    this.#log = (level, message) => parts.log({ level, message, fields: {} });
    this.#sources = options.sources.map((spec) => this.#openSource(spec));
    // Their own names, for an address as it was given may hold a password.
    this.#states = this.#sources.map(({ name }) => ({ name, state: "waiting", ...NOT_BEGUN }));
    const now = Date.now();
    this.#sources.forEach((source, index) => {
      if (source.answeredAt !== undefined) this.#setState(index, { answeredAt: now });
    });
  }

  #openSource(spec: SourceSpec): Source {
    const limits = { ...DEFAULT_LIMITS, packets: this.options.batchPackets };
    return openSource(spec, {
      limits,
      downloads: this.options.downloads,
      log: this.#log,
    });
  }

  /** Stops reading; batches that were read are finished. */
  stop(): void {
    this.#stop.abort();
  }

  stats(): BrokerStats {
    return {
      packets: this.#packets,
      bytes: this.#bytes,
      stored: this.#stored,
      duplicates: this.#duplicates,
      deadLetters: this.#deadLetters,
      reasons: { ...this.#reasons },
      scores: this.#scores.counts,
      sources: this.#states.map((state, index) => ({ ...state, ...standing(this.#sources[index]) })),
    };
  }

  /** Reads all sources to their end or until `stop`. Throws when the store cannot be written for too long. */
  async run(): Promise<void> {
    const runs = this.options.sources.map((spec, index) => () => this.#runSource(spec, index));
    if (this.options.sequential) for (const run of runs) await run();
    else await Promise.all(runs.map((run) => run()));
  }

  async #runSource(spec: SourceSpec, index: number): Promise<void> {
    let wait = FIRST_WAIT_MS;
    while (!this.#stop.signal.aborted) {
      try {
        // How long servers have been silent does not begin anew with the source.
        const { answeredAt } = standing(this.#sources[index]);
        this.#setState(index, { state: "reading", ...(answeredAt === undefined ? {} : { answeredAt }) });
        const source = this.#openSource(spec);
        this.#sources[index] = source;
        await this.#readSource(source, () => {
          // What worked again fails anew.
          wait = FIRST_WAIT_MS;
        });
        this.#setState(index, { state: this.#stop.signal.aborted ? "stopped" : "done" });
        return;
      } catch (error) {
        if (this.#stop.signal.aborted && error === this.#stop.signal.reason) {
          this.#setState(index, { state: "stopped" });
          return;
        }
        if (!isSourceError(error)) throw error;
        this.#setState(index, { state: "failed", error: error.message });
        this.parts.log({ level: "error", message: error.message, fields: {} });
        // A command reports it; a server tries again, for a folder may come back.
        if (this.options.sequential) return;
        await pause(wait, this.#stop.signal);
        wait = Math.min(LONGEST_WAIT_MS, 2 * wait);
      }
    }
  }

  /** Batches that a source has under way beside the one that is written: together enough for all workers, and one. */
  get #ahead(): number {
    const { workers, sequential, sources } = this.options;
    return Math.max(AHEAD, sequential ? workers + 1 : Math.ceil((workers + 1) / sources.length));
  }

  #setState(index: number, change: Partial<SourceState>): void {
    const state = this.#states[index];
    if (state !== undefined) this.#states[index] = { ...state, ...change };
  }

  /** Reads a source to its end; `progressed` is called when a batch of it is stored. */
  async #readSource(source: Source, progressed: () => void): Promise<void> {
    const known = this.options.fromStart
      ? undefined
      : await this.#patiently(() => this.parts.writer.position(source.name));
    // A command reads again what it names again, a server only what is new.
    const isRead = known?.done === true;
    if (isRead && source.isFinal && !this.options.sequential) return;
    const position = isRead && this.options.sequential ? undefined : known?.position;
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, failed.signal]);
    /** Acknowledgements in the order of the batches: after one that fails nothing is written. */
    let last: Promise<void> = Promise.resolve();
    /** Turns are taken in the order of the batches too. */
    let turn: Promise<Turn | undefined> = Promise.resolve(undefined);
    const underway: Promise<void>[] = [];
    try {
      for await (const batch of source.batches(position, signal)) {
        const bytes = batch.packets.reduce((sum, packet) => sum + packet.bytes.length, 0);
        const decoded = this.parts.decode(batch, this.#stop.signal);
        // A failure is met when its turn to be written comes; until then it is no unhandled one.
        decoded.catch(() => undefined);
        const next = this.#takeTurn(source, { batch, decoded, previous: turn, acknowledged: last });
        turn = next;
        last = this.#acknowledge({ batch, bytes, turn: next }).then(progressed);
        // A source that waits for new packets hears that there is no use.
        last.catch(() => failed.abort());
        underway.push(last);
        if (underway.length > this.#ahead) await underway.shift();
      }
    } catch (error) {
      // What was read before the source failed is good.
      if (isSourceError(error)) await last;
      throw error;
    }
    await last;
    if (!this.#stop.signal.aborted) source.settled?.();
  }

  /**
   * Takes a batch's turn as soon as it is decoded and those before it have taken theirs: in it the batch is filtered
   * and written with its position. The members of a group, here and on other hosts, keep an object's order no better
   * than its partitions do, so they write side by side.
   */
  async #takeTurn(source: Source, { batch, decoded, previous, acknowledged }: Underway): Promise<Turn> {
    await previous;
    const packets = await decoded;
    const written = this.#turns.take(
      this.options.store.kind === "mongo" ? source : undefined,
      packets.names,
      {
        filter: () => this.#patiently(() => packets.filter()),
        write: async (filtered) => {
          await acknowledged;
          return this.#write(source, batch, filtered);
        },
      },
    );
    return { written };
  }

  /** Waits until a batch is written and counts it: from then on it is done for good. */
  async #acknowledge(next: {
    readonly batch: PacketBatch;
    readonly bytes: number;
    readonly turn: Promise<Turn>;
  }): Promise<void> {
    const { batch } = next;
    const { written } = await next.turn;
    const { result, faulty, scores } = await written;
    batch.durable?.();
    this.#packets += batch.packets.length;
    this.#bytes += next.bytes;
    this.#stored += result.stored;
    this.#duplicates += result.duplicates;
    this.#deadLetters += faulty.length;
    this.#countScores(scores);
    for (const { fault } of faulty) this.#reasons[fault.reason] = (this.#reasons[fault.reason] ?? 0) + 1;
  }

  #countScores(news: ScoreNews): void {
    this.#scores.add(news);
    for (const [model, message] of Object.entries(news.failures)) {
      if (this.#failing.has(model)) continue;
      this.#failing.add(model);
      this.parts.log({ level: "error", message: `${message}; more failures are only counted`, fields: {} });
    }
  }

  async #write(source: Source, batch: PacketBatch, filtered: FilteredPackets): Promise<Written> {
    const { faulty, scores, buffers } = filtered;
    const result = await this.#patiently(() => this.parts.writer.write(alertBatch(source, batch, filtered)));
    for (const buffer of buffers) giveBack(buffer);
    return { result, faulty, scores };
  }

  /** A full disk, a lock or a network may come back: what asks the store waits, and with it all that would come after. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    const giveUp = performance.now() + this.options.retryMs;
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, 2 * wait)) {
      try {
        return await work();
      } catch (error) {
        const isStoreError = error instanceof Error && error.name === "StoreError";
        if (!isStoreError || this.#stop.signal.aborted || performance.now() > giveUp) throw error;
        this.parts.log({ level: "error", message: error.message, fields: { retryInMs: wait } });
        await pause(wait, this.#stop.signal);
      }
    }
  }
}

/** How far a source has come. */
function standing(source: Source | undefined): Partial<SourceState> {
  const lag = source?.lag?.();
  const answeredAt = source?.answeredAt?.();
  return {
    ...source?.progress(),
    ...(lag === undefined ? {} : { lag }),
    ...(answeredAt === undefined ? {} : { answeredAt }),
  };
}

/** What became of a batch. */
interface Written {
  readonly result: BatchResult;
  readonly faulty: FilteredPackets["faulty"];
  readonly scores: ScoreNews;
}

/** All of a batch that is written in one transaction. */
function alertBatch(source: Source, batch: PacketBatch, filtered: FilteredPackets): AlertBatch {
  const { alerts, outbox, faulty } = filtered;
  const deadLetters = faulty.map(
    ({ packet, fault, bytes, survey }): DeadLetter => ({
      // With the bytes' hash: a file may be replaced by another of its name, which is another letter.
      id: `${source.name}#${packet.key}#${Bun.hash(bytes).toString(36)}`,
      source: source.name,
      place: packet.place,
      ...fault,
      bytes,
      ...(survey === undefined ? {} : { survey }),
    }),
  );
  const { position, done } = batch;
  const positions = position === undefined ? [] : [{ source: source.name, position, done }];
  return { alerts, outbox, deadLetters, positions };
}

function isSourceError(error: unknown): error is SourceError {
  return error instanceof SourceError;
}
