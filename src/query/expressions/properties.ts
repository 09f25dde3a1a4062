/** What can be told of operators and nodes before they run. */
import type { CallNode, ExpressionNode, Operator } from "./nodes.ts";

/** Whether the operand at that place, when it is null, keeps later ones from being computed. */
export function stopsAt({ stopsAtNull }: Operator, index: number): boolean {
  if (stopsAtNull === "pair") return index === 1;
  return stopsAtNull === "each" || (stopsAtNull === "first" && index === 0);
}

/** Whether operands of a call stop at null before later ones that could fail. */
export function stopsEarly({ operator, args }: CallNode): boolean {
  if (operator.stopsAtNull === undefined) return false;
  return args.some((arg, i) => i > 0 && arg !== undefined && !cannotFail(arg));
}

/** Whether an operator's argument at that place need not be given. */
export function isOptional({ arguments: spec }: Operator, index: number): boolean {
  if (spec.kind === "named") return index >= spec.required.length;
  return spec.kind === "list" && spec.max !== Infinity && index >= spec.min;
}

/** Whether a node is certain not to fail on any document. */
export function cannotFail(node: ExpressionNode): boolean {
  switch (node.kind) {
    case "object":
      return node.fields.every(([, value]) => cannotFail(value));
    case "array":
      return node.items.every(cannotFail);
    case "call":
      return node.operator.safe === true && node.args.every((arg) => arg === undefined || cannotFail(arg));
    default:
      return true;
  }
}
