/** Constant folding, in the way and order of the server, so that sums of doubles round alike. */

import type { CallNode, ConstantNode, ExpressionNode } from "./nodes.ts";
import { isOptional } from "./properties.ts";

/**
 * The constant that a call amounts to, or the call with its constant operands folded together, unless its operands
 * have to stay where they are.
 */
export function foldCall(node: CallNode, { inPlace = false } = {}): ExpressionNode {
  const { operator } = node;
  if (operator.run === undefined || operator.volatile || operator.folds !== undefined) return node;
  // Whether a fallback that is missing was given at all only the code of the operator can tell.
  if (operator.emit !== undefined && node.args.some((arg, i) => isMissing(arg) && isOptional(operator, i)))
    return node;
  if (node.args.every((arg) => arg === undefined || arg.kind === "constant")) return evaluate(node);
  return canRegroup(node) && !inPlace ? regroup(node) : node;
}

function isMissing(node: ExpressionNode | undefined): boolean {
  return node?.kind === "constant" && node.value === undefined;
}

/** A single operand stays as it is, since to some operators an array then stands for its items. */
function canRegroup({ operator, args }: CallNode): boolean {
  return operator.regroup !== undefined && args.length > 1;
}

function evaluate(node: CallNode): ConstantNode {
  const values = node.args.map((arg, i) => {
    if (arg?.kind !== "constant") return undefined;
    return arg.value ?? (isOptional(node.operator, i) ? null : arg.value);
  });
  return Object.freeze({ kind: "constant", value: node.operator.run?.(node.at, ...values) });
}

function regroup(node: CallNode): CallNode {
  const commutes = node.operator.regroup === "commutes";
  const operands: ExpressionNode[] = [];
  let constants: ConstantNode[] = [];
  const flush = () => {
    operands.push(...(constants.length > 1 ? [evaluate({ ...node, args: constants })] : constants));
    constants = [];
  };
  for (const operand of flatten(node)) {
    if (operand.kind === "constant") {
      constants.push(operand);
      continue;
    }
    if (!commutes) flush();
    operands.push(operand);
  }
  flush();
  return Object.freeze({ ...node, args: Object.freeze(operands) });
}

/** The operands, those of operands of the same kind among them. */
function flatten(node: CallNode): ExpressionNode[] {
  const operands: ExpressionNode[] = [];
  for (const arg of node.args) {
    if (arg === undefined) continue;
    if (arg.kind === "call" && arg.operator === node.operator && canRegroup(arg))
      operands.push(...flatten(arg));
    else operands.push(arg);
  }
  return operands;
}
