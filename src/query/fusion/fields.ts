/** Reads a stage that keeps, drops and computes fields as one that can be emitted with others. */
import type { ExpressionNode } from "../expressions/index.ts";
import type { ProjectionNode } from "../projection/index.ts";
import type { Expressions, Fusible } from "./fusible.ts";
import type { Shape } from "./shape.ts";

/** More fields are not compiled into one function: engines run long ones slowly. */
const MOST_FIELDS = 64;

export interface FieldsStage {
  /** Fields that are kept, or dropped. */
  readonly leaves: ReadonlySet<string>;
  /** Fields of which parts are kept. */
  readonly parts: ReadonlyMap<string, ProjectionNode>;
  /** What is computed, on the first document. */
  readonly computed: readonly (readonly [name: string, node: ExpressionNode])[];
  /** The names of what is computed below a field, as an object in the place of nothing. */
  readonly objects: readonly string[];
}

type RebaseNode = (node: ExpressionNode | undefined) => ExpressionNode | undefined;

/** Undefined when the stage must be a function of its own. */
export function readFields(
  { tree, expressions }: Fusible & { kind: "fields" },
  shape: Shape,
  rebase: RebaseNode,
): FieldsStage | undefined {
  const { root, mode } = tree;
  if (root.entries > MOST_FIELDS) return undefined;
  const leaves = new Set<string>();
  const parts = new Map<string, ProjectionNode>();
  const computed: (readonly [string, ExpressionNode])[] = [];
  const objects: string[] = [];
  for (const [name, entry] of root.fields) {
    if (name === "__proto__" || entry.kind === "kept") return undefined;
    if (entry.kind === "leaf") leaves.add(name);
    else if (entry.kind === "computed") {
      const node = rebase(expressions.get(entry.at)?.node);
      if (node === undefined) return undefined;
      computed.push([name, node]);
    } else if (mode === "exclude") return undefined;
    else if (entry.node.computes) {
      const node = objectOf(entry.node, expressions, rebase);
      if (node === undefined) return undefined;
      computed.push([name, node]);
      objects.push(name);
    } else {
      const { kind } = shape.place(name);
      if (kind === "set" || kind === "part") return undefined;
      parts.set(name, entry.node);
    }
  }
  return { leaves, parts, computed, objects };
}

/** What the computed fields below a field make together where nothing stands at the field. */
function objectOf(
  { fields }: ProjectionNode,
  expressions: Expressions,
  rebase: RebaseNode,
): ExpressionNode | undefined {
  const computed: (readonly [string, ExpressionNode])[] = [];
  for (const [name, entry] of fields) {
    if (entry.kind !== "computed" && !(entry.kind === "node" && entry.node.computes)) continue;
    const node =
      entry.kind === "computed"
        ? rebase(expressions.get(entry.at)?.node)
        : objectOf(entry.node, expressions, rebase);
    if (node === undefined) return undefined;
    computed.push([name, node]);
  }
  return { kind: "object", fields: computed };
}
