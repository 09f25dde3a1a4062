/** Constant folding, in the way and order of the server, so that sums of doubles round alike. */

import type { CallNode, ConstantNode, ExpressionNode } from "./nodes.ts";
import { isOptional } from "./properties.ts";

/**
 * The constant that a call amounts to, or the call with its constant operands folded together, unless its operands
 * have to stay where they are.
 */
export function foldCall(node: CallNode, { inPlace = false } = {}): ExpressionNode {
  const { operator } = node;
  const isKnown = operator.run !== undefined || operator.fold !== undefined;
  if (!isKnown || operator.volatile || operator.folds !== undefined) return node;
  if (areConstant(node.args)) return evaluate(node, node.args);
  return canRegroup(node) && !inPlace ? regroup(node) : node;
}

type Constants = readonly (ConstantNode | undefined)[];

function areConstant(args: CallNode["args"]): args is Constants {
  return args.every((arg) => arg === undefined || arg.kind === "constant");
}

/** A single operand stays as it is, since to some operators an array then stands for its items. */
function canRegroup({ operator, args }: CallNode): boolean {
  return operator.regroup !== undefined && args.length > 1;
}

function evaluate({ operator, at }: CallNode, args: Constants): ConstantNode {
  const values = args.map((arg, i) => arg && (arg.value ?? (isOptional(operator, i) ? null : arg.value)));
  const value = operator.fold === undefined ? operator.run?.(at, ...values) : operator.fold(at, args);
  return Object.freeze({ kind: "constant", value });
}

function regroup(node: CallNode): CallNode {
  const commutes = node.operator.regroup === "commutes";
  const operands: ExpressionNode[] = [];
  let constants: ConstantNode[] = [];
  const flush = () => {
    operands.push(...(constants.length > 1 ? [evaluate(node, constants)] : constants));
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
