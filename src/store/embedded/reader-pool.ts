/** The reader threads as the asking thread sees them: queries go to the least busy, answers come as streams. */
import { type Document, QueryError } from "../../query/index.ts";
import type { ConesRequest } from "../cones.ts";
import {
  type AggregateExplanation,
  type AggregateRequest,
  type CountRequest,
  type DocumentStream,
  type FindExplanation,
  type FindRequest,
  StoreError,
} from "../store.ts";
import { decodeDocument } from "./encoding.ts";
import {
  type EndValue,
  encodeRequest,
  fromPlainError,
  type ReaderAnswer,
  type ReaderRequest,
  type Thread,
  type ThreadOptions,
  targetsMessages,
} from "./messages.ts";

/** A reader that is this late beyond a query's limit is stuck and is replaced, milliseconds. */
const GRACE_MS = 5000;

type Chunk = Extract<ReaderAnswer, { type: "json" | "documents" }>;

/** One query on its way. */
interface Pending {
  onChunk(chunk: Chunk): void;
  onEnd(value: EndValue | undefined): void;
  onError(error: Error): void;
  readonly watchdog: Timer;
}

class Reader {
  readonly pending = new Map<number, Pending>();
  readonly #worker: Thread;

  constructor(options: ThreadOptions, onDeath: (reader: Reader) => void) {
    this.#worker = new Worker(new URL("./reader-thread.ts", import.meta.url).href) as Thread;
    this.#worker.onmessage = ({ data }: MessageEvent<ReaderAnswer>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      this.fail(new StoreError(`a reader thread died: ${event.message}`));
      onDeath(this);
    };
    this.send({ type: "open", options });
    // A pool that idles does not keep a command from ending.
    this.#worker.unref();
  }

  send(request: ReaderRequest): void {
    this.#worker.postMessage(request);
  }

  #receive(answer: ReaderAnswer): void {
    const pending = this.pending.get(answer.id);
    if (pending === undefined) return;
    if (answer.type === "json" || answer.type === "documents") {
      pending.onChunk(answer);
      return;
    }
    this.forget(answer.id);
    if (answer.type === "end") pending.onEnd(answer.value);
    else pending.onError(fromPlainError(answer.error));
  }

  add(id: number, pending: Pending): void {
    this.pending.set(id, pending);
    this.#worker.ref();
  }

  forget(id: number): void {
    const pending = this.pending.get(id);
    if (pending === undefined) return;
    clearTimeout(pending.watchdog);
    this.pending.delete(id);
    if (this.pending.size === 0) this.#worker.unref();
  }

  fail(error: Error): void {
    const failed = [...this.pending.entries()];
    for (const [id, pending] of failed) {
      this.forget(id);
      pending.onError(error);
    }
  }

  terminate(): void {
    this.#worker.terminate();
  }
}

export class ReaderPool {
  readonly #readers: Reader[] = [];
  #nextId = 1;

  /** Threads are started as queries need them, up to `size`. */
  constructor(
    readonly options: ThreadOptions,
    readonly size: number,
  ) {}

  find(request: FindRequest): DocumentStream {
    return this.#documents("find", request);
  }

  aggregate(request: AggregateRequest): DocumentStream {
    return this.#documents("aggregate", request);
  }

