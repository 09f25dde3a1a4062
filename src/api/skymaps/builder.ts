/** Has credible regions made on a thread of their own, one localisation at a time. */
import { badRequest, HttpError } from "../errors.ts";
import type { BuildAnswer, BuildRequest, Built } from "./source.ts";

/** Longest that one localisation may take, milliseconds. */
const LONGEST_MS = 120_000;
/** How many may wait. */
const MOST_WAITING = 20;

let last: Promise<unknown> = Promise.resolve();
let waiting = 0;

/** The regions of a localisation. Throws `HttpError` 400 for one that makes no sense, 429 when too many wait. */
export async function buildOnThread(request: BuildRequest): Promise<Built> {
  if (waiting >= MOST_WAITING)
    throw new HttpError(429, `${waiting} skymaps are being worked on: try again later`);
  waiting++;
  const turn = last.then(() => build(request));
  // Large maps take memory: one after the other.
  last = turn.catch(() => undefined).finally(() => waiting--);
  return turn;
}

function build(request: BuildRequest): Promise<Built> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./skymap-thread.ts", import.meta.url).href);
    const timer = setTimeout(() => {
      end(() => reject(new HttpError(504, `the skymap took longer than ${LONGEST_MS / 1000} s`)));
    }, LONGEST_MS);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      worker.terminate();
      settle();
    };
    worker.onmessage = ({ data }: MessageEvent<BuildAnswer>) => {
      end(() => {
        if ("built" in data) resolve(data.built);
        else if ("refused" in data) reject(badRequest(`skymap: ${data.refused}`));
        else reject(new Error(`the skymap thread failed: ${data.failed}`));
      });
    };
    worker.onerror = (event) => end(() => reject(new Error(`the skymap thread died: ${event.message}`)));
    worker.postMessage(request);
  });
}
