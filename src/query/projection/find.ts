/** Find projections: what `$project` has, and `$slice`, `$elemMatch` and the positional `field.$`. */
import { Decimal128 } from "bson";
import { QueryError } from "../errors.ts";
import type { MatchNode } from "../match/nodes.ts";
import { toInt32 } from "../match/numbers.ts";
import { checkForItems, parseMatch } from "../match/parse.ts";
import { type DocumentTest, valueTest } from "../match/single.ts";
import { type Document, getField, isDocument, setField, toNumber, truthy, type Value } from "../values.ts";
import { parseProjection, type Special } from "./parse.ts";
import { compilePosition, type FindPosition } from "./position.ts";
import { type CompileExpression, compileTree, type ProjectionEntry } from "./tree.ts";

/** What a find projection is compiled with. */
export interface FindProjectionContext {
  readonly path: string;
  /** The filter of the same query: a positional projection shows the item by which it matched. */
  readonly filter: MatchNode | undefined;
  readonly compileExpression: CompileExpression;
  readonly compileMatch: DocumentTest;
}

type After = (output: Document, input: Document) => void;

/** Compiles a find projection into a function that makes a new document and never changes its input. */
export function compileFindProjection(
  specification: Document,
  context: FindProjectionContext,
): (document: Document) => Document {
  if (Object.keys(specification).length === 0) return (document) => document;
  const reader = new FindReader(context);
  const tree = parseProjection(specification, context.path, (path, value, at) =>
    reader.read(path, value, at),
  );
  const project = compileTree(tree, (expression, at) => reader.compile(expression, at));
  const { after } = reader;
  if (after.length === 0) return project;
  return (document) => {
    const output = project(document);
    for (const step of after) step(output, document);
    return output;
  };
}

const POSITIONAL = /(^|\.)\$$/;

class FindReader {
  readonly after: After[] = [];
  /** By place: how `$elemMatch` fields are computed. */
  readonly #elemMatches = new Map<string, (root: Document) => Value | undefined>();
  #positional = false;

  constructor(readonly context: FindProjectionContext) {}

  compile(expression: Value, at: string): (root: Document) => Value | undefined {
    return this.#elemMatches.get(at) ?? this.context.compileExpression(expression, at);
  }

  read(path: string, value: Value, at: string): Special | undefined {
    if (POSITIONAL.test(path)) return this.#readPositional(path, value, at);
    if (path.includes(".$.")) {
      throw new QueryError("invalid", at, "the positional operator $ can stand at the end of a path only");
    }
    if (!isDocument(value)) return undefined;
    const names = Object.keys(value);
    if (names.length !== 1) return undefined;
    if (names[0] === "$meta") throw new QueryError("unsupported", at, "$meta is not supported");
    if (names[0] === "$elemMatch") return this.#readElemMatch(path, value, at);
    if (names[0] === "$slice") return this.#readSlice(path, getField(value, "$slice") ?? null, at);
    return undefined;
  }

  #readElemMatch(path: string, value: Document, at: string): Special {
    if (path.includes(".")) throw new QueryError("invalid", at, "$elemMatch cannot project a nested field");
    if (this.#positional)
      throw new QueryError("invalid", at, "$elemMatch cannot stand with a positional projection");
    const node = parseMatch({ [path]: value }, at.slice(0, -path.length - 1), true);
    const test = valueTest(node, this.context.compileMatch);
    this.#elemMatches.set(at, (root) => {
      const items = getField(root, path);
      if (!Array.isArray(items)) return undefined;
      const found = items.find((item) => test([item]));
      return found === undefined ? undefined : [found];
    });
    const entry: ProjectionEntry = { kind: "computed", at, expression: value };
    return { path, entry, mode: "includeUnlessTold" };
  }

  #readSlice(path: string, value: Value, at: string): Special | undefined {
    const slice = sliceOf(value);
    if (slice === undefined) {
      // With an array first this is the expression of that name.
      if (Array.isArray(value) && value.length > 1) return undefined;
      throw new QueryError("invalid", `${at}.$slice`, "needs a number of items, or [skip, limit]");
    }
    const parts = path.split(".");
    this.after.push((output) => sliceAlong(output, parts, 0, slice));
    return { path, entry: { kind: "kept" }, mode: "excludeUnlessTold" };
  }

  #readPositional(path: string, value: Value, at: string): Special {
    if (this.#positional) throw new QueryError("invalid", at, "only one positional projection is possible");
    if (this.#elemMatches.size > 0) throw new QueryError("invalid", at, "cannot stand with $elemMatch");
    if (!isFlag(value) || !truthy(value)) {
      throw new QueryError("invalid", at, "a positional projection needs the value 1");
    }
    const field = path.replace(POSITIONAL, "");
    if (field === "") throw new QueryError("invalid", at, "needs a field before .$");
    if (this.context.filter === undefined) {
      throw new QueryError("invalid", at, "a positional projection needs a filter that tests the array");
    }
    checkForItems(this.context.filter);
    this.#positional = true;
    const find = compilePosition(this.context.filter, this.context.compileMatch);
    const parts = field.split(".");
    this.after.push((output, input) => showPosition(output, parts, input, find, at));
    return { path: field, entry: { kind: "leaf" }, mode: "include" };
  }
}

