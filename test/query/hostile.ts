/** Runs queries made to hang, crash, or break out: each ends in a clear error or an answer, in time and in bounds. */
import { afterAll, afterEach, expect } from "bun:test";
import {
  compileFilter,
  Deadline,
  type Document,
  parsePipeline,
  QueryError,
  type Value,
} from "../../src/query/index.ts";

/** The limit of one filter on one alert. */
export const LIMIT_MS = 500;
/** What a case may take in all, reading and compiling included, on a machine that does other things too. */
export const PATIENCE_MS = 8000;
/** How much the process may grow at its largest through all of these cases together. */
const GROWTH_MB = 2000;

function largestMb(): number {
  return process.resourceUsage().maxRSS / 1024;
}

/** Bounds the memory of all cases of the file that calls it. */
export function boundMemory(): void {
  const startMb = largestMb();
  // What a case left behind is not what the next one needs.
  afterEach(() => Bun.gc(true));
  afterAll(() => {
    expect(largestMb() - startMb).toBeLessThan(GROWTH_MB);
  });
}

export type Ending = { readonly result: Document | undefined } | { readonly error: QueryError };

/** Runs a pipeline on one document as the broker would; anything but a QueryError passes through. */
export function end(pipeline: Value, document: Document = { _id: 1 }): Ending {
  const started = performance.now();
  try {
    const run = compileFilter(parsePipeline(pipeline as Document[]));
    return { result: run(document, new Deadline(LIMIT_MS, "filter")) };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    expect(error.message.length).toBeLessThan(2000);
    return { error };
  } finally {
    expect(performance.now() - started).toBeLessThan(PATIENCE_MS);
  }
}

/** Demands a QueryError of one of these kinds. */
export function expectError(ending: Ending, ...kinds: QueryError["kind"][]) {
  if (!("error" in ending)) throw new Error("there was no error");
  expect(kinds).toContain(ending.error.kind);
  expect(ending.error.message).not.toBe("");
}

export function project(expression: Value): Document[] {
  return [{ $project: { r: expression } }];
}

/** `make` applied `times` times. */
export function nest(times: number, start: Value, make: (inner: Value) => Value): Value {
  let value = start;
  for (let i = 0; i < times; i++) value = make(value);
  return value;
}
