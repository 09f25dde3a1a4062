/**
 * How often the same value may occur in a result: values are shared, not copied, so a small one in memory can
 * be huge when it is written out.
 */
import type { CallNode, ExpressionNode } from "./nodes.ts";
import { T } from "./types.ts";

/** Results with at most this many copies of a value are as large as what users write down, and not measured. */
export const FEW_COPIES = 64;

/** Copies of what stands outside, and of what each variable (by level) holds. */
export interface Occurrences {
  readonly outside: number;
  readonly variables: readonly (number | undefined)[];
}

/** How many copies of outside values and variables a node's result can hold, at most. */
export function copiesIn(node: ExpressionNode, occurrences: Occurrences): number {
  switch (node.kind) {
    case "constant":
      return 1;
    case "root":
    case "slot":
    case "external":
      return occurrences.outside;
    case "variable":
      return occurrences.variables[node.level] ?? occurrences.outside;
    case "field":
      return copiesIn(node.from, occurrences);
    case "object":
      return node.fields.reduce((sum, [, value]) => sum + copiesIn(value, occurrences), 0);
    case "array":
      return node.items.reduce((sum, item) => sum + copiesIn(item, occurrences), 0);
    case "call":
      return copiesInCall(node, occurrences);
  }
}

function copiesInCall({ operator, args, level }: CallNode, occurrences: Occurrences): number {
  if ((operator.result & (T.ARRAY | T.OBJECT)) === 0) return 1;
  if (operator.name !== "$let") {
    return args.reduce((sum, arg) => sum + (arg === undefined ? 0 : copiesIn(arg, occurrences)), 0);
  }
  // The last argument is the expression in which the others are bound.
  const inside = args[args.length - 1];
  const variables = [...occurrences.variables];
  for (const [i, value] of args.slice(0, -1).entries()) {
    variables[level + i] = value === undefined ? 1 : copiesIn(value, occurrences);
  }
  return inside === undefined ? 0 : copiesIn(inside, { ...occurrences, variables });
}
