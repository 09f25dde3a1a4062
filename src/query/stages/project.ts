/** The stages that choose, add and drop fields: `$project`, `$addFields` and `$set`, `$unset`. */
import { QueryError } from "../errors.ts";
import type { Expression } from "../pipeline/expression.ts";
import type { CompiledStage, StageNode, Variables } from "../pipeline/nodes.ts";
import type { PipelineReader, StageDefinition } from "../pipeline/reader.ts";
import {
  compileTree,
  excludePaths,
  type ProjectionNode,
  type ProjectionTree,
  parseAddFields,
  parseProjection,
} from "../projection/index.ts";
import type { Value } from "../values.ts";

export const project: StageDefinition = {
  name: "$project",
  summary: "Keeps or drops fields and computes new ones.",
  example: {
    stage: { $project: { _id: 0, objectId: 1, flux: { $multiply: ["$a", 2] } } },
    documents: [{ _id: 1, objectId: "ZTF18aaayemv", a: 3, b: 4 }],
    result: [{ objectId: "ZTF18aaayemv", flux: 6 }],
  },
  parse: (argument, at, reader) => projecting(parseProjection(argument, at), at, reader),
};

function addFieldsAs(name: string): StageDefinition {
  return {
    name,
    summary: "Adds computed fields, or replaces them.",
    example: {
      stage: { [name]: { "candidate.bright": { $lt: ["$candidate.magpsf", 18] } } },
      documents: [{ _id: 1, candidate: { magpsf: 17.5 } }],
      result: [{ _id: 1, candidate: { magpsf: 17.5, bright: true } }],
    },
    parse: (argument, at, reader) => projecting(parseAddFields(argument, at), at, reader),
  };
}

export const addFields = addFieldsAs("$addFields");
export const set = addFieldsAs("$set");

export const unset: StageDefinition = {
  name: "$unset",
  summary: "Drops fields.",
  example: {
    stage: { $unset: ["a", "b.c"] },
    documents: [{ _id: 1, a: 1, b: { c: 2, d: 3 } }],
    result: [{ _id: 1, b: { d: 3 } }],
  },
  parse: (argument, at, reader) => projecting(excludePaths(readPaths(argument, at), at), at, reader),
};

function readPaths(argument: Value, at: string): string[] {
  const paths = Array.isArray(argument) ? argument : [argument];
  if (paths.length === 0) throw new QueryError("invalid", at, "needs at least one field");
  return paths.map((path, i) => {
    if (typeof path === "string" && path !== "") return path;
    throw new QueryError(
      "invalid",
      Array.isArray(argument) ? `${at}[${i}]` : at,
      "needs the name of a field",
    );
  });
}

function projecting(tree: ProjectionTree, at: string, reader: PipelineReader): Omit<StageNode, "name"> {
  const expressions = new Map<string, Expression>();
  readExpressions(tree.root, reader, expressions);
  return { at, pipelines: [], compile: () => compileProjecting(tree, expressions) };
}

function readExpressions(node: ProjectionNode, reader: PipelineReader, into: Map<string, Expression>): void {
  for (const entry of node.fields.values()) {
    if (entry.kind === "node") readExpressions(entry.node, reader, into);
    else if (entry.kind === "computed") into.set(entry.at, reader.expression(entry.expression, entry.at));
  }
}

function compileProjecting(
  tree: ProjectionTree,
  expressions: ReadonlyMap<string, Expression>,
): CompiledStage {
  // The tree's functions see documents only: what the variables are is set before each.
  let current: Variables = new Map();
  const apply = compileTree(tree, (_expression, at) => {
    const evaluate = expressions.get(at)?.compile() ?? (() => undefined);
    return (root) => evaluate(root, current);
  });
  return {
    kind: "map",
    apply: (document, { variables }) => {
      current = variables;
      return apply(document);
    },
  };
}
