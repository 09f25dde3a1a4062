/**
 * The key by which a document sorts.
 *
 * Arrays on a path give several candidates, as in an index: the key is the one that sorts first. Paths
 * through the same array vary together; paths through different arrays cannot be sorted by at once.
 * Missing fields count as null, empty arrays come before null (`undefined` in a key).
 */
import { tick } from "./deadline.ts";
import { QueryError } from "./errors.ts";
import { compareValues } from "./order.ts";
import type { SortSpec } from "./sort.ts";
import { type Document, getField, isDocument, type Value } from "./values.ts";

/** One value for each path of the sort. */
export type SortKey = readonly (Value | undefined)[];

const NOTHING: Document = Object.freeze({});

/** Compiles the extraction of sort keys. Throws a QueryError for documents with parallel arrays. */
export function compileSortKey(specification: SortSpec): (document: Document) => SortKey {
  const paths = specification.map(([path]) => path.split("."));
  const directions = specification.map(([, direction]) => direction);
  return (document) => plainKey(document, paths) ?? bestKey(document, paths, directions);
}

/**
 * Whether a path is `_id`. No stored document has an array there; where a stage made one it sorts as a whole, unless
 * another path leads through an array.
 */
function isIdentity(parts: readonly string[]): boolean {
  return parts.length === 1 && parts[0] === "_id";
}

/** The key of a document that has no array on any of the paths; undefined otherwise. */
function plainKey(document: Document, paths: readonly string[][]): SortKey | undefined {
  const key: Value[] = [];
  for (const parts of paths) {
    let value: Value | undefined = document;
    for (const part of parts) {
      value = isDocument(value) ? getField(value, part) : undefined;
      if (Array.isArray(value) && !isIdentity(parts)) return undefined;
      if (value === undefined) break;
    }
    key.push(value ?? null);
  }
  return key;
}

function bestKey(document: Document, paths: readonly string[][], directions: readonly (1 | -1)[]): SortKey {
  let best: SortKey | undefined;
  const offer = (key: SortKey) => {
    tick();
    if (best === undefined || precedes(key, best, directions)) best = key;
  };
  const fields = paths.map((parts): Field => ({ parts, at: 0, fixed: undefined, position: undefined }));
  expand(fields, document, offer);
  return best ?? paths.map(() => null);
}

function precedes(a: SortKey, b: SortKey, directions: readonly (1 | -1)[]): boolean {
  for (let i = 0; i < directions.length; i++) {
    const order = compareValues(a[i], b[i]);
    if (order !== 0) return order < 0 === (directions[i] === 1);
  }
  return false;
}

/** How far a path has been followed. */
interface Field {
  readonly parts: readonly string[];
  readonly at: number;
  /** Its value, once the path has ended. */
  readonly fixed: { readonly value: Value | undefined } | undefined;
  /** What the next part selects as a position of the array that is being taken apart. */
  readonly position: Reached | undefined;
}

/** Where following a path has led: to its end, or to an array on it. */
interface Reached {
  readonly value: Value | undefined;
  readonly at: number;
  /** Reached as an array inside an array by its position: it is not taken apart. */
  readonly nested: boolean;
}

/** Offers every key that the fields can have below a document. */
function expand(fields: readonly Field[], document: Document, offer: (key: SortKey) => void) {
  let array: Value[] | undefined;
  /** The path of that array: another path may lead to the same one, where a stage copied it. */
  let place: string | undefined;
  let nested = false;
  const through = new Set<number>();
  const next = fields.map((field, i): Field => {
    if (field.fixed !== undefined) return field;
    const reached = follow(field, document);
    if (!Array.isArray(reached.value)) return { ...field, fixed: { value: reached.value ?? null } };
    const own = placeOf(field.parts.slice(0, reached.at));
    place ??= own;
    if (place !== own || (array !== undefined && array !== reached.value)) {
      throw new QueryError(
        "runtime",
        "",
        "cannot sort by paths that lead through different arrays of one document",
      );
    }
    array = reached.value;
    nested ||= reached.nested;
    through.add(i);
    return { ...field, at: reached.at, position: undefined };
  });
  if (array === undefined) return offer(next.map((field) => field.fixed?.value));
  expandArray(next, array, nested, through, offer);
}

/** A path without the positions on it: with one and without it the same array is reached. */
function placeOf(parts: readonly string[]): string {
  return parts.filter((part) => !/^\d+$/.test(part)).join(".");
}

function expandArray(
  fields: readonly Field[],
  array: Value[],
  nested: boolean,
  through: ReadonlySet<number>,
  offer: (key: SortKey) => void,
) {
  const positioned = fields.map((field, i): Field => {
    if (!through.has(i) || field.at >= field.parts.length) return field;
    return { ...field, position: followPosition(field, array) };
  });
  const step = (item: Value | undefined) => {
    const next = positioned.map((field, i): Field => {
      if (!through.has(i) || field.at < field.parts.length) return field;
      return { ...field, fixed: { value: nested && array.length > 0 ? array : item } };
    });
    expand(next, isDocument(item) ? item : NOTHING, offer);
  };
  if (array.length === 0) step(undefined);
  for (const item of array) step(item);
}

function follow(field: Field, document: Document): Reached {
  const own = getField(document, field.parts[field.at] ?? "") !== undefined;
  if (own && field.position !== undefined) {
    const path = field.parts.join(".");
    throw new QueryError(
      "runtime",
      "",
      `cannot sort by ${path}: its number is both a position and a field name`,
    );
  }
  return own
    ? walk(document, field.parts, field.at)
    : (field.position ?? { value: undefined, at: field.at, nested: false });
}

/** Follows a path to its end or to the first array on it; `at` is the part behind. */
function walk(document: Document, parts: readonly string[], from: number): Reached {
  let value: Value | undefined = document;
  for (let at = from; at < parts.length; at++) {
    value = isDocument(value) ? getField(value, parts[at] ?? "") : undefined;
    if (value === undefined) break;
    if (Array.isArray(value)) return { value, at: at + 1, nested: false };
  }
  return { value, at: parts.length, nested: false };
}

function followPosition(field: Field, array: Value[]): Reached | undefined {
  const part = field.parts[field.at] ?? "";
  if (!/^(0|[1-9]\d{0,9})$/.test(part)) return undefined;
  const item = array[Number(part)];
  if (item === undefined) return undefined;
  const at = field.at + 1;
  if (Array.isArray(item)) return { value: item, at, nested: true };
  if (at === field.parts.length) return { value: item, at, nested: false };
  return isDocument(item) ? walk(item, field.parts, at) : { value: undefined, at, nested: false };
}
