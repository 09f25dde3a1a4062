/** Expressions as stages use them: read and checked with the pipeline, compiled with it. */
import { compileExpressionNode, type ExpressionNode, parseExpression } from "../expressions/index.ts";
import type { Document, Value } from "../values.ts";
import type { Variables } from "./nodes.ts";

/** Evaluates an expression on a document with the variables of the run. */
export type Evaluate = (root: Document, variables: Variables) => Value | undefined;

/** An expression that has been read and checked. */
export interface Expression {
  readonly at: string;
  readonly node: ExpressionNode;
  readonly compile: () => Evaluate;
}

/** Reads an expression in which the given variables are known. Throws a QueryError that names the place. */
export function readExpression(value: Value, at: string, variables: ReadonlySet<string>): Expression {
  const node = parseExpression(value, at, { variables });
  return Object.freeze({ at, node, compile: () => compileExpressionNode(node) });
}
