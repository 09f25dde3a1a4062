/** A thread that writes small documents, so that the thread that answers HTTP never waits for the disk or a lock. */
import type { Database } from "bun:sqlite";
import { openDatabase, storeError } from "./database.ts";
import { decodeDocument } from "./encoding.ts";
import { toPlainError, type WriterAnswer, type WriterRequest } from "./messages.ts";
import { PlainWriter } from "./plain-writer.ts";

declare const self: Worker;

let dataDir = "";
let database: Database | undefined;

self.onmessage = ({ data }: MessageEvent<WriterRequest>) => {
  if (data.type === "open") {
    dataDir = data.options.dataDir;
    return;
  }
  let answer: WriterAnswer;
  try {
    database ??= openDatabase({ dataDir });
    const writer = new PlainWriter(database);
    answer = {
      type: "done",
      id: data.id,
      value: database.transaction(() => perform(writer, data)).immediate(),
    };
  } catch (error) {
    answer = { type: "error", id: data.id, error: toPlainError(storeError(error, dataDir)) };
  }
  self.postMessage(answer);
};

function perform(writer: PlainWriter, request: Exclude<WriterRequest, { type: "open" }>): boolean {
  switch (request.type) {
    case "insert":
      for (const text of request.documents) writer.insert(request.collection, decodeDocument(text));
      return true;
    case "replace":
      return writer.replace(request.collection, decodeDocument(request.document), request.upsert);
    case "remove":
      return writer.remove(request.collection, decodeDocument(request.key)["_id"] ?? null);
    case "drop":
      return writer.drop(request.collection);
  }
}
