/** `$facet`: several pipelines over the same documents, side by side. */
import { QueryError } from "../errors.ts";
import { compilePipelineFlow, type PipelineFlow } from "../pipeline/compile.ts";
import { MemoryAccount } from "../pipeline/memory.ts";
import type { Flow, PipelineNode, RunContext, Running } from "../pipeline/nodes.ts";
import type { PipelineReader, StageDefinition } from "../pipeline/reader.ts";
import { type Document, getField, isDocument, setField, type Value } from "../values.ts";

export const facet: StageDefinition = {
  name: "$facet",
  summary: "Runs several pipelines over the same documents and yields one document with their results.",
  example: {
    stage: { $facet: { n: [{ $count: "all" }], first: [{ $limit: 1 }] } },
    documents: [{ _id: 1 }, { _id: 2 }],
    result: [{ n: [{ all: 2 }], first: [{ _id: 1 }] }],
  },
  inFacet: false,
  parse(argument, at, reader) {
    const facets = readFacets(argument, at, reader);
    return {
      at,
      pipelines: facets.map(([, pipeline]) => pipeline),
      compile() {
        const compiled = facets.map(([name, pipeline]) => [name, compilePipelineFlow(pipeline)] as const);
        return { kind: "flow", run: (input, context) => faceted(input, compiled, at, context) };
      },
    };
  },
};

function readFacets(argument: Value, at: string, reader: PipelineReader): [string, PipelineNode][] {
  if (!isDocument(argument) || Object.keys(argument).length === 0)
    throw new QueryError("invalid", at, "needs an object {name: pipeline} with at least one pipeline");
  const inside = reader.inside({ inFacet: true });
  return Object.keys(argument).map((name) => {
    const where = `${at}.${name}`;
    if (name === "" || name.startsWith("$") || name.includes("."))
      throw new QueryError("invalid", where, "a facet's name cannot be empty, begin with $ or contain a dot");
    return [name, inside.pipeline(getField(argument, name), where)];
  });
}

/** Hands the documents of one flow to a pipeline as they come; `undefined` while there is none. */
class Feed implements Iterable<Document | undefined> {
  #waiting: Document[] = [];
  #ended = false;

  give(document: Document): void {
    this.#waiting.push(document);
  }

  end(): void {
    this.#ended = true;
  }

  *[Symbol.iterator](): Running {
    for (;;) {
      const documents = this.#waiting;
      this.#waiting = [];
      yield* documents;
      if (this.#waiting.length > 0) continue;
      if (this.#ended) return;
      yield undefined;
    }
  }
}

class Facet {
  readonly results: Document[] = [];
  readonly #feed = new Feed();
  readonly #flow: Running;
  #done = false;

  constructor(
    readonly name: string,
    pipeline: PipelineFlow,
    context: RunContext,
    readonly account: MemoryAccount,
  ) {
    this.#flow = pipeline(this.#feed, context);
  }

  give(document: Document): void {
    if (this.#done) return;
    this.#feed.give(document);
    this.#pump();
  }

  end(): void {
    this.#feed.end();
    while (!this.#done) this.#pump();
  }

  /** Takes what the pipeline yields until it wants more documents. */
  #pump(): void {
    for (;;) {
      const { done, value } = this.#flow.next();
      if (done === true) {
        this.#done = true;
        return;
      }
      if (value === undefined) return;
      this.account.keep(value);
      this.results.push(value);
    }
  }
}

function* faceted(
  input: Flow,
  pipelines: readonly (readonly [string, PipelineFlow])[],
  at: string,
  context: RunContext,
): Running {
  const account = new MemoryAccount(at, context);
  const facets = pipelines.map(([name, pipeline]) => new Facet(name, pipeline, context, account));
  for (const document of input) {
    if (document === undefined) yield undefined;
    else for (const one of facets) one.give(document);
  }
  const output: Document = {};
  for (const one of facets) {
    one.end();
    setField(output, one.name, one.results);
  }
  yield output;
}
