/** Expressions of later stages as expressions of the first document and of what earlier stages computed. */

import { followPath } from "../expressions/field-path.ts";
import type { ExpressionNode, FieldNode, SlotNode } from "../expressions/index.ts";
import type { ProjectionNode } from "../projection/index.ts";
import type { Shape } from "./shape.ts";

const MISSING: ExpressionNode = Object.freeze({ kind: "constant", value: undefined });

export class Rebase {
  constructor(
    readonly shape: Shape,
    /** Makes a slot for what a node keeps of a field, or for a value. */
    readonly partSlot: (name: string, of: ProjectionNode) => SlotNode,
  ) {}

  /** The expression on the first document; undefined when it needs the whole document as it now is. */
  node(node: ExpressionNode): ExpressionNode | undefined {
    switch (node.kind) {
      case "root":
        return this.shape.isWhole ? node : undefined;
      case "field":
        return node.from.kind === "root" ? this.#field(node) : node;
      case "object": {
        const fields: (readonly [string, ExpressionNode])[] = [];
        for (const [name, value] of node.fields) {
          const rebased = this.node(value);
          if (rebased === undefined) return undefined;
          fields.push([name, rebased]);
        }
        return { kind: "object", fields };
      }
      case "array": {
        const items = this.#all(node.items);
        return items && { kind: "array", items: items.filter((item) => item !== undefined) };
      }
      case "call": {
        const args = this.#all(node.args);
        return args && { ...node, args };
      }
      default:
        return node;
    }
  }

  #all(nodes: readonly (ExpressionNode | undefined)[]): readonly (ExpressionNode | undefined)[] | undefined {
    const all: (ExpressionNode | undefined)[] = [];
    for (const node of nodes) {
      const rebased = node === undefined ? undefined : this.node(node);
      if (node !== undefined && rebased === undefined) return undefined;
      all.push(rebased);
    }
    return all;
  }

  #field(node: FieldNode): ExpressionNode {
    const [first = "", ...below] = node.parts;
    const place = this.shape.place(first);
    switch (place.kind) {
      case "original":
        return node;
      case "nowhere":
        return MISSING;
      case "part":
        return keepsWhole(place.of, below) ? node : under(this.partSlot(first, place.of), below);
      case "set":
        return under(place.node, below);
    }
  }
}

/** A path below a constant, a slot, or a field of the first document. */
function under(node: ExpressionNode, below: readonly string[]): ExpressionNode {
  if (below.length === 0) return node;
  if (node.kind === "constant") return { kind: "constant", value: followPath(node.value, below) };
  if (node.kind === "field") return { ...node, parts: [...node.parts, ...below] };
  if (node.kind !== "slot") throw new Error(`not a place of a value: ${node.kind}`);
  return { kind: "field", from: node, parts: below };
}

/** Whether a projection keeps all that stands at a path. */
function keepsWhole(node: ProjectionNode, [first, ...below]: readonly string[]): boolean {
  if (first === undefined) return false;
  const entry = node.fields.get(first);
  if (entry?.kind === "leaf") return true;
  return entry?.kind === "node" && keepsWhole(entry.node, below);
}
