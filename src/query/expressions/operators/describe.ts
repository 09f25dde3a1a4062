/** Short forms that descriptions of operators share. */
import type { Document, Value } from "../../values.ts";
import type { ArgumentSpec, CallNode, ExpressionNode, OperatorExample } from "../nodes.ts";

/** A list of that many arguments. */
export function list(min: number, max = min): ArgumentSpec {
  return { kind: "list", min, max };
}

/** An object with these arguments. */
export function named(required: readonly string[], optional: readonly string[] = []): ArgumentSpec {
  return { kind: "named", required, optional };
}

/** An example; without `result` the expression yields no value. */
export function example(expression: Value, document: Document, result?: Value): OperatorExample {
  return result === undefined ? { expression, document } : { expression, document, result };
}

/** The argument at a position of a checked call; one that is not given is a missing value. */
export function argument(call: CallNode, index: number): ExpressionNode {
  return call.args[index] ?? { kind: "constant", value: undefined };
}
