/** Operators that make arrays of others: joined, turned, sorted, zipped. */
import { tick } from "../../deadline.ts";
import { QueryError } from "../../errors.ts";
import { compareValues } from "../../order.ts";
import { arrayPosition, isSafeName } from "../../paths.ts";
import { parseSort } from "../../sort.ts";
import { type Document, getField, isDocument, setField, typeOf, type Value } from "../../values.ts";
import { grow, ITEM_BYTES } from "../growth.ts";
import type { ExpressionNode, Operator } from "../nodes.ts";
import { isNullish, wrongType } from "../numbers.ts";
import { type Reader, readNamed } from "../parse.ts";
import { T } from "../types.ts";
import { example, list } from "./describe.ts";

function concatArrays(at: string, ...arrays: (Value | undefined)[]): Value {
  let length = 0;
  for (const array of arrays) {
    if (isNullish(array)) return null;
    if (!Array.isArray(array)) throw wrongType(at, "arrays", array);
    length += array.length;
  }
  grow(length * ITEM_BYTES, at);
  tick(length);
  const [first = [], second = [], ...others] = arrays as Value[][];
  const result = first.concat(second);
  for (const array of others) for (const item of array) result.push(item);
  return result;
}

function reverseArray(at: string, array: Value | undefined): Value {
  if (isNullish(array)) return null;
  if (!Array.isArray(array)) throw wrongType(at, "an array", array);
  grow(array.length * ITEM_BYTES, at);
  tick(array.length);
  return array.toReversed();
}

/** Sorts the items of an array into another one, unless they are sorted. */
type SortItems = (items: readonly Value[]) => readonly Value[];

function readOrder(value: Value, at: string): SortItems {
  if (!isDocument(value)) {
    const [[, direction] = ["", 1]] = parseSort({ item: value }, at);
    return (items) => items.toSorted((a, b) => direction * compareInPlace(a, b));
  }
  const keys = parseSort(value, at).map(([path, direction]) => ({ parts: path.split("."), direction }));
  const [only, ...others] = keys;
  if (only === undefined) throw new QueryError("invalid", at, "needs at least one path");
  if (others.length === 0) return (items) => sortByOne(items, only.parts, only.direction);
  return (items) => {
    // What an item is sorted by is looked up once, not with every comparison.
    const keyed = items.map((item) => ({ item, key: keys.map(({ parts }) => valueAt(item, parts)) }));
    keyed.sort((a, b) => {
      for (const [i, { direction }] of keys.entries()) {
        const order = compareInPlace(a.key[i] ?? null, b.key[i] ?? null);
        if (order !== 0) return direction * order;
      }
      return 0;
    });
    return keyed.map(({ item }) => item);
  };
}

/** Sorts by one path; histories come in their order most of the time, which one look over them tells. */
function sortByOne(items: readonly Value[], parts: readonly string[], direction: 1 | -1): readonly Value[] {
  const [name = ""] = parts;
  const single = parts.length === 1 && isSafeName(name);
  const keyOf = single
    ? (item: Value | undefined) => (item as Document | null | undefined)?.[name] ?? null
    : (item: Value | undefined) => valueAt(item ?? null, parts);
  if (isOrdered(items, keyOf, direction)) return items;
  const keys = items.map(keyOf);
  const places = keys.map((_, i) => i);
  places.sort((a, b) => direction * compareInPlace(keys[a] ?? null, keys[b] ?? null));
  return places.map((i) => items[i] ?? null);
}

function isOrdered(
  items: readonly Value[],
  keyOf: (item: Value | undefined) => Value,
  direction: 1 | -1,
): boolean {
  let before = keyOf(items[0]);
  for (let i = 1; i < items.length; i++) {
    const key = keyOf(items[i]);
    if (direction * compareInPlace(before, key) > 0) return false;
    before = key;
  }
  return true;
}

