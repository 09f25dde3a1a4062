/** Has credible regions made on a thread of their own, one localisation at a time. */
import { badRequest, HttpError } from "../errors.ts";
import type { BuildAnswer, BuildRequest, Built } from "./source.ts";

/** Longest that one localisation may take, milliseconds. */
const LONGEST_MS = 120_000;
/** How many may wait. */
const MOST_WAITING = 20;
/** How many are fetched, or kept until it is their turn, at a time: a file may be 256 MB. */
const MOST_AT_ONCE = 4;

let last: Promise<unknown> = Promise.resolve();
let waiting = 0;
let atOnce = 0;
const queue: (() => void)[] = [];

/** Does what a localisation needs, of several at a time only some. Throws `HttpError` 429 when too many wait. */
export async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (waiting >= MOST_WAITING)
    throw new HttpError(429, `${waiting} skymaps are being worked on: try again later`);
  waiting++;
  try {
    // Whoever ends hands its place on.
    if (atOnce === MOST_AT_ONCE) await new Promise<void>((resolve) => queue.push(resolve));
    else atOnce++;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) atOnce--;
      else next();
    }
  } finally {
    waiting--;
  }
}

/** The regions of a localisation. Throws `HttpError` 400 for one that makes no sense. */
export async function buildOnThread(request: BuildRequest): Promise<Built> {
  const turn = last.then(() => build(request));
  // Large maps take memory: one after the other.
  last = turn.catch(() => undefined);
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