  #documents(type: "find" | "aggregate", request: FindRequest | AggregateRequest): DocumentStream {
    const chunks = <T>(form: "json" | "documents", open: (chunk: Chunk) => T) =>
      this.#stream(
        { type, id: this.#nextId++, request: encodeRequest(request), form },
        request.maxTimeMs,
        open,
      );
    return {
      json: () => chunks("json", (chunk) => (chunk.type === "json" ? chunk.text : "")),
      async *documents() {
        for await (const texts of chunks("documents", (chunk) =>
          chunk.type === "documents" ? chunk.texts : [],
        )) {
          for (const text of texts) yield decodeDocument(text);
        }
      },
    };
  }

  cones(request: ConesRequest): AsyncIterable<string> {
    const { targets, ...rest } = request;
    const id = this.#nextId++;
    const message = { type: "cones", id, request: encodeRequest({ ...rest, targets: [] }) } as const;
    const open = (chunk: Chunk) => (chunk.type === "json" ? chunk.text : "");
    return this.#stream(message, request.maxTimeMs, open, targetsMessages(id, targets));
  }

  async findOne(request: FindRequest): Promise<Document | undefined> {
    for await (const document of this.find({ ...request, limit: 1 }).documents()) return document;
    return undefined;
  }

  count(request: CountRequest): Promise<number> {
    return this.#value(
      { type: "count", id: this.#nextId++, request: encodeRequest(request) },
      request.maxTimeMs,
      Number,
    );
  }

  explainFind(request: FindRequest): Promise<FindExplanation> {
    const message = { type: "explainFind", id: this.#nextId++, request: encodeRequest(request) } as const;
    return this.#value(message, request.maxTimeMs, (value) => value as FindExplanation);
  }

  explainAggregate(request: AggregateRequest): Promise<AggregateExplanation> {
    const message = {
      type: "explainAggregate",
      id: this.#nextId++,
      request: encodeRequest(request),
    } as const;
    return this.#value(message, request.maxTimeMs, (value) => value as AggregateExplanation);
  }

  /** A `CollectionDescription` as JSON, or null. */
  describe(collection: string): Promise<string | null> {
    const message = { type: "describe", id: this.#nextId++, collection } as const;
    return this.#value(message, 60_000, (value) => (typeof value === "string" ? value : null));
  }

  close(): void {
    for (const reader of this.#readers.splice(0)) {
      reader.fail(new StoreError("the store is closed"));
      reader.terminate();
    }
  }

  #value<T>(
    message: Extract<ReaderRequest, { id: number }>,
    maxTimeMs: number,
    convert: (value: EndValue | undefined) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const reader = this.#leastBusy();
      const watchdog = this.#watch(reader, maxTimeMs);
      reader.add(message.id, {
        onChunk: () => undefined,
        onEnd: (value) => resolve(convert(value)),
        onError: reject,
        watchdog,
      });
      reader.send(message);
    });
  }

  async *#stream<T>(
    message: Extract<ReaderRequest, { id: number }>,
    maxTimeMs: number,
    open: (chunk: Chunk) => T,
    before: Iterable<ReaderRequest> = [],
  ): AsyncGenerator<T, void, undefined> {
    const reader = this.#leastBusy();
    const queue: T[] = [];
    let ended = false;
    let failure: Error | undefined;
    let wake = () => {};
    reader.add(message.id, {
      onChunk: (chunk) => {
        queue.push(open(chunk));
        wake();
      },
      onEnd: () => {
        ended = true;
        wake();
      },
      onError: (error) => {
        failure = error;
        wake();
      },
      watchdog: this.#watch(reader, maxTimeMs),
    });
    try {
      for (const part of before) {
        reader.send(part);
        await new Promise((resolve) => setImmediate(resolve));
      }
      reader.send(message);
      for (;;) {
        const next = queue.shift();
        if (next !== undefined) {
          yield next;
          reader.send({ type: "credit", id: message.id });
        } else if (failure !== undefined) throw failure;
        else if (ended) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      if (!ended && failure === undefined) {
        reader.forget(message.id);
        reader.send({ type: "cancel", id: message.id });
      }
    }
  }

  #watch(reader: Reader, maxTimeMs: number): Timer {
    const timer = setTimeout(() => {
      const error = new QueryError("deadline", "", `took longer than its time limit of ${maxTimeMs} ms`);
      this.#replace(reader, error);
    }, maxTimeMs + GRACE_MS);
    timer.unref();
    return timer;
  }

  #replace(reader: Reader, error: Error): void {
    const index = this.#readers.indexOf(reader);
    if (index >= 0) this.#readers.splice(index, 1);
    reader.fail(error);
    reader.terminate();
  }

  #leastBusy(): Reader {
    let best = this.#readers[0];
    for (const reader of this.#readers) {
      if (best === undefined || reader.pending.size < best.pending.size) best = reader;
    }
    if (best !== undefined && (best.pending.size === 0 || this.#readers.length >= this.size)) return best;
    const started = new Reader(this.options, (dead) =>
      this.#replace(dead, new StoreError("a reader thread died")),
    );
    this.#readers.push(started);
    return started;
  }
}
