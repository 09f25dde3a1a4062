/** Sorting of documents: by several paths, through arrays, across types. */
import { QueryError } from "./errors.ts";
import { toInt32 } from "./match/numbers.ts";
import { compareValues } from "./order.ts";
import { compileSortKey, type SortKey } from "./sort-key.ts";
import { type Document, getField, isDocument, type Value } from "./values.ts";

/** Paths in order of importance, each ascending (1) or descending (−1). */
export type SortSpec = readonly (readonly [path: string, direction: 1 | -1])[];

/**
 * Reads a sort given as `{path: ±1, …}` or in the drivers' list form `[[path, ±1], …]`.
 * Throws a QueryError that begins with `path`.
 */
export function parseSort(value: Value, path = "sort"): SortSpec {
  const entries = Array.isArray(value) ? listEntries(value, path) : objectEntries(value, path);
  const seen = new Set<string>();
  return entries.map(([name, direction, at]) => {
    if (seen.has(name)) throw new QueryError("invalid", at, "is given twice");
    seen.add(name);
    return [checkPath(name, at), readDirection(direction, at)] as const;
  });
}

type Entry = [name: string, direction: Value, at: string];

function objectEntries(value: Value, path: string): Entry[] {
  if (!isDocument(value)) throw new QueryError("invalid", path, "needs an object {path: 1 or -1}");
  return Object.keys(value).map((name) => [name, getField(value, name) ?? null, `${path}.${name}`]);
}

function listEntries(list: Value[], path: string): Entry[] {
  // A single pair may stand without the outer brackets.
  if (list.length === 2 && typeof list[0] === "string" && !Array.isArray(list[1])) {
    return [[list[0], list[1] ?? null, path]];
  }
  return list.map((item, i) => {
    const at = `${path}[${i}]`;
    if (typeof item === "string") return [item, 1, at];
    if (!Array.isArray(item) || typeof item[0] !== "string" || item.length !== 2) {
      throw new QueryError("invalid", at, "needs a pair [path, 1 or -1]");
    }
    return [item[0], item[1] ?? null, at];
  });
}

function checkPath(name: string, at: string): string {
  if (name === "$natural")
    throw new QueryError("unsupported", at, "$natural is not supported; sort by a field");
  for (const part of name.split(".")) {
    if (part === "") throw new QueryError("invalid", at, "a path cannot have an empty part");
    if (part.startsWith("$"))
      throw new QueryError("invalid", at, `the field name ${part} cannot begin with $`);
  }
  return name;
}

function readDirection(direction: Value, at: string): 1 | -1 {
  if (isDocument(direction)) {
    const [name = ""] = Object.keys(direction);
    throw new QueryError("unsupported", at, `${name} is not supported here; use 1 or -1`);
  }
  const number = toInt32(direction);
  if (number === 1 || number === -1) return number;
  throw new QueryError("invalid", at, "the direction must be 1 (ascending) or -1 (descending)");
}

/** Compares the sort keys of two documents. */
export function compileKeyOrder(specification: SortSpec): (a: SortKey, b: SortKey) => number {
  const directions = specification.map(([, direction]) => direction);
  return (a, b) => {
    for (let i = 0; i < directions.length; i++) {
      const order = compareValues(a[i], b[i]);
      if (order !== 0) return directions[i] === 1 ? order : -order;
    }
    return 0;
  };
}

/** Compares two documents. For many documents make their keys once: `sortDocuments`. */
export function compileSort(specification: SortSpec): (a: Document, b: Document) => number {
  const keyOf = compileSortKey(specification);
  const order = compileKeyOrder(specification);
  return (a, b) => order(keyOf(a), keyOf(b));
}

/** A sorted copy; documents with equal keys keep their order. */
export function sortDocuments(documents: readonly Document[], specification: SortSpec): Document[] {
  const keyOf = compileSortKey(specification);
  const order = compileKeyOrder(specification);
  const keyed = documents.map((document) => ({ document, key: keyOf(document) }));
  keyed.sort((a, b) => order(a.key, b.key));
  return keyed.map(({ document }) => document);
}

export { compileSortKey, type SortKey };
