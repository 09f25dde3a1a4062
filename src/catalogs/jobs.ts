/** The long work on catalogues that this server does: one job for a catalogue at a time, each on a thread. */
import { StoreError, type StoreSettings } from "../store/index.ts";
import type { FoundBadRow, LoadState, LoadTotals } from "./load.ts";
import { LoadStopped } from "./load.ts";
import { TableError } from "./table.ts";
import type { CatalogWork, WorkAnswer, WorkMessage } from "./work.ts";

/** Bad rows of a load that are kept to be shown. */
const MOST_BAD_ROWS = 100;
/** Notes of a load that are kept. */
const MOST_NOTES = 20;
/** Finished jobs that are remembered. */
const MOST_JOBS = 100;
/** How long a load may take to finish what it writes when the server stops, milliseconds. */
const STOP_MS = 5000;

export interface CatalogJob {
  /** Of the catalogue. */
  readonly name: string;
  readonly kind: CatalogWork["type"];
  state: "running" | "done" | "failed";
  readonly startedAt: Date;
  finishedAt: Date | undefined;
  progress: Partial<LoadState>;
  /** The first ones. */
  readonly badRows: FoundBadRow[];
  /** What whoever asked should know; the first ones. */
  readonly notes: string[];
  totals: LoadTotals | undefined;
  /** Why it failed, in words for whoever asked for it. */
  error: string | undefined;
}

interface Running {
  readonly job: CatalogJob;
  readonly thread: Worker;
  readonly done: Promise<boolean>;
}

export class CatalogJobs {
  readonly #jobs = new Map<string, CatalogJob>();
  readonly #running = new Map<string, Running>();

  constructor(readonly settings: StoreSettings) {}

  /** The last job of a catalogue that this server was asked for. */
  find(name: string): CatalogJob | undefined {
    return this.#jobs.get(name);
  }

  isRunning(name: string): boolean {
    return this.#running.has(name);
  }

  /**
   * Begins work; the job tells how far it is. `done` answers whether there was what was to be removed or
   * indexed, and rejects with `TableError`, `LoadStopped`, `StoreError` or what else went wrong. Throws
   * `StoreError` when there is work on this catalogue already: ask `isRunning` before.
   */
  start(name: string, work: CatalogWork): { readonly job: CatalogJob; readonly done: Promise<boolean> } {
    if (this.#running.has(name)) throw new StoreError(`there is work on ${name} already`);
    const job: CatalogJob = {
      name,
      kind: work.type,
      state: "running",
      startedAt: new Date(),
      finishedAt: undefined,
      progress: {},
      badRows: [],
      notes: [],
      totals: undefined,
      error: undefined,
    };
    const thread = new Worker(new URL("./work-thread.ts", import.meta.url).href);
    const done = this.#follow(job, thread);
    // Whoever asked may not wait for it: what went wrong is told by the job.
    done.catch(() => {});
    this.#running.set(name, { job, thread, done });
    this.#remember(job);
    thread.postMessage({ type: "start", work, settings: this.settings } satisfies WorkMessage);
    return { job, done };
  }

  async #follow(job: CatalogJob, thread: Worker): Promise<boolean> {
    try {
      const { totals, existed } = await new Promise<Extract<WorkAnswer, { type: "done" }>>(
        (resolve, reject) => {
          thread.onerror = ({ message }) => reject(new Error(`the loading thread died: ${message}`));
          thread.onmessage = ({ data }: MessageEvent<WorkAnswer>) => {
            if (data.type === "progress") job.progress = data.state;
            else if (data.type === "done") resolve(data);
            else if (data.type === "failed") reject(errorOf(data));
            else if (data.type === "note") {
              if (job.notes.length < MOST_NOTES) job.notes.push(data.text);
            } else if (job.badRows.length < MOST_BAD_ROWS) job.badRows.push(data.row);
          };
        },
      );
      job.state = "done";
      job.totals = totals;
      return existed ?? true;
    } catch (error) {
      job.state = "failed";
      job.error = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      job.finishedAt = new Date();
      this.#running.delete(job.name);
      thread.terminate();
    }
  }

  #remember(job: CatalogJob): void {
    this.#jobs.delete(job.name);
    this.#jobs.set(job.name, job);
    for (const [name, { state }] of this.#jobs) {
      if (this.#jobs.size <= MOST_JOBS) return;
      if (state !== "running") this.#jobs.delete(name);
    }
  }

  /** Stops loads behind what they have written: the same load goes on from there. */
  async close(): Promise<void> {
    const running = [...this.#running.values()];
    for (const { thread } of running) thread.postMessage({ type: "stop" } satisfies WorkMessage);
    const ended = Promise.allSettled(running.map(({ done }) => done));
    await Promise.race([ended, Bun.sleep(STOP_MS)]);
    for (const { thread } of running) thread.terminate();
  }
}

function errorOf({ name, message }: { readonly name: string; readonly message: string }): Error {
  if (name === "LoadStopped") return new LoadStopped(message);
  if (name === "StoreError") return new StoreError(message);
  if (name !== "TableError") return new Error(message);
  const [file = "", ...reason] = message.split(": ");
  return new TableError(file, reason.join(": "));
}
