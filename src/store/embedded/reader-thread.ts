/**
 * A thread that answers queries: several at a time, each for a few milliseconds in turn, so that a scan of
 * the whole collection does not hold up a find by key.
 */
import type { Database } from "bun:sqlite";
import { checkSize, Deadline, type Document, printJson } from "../../query/index.ts";
import { giveWay } from "../../telemetry/niceness.ts";
import type { ConesRequest, ConeTarget } from "../cones.ts";
import type { AggregateRequest, CountRequest, FindRequest } from "../store.ts";
import { Aggregator } from "./aggregate.ts";
import { ConeSearcher } from "./cones.ts";
import { openDatabase, storeError } from "./database.ts";
import { describeCollection } from "./describe.ts";
import { encodeDocument } from "./encoding.ts";
import { Finder } from "./find.ts";
import {
  CREDITS,
  decodeRequest,
  type EndValue,
  type ReaderAnswer,
  type ReaderRequest,
  targetsOf,
  toPlainError,
} from "./messages.ts";

declare const self: Worker;

/** How long one query runs before the next has its turn, milliseconds. */
const TURN_MS = 5;
/** An answer is sent when it has grown to this many characters, or at the end of the query's turn. */
const CHUNK_LENGTH = 64 * 1024;
/** Queries give way to the thread that answers HTTP. */
const NICENESS = 2;
/** Descriptions read a few rows: they need no limit of the caller's. */
const DESCRIBE_MS = 60_000;

/** One query in progress. */
interface Task {
  readonly id: number;
  readonly deadline: Deadline;
  /** Chunks that may still be sent. */
  credits: number;
  /** Works for one turn; answers whether it is finished. */
  turn(until: number): boolean;
}

const tasks = new Map<number, Task>();
/** Targets of cones that are not asked for yet, by the id of these. */
const waiting = new Map<number, ConeTarget[]>();
let database: Database | undefined;
let dataDir = "";
let scheduled = false;

function send(answer: ReaderAnswer): void {
  self.postMessage(answer);
}

self.onmessage = ({ data }: MessageEvent<ReaderRequest>) => {
  switch (data.type) {
    case "open":
      dataDir = data.options.dataDir;
      giveWay(NICENESS);
      return;
    case "cancel":
      tasks.delete(data.id);
      waiting.delete(data.id);
      return;
    case "targets": {
      const known = waiting.get(data.id);
      if (known === undefined) waiting.set(data.id, targetsOf(data));
      else known.push(...targetsOf(data));
      return;
    }
    case "credit": {
      const task = tasks.get(data.id);
      if (task !== undefined) task.credits++;
      schedule();
      return;
    }
    default:
      begin(data);
  }
};

function begin(request: Extract<ReaderRequest, { id: number }>): void {
  try {
    database ??= openDatabase({ dataDir, readonly: true });
    const task = taskFor(request, database);
    if (task !== undefined) tasks.set(task.id, task);
    schedule();
  } catch (error) {
    send({ type: "error", id: request.id, error: toPlainError(storeError(error, dataDir)) });
  }
}

function taskFor(request: Extract<ReaderRequest, { id: number }>, db: Database): Task | undefined {
  const { id } = request;
  switch (request.type) {
    case "find": {
      const find = decodeRequest<FindRequest>(request.request);
      return streamTask(id, new Deadline(find.maxTimeMs), new Finder(db).find(find), formOf(request));
    }
    case "aggregate": {
      const asked = decodeRequest<AggregateRequest>(request.request);
      const running = new Aggregator(db).aggregate(asked);
      return streamTask(id, new Deadline(asked.maxTimeMs), running, formOf(request));
    }
    case "cones": {
      const targets = waiting.get(id) ?? [];
      waiting.delete(id);
      const asked = { ...decodeRequest<ConesRequest>(request.request), targets };
      return streamTask(id, new Deadline(asked.maxTimeMs), new ConeSearcher(db, asked).run(), textForm(id));
    }
    case "count": {
      const asked = decodeRequest<CountRequest>(request.request);
      return valueTask(id, new Deadline(asked.maxTimeMs), new Finder(db).count(asked));
    }
    case "explainFind": {
      const asked = decodeRequest<FindRequest>(request.request);
      return valueTask(id, new Deadline(asked.maxTimeMs), new Finder(db).explain(asked));
    }
    case "explainAggregate": {
      const asked = decodeRequest<AggregateRequest>(request.request);
      return valueTask(id, new Deadline(asked.maxTimeMs), new Aggregator(db).explain(asked));
    }
    case "describe":
      return valueTask(id, new Deadline(DESCRIBE_MS), describeCollection(db, request.collection));
    default:
      return undefined;
  }
}

