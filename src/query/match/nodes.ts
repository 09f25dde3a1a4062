/**
 * A find filter as parsed: small frozen nodes that the compiler, the planner, the permission check and
 * explain walk alike. `at` is where in the query a node stands.
 */
import type { Region } from "../bounds.ts";
import type { Regex } from "../regex.ts";
import type { Document, TypeName, Value } from "../values.ts";
import type { NearQuery, Shape } from "./geo-shapes.ts";

export type Comparison = "eq" | "lt" | "lte" | "gt" | "gte";

/** What every test of a path has. */
interface AtPath {
  readonly at: string;
  readonly field: string;
  readonly parts: readonly string[];
}

export interface CompareNode extends AtPath {
  readonly kind: "compare";
  readonly op: Comparison;
  readonly value: Value;
}
export interface InNode extends AtPath {
  readonly kind: "in";
  readonly values: readonly Value[];
  readonly regexes: readonly Regex[];
}
export interface ExistsNode extends AtPath {
  readonly kind: "exists";
}
export interface TypeNode extends AtPath {
  readonly kind: "type";
  readonly types: ReadonlySet<TypeName>;
}
export interface ModNode extends AtPath {
  readonly kind: "mod";
  readonly divisor: bigint;
  readonly remainder: bigint;
}
export interface RegexNode extends AtPath {
  readonly kind: "regex";
  readonly regex: Regex;
}
export interface SizeNode extends AtPath {
  readonly kind: "size";
  readonly size: number;
}
/** Some item of the array is a document that matches `child`. */
export interface ElemMatchObjectNode extends AtPath {
  readonly kind: "elemMatchObject";
  readonly child: MatchNode;
}
/** Some item of the array passes all of `children` itself. */
export interface ElemMatchValueNode extends AtPath {
  readonly kind: "elemMatchValue";
  readonly children: readonly MatchNode[];
}
export interface BitsNode extends AtPath {
  readonly kind: "bits";
  readonly want: "allSet" | "allClear" | "anySet" | "anyClear";
  /** Ascending positions; those beyond 63 mean the sign of a number. */
  readonly positions: readonly number[];
}
export interface GeoNode extends AtPath {
  readonly kind: "geo";
  readonly relation: "within" | "intersects";
  readonly shape: Shape;
}
/** Within a distance range of a point; the answer is to be sorted by distance. */
export interface NearNode extends AtPath {
  readonly kind: "near";
  readonly near: NearQuery;
}
/** The whole document, or what stands at `field`, is valid by a JSON schema. */
export interface SchemaNode {
  readonly kind: "schema";
  readonly at: string;
  readonly valid: (document: Document) => boolean;
}
export interface ExprNode {
  readonly kind: "expr";
  readonly at: string;
  readonly expression: Value;
}
export interface SampleNode {
  readonly kind: "sample";
  readonly at: string;
  readonly rate: number;
}
export interface ConstantNode {
  readonly kind: "constant";
  readonly at: string;
  readonly value: boolean;
}
export interface LogicalNode {
  readonly kind: "and" | "or" | "nor";
  readonly at: string;
  readonly children: readonly MatchNode[];
}
export interface NotNode {
  readonly kind: "not";
  readonly at: string;
  readonly child: MatchNode;
}

export type PathNode =
  | CompareNode
  | InNode
  | ExistsNode
  | TypeNode
  | ModNode
  | RegexNode
  | SizeNode
  | ElemMatchObjectNode
  | ElemMatchValueNode
  | BitsNode
  | GeoNode
  | NearNode;

export type MatchNode = PathNode | SchemaNode | ExprNode | SampleNode | ConstantNode | LogicalNode | NotNode;

export type { NearQuery, Region, Shape };

/** Whether a node tests what stands at a path. */
export function isPathNode(node: MatchNode): node is PathNode {
  return "parts" in node;
}

/** The nodes directly below a node. */
export function childrenOf(node: MatchNode): readonly MatchNode[] {
  switch (node.kind) {
    case "and":
    case "or":
    case "nor":
    case "elemMatchValue":
      return node.children;
    case "not":
    case "elemMatchObject":
      return [node.child];
    default:
      return [];
  }
}

/** A node and all below it, depth first. */
export function* walkMatch(node: MatchNode): Generator<MatchNode> {
  yield node;
  for (const child of childrenOf(node)) yield* walkMatch(child);
}
