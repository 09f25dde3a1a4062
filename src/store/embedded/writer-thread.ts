/** A thread that writes small documents, so that the thread that answers HTTP never waits for the disk or a lock. */
import type { Database } from "bun:sqlite";
import { beginWriting, openDatabase, storeError } from "./database.ts";
import { ensureIndexes, insertDocuments, removeDocument, replaceDocument, setFields } from "./documents.ts";
import { decodeDocument } from "./encoding.ts";
import { dropLayout } from "./layout.ts";
import { takeLease } from "./lease.ts";
import { toPlainError, type WriterAnswer, type WriterRequest } from "./messages.ts";
import { removeOutbox } from "./outbox.ts";

declare const self: Worker;

/** How long a write waits for other processes' batches, milliseconds. */
const LONGEST_WAIT_MS = 30_000;

let dataDir = "";
let database: Database | undefined;

self.onmessage = ({ data }: MessageEvent<WriterRequest>) => {
  if (data.type === "open") {
    dataDir = data.options.dataDir;
    return;
  }
  let answer: WriterAnswer;
  try {
    database ??= openForSmallWrites();
    answer = { type: "done", id: data.id, value: inTransaction(database, (db) => perform(db, data)) };
  } catch (error) {
    answer = { type: "error", id: data.id, error: toPlainError(storeError(error, dataDir)) };
  }
  self.postMessage(answer);
};

function openForSmallWrites(): Database {
  const opened = openDatabase({ dataDir });
  opened.run("PRAGMA busy_timeout = 0");
  return opened;
}

/** Runs `work` in a transaction of its own. */
function inTransaction<T>(db: Database, work: (db: Database) => T): T {
  beginWriting(db, LONGEST_WAIT_MS);
  try {
    const value = work(db);
    db.run("COMMIT");
    return value;
  } catch (error) {
    if (db.inTransaction) db.run("ROLLBACK");
    throw error;
  }
}

function perform(db: Database, request: Exclude<WriterRequest, { type: "open" }>): boolean | number {
  switch (request.type) {
    case "insert":
      insertDocuments(db, request.collection, request.documents.map(decodeDocument), "fail");
      return true;
    case "replace":
      return replaceDocument(db, request.collection, decodeDocument(request.document), request.upsert);
    case "set-fields":
      return setFields(db, request.collection, decodeDocument(request.changes)["list"]);
    case "remove":
      return removeDocument(db, request.collection, decodeDocument(request.key)["_id"] ?? null);
    case "drop":
      return dropLayout(db, request.collection);
    case "ensure-indexes":
      ensureIndexes(db, request.collection, request.indexes);
      return true;
    case "remove-outbox":
      return removeOutbox(db, request.through, request.limit);
    case "lease":
      return takeLease(db, request);
  }
}
