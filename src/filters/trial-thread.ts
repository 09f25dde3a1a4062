/** A thread that tries filters on stored alerts: one trial, then it ends. */
import { checkSize, type Document, parseJson, printJson, QueryError } from "../query/index.ts";
import { alertEncoder, openAlertReader, openAlertWriter } from "../store/index.ts";
import { giveWay } from "../telemetry/niceness.ts";
import type { FilterDocument } from "./definition.ts";
import { FilterError } from "./errors.ts";
import { backfill, tryLastNight, tryOnNewest, tryStages } from "./trial.ts";
import type { TrialAnswer, TrialError, TrialRequest } from "./trials.ts";

declare const self: Worker;

/** Trials give way to ingest and to queries. */
const NICENESS = 12;
/** Rows that travel together. */
const ROWS_AT_ONCE = 100;

self.onmessage = async ({ data }: MessageEvent<TrialRequest>) => {
  giveWay(NICENESS);
  try {
    send({ type: "done", result: await perform(data) });
  } catch (error) {
    send({ type: "error", error: plain(error) });
  }
};

async function perform(request: TrialRequest): Promise<unknown> {
  const { store, job } = request;
  const reader = await openAlertReader(store);
  const rows = new RowSender(job.kind === "try" ? job.mostRows : 0);
  const progress = (seen: number, total: number) => send({ type: "progress", seen, total });
  try {
    switch (job.kind) {
      case "try":
        return await tryStages(reader, job.stages, job.scope, { progress, row: (row) => rows.add(row) });
      case "newest":
        return await tryOnNewest(reader, job.pipelines, job.scope);
      case "night":
        return await tryLastNight(reader, job.stages, job.scope);
      case "backfill": {
        const writer = await openAlertWriter(store);
        const filter = parseJson(job.filter) as FilterDocument;
        const parts = { reader, writer, encoder: alertEncoder(store) };
        return await backfill(parts, filter, job.scope, { progress }).finally(() => writer.close());
      }
    }
  } finally {
    rows.flush();
    reader.close();
  }
}

/** What the rows of one trial may come to, bytes: they wait in memory for whoever asked. */
const MOST_ROW_BYTES = 32 * 1024 * 1024;

/** Sends the first rows, as text. */
class RowSender {
  #waiting: string[] = [];
  #left: number;
  #bytes = 0;

  constructor(most: number) {
    this.#left = most;
  }

  add(row: Document): void {
    if (this.#left-- <= 0) return;
    checkSize(row, "pipeline");
    const text = printJson(row);
    this.#bytes += text.length;
    // Further rows are counted, not shown.
    if (this.#bytes > MOST_ROW_BYTES) {
      this.#left = 0;
      return;
    }
    this.#waiting.push(text);
    if (this.#waiting.length >= ROWS_AT_ONCE) this.flush();
  }

  flush(): void {
    if (this.#waiting.length > 0) send({ type: "rows", rows: this.#waiting });
    this.#waiting = [];
  }
}

function plain(error: unknown): TrialError {
  if (error instanceof QueryError) {
    return { name: error.name, message: error.reason, kind: error.kind, path: error.path };
  }
  if (error instanceof FilterError) return { name: error.name, message: error.message, kind: error.kind };
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: "Error", message: String(error) };
}

function send(answer: TrialAnswer): void {
  self.postMessage(answer);
}
