/** Notices writes of any host to a collection, by the server's change streams. */
import type { Connection } from "./client.ts";

const RETRY_MS = 1000;
/** A standalone server has no change streams: whoever listens looks this often, milliseconds. */
const POLL_MS = 1000;

/** Calls back when `collection` was written. The answer stops it. */
export function watchCollection(
  connection: Connection,
  collection: string,
  callback: () => void,
): () => void {
  if (!connection.hasTransactions) {
    const timer = setInterval(callback, POLL_MS);
    timer.unref();
    return () => clearInterval(timer);
  }
  const stop = new AbortController();
  void follow(connection, collection, callback, stop.signal);
  return () => stop.abort();
}

async function follow(
  { db }: Connection,
  collection: string,
  callback: () => void,
  signal: AbortSignal,
): Promise<void> {
  // From the time of the call on, not from when the stream has opened.
  let startAtOperationTime = await operationTime();
  while (!signal.aborted) {
    const stream = db.collection(collection).watch([{ $project: { _id: 1 } }], {
      ...(startAtOperationTime === undefined ? {} : { startAtOperationTime }),
    });
    const close = () => void stream.close().catch(() => undefined);
    signal.addEventListener("abort", close);
    try {
      while (!signal.aborted) {
        await stream.next();
        if (!signal.aborted) callback();
      }
    } catch {
      // The driver resumes by itself what can be resumed; what comes here has a gap.
      if (signal.aborted) break;
      startAtOperationTime = undefined;
      await Bun.sleep(RETRY_MS);
      callback();
    } finally {
      signal.removeEventListener("abort", close);
      close();
    }
  }

  async function operationTime() {
    try {
      const { operationTime: time } = await db.command({ ping: 1 });
      return time;
    } catch {
      return undefined;
    }
  }
}
