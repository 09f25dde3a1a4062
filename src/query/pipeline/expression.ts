/** Expressions as stages use them: read and checked with the pipeline, compiled with it. */
import {
  compileExpressionNode,
  type ExpressionNode,
  type ExpressionOptions,
  parseExpression,
} from "../expressions/index.ts";
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
export function readExpression(value: Value, at: string, options: ExpressionOptions): Expression {
  const node = parseExpression(value, at, options);
  return Object.freeze({ at, node, compile: () => compileExpressionNode(node) });
}

/** Whether an expression reads a variable of the run: most do not, and then none need be made. */
export function readsVariables({ node }: Expression): boolean {
  return reads(node);
}

function reads(node: ExpressionNode | undefined): boolean {
  switch (node?.kind) {
    case "external":
      return true;
    case "field":
      return reads(node.from);
    case "object":
      return node.fields.some(([, value]) => reads(value));
    case "array":
      return node.items.some(reads);
    case "call":
      return node.args.some(reads);
    default:
      return false;
  }
}
