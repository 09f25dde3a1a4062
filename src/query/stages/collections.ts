/** The stages that read other collections, or none: `$unionWith`, `$documents`. */
import { QueryError } from "../errors.ts";
import { compilePipelineFlow } from "../pipeline/compile.ts";
import type { Flow, RunContext, Running } from "../pipeline/nodes.ts";
import { planPipeline } from "../pipeline/plan.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { getField, isDocument, type Value } from "../values.ts";
import { readOptions } from "./arguments.ts";
import { read, readCollection } from "./foreign.ts";

export const unionWith: StageDefinition = {
  name: "$unionWith",
  summary: "Adds the documents of another collection, or what a pipeline makes of them.",
  example: {
    stage: { $unionWith: { pipeline: [{ $documents: [{ _id: 2 }] }] } },
    documents: [{ _id: 1 }],
    result: [{ _id: 1 }, { _id: 2 }],
  },
  parse(argument, at, reader) {
    const options =
      typeof argument === "string" ? { coll: argument } : readOptions(argument, at, [], ["coll", "pipeline"]);
    const pipeline = reader.inside().pipeline(getField(options, "pipeline") ?? [], `${at}.pipeline`);
    const collection = readCollection(getField(options, "coll"), pipeline, `${at}.coll`);
    return {
      at,
      pipelines: [pipeline],
      ...(collection === undefined ? {} : { collection }),
      compile() {
        const flow = compilePipelineFlow(pipeline);
        const others = (context: RunContext) => {
          if (collection === undefined) return flow([], context);
          const { bounds } = planPipeline(pipeline, context.variables, context.positionPath);
          return flow(read(context, at, collection, bounds), context);
        };
        return { kind: "flow", run: (input, context) => union(input, () => others(context)) };
      },
    };
  },
};

function* union(input: Flow, others: () => Flow): Running {
  yield* input;
  yield* others();
}

export const documents: StageDefinition = {
  name: "$documents",
  summary: "Begins a pipeline with documents that it gives itself.",
  example: { stage: { $documents: [{ a: 1 }] }, documents: [], result: [{ a: 1 }] },
  place: "first",
  inFacet: false,
  parse(argument, at, reader) {
    const expression = reader.expression(argument, at);
    return {
      at,
      pipelines: [],
      compile() {
        const evaluate = expression.compile();
        return { kind: "flow", run: (_input, context) => given(evaluate({}, context.variables), at) };
      },
    };
  },
};

function* given(value: Value | undefined, at: string): Running {
  if (!Array.isArray(value)) throw new QueryError("runtime", at, "needs an array of objects");
  for (const item of value) {
    if (!isDocument(item)) throw new QueryError("runtime", at, "needs an array of objects");
    yield item;
  }
}
