/** The other end of the decode thread: pieces as they are read, while more are being read. */
import type { IndexDescription, StoreSettings } from "../store/index.ts";
import type { DecodedPiece, DecodeRequest } from "./decode.ts";
import type { DecodeAnswer, DecodeMessage } from "./messages.ts";
import { TableError } from "./table.ts";

/**
 * Yields the pieces of a file, until `signal` is aborted. Throws what the thread met: `TableError` for a file that
 * cannot be read.
 */
export async function* decodedPieces(
  request: DecodeRequest,
  settings: StoreSettings,
  indexes: readonly IndexDescription[],
  signal: AbortSignal,
): AsyncGenerator<DecodedPiece> {
  const thread = new Worker(new URL("./decode-thread.ts", import.meta.url).href);
  const answers: DecodeAnswer[] = [];
  let awaited: (() => void) | undefined;
  const take = (answer: DecodeAnswer) => {
    answers.push(answer);
    awaited?.();
  };
  thread.onmessage = ({ data }: MessageEvent<DecodeAnswer>) => take(data);
  thread.onerror = ({ message }) =>
    take({ type: "error", name: "Error", message: `the reading thread died: ${message}` });
  const stop = () => take({ type: "end" });
  signal.addEventListener("abort", stop);
  const send = (message: DecodeMessage) => thread.postMessage(message);
  send({ type: "file", request, settings, indexes });
  try {
    for (;;) {
      const answer = answers.shift();
      if (answer === undefined) {
        await new Promise<void>((resolve) => {
          awaited = resolve;
        });
        continue;
      }
      if (answer.type === "end") return;
      if (answer.type === "error") throw errorOf(answer, request.path);
      yield answer.piece;
      send({ type: "credit" });
    }
  } finally {
    signal.removeEventListener("abort", stop);
    thread.terminate();
  }
}

function errorOf({ name, message }: { name: string; message: string }, path: string): Error {
  if (name === "TableError") return new TableError(path, message.replace(`${path}: `, ""));
  const error = new Error(`${path}: ${message}`);
  error.name = name;
  return error;
}
