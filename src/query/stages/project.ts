/** The stages that choose, add and drop fields: `$project`, `$addFields` and `$set`, `$unset`. */

import { code } from "../code.ts";
import { QueryError } from "../errors.ts";
import { emitSet } from "../expressions/emitter.ts";
import { compileFunction } from "../expressions/index.ts";
import { T } from "../expressions/types.ts";
import { type Expression, readsVariables } from "../pipeline/expression.ts";
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
import type { Document, Value } from "../values.ts";

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
  return {
    at,
    pipelines: [],
    fusible: { kind: "fields", tree, expressions, compile: () => compileProject(tree, expressions) },
    compile: () => compileProjecting(tree, expressions),
  };
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
  const apply = compileProject(tree, expressions);
  if (![...expressions.values()].some(readsVariables))
    return { kind: "map", apply: (document) => apply(document) };
  return { kind: "map", apply: (document, { variables }) => apply(document, variables) };
}

/** More fields are not compiled into one function: engines run long ones slowly. */
const MOST_TOGETHER = 64;

type Project = (document: Document, variables?: Variables) => Document;

function compileProject(tree: ProjectionTree, expressions: ReadonlyMap<string, Expression>): Project {
  return compileFlat(tree, expressions) ?? compileNested(tree, expressions);
}

/** Any tree: what its functions share are the variables of the present document. */
function compileNested(tree: ProjectionTree, expressions: ReadonlyMap<string, Expression>): Project {
  let current: Variables = new Map();
  const apply = compileTree(tree, (_expression, at) => {
    const evaluate = expressions.get(at)?.compile() ?? (() => undefined);
    return (root) => evaluate(root, current);
  });
  return (document, variables = current) => {
    current = variables;
    return apply(document);
  };
}

/**
 * A tree whose computed fields all stand at the top: one function for all of them, in which equal parts are
 * computed once.
 */
function compileFlat(
  { mode, root }: ProjectionTree,
  expressions: ReadonlyMap<string, Expression>,
): Project | undefined {
  const computed: [string, Expression][] = [];
  const others: ProjectionNode = { fields: new Map(), computes: false, entries: root.entries };
  for (const [name, entry] of root.fields) {
    const expression = entry.kind === "computed" ? expressions.get(entry.at) : undefined;
    if (expression !== undefined) computed.push([name, expression]);
    else if (entry.kind === "node" && entry.node.computes) return undefined;
    else others.fields.set(name, entry);
  }
  if (computed.length === 0 || computed.length > MOST_TOGETHER) return undefined;
  const whole = mode === "exclude" && others.fields.size === 0;
  const start = whole ? copyOf : compileTree({ mode, root: others }, () => () => undefined);
  return compileFunction<Project>((emitter) => {
    const values = computed.map(([name, { node }]) => [name, emitter.bound(node)] as const);
    const output = emitter.temporary("o");
    emitter.line(code`${output} = ${emitter.ref(start, "start")}(${emitter.environment.root});`);
    for (const [name, { code: value, types }] of values) {
      const set = emitSet(emitter, output, name, value);
      emitter.line(
        (types & T.MISSING) === 0
          ? set
          : code`if (${value} === undefined) delete ${output}[${name}]; else ${set}`,
      );
    }
    return output;
  });
}

function copyOf(document: Document): Document {
  return { ...document };
}
