/** `$match`: keeps the documents that match a find filter. */
import { QueryError } from "../errors.ts";
import { compileMatchNode, type MatchNode, matchConjuncts, parseMatch, walkMatch } from "../match/index.ts";
import { type Evaluate, type Expression, readsVariables } from "../pipeline/expression.ts";
import type { CompiledStage, Plannable, Variables } from "../pipeline/nodes.ts";
import type { PipelineReader, StageDefinition } from "../pipeline/reader.ts";
import { planMatch } from "../plan.ts";
import type { Document, Value } from "../values.ts";
import { boundsOfExpression } from "./expression-bounds.ts";

export const match: StageDefinition = {
  name: "$match",
  summary: "Keeps the documents that match a find filter.",
  example: {
    stage: { $match: { "candidate.drb": { $gt: 0.5 } } },
    documents: [
      { _id: 1, candidate: { drb: 0.9 } },
      { _id: 2, candidate: { drb: 0.1 } },
    ],
    result: [{ _id: 1, candidate: { drb: 0.9 } }],
  },
  parse(argument, at, reader) {
    const { node, expressions } = readFilter(argument, at, reader);
    return {
      at,
      pipelines: [],
      plan: planOf(node, expressions),
      fusible: { kind: "match", node, expressions },
      compile: () => compileTest(node, expressions),
      conjuncts: () =>
        matchConjuncts(node).map((conjunct) => ({
          at: conjunct.at,
          test: compileFilterTest(conjunct, expressions),
        })),
    };
  },
};

function planOf(node: MatchNode, expressions: FilterExpressions): Plannable {
  const bounds = planMatch(node);
  const parts = matchConjuncts(node).flatMap((conjunct) => {
    const expression = conjunct.kind === "expr" ? expressions.get(conjunct.at) : undefined;
    return expression === undefined ? [] : (boundsOfExpression(expression.node) ?? []);
  });
  if (parts.length === 0) return { kind: "bounds", bounds };
  return {
    kind: "bounds",
    bounds,
    within: (variables) => ({ kind: "and", parts: [bounds, ...parts.map((part) => part(variables))] }),
  };
}

/** The expressions of a filter's `$expr`, by place. */
export type FilterExpressions = ReadonlyMap<string, Expression>;

/** A find filter in a pipeline: read and checked, its expressions too. */
export function readFilter(
  value: Value,
  at: string,
  reader: PipelineReader,
): { readonly node: MatchNode; readonly expressions: FilterExpressions } {
  const node = parseMatch(value, at);
  return { node, expressions: readExpressions(node, reader) };
}

function readExpressions(node: MatchNode, reader: PipelineReader): FilterExpressions {
  const expressions = new Map<string, Expression>();
  for (const inner of walkMatch(node)) {
    if (inner.kind === "near") {
      throw new QueryError("invalid", inner.at, "a near search is a stage in pipelines: use $geoNear");
    }
    if (inner.kind === "expr") expressions.set(inner.at, reader.expression(inner.expression, inner.at));
  }
  return expressions;
}

const NO_VARIABLES: Variables = new Map();

/** Compiles a filter, or a part of one, whose expressions have been read. */
export function compileFilterTest(
  node: MatchNode,
  expressions: FilterExpressions,
): (document: Document, variables: Variables) => boolean {
  // Tests see documents only: what the variables are is set before each.
  let current = NO_VARIABLES;
  const test = compileMatchNode(node, (_expression: Value, path: string) => {
    const evaluate: Evaluate = expressions.get(path)?.compile() ?? (() => undefined);
    return (root) => evaluate(root, current);
  });
  if (expressions.size === 0) return test;
  return (document, variables) => {
    current = variables;
    return test(document);
  };
}

function compileTest(node: MatchNode, expressions: FilterExpressions): CompiledStage {
  const test = compileFilterTest(node, expressions);
  if (![...expressions.values()].some(readsVariables))
    return { kind: "map", apply: (document) => (test(document, NO_VARIABLES) ? document : undefined) };
  return {
    kind: "map",
    apply: (document, { variables }) => (test(document, variables) ? document : undefined),
  };
}
