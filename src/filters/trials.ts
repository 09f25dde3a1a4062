/** Trials of filters as other threads ask for them: each runs on a thread of its own, few at a time. */

import { printJson, QueryError, type QueryErrorKind } from "../query/index.ts";
import type { StoreSettings } from "../store/index.ts";
import { StoreError } from "../store/index.ts";
import type { FilterDocument } from "./definition.ts";
import { FilterError, type FilterErrorKind } from "./errors.ts";
import type { NamedStages, NightSummary, TrialScope, TrialSummary } from "./trial.ts";

/** Trials at once; others wait their turn. */
const MOST_AT_ONCE = 2;

type Job =
  | {
      readonly kind: "try";
      readonly stages: NamedStages;
      readonly scope: TrialScope;
      readonly mostRows: number;
    }
  | {
      readonly kind: "newest";
      readonly pipelines: readonly NamedStages[];
      readonly scope: Omit<TrialScope, "choice">;
    }
  | { readonly kind: "night"; readonly stages: NamedStages; readonly scope: Omit<TrialScope, "choice"> }
  /** `filter` is a filter's document as text. */
  | { readonly kind: "backfill"; readonly filter: string; readonly scope: TrialScope };

export interface TrialRequest {
  readonly store: StoreSettings;
  readonly job: Job;
}

export interface TrialError {
  readonly name: string;
  readonly message: string;
  readonly kind?: QueryErrorKind | FilterErrorKind;
  readonly path?: string;
}

export type TrialAnswer =
  | { readonly type: "progress"; readonly seen: number; readonly total: number }
  /** As text of JSON. */
  | { readonly type: "rows"; readonly rows: readonly string[] }
  | { readonly type: "done"; readonly result: unknown }
  | { readonly type: "error"; readonly error: TrialError };

/** Who hears of a trial while it goes on. */
export interface TrialWatcher {
  progress?(seen: number, total: number): void;
  /** Rows as text of JSON. */
  rows?(rows: readonly string[]): void;
  /** Ends the trial. */
  readonly signal?: AbortSignal;
}

export class Trials {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(readonly store: StoreSettings) {}

  /** Runs a pipeline on chosen alerts; the watcher gets the first `mostRows` rows. */
  try(
    stages: NamedStages,
    scope: TrialScope,
    mostRows: number,
    watcher: TrialWatcher,
  ): Promise<TrialSummary> {
    return this.#run<TrialSummary>({ kind: "try", stages, scope, mostRows }, watcher);
  }

  /** Runs pipelines on the newest alert; undefined when none is stored that the permissions allow. */
  newest(
    pipelines: readonly NamedStages[],
    scope: Omit<TrialScope, "choice">,
  ): Promise<{ candid: bigint; passed: boolean } | undefined> {
    return this.#run({ kind: "newest", pipelines, scope }, {});
  }

  /** Runs a pipeline on the last stored night. */
  night(stages: NamedStages, scope: Omit<TrialScope, "choice">): Promise<NightSummary> {
    return this.#run<NightSummary>({ kind: "night", stages, scope }, {});
  }

  /** Runs a saved filter on chosen alerts and records what it matches. */
  backfill(filter: FilterDocument, scope: TrialScope, watcher: TrialWatcher): Promise<TrialSummary> {
    return this.#run<TrialSummary>({ kind: "backfill", filter: printJson(filter), scope }, watcher);
  }

  async #run<T>(job: Job, watcher: TrialWatcher): Promise<T> {
    while (this.#running >= MOST_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      return await onThread<T>({ store: this.store, job }, watcher);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

function onThread<T>(request: TrialRequest, watcher: TrialWatcher): Promise<T> {
  const worker = new Worker(new URL("./trial-thread.ts", import.meta.url).href);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const stop = () => reject(new QueryError("deadline", "", "the trial was stopped"));
  worker.onmessage = ({ data }: MessageEvent<TrialAnswer>) => {
    if (data.type === "progress") watcher.progress?.(data.seen, data.total);
    else if (data.type === "rows") watcher.rows?.(data.rows);
    else if (data.type === "error") reject(fromPlain(data.error));
    else resolve(data.result as T);
  };
  worker.onerror = (event) => reject(new Error(`the trial's thread died: ${event.message}`));
  watcher.signal?.addEventListener("abort", stop, { once: true });
  if (watcher.signal?.aborted === true) stop();
  else worker.postMessage(request);
  return promise.finally(() => {
    watcher.signal?.removeEventListener("abort", stop);
    worker.terminate();
  });
}

function fromPlain({ name, message, kind, path }: TrialError): Error {
  if (name === "QueryError") return new QueryError(kind as QueryErrorKind, path ?? "", message);
  if (name === "FilterError") return new FilterError(kind as FilterErrorKind, message);
  return name === "StoreError" ? new StoreError(message) : new Error(message);
}