function isFlag(value: Value): boolean {
  return typeof value === "boolean" || toNumber(value) !== undefined || value instanceof Decimal128;
}

/**
 * Replaces the first array on the path by the one item that matched.
 *
 * Where a part of the path leads to no document the server looks for the next part in the same document;
 * so do we.
 */
function showPosition(
  output: Document,
  parts: readonly string[],
  input: Document,
  find: FindPosition,
  at: string,
) {
  let document = output;
  let before: Document | undefined = input;
  for (const [i, part] of parts.entries()) {
    const value = getField(document, part);
    const original: Value | undefined = before === undefined ? undefined : getField(before, part);
    if (Array.isArray(value)) {
      const position = find(input);
      const item = position === undefined ? undefined : itemAt(value, original, position);
      if (item === undefined) throw new QueryError("runtime", at, "the filter matched no item of this array");
      return setAlong(output, parts.slice(0, i + 1), [item]);
    }
    if (!isDocument(value)) continue;
    document = value;
    before = isDocument(original) ? original : undefined;
  }
}

/** The projected item at a position of the original array, from which the projection may have dropped some. */
function itemAt(items: Value[], original: Value | undefined, position: number): Value | undefined {
  if (!Array.isArray(original) || original.length === items.length) return items[position];
  const isKept = (item: Value | undefined) => isDocument(item) || Array.isArray(item);
  return isKept(original[position]) ? items[original.slice(0, position).filter(isKept).length] : undefined;
}

/** Sets a field of an output document; documents on the way are its own. */
function setAlong(output: Document, parts: readonly string[], value: Value) {
  let document = output;
  for (const part of parts.slice(0, -1)) {
    const below = getField(document, part);
    const next = isDocument(below) ? below : {};
    setField(document, part, next);
    document = next;
  }
  setField(document, parts[parts.length - 1] ?? "", value);
}

/** How many items to skip (from the end when negative), and how many to take then. */
interface Slice {
  readonly skip: number;
  readonly limit: number;
}

function sliceOf(value: Value): Slice | undefined {
  const count = toInt32(value);
  if (count !== undefined) return count < 0 ? { skip: count, limit: -count } : { skip: 0, limit: count };
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [skip, limit] = value.map(toInt32);
  return skip === undefined || limit === undefined || limit <= 0 ? undefined : { skip, limit };
}

function slice(items: Value[], { skip, limit }: Slice): Value[] {
  const start = skip < 0 ? Math.max(0, items.length + skip) : skip;
  return items.slice(start, start + limit);
}

/** Slices the arrays at a path; the documents on the way were made by this projection or are copied. */
function sliceAlong(document: Document, parts: readonly string[], at: number, how: Slice) {
  const name = parts[at] ?? "";
  const value = getField(document, name);
  if (value === undefined) return;
  setField(document, name, sliceValue(value, parts, at, how));
}

function sliceValue(value: Value, parts: readonly string[], at: number, how: Slice): Value {
  const ends = at === parts.length - 1;
  if (Array.isArray(value)) {
    if (ends) return slice(value, how);
    return value.map((item) => (isDocument(item) ? sliceValue(item, parts, at, how) : item));
  }
  if (ends || !isDocument(value)) return value;
  const copy = { ...value };
  sliceAlong(copy, parts, at + 1, how);
  return copy;
}
