/** Reads the specification of `$project`, `$addFields` and find projections into a tree. */
import { Decimal128 } from "bson";
import { QueryError } from "../errors.ts";
import { type Document, getField, isDocument, toNumber, truthy, type Value } from "../values.ts";
import type { ProjectionEntry, ProjectionNode, ProjectionTree } from "./tree.ts";

/** What find's own operators make of a path: an entry, and the mode that the projection has without other fields. */
export interface Special {
  readonly path: string;
  readonly entry: ProjectionEntry;
  /** `include` requires that mode; the others only decide when nothing else does. */
  readonly mode: "include" | "excludeUnlessTold" | "includeUnlessTold";
}

/** Recognises find's own operators. */
export type ReadSpecial = (path: string, value: Value, at: string) => Special | undefined;

const MAX_PARTS = 200;
/** Fields of one projection: more would take seconds to compile. */
const MAX_FIELDS = 20_000;
const LEAF: ProjectionEntry = Object.freeze({ kind: "leaf" });

/**
 * Reads a projection. `path` begins the places that errors name, e.g. `pipeline[1].$project`.
 *
 * The first field other than `_id` decides whether the projection includes or excludes; `_id` is included
 * unless it is excluded.
 */
export function parseProjection(specification: Value, path: string, special?: ReadSpecial): ProjectionTree {
  const reader = new Reader(special);
  reader.readTop(specification, path);
  return reader.finish(path);
}

/** Reads the new fields of `$addFields` and `$set`: numbers and booleans are values here. */
export function parseAddFields(specification: Value, path: string): ProjectionTree {
  const root = emptyNode();
  const walk = (fields: Document, at: string, prefix: string, depth: number) => {
    checkDepth(depth, at);
    for (const name of Object.keys(fields)) {
      const value = getField(fields, name);
      if (value === undefined) continue;
      const where = `${at}.${name}`;
      const full = prefix + name;
      if (isNested(value)) {
        if (Object.keys(value).length === 0) {
          throw new QueryError("invalid", where, "an empty object is no value here; write {$literal: {}}");
        }
        walk(value, where, `${full}.`, depth + 1);
      } else insert(root, full, { kind: "computed", at: where, expression: value }, where);
    }
  };
  if (!isDocument(specification)) throw new QueryError("invalid", path, "needs an object");
  walk(specification, path, "", 0);
  return { mode: "exclude", root };
}

/** The tree that drops the given paths: `$unset`. */
export function excludePaths(paths: readonly string[], at: string): ProjectionTree {
  const root = emptyNode();
  paths.forEach((path, i) => {
    insert(root, path, LEAF, paths.length === 1 ? at : `${at}[${i}]`);
  });
  return { mode: "exclude", root };
}

function needFields(specification: Value, path: string): Document {
  if (!isDocument(specification)) throw new QueryError("invalid", path, "needs an object");
  if (Object.keys(specification).length === 0)
    throw new QueryError("invalid", path, "needs at least one field");
  return specification;
}

function checkDepth(depth: number, at: string) {
  if (depth > MAX_PARTS) throw new QueryError("limit", at, `nests deeper than ${MAX_PARTS} levels`);
}

class Reader {
  readonly #root = emptyNode();
  #mode: "include" | "exclude" | undefined;
  #id: boolean | undefined;
  /** The mode when no field decides it. */
  #otherwise: "include" | "exclude" | undefined;

  constructor(readonly special: ReadSpecial | undefined) {}

  readTop(specification: Value, path: string) {
    const fields = needFields(specification, path);
    for (const name of Object.keys(fields)) {
      const value = getField(fields, name);
      const flag = value === undefined ? undefined : flagOf(value);
      // The mode is decided by the other fields; `_id` only by itself when it is alone.
      if (name === "_id" && flag !== undefined) this.#id = flag;
      else if (value !== undefined) this.#field(name, value, `${path}.${name}`);
    }
  }

