/** What travels between the thread that asks and the threads that read and write: text and numbers only. */
import { type Document, QueryError, type QueryErrorKind } from "../../query/index.ts";
import type { ConesRequest, ConeTarget } from "../cones.ts";
import type {
  AggregateExplanation,
  AggregateRequest,
  CountRequest,
  FindExplanation,
  FindRequest,
  IndexDescription,
} from "../store.ts";
import { DuplicateKeyError, StoreError } from "../store.ts";
import { decodeDocument, encodeDocument } from "./encoding.ts";

/** A worker thread, with what Bun adds to the web's interface: whether it keeps the process alive. */
export interface Thread extends Worker {
  ref(): void;
  unref(): void;
}

/** What a thread is started with. */
export interface ThreadOptions {
  readonly dataDir: string;
}

export type ReaderRequest =
  | { readonly type: "open"; readonly options: ThreadOptions }
  | {
      readonly type: "find" | "aggregate";
      readonly id: number;
      readonly request: string;
      readonly form: "json" | "documents";
    }
  | {
      readonly type: "count" | "explainFind" | "explainAggregate";
      readonly id: number;
      readonly request: string;
    }
  /** Some targets of the cones of this id, which are asked for when all of them were sent. */
  | {
      readonly type: "targets";
      readonly id: number;
      readonly keys: readonly string[];
      /** Longitude and latitude of each. */
      readonly places: Float64Array;
    }
  /** `request` has no targets. */
  | { readonly type: "cones"; readonly id: number; readonly request: string }
  | { readonly type: "describe"; readonly id: number; readonly collection: string }
  /** One more chunk may be sent. */
  | { readonly type: "credit"; readonly id: number }
  | { readonly type: "cancel"; readonly id: number };

export type ReaderAnswer =
  | { readonly type: "json"; readonly id: number; readonly text: string }
  | { readonly type: "documents"; readonly id: number; readonly texts: readonly string[] }
  | { readonly type: "end"; readonly id: number; readonly value?: EndValue }
  | { readonly type: "error"; readonly id: number; readonly error: PlainError };

/** What a query that yields no documents answers. */
export type EndValue = number | FindExplanation | AggregateExplanation | string | null;

export type WriterRequest =
  | { readonly type: "open"; readonly options: ThreadOptions }
  | {
      readonly type: "insert";
      readonly id: number;
      readonly collection: string;
      readonly documents: readonly string[];
    }
  | {
      readonly type: "replace";
      readonly id: number;
      readonly collection: string;
      readonly document: string;
      readonly upsert: boolean;
    }
  /** `changes` is a document with the list of them. */
  | {
      readonly type: "set-fields";
      readonly id: number;
      readonly collection: string;
      readonly changes: string;
    }
  | { readonly type: "remove"; readonly id: number; readonly collection: string; readonly key: string }
  | { readonly type: "drop"; readonly id: number; readonly collection: string }
  | {
      readonly type: "ensure-indexes";
      readonly id: number;
      readonly collection: string;
      readonly indexes: readonly IndexDescription[];
    }
  | { readonly type: "remove-outbox"; readonly id: number; readonly through: bigint; readonly limit: number }
  | {
      readonly type: "lease";
      readonly id: number;
      readonly name: string;
      readonly holder: string;
      readonly ttlMs: number;
    };

export type WriterAnswer =
  | { readonly type: "done"; readonly id: number; readonly value: boolean | number }
  | { readonly type: "error"; readonly id: number; readonly error: PlainError };

/** How many chunks of an answer may be on their way. */
export const CREDITS = 4;

/** An error that can be sent. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly query?: { readonly kind: QueryErrorKind; readonly path: string; readonly reason: string };
  readonly duplicate?: { readonly collection: string; readonly key: string };
}

export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const plain = { name: error.name, message: error.message, ...(error.stack ? { stack: error.stack } : {}) };
  if (error instanceof QueryError) {
    return { ...plain, query: { kind: error.kind, path: error.path, reason: error.reason } };
  }
  if (error instanceof DuplicateKeyError) {
    return { ...plain, duplicate: { collection: error.collection, key: error.key } };
  }
  return plain;
}

export function fromPlainError(plain: PlainError): Error {
  if (plain.query !== undefined)
    return new QueryError(plain.query.kind, plain.query.path, plain.query.reason);
  if (plain.duplicate !== undefined)
    return new DuplicateKeyError(plain.duplicate.collection, plain.duplicate.key);
  if (plain.name === "StoreError") return new StoreError(plain.message);
  const error = new Error(plain.message);
  error.name = plain.name;
  if (plain.stack !== undefined) error.stack = plain.stack;
  return error;
}

type TargetsMessage = Extract<ReaderRequest, { type: "targets" }>;

/** So many targets are sent at a time: copying thousands of names takes some milliseconds. */
const TARGETS_AT_ONCE = 2000;

/** The targets of cones as they travel: in parts, between which the sender may look after others. */
export function* targetsMessages(id: number, targets: readonly ConeTarget[]): Generator<TargetsMessage> {
  for (let from = 0; from < targets.length; from += TARGETS_AT_ONCE) {
    const some = targets.slice(from, from + TARGETS_AT_ONCE);
    const places = Float64Array.from(some.flatMap(({ longitude, latitude }) => [longitude, latitude]));
    yield { type: "targets", id, keys: some.map(({ key }) => key), places };
  }
}

/** The targets of such a message. */
export function targetsOf({ keys, places }: TargetsMessage): ConeTarget[] {
  return keys.map((key, index) => ({
    key,
    longitude: places[2 * index] ?? 0,
    latitude: places[2 * index + 1] ?? 0,
  }));
}

type Request = FindRequest | CountRequest | AggregateRequest | ConesRequest;

/** A request as text: its filter and hint may hold any BSON value. */
export function encodeRequest(request: Request): string {
  return encodeDocument({ ...request } as unknown as Document);
}

/** The request that was encoded; which kind it is the message tells. */
export function decodeRequest<R extends Request>(text: string): R {
  return decodeDocument(text) as unknown as R;
}