/** Larger than any stored document; a pipeline can build one that would never be written out. */
const MOST_DOCUMENT_BYTES = 256 * 1024 * 1024;

/** How what a query yields is gathered into chunks. */
interface Form<T> {
  add(item: T): void;
  size(): number;
  flush(): void;
  /** Whether what there is waits for more at the end of a turn: what fails before anything is sent fails as a whole. */
  readonly gathers?: boolean;
}

function formOf({ id, form }: Extract<ReaderRequest, { form: string }>): Form<Document> {
  return form === "json" ? jsonForm(id) : documentsForm(id);
}

function jsonForm(id: number): Form<Document> {
  let texts: string[] = [];
  let length = 0;
  let first = true;
  return {
    add(document) {
      checkSize(document, "", MOST_DOCUMENT_BYTES);
      const text = printJson(document);
      texts.push(text);
      length += text.length;
    },
    size: () => length,
    flush() {
      const text = texts.join(",");
      send({ type: "json", id, text: first ? text : `,${text}` });
      first = false;
      texts = [];
      length = 0;
    },
  };
}

/** Text that is JSON already. */
function textForm(id: number): Form<string> {
  let texts: string[] = [];
  let length = 0;
  return {
    add(text) {
      texts.push(text);
      length += text.length;
    },
    size: () => length,
    flush() {
      send({ type: "json", id, text: texts.join("") });
      texts = [];
      length = 0;
    },
    gathers: true,
  };
}

function documentsForm(id: number): Form<Document> {
  let texts: string[] = [];
  let length = 0;
  return {
    add(document) {
      checkSize(document, "", MOST_DOCUMENT_BYTES);
      const text = encodeDocument(document);
      texts.push(text);
      length += text.length;
    },
    size: () => length,
    flush() {
      send({ type: "documents", id, texts });
      texts = [];
      length = 0;
    },
  };
}

function streamTask<T extends Document | string>(
  id: number,
  deadline: Deadline,
  running: Generator<T | undefined, void, undefined>,
  form: Form<T>,
): Task {
  return {
    id,
    deadline,
    credits: CREDITS,
    turn(until) {
      for (;;) {
        const { done, value } = running.next();
        if (done === true) {
          if (form.size() > 0) form.flush();
          send({ type: "end", id });
          return true;
        }
        if (value !== undefined) form.add(value);
        const late = performance.now() > until;
        if (form.size() > CHUNK_LENGTH || (late && form.size() > 0 && form.gathers !== true)) {
          form.flush();
          this.credits--;
          return false;
        }
        if (late) return false;
      }
    },
  };
}

function valueTask(id: number, deadline: Deadline, running: Generator<undefined, EndValue, undefined>): Task {
  return {
    id,
    deadline,
    credits: 1,
    turn(until) {
      for (;;) {
        const { done, value } = running.next();
        if (done === true) {
          send({ type: "end", id, value });
          return true;
        }
        if (performance.now() > until) return false;
      }
    },
  };
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  // Between rounds the event loop delivers new queries and credits.
  setImmediate(round);
}

function round(): void {
  scheduled = false;
  let ready = false;
  for (const task of [...tasks.values()]) {
    if (task.credits <= 0) continue;
    try {
      task.deadline.check();
      if (task.deadline.run(() => task.turn(performance.now() + TURN_MS))) tasks.delete(task.id);
      else if (task.credits > 0) ready = true;
    } catch (error) {
      tasks.delete(task.id);
      send({ type: "error", id: task.id, error: toPlainError(storeError(error, dataDir)) });
    }
  }
  if (ready) schedule();
}
