/** Projections as trees of field names: what `$project`, `$addFields`, `$unset` and find projections share. */
import { tick } from "../deadline.ts";
import { type Document, getField, isDocument, setField, type Value } from "../values.ts";

/** Computes a field from the whole input document; undefined leaves the field out. */
export type Compute = (root: Document) => Value | undefined;

/** What a projection says of one field. */
export type ProjectionEntry =
  | { readonly kind: "leaf" }
  /** Stays in either mode: what is done with it is not the tree's matter. */
  | { readonly kind: "kept" }
  | { readonly kind: "computed"; readonly at: string; readonly expression: Value }
  | { readonly kind: "node"; readonly node: ProjectionNode };

/** The fields of one level. `computes`: some field at or below this level is computed. */
export interface ProjectionNode {
  readonly fields: Map<string, ProjectionEntry>;
  computes: boolean;
  /** Entries at and below this level. */
  entries: number;
}

/** A whole projection: whether the leaves are kept (`include`) or dropped (`exclude`). */
export interface ProjectionTree {
  readonly mode: "include" | "exclude";
  readonly root: ProjectionNode;
}

/** Compiles an expression of the aggregation language; errors begin with `path`. */
export type CompileExpression = (expression: Value, path: string) => Compute;

interface Level {
  readonly leaves: Set<string>;
  readonly below: Map<string, Level>;
  /** In the order of the projection, as computed fields are appended in it. */
  readonly computed: readonly (readonly [string, Compute | Level])[];
}

/** Compiles a tree into a function that makes a new document and never changes its input. */
export function compileTree(
  tree: ProjectionTree,
  compile: CompileExpression,
): (document: Document) => Document {
  const level = compileLevel(tree.root, tree.mode, compile);
  const project = tree.mode === "include" ? include : exclude;
  if (!tree.root.computes) return (document) => project(level, document);
  return (document) => {
    const output = project(level, document);
    computeFields(level, output, document);
    return output;
  };
}

/** Compiles what an including projection makes of the value of a field, by what it says of the fields below. */
export function compileInclusion(node: ProjectionNode): (value: Value | undefined) => Value | undefined {
  const level = compileLevel(node, "include", () => () => undefined);
  return (value) => includeValue(level, value);
}

function compileLevel(node: ProjectionNode, mode: ProjectionTree["mode"], compile: CompileExpression): Level {
  const leaves = new Set<string>();
  const below = new Map<string, Level>();
  const computed: [string, Compute | Level][] = [];
  for (const [name, entry] of node.fields) {
    if (entry.kind === "leaf" || (entry.kind === "kept" && mode === "include")) leaves.add(name);
    else if (entry.kind === "kept") continue;
    else if (entry.kind === "computed") computed.push([name, compile(entry.expression, entry.at)]);
    else {
      const level = compileLevel(entry.node, mode, compile);
      below.set(name, level);
      if (entry.node.computes) computed.push([name, level]);
    }
  }
  return { leaves, below, computed };
}

function include(level: Level, document: Document): Document {
  const output: Document = {};
  for (const name of Object.keys(document)) {
    if (level.leaves.has(name)) {
      const value = document[name];
      if (value !== undefined) setField(output, name, value);
      continue;
    }
    const below = level.below.get(name);
    if (below === undefined) continue;
    const value = includeValue(below, document[name]);
    if (value !== undefined) setField(output, name, value);
    // What is computed in the place of no document stands where that stood.
    else if (below.computed.length > 0) setField(output, name, {});
  }
  return output;
}

function includeValue(level: Level, value: Value | undefined): Value | undefined {
  if (Array.isArray(value)) {
    tick(value.length);
    const items = value.map((item) => includeValue(level, item));
    // What is no document drops out, unless fields are going to be computed in its place.
    const kept = level.computed.length > 0 ? items : items.filter((item) => item !== undefined);
    return kept as Value[];
  }
  return isDocument(value) ? include(level, value) : undefined;
}

function exclude(level: Level, document: Document): Document {
  const output: Document = {};
  for (const name of Object.keys(document)) {
    if (level.leaves.has(name)) continue;
    const value = document[name];
    if (value === undefined) continue;
    const below = level.below.get(name);
    setField(output, name, below === undefined ? value : excludeValue(below, value));
  }
  return output;
}

function excludeValue(level: Level, value: Value): Value {
  if (Array.isArray(value)) {
    tick(value.length);
    return value.map((item) => excludeValue(level, item));
  }
  return isDocument(value) ? exclude(level, value) : value;
}

/** Sets the computed fields of a document that this projection has made. */
function computeFields(level: Level, output: Document, root: Document): void {
  for (const [name, how] of level.computed) {
    const value = typeof how === "function" ? how(root) : computeBelow(how, getField(output, name), root);
    if (value === undefined) delete output[name];
    else setField(output, name, value);
  }
}

function computeBelow(level: Level, value: Value | undefined, root: Document): Value {
  if (Array.isArray(value)) {
    tick(value.length);
    return value.map((item) => computeBelow(level, item, root));
  }
  const output = isDocument(value) ? value : {};
  computeFields(level, output, root);
  return output;
}
