/** `$sample`: documents at random. */
import { QueryError } from "../errors.ts";
import { MemoryAccount, sizeOf } from "../pipeline/memory.ts";
import type { Flow, RunContext, Running } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { type Document, getField, toNumber } from "../values.ts";
import { readOptions } from "./arguments.ts";

export const sample: StageDefinition = {
  name: "$sample",
  summary: "Passes on a number of documents chosen at random.",
  example: { stage: { $sample: { size: 5 } }, documents: [{ _id: 1 }], result: [{ _id: 1 }] },
  parse(argument, at) {
    const size = toNumber(getField(readOptions(argument, at, ["size"]), "size"));
    if (size === undefined || !(size >= 0))
      throw new QueryError("invalid", `${at}.size`, "needs a number that is not negative");
    const most = Math.trunc(size);
    return {
      at,
      pipelines: [],
      compile: () => ({ kind: "flow", run: (input, context) => sampled(input, most, at, context) }),
    };
  },
};

/** Keeps the first documents, then replaces each with the chance that the later ones have. */
function* sampled(input: Flow, most: number, at: string, context: RunContext): Running {
  const account = new MemoryAccount(at, context);
  const kept: Document[] = [];
  let seen = 0;
  for (const document of input) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    seen++;
    const place = kept.length < most ? kept.length : Math.floor(Math.random() * seen);
    if (place >= most) continue;
    account.add(sizeOf(document) - (kept[place] === undefined ? 0 : sizeOf(kept[place])));
    kept[place] = document;
  }
  for (let i = kept.length - 1; i > 0; i--) {
    const other = Math.floor(Math.random() * (i + 1));
    const document = kept[i] as Document;
    kept[i] = kept[other] as Document;
    kept[other] = document;
  }
  yield* kept;
}
