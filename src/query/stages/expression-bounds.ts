/** What an index can use of `$expr`: equalities of a path with what is known before documents are read. */
import type { Bounds } from "../bounds.ts";
import { followPath } from "../expressions/field-path.ts";
import type { ExpressionNode } from "../expressions/index.ts";
import type { Variables } from "../pipeline/nodes.ts";
import type { Value } from "../values.ts";

const ALL: Bounds = Object.freeze({ kind: "all" });

/** The bounds of documents for which an expression can be true, given the variables; undefined for none at all. */
export function boundsOfExpression(node: ExpressionNode): ((variables: Variables) => Bounds) | undefined {
  if (node.kind !== "call") return undefined;
  if (node.operator.name === "$and") {
    const parts = node.args.flatMap((arg) => (arg === undefined ? [] : (boundsOfExpression(arg) ?? [])));
    if (parts.length === 0) return undefined;
    return (variables) => ({ kind: "and", parts: parts.map((part) => part(variables)) });
  }
  if (node.operator.name !== "$eq") return undefined;
  const [a, b] = node.args;
  return equality(a, b) ?? equality(b, a);
}

function equality(
  path: ExpressionNode | undefined,
  value: ExpressionNode | undefined,
): ((variables: Variables) => Bounds) | undefined {
  if (path?.kind !== "field" || path.from.kind !== "root") return undefined;
  const known = value === undefined ? undefined : valueBeforehand(value);
  if (known === undefined) return undefined;
  const name = path.parts.join(".");
  return (variables) => {
    const wanted = known(variables);
    // Expressions tell null from missing and compare arrays as a whole: no index does.
    if (wanted === undefined || wanted === null || Array.isArray(wanted)) return ALL;
    return { kind: "in", path: name, values: [wanted] };
  };
}

function valueBeforehand(node: ExpressionNode): ((variables: Variables) => Value | undefined) | undefined {
  if (node.kind === "constant") return () => node.value;
  if (node.kind === "external") return (variables) => variables.get(node.name);
  if (node.kind !== "field" || node.from.kind !== "external") return undefined;
  const { from, parts } = node;
  return (variables) => followPath(variables.get(from.name), parts);
}
