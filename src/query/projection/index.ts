/** Projections of find queries, and the field trees that `$project`, `$addFields` and `$unset` share with them. */
import { compileExpression } from "../expressions/index.ts";
import { compileMatchNode, type MatchNode } from "../match/index.ts";
import type { Document } from "../values.ts";
import { compileFindProjection } from "./find.ts";

export { excludePaths, parseAddFields, parseProjection, splitFieldPath } from "./parse.ts";
export {
  type Compute,
  compileInclusion,
  compileTree,
  type ProjectionEntry,
  type ProjectionNode,
  type ProjectionTree,
} from "./tree.ts";

export interface ProjectionOptions {
  /** Begins the places that errors name. */
  readonly path?: string;
  /** The filter of the same query, for positional projections. */
  readonly filter?: MatchNode;
}

/** Compiles a find projection into a function that makes a new document and never changes its input. */
export function compileProjection(
  specification: Document,
  options: ProjectionOptions = {},
): (document: Document) => Document {
  const { filter, path = "projection" } = options;
  return compileFindProjection(specification, {
    path,
    filter,
    compileExpression,
    compileMatch: compileMatchNode,
  });
}
