/** Find filters: read, compiled, taken apart. */
import { compileExpression } from "../expressions/index.ts";
import type { Document } from "../values.ts";
import { type CompileExpression, compileNode } from "./emit.ts";
import type { MatchNode, NearNode } from "./nodes.ts";
import { parseMatch } from "./parse.ts";

export { conditionEmitter, isEmittable, type MatchHost } from "./emit.ts";
export { distanceFrom } from "./geo.ts";
export { EARTH_RADIUS, isGeoJson, type NearQuery, readNear } from "./geo-shapes.ts";
export { nearestAt } from "./near.ts";
export * from "./nodes.ts";
export { parseMatch } from "./parse.ts";

/** Compiles a find filter into a test of documents. `path` begins the places that errors name. */
export function compileMatch(
  filter: Document,
  options: { readonly path?: string } = {},
): (document: Document) => boolean {
  return compileMatchNode(parseMatch(filter, options.path ?? "filter"));
}

/**
 * Compiles nodes, of a whole filter or of one of its conjuncts, into a test of documents. `expressions`
 * compiles what stands in `$expr`.
 */
export function compileMatchNode(
  node: MatchNode,
  expressions: CompileExpression = compileExpression,
): (document: Document) => boolean {
  return compileNode(node, expressions);
}

/** The conditions of which a document must pass every one: what explain counts separately. */
export function matchConjuncts(node: MatchNode): readonly MatchNode[] {
  return node.kind === "and" ? node.children.flatMap(matchConjuncts) : [node];
}

/** The near search of a filter, whose answers are to be sorted by distance, nearest first. */
export function nearOf(node: MatchNode): NearNode | undefined {
  return matchConjuncts(node).find((conjunct) => conjunct.kind === "near");
}
