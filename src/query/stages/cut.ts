/** `$limit` and `$skip`: a part of the documents. */
import { QueryError } from "../errors.ts";
import type { Flow, Running } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import type { Value } from "../values.ts";
import { integerOf } from "./arguments.ts";

const LARGEST = 2n ** 63n - 1n;

export const limit: StageDefinition = {
  name: "$limit",
  summary: "Passes on the first documents only.",
  example: { stage: { $limit: 1 }, documents: [{ _id: 1 }, { _id: 2 }], result: [{ _id: 1 }] },
  parse(argument, at) {
    const count = readCount(argument, at, 1n);
    return {
      at,
      pipelines: [],
      plan: { kind: "limit", count },
      compile: () => ({ kind: "flow", run: (input) => take(input, count) }),
    };
  },
};

export const skip: StageDefinition = {
  name: "$skip",
  summary: "Leaves out the first documents.",
  example: { stage: { $skip: 1 }, documents: [{ _id: 1 }, { _id: 2 }], result: [{ _id: 2 }] },
  parse(argument, at) {
    const count = readCount(argument, at, 0n);
    return {
      at,
      pipelines: [],
      plan: { kind: "skip", count },
      compile: () => ({ kind: "flow", run: (input) => drop(input, count) }),
    };
  },
};

function readCount(argument: Value, at: string, least: bigint): number {
  const count = integerOf(argument);
  if (count !== undefined && count >= least && count <= LARGEST) return Number(count);
  throw new QueryError("invalid", at, `needs an integer of at least ${least}`);
}

function* take(input: Flow, count: number): Running {
  let left = count;
  for (const document of input) {
    yield document;
    if (document !== undefined && --left <= 0) return;
  }
}

function* drop(input: Flow, count: number): Running {
  let left = count;
  for (const document of input) {
    if (document === undefined || left <= 0) yield document;
    else left--;
  }
}