  #field(path: string, value: Value, at: string, depth = 0) {
    checkDepth(depth, at);
    const special = this.special?.(path, value, at);
    if (special !== undefined) return this.#special(special, at);
    const flag = flagOf(value);
    if (flag !== undefined) {
      this.#decide(flag ? "include" : "exclude", path, at);
      return insert(this.#root, path, LEAF, at);
    }
    if (isNested(value)) {
      const names = Object.keys(value);
      if (names.length === 0) throw new QueryError("invalid", at, "an empty object is no projection");
      for (const name of names)
        this.#field(`${path}.${name}`, getField(value, name) ?? null, `${at}.${name}`, depth + 1);
      return;
    }
    this.#decide("include", path, at);
    insert(this.#root, path, { kind: "computed", at, expression: value }, at);
  }

  #special(special: Special, at: string) {
    if (special.mode === "include") this.#decide("include", special.path, at);
    else if (special.mode === "excludeUnlessTold") this.#otherwise = "exclude";
    else this.#otherwise ??= "include";
    insert(this.#root, special.path, special.entry, at);
  }

  #decide(mode: "include" | "exclude", path: string, at: string) {
    this.#mode ??= mode;
    if (this.#mode === mode) return;
    const doing = this.#mode === "include" ? "keeps" : "drops";
    const other = mode === "include" ? "keep" : "drop";
    throw new QueryError("invalid", at, `the projection ${doing} fields, so it cannot ${other} ${path}`);
  }

  finish(path: string): ProjectionTree {
    const mode = this.#mode ?? (this.#id === true ? "include" : (this.#otherwise ?? "exclude"));
    const { fields } = this.#root;
    if (fields.has("_id")) {
      if (this.#id !== undefined) throw new QueryError("invalid", `${path}._id`, "is given twice");
    } else if (mode === "include" ? this.#id !== false : this.#id === false) fields.set("_id", LEAF);
    return { mode, root: this.#root };
  }
}

/** Whether a projection value keeps (true) or drops (false) its field; undefined when it does neither. */
function flagOf(value: Value): boolean | undefined {
  if (typeof value === "boolean" || toNumber(value) !== undefined || value instanceof Decimal128)
    return truthy(value);
  return undefined;
}

function isNested(value: Value): value is Document {
  return isDocument(value) && !Object.keys(value)[0]?.startsWith("$");
}

function emptyNode(): ProjectionNode {
  return { fields: new Map(), computes: false, entries: 0 };
}

/** Puts an entry into the tree; throws when another one stands there, above or below. */
export function insert(root: ProjectionNode, path: string, entry: ProjectionEntry, at: string) {
  const parts = splitFieldPath(path, at);
  const last = parts.pop() ?? "";
  let node = root;
  if (++root.entries > MAX_FIELDS)
    throw new QueryError("limit", at, `the projection has more than ${MAX_FIELDS} fields`);
  if (entry.kind === "computed") node.computes = true;
  for (const part of parts) {
    let below = node.fields.get(part);
    if (below === undefined) {
      below = { kind: "node", node: emptyNode() };
      node.fields.set(part, below);
    }
    if (below.kind !== "node") throw collision(path, at);
    node = below.node;
    node.entries++;
    if (entry.kind === "computed") node.computes = true;
  }
  if (node.fields.has(last)) throw collision(path, at);
  node.fields.set(last, entry);
}

function collision(path: string, at: string): QueryError {
  return new QueryError("invalid", at, `${path} collides with another path of the projection`);
}

/** Splits a path that names fields: no part may be empty or begin with `$`. */
export function splitFieldPath(path: string, at: string): string[] {
  const parts = path.split(".");
  if (parts.length > MAX_PARTS)
    throw new QueryError("limit", at, `a path cannot have more than ${MAX_PARTS} parts`);
  for (const part of parts) {
    if (part === "") throw new QueryError("invalid", at, "a path cannot have an empty part");
    if (part.startsWith("$"))
      throw new QueryError("invalid", at, `the field name ${part} cannot begin with $`);
    if (part.includes("\0"))
      throw new QueryError("invalid", at, "field names cannot contain a null character");
  }
  return parts;
}