/** BSON's order; of two plain numbers in place, unless NaN takes part. */
function compareInPlace(a: Value, b: Value): number {
  if (typeof a === "number" && typeof b === "number") {
    if (a < b) return -1;
    if (a > b) return 1;
    if (a === b) return 0;
  }
  return compareValues(a, b);
}

/** What stands at a path, where a part may be a position in an array; null when nothing does. */
function valueAt(item: Value, parts: readonly string[]): Value {
  let value: Value | undefined = isDocument(item) ? item : undefined;
  for (const part of parts) {
    if (Array.isArray(value)) value = value[arrayPosition(part)];
    else value = isDocument(value) ? getField(value, part) : undefined;
  }
  return value ?? null;
}

const orders = new WeakMap<object, SortItems>();

function parseSortArray(reader: Reader, value: Value, at: string): ExpressionNode {
  const [input, sortBy] = readNamed(value, ["input", "sortBy"], [], at);
  const order = readOrder(sortBy ?? null, `${at}.sortBy`);
  // The order travels as the constant it was read from.
  const key = isDocument(sortBy) ? { ...sortBy } : [sortBy ?? null];
  orders.set(key, order);
  const constant: ExpressionNode = Object.freeze({ kind: "constant", value: key });
  return reader.call(SORT_ARRAY, [reader.read(input ?? null, `${at}.input`), constant], at);
}

const SORT_ARRAY: Operator = {
  name: "$sortArray",
  category: "array",
  summary: "An array sorted by its items (`sortBy: 1` or `-1`) or by fields of them (`sortBy: {path: ±1}`).",
  arguments: { kind: "own", form: "`{input: array, sortBy: order}`" },
  result: T.ARRAY | T.NULL,
  example: example({ $sortArray: { input: "$x", sortBy: -1 } }, { x: [2, 3, 1] }, [3, 2, 1]),
  parse: parseSortArray,
  folds: "operands",
  run: (at, array, key) => {
    if (isNullish(array)) return null;
    if (!Array.isArray(array)) throw wrongType(`${at}.input`, "an array", array);
    const order = typeof key === "object" && key !== null ? orders.get(key) : undefined;
    grow(array.length * ITEM_BYTES, at);
    tick(array.length);
    return order === undefined ? array : (order(array) as Value[]);
  },
};

function parseZip(reader: Reader, value: Value, at: string): ExpressionNode {
  const [inputs, longest, defaults] = readNamed(value, ["inputs"], ["useLongestLength", "defaults"], at);
  if (!Array.isArray(inputs) || inputs.length === 0) {
    throw new QueryError("invalid", `${at}.inputs`, "needs an array of at least one expression");
  }
  if (longest !== undefined && typeof longest !== "boolean") {
    throw new QueryError("invalid", `${at}.useLongestLength`, "needs true or false");
  }
  if (defaults !== undefined && (!Array.isArray(defaults) || defaults.length !== inputs.length)) {
    throw new QueryError("invalid", `${at}.defaults`, "needs an array with a value for each input");
  }
  if (defaults !== undefined && longest !== true) {
    throw new QueryError("invalid", `${at}.defaults`, "needs useLongestLength: true");
  }
  const constant = (item: Value): ExpressionNode => Object.freeze({ kind: "constant", value: item });
  const arrays = inputs.map((input, i) => reader.read(input, `${at}.inputs[${i}]`));
  // As fields of an object, in which missing ones are left out.
  const fields = (defaults ?? []).map(
    (item, i) => [`${i}`, reader.read(item, `${at}.defaults[${i}]`)] as const,
  );
  const fill: ExpressionNode[] = defaults === undefined ? [] : [Object.freeze({ kind: "object", fields })];
  return reader.call(ZIP, [constant(longest === true), constant(inputs.length), ...arrays, ...fill], at);
}

