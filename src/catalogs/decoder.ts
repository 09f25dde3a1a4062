/**
 * The other end of the threads that decode a file: pieces as they are read, while more are being read. Blocks of rows are
 * dealt to the threads in turn: each reads the whole of the file and makes documents of its own, which is most of the
 * work.
 */
import type { IndexDescription, StoreSettings } from "../store/index.ts";
import type { DecodedPiece, DecodeRequest } from "./decode.ts";
import type { DecodeAnswer, DecodeMessage } from "./messages.ts";
import { BLOCK_ROWS, TableError } from "./table.ts";

/** One thread, with what it has sent. */
class Thread {
  readonly #worker = new Worker(new URL("./decode-thread.ts", import.meta.url).href);
  readonly #answers: DecodeAnswer[] = [];
  #awaited: (() => void) | undefined;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<DecodeAnswer>) => this.#take(data);
    this.#worker.onerror = ({ message }) =>
      this.#take({ type: "error", name: "Error", message: `the reading thread died: ${message}` });
  }

  #take(answer: DecodeAnswer): void {
    this.#answers.push(answer);
    this.#awaited?.();
  }

  send(message: DecodeMessage): void {
    this.#worker.postMessage(message);
  }

  async next(): Promise<DecodeAnswer> {
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      await new Promise<void>((resolve) => {
        this.#awaited = resolve;
      });
    }
  }

  stop(): void {
    this.#take({ type: "end" });
    this.#worker.terminate();
  }
}

/**
 * Yields the pieces of a file in the order of its rows, until `signal` is aborted; read by so many threads. Throws what
 * a thread met where its rows would have come: `TableError` for a file that cannot be read.
 */
export async function* decodedPieces(
  request: DecodeRequest,
  settings: StoreSettings,
  indexes: readonly IndexDescription[],
  signal: AbortSignal,
  of = 1,
): AsyncGenerator<DecodedPiece> {
  const threads = Array.from({ length: of }, () => new Thread());
  const stop = () => {
    for (const thread of threads) thread.stop();
  };
  signal.addEventListener("abort", stop);
  for (const [index, thread] of threads.entries()) {
    const own = of === 1 ? request : { ...request, share: { index, of } };
    thread.send({ type: "file", request: own, settings, indexes });
  }
  try {
    for (let rows = request.skip; !signal.aborted; ) {
      // Whose block the next row is in.
      const own = threads[Math.floor(rows / BLOCK_ROWS) % of];
      const answer = await own?.next();
      if (answer?.type === "error") throw errorOf(answer, request.path);
      if (answer?.type !== "piece") {
        // Behind the last row there is none for the others either.
        for (const other of threads) if (other !== own) await endOf(other, request.path, signal);
        return;
      }
      yield answer.piece;
      rows = answer.piece.rows;
      own?.send({ type: "credit" });
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

async function endOf(thread: Thread, path: string, signal: AbortSignal): Promise<void> {
  const answer = await thread.next();
  if (signal.aborted) return;
  if (answer.type === "error") throw errorOf(answer, path);
  if (answer.type === "piece") throw new TableError(path, "it changed while it was read: load it again");
}

function errorOf({ name, message }: { name: string; message: string }, path: string): Error {
  if (name === "TableError") return new TableError(path, message.replace(`${path}: `, ""));
  const error = new Error(`${path}: ${message}`);
  error.name = name;
  return error;
}