/** Zips the first `count` of `rest`; what stands behind them are the defaults. */
function zip(
  at: string,
  longest: Value | undefined,
  count: Value | undefined,
  ...rest: (Value | undefined)[]
): Value {
  const arrays: Value[][] = [];
  for (const input of rest.slice(0, Number(count))) {
    if (isNullish(input)) return null;
    if (!Array.isArray(input)) throw wrongType(`${at}.inputs`, "arrays", input);
    arrays.push(input);
  }
  const fill = rest[Number(count)];
  const lengths = arrays.map((array) => array.length);
  const length = longest === true ? Math.max(...lengths) : Math.min(...lengths);
  grow(length * (arrays.length + 1) * ITEM_BYTES, at);
  tick(length * arrays.length);
  // Without useLongestLength no array ends before the others; missing defaults leave no item.
  const defaultOf = (j: number) => (!isDocument(fill) ? null : fill[j]);
  return Array.from({ length }, (_, i) =>
    arrays.flatMap((array, j) => {
      const item = i < array.length ? array[i] : defaultOf(j);
      return item === undefined ? [] : [item];
    }),
  );
}

const ZIP: Operator = {
  name: "$zip",
  category: "array",
  summary: "Arrays turned by 90°: the first items together, then the second ones, and so on.",
  arguments: {
    kind: "own",
    form: "`{inputs: [array, …], useLongestLength: boolean, defaults: [value, …]}`",
  },
  result: T.ARRAY | T.NULL,
  example: example({ $zip: { inputs: ["$a", "$b"] } }, { a: [1, 2], b: ["x", "y"] }, [
    [1, "x"],
    [2, "y"],
  ]),
  parse: parseZip,
  stopsAtNull: "each",
  folds: "operands",
  run: zip,
};

function arrayToObject(at: string, array: Value | undefined): Value {
  if (isNullish(array)) return null;
  if (!Array.isArray(array)) throw wrongType(at, "an array", array);
  tick(array.length);
  grow(array.length * ITEM_BYTES * 2, at);
  const result: Document = {};
  const pairs = Array.isArray(array[0]);
  for (const item of array) {
    const [name, value] = pairs ? readPair(at, item) : readKeyValue(at, item);
    if (typeof name !== "string")
      throw new QueryError("runtime", at, `needs strings as keys, not ${typeOf(name)}`);
    if (name.includes("\0")) throw new QueryError("runtime", at, "a key cannot contain a null character");
    setField(result, name, value ?? null);
  }
  return result;
}

function readPair(at: string, item: Value): readonly (Value | undefined)[] {
  if (Array.isArray(item) && item.length === 2) return item;
  throw new QueryError("runtime", at, "needs arrays [key, value] only, as the first item is one");
}

function readKeyValue(at: string, item: Value): readonly (Value | undefined)[] {
  if (
    isDocument(item) &&
    Object.keys(item).length === 2 &&
    Object.hasOwn(item, "k") &&
    Object.hasOwn(item, "v")
  ) {
    return [item["k"], item["v"]];
  }
  throw new QueryError("runtime", at, "needs arrays [key, value] or objects {k: key, v: value}");
}

export const arrayBuildOperators: readonly Operator[] = [
  {
    name: "$arrayToObject",
    category: "array",
    summary: "An object of an array of `[key, value]` or `{k: key, v: value}`.",
    arguments: list(1),
    result: T.OBJECT | T.NULL,
    example: example({ $arrayToObject: "$x" }, { x: [["a", 1]] }, { a: 1 }),
    run: arrayToObject,
  },
  {
    name: "$concatArrays",
    category: "array",
    summary: "The items of arrays one after the other.",
    arguments: list(0, Infinity),
    result: T.ARRAY | T.NULL,
    example: example({ $concatArrays: ["$a", "$b"] }, { a: [1], b: [2, 3] }, [1, 2, 3]),
    run: concatArrays,
    stopsAtNull: "each",
    regroup: "associates",
  },
  {
    name: "$reverseArray",
    category: "array",
    summary: "The items of an array from the last to the first.",
    arguments: list(1),
    result: T.ARRAY | T.NULL,
    example: example({ $reverseArray: "$x" }, { x: [1, 2, 3] }, [3, 2, 1]),
    run: reverseArray,
  },
  SORT_ARRAY,
  ZIP,
];
