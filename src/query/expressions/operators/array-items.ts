/** Operators that take items out of arrays or look for them. */
import { code } from "../../code.ts";
import { tick } from "../../deadline.ts";
import { QueryError } from "../../errors.ts";
import { truncateToInt64 } from "../../match/numbers.ts";
import { compareValues, equalValues } from "../../order.ts";
import { isInt32, toNumber, type Value } from "../../values.ts";
import type { Emitter, Typed } from "../emitter.ts";
import { grow, ITEM_BYTES } from "../growth.ts";
import type { CallNode, Operator } from "../nodes.ts";
import { isNullish, widthOf, wrongType } from "../numbers.ts";
import { ANY, T } from "../types.ts";
import { argument, example, list, named } from "./describe.ts";

/** An integral number of any type within int32; throws for all else. */
export function needInt32(at: string, value: Value | undefined, what = "an integer within int32"): number {
  if (typeof value === "number" && isInt32(value)) return value;
  if (widthOf(value) === 0) throw wrongType(at, what, value);
  const integer = truncateToInt64(value);
  const number = integer === undefined ? Number.NaN : Number(integer);
  if (!isInt32(number) || compareValues(integer, value) !== 0)
    throw new QueryError("runtime", at, `needs ${what}`);
  return number;
}

/** A new array, counted against the limits of memory and time. */
function counted(at: string, array: Value[]): Value[] {
  grow(array.length * ITEM_BYTES, at);
  tick(array.length >> 2);
  return array;
}

function elementAt(at: string, array: Value | undefined, index: Value | undefined): Value | undefined {
  if (isNullish(array) || isNullish(index)) return null;
  if (!Array.isArray(array)) throw wrongType(at, "an array", array);
  const position = needInt32(at, index, "an index within int32");
  return array[position < 0 ? array.length + position : position];
}

/** Reads an item in place where the index is a known integer. */
function emitElementAt(array: Typed, index: number, slow: Typed): Typed {
  const { code: items } = array;
  const item = index < 0 ? code`${items}[${items}.length + ${index}]` : code`${items}[${index}]`;
  return { code: code`(Array.isArray(${items}) ? ${item} : ${slow.code})`, types: ANY };
}

function endItem(name: "$first" | "$last"): Operator {
  const index = name === "$first" ? 0 : -1;
  return {
    name,
    category: "array",
    summary: `The ${name.slice(1)} item of an array; nothing when it is empty.`,
    arguments: list(1),
    result: ANY,
    example: example({ [name]: "$x" }, { x: [1, 2, 3] }, name === "$first" ? 1 : 3),
    run: (at, array) => elementAt(at, array, index),
    emit: (emitter, call) => {
      const array = emitter.named(argument(call, 0));
      return emitElementAt(array, index, emitter.run(call, [array]));
    },
  };
}

/** The number that `$firstN` and its like take. */
function needCount(at: string, value: Value | undefined): number {
  const integer = truncateToInt64(value);
  if (widthOf(value) === 0) throw wrongType(`${at}.n`, "a positive integer", value);
  if (integer === undefined || integer < 1n || compareValues(integer, value) !== 0) {
    throw new QueryError("runtime", `${at}.n`, "needs a positive integer within int64");
  }
  return Number(integer);
}

function endItems(name: "$firstN" | "$lastN"): Operator {
  const first = name === "$firstN";
  return {
    name,
    category: "array",
    summary: `The ${first ? "first" : "last"} n items of an array.`,
    arguments: named(["n", "input"]),
    folds: "nothing",
    result: T.ARRAY,
    example: example({ [name]: { n: 2, input: "$x" } }, { x: [1, 2, 3] }, first ? [1, 2] : [2, 3]),
    run: (at, n, input) => {
      const count = needCount(at, n);
      if (!Array.isArray(input)) throw wrongType(`${at}.input`, "an array", input);
      return counted(at, first ? input.slice(0, count) : input.slice(-count));
    },
  };
}

/**
 * The smallest (sign 1) or greatest items, kept sorted as the server keeps them: of equal items those that came
 * first stay, and the greatest are given from the end.
 */
function extremes(input: readonly Value[], count: number, sign: 1 | -1): Value[] {
  const kept: Value[] = [];
  for (const item of input) {
    if (item === null) continue;
    tick(Math.min(count, kept.length) >> 4);
    if (kept.length >= count) {
      const least = sign > 0 ? kept.length - 1 : 0;
      if (sign * compareValues(item, kept[least]) >= 0) continue;
      kept.splice(least, 1);
    }
    kept.splice(placeBehind(kept, item), 0, item);
  }
  return sign > 0 ? kept : kept.reverse();
}

/** Where a sorted array takes an item, behind its equals. */
function placeBehind(sorted: readonly Value[], item: Value): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareValues(sorted[middle], item) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function extremeItems(name: "$minN" | "$maxN"): Operator {
  const sign = name === "$minN" ? 1 : -1;
  return {
    name,
    category: "array",
    summary: `The n ${sign > 0 ? "smallest" : "greatest"} items of an array, nulls left out.`,
    arguments: named(["n", "input"]),
    folds: "nothing",
    result: T.ARRAY,
    example: example({ [name]: { n: 2, input: "$x" } }, { x: [3, 1, 2] }, sign > 0 ? [1, 2] : [3, 2]),
    run: (at, n, input) => {
      const count = needCount(at, n);
      if (!Array.isArray(input)) throw wrongType(`${at}.input`, "an array", input);
      return extremes(input, count, sign);
    },
  };
}

/** The part of an array that `$slice` means. */
function slice(at: string, array: Value | undefined, a: Value | undefined, b: Value | undefined): Value {
  if (isNullish(array) || isNullish(a)) return null;
  if (!Array.isArray(array)) throw wrongType(at, "an array", array);
  const first = needInt32(at, a, "a position or number within int32");
  if (b === undefined) return counted(at, first < 0 ? array.slice(first) : array.slice(0, first));
  if (b === null) return null;
  const count = needInt32(at, b, "a number within int32");
  if (count < 1) throw new QueryError("runtime", at, "needs a positive number of items as third argument");
  const start = first < 0 ? Math.max(0, array.length + first) : first;
  return counted(at, array.slice(start, start + count));
}

function indexOfArray(
  at: string,
  array: Value | undefined,
  wanted: Value | undefined,
  from: Value | undefined,
  to: Value | undefined,
): Value {
  if (isNullish(array)) return null;
  if (!Array.isArray(array)) throw wrongType(at, "an array", array);
  const start = from === undefined ? 0 : needIndex(at, from);
  const end = to === undefined ? array.length : Math.min(needIndex(at, to), array.length);
  tick(array.length);
  for (let i = start; i < end; i++) if (equalValues(array[i], wanted)) return i;
  return -1;
}

/** An index that is not negative. */
export function needIndex(at: string, value: Value | undefined): number {
  const index = needInt32(at, value, "an index within int32");
  if (index < 0) throw new QueryError("runtime", at, `needs an index that is not negative, not ${index}`);
  return index;
}

function isIn(at: string, wanted: Value | undefined, array: Value | undefined): boolean {
  if (!Array.isArray(array)) throw wrongType(at, "an array as second argument", array);
  tick(array.length);
  return array.some((item) => equalValues(item, wanted));
}

/** `$in` a constant list: strings and plain numbers by a set, all else by comparing. */
function emitIn(emitter: Emitter, call: CallNode) {
  const wanted = emitter.bound(argument(call, 0));
  const array = argument(call, 1);
  if (array.kind !== "constant" || !Array.isArray(array.value)) {
    return emitter.run(call, [wanted, emitter.bound(array)]).code;
  }
  const items = array.value;
  const slow = emitter.run(call, [wanted, emitter.constant(items)]).code;
  const strings = emitter.ref(new Set(items.filter((item) => typeof item === "string")), "set");
  const numbers = emitter.ref(new Set(items.flatMap(plainNumber)), "set");
  const value = wanted.code;
  const isNumber = code`typeof ${value} === "number" ? ${numbers}.has(${value})`;
  return code`(typeof ${value} === "string" ? ${strings}.has(${value}) : ${isNumber} : ${slow})`;
}

/** The plain numbers that equal a number. */
function plainNumber(value: Value): number[] {
  const number = toNumber(value);
  if (number !== undefined) return typeof value !== "bigint" || BigInt(number) === value ? [number] : [];
  if (widthOf(value) === 0) return [];
  const near = Number(String(value));
  return compareValues(near, value) === 0 ? [near] : [];
}

function range(at: string, start: Value | undefined, end: Value | undefined, step: Value | undefined): Value {
  const from = needInt32(at, start, "a start within int32");
  const to = needInt32(at, end, "an end within int32");
  const by = step === undefined ? 1 : needInt32(at, step, "a step within int32");
  if (by === 0) throw new QueryError("runtime", at, "needs a step that is not 0");
  const count = Math.max(0, Math.ceil((to - from) / by));
  grow(count * ITEM_BYTES, at);
  tick(count);
  return Array.from({ length: count }, (_, i) => from + i * by);
}

export const arrayItemOperators: readonly Operator[] = [
  {
    name: "$arrayElemAt",
    category: "array",
    summary: "The item of an array at an index; negative ones count from the end.",
    arguments: list(2),
    result: ANY,
    example: example({ $arrayElemAt: ["$coordinates", 0] }, { coordinates: [12.5, -30.25] }, 12.5),
    run: elementAt,
    emit: (emitter, call) => {
      const array = emitter.named(argument(call, 0));
      const index = emitter.bound(argument(call, 1));
      const slow = emitter.run(call, [array, index]);
      const { constant } = index;
      if (constant === undefined || !isInt32(constant)) return slow;
      return emitElementAt(array, constant, slow);
    },
  },
  endItem("$first"),
  endItem("$last"),
  endItems("$firstN"),
  endItems("$lastN"),
  extremeItems("$minN"),
  extremeItems("$maxN"),
  {
    name: "$in",
    category: "array",
    summary: "Whether a value is an item of an array.",
    arguments: list(2),
    result: T.BOOL,
    example: example({ $in: ["$fid", [1, 2]] }, { fid: 2 }, true),
    run: isIn,
    condition: emitIn,
  },
  {
    name: "$indexOfArray",
    category: "array",
    summary: "The first index of a value in an array (or in a part of it), −1 when it is not there.",
    arguments: list(2, 4),
    stopsAtNull: "first",
    result: T.INT | T.NULL,
    example: example({ $indexOfArray: ["$x", 3] }, { x: [1, 2, 3] }, 2),
    run: indexOfArray,
    check: ([array], at) => {
      if (array?.kind !== "constant" || isNullish(array.value) || Array.isArray(array.value)) return;
      throw wrongType(at, "an array", array.value);
    },
  },
  {
    name: "$isArray",
    category: "array",
    summary: "Whether a value is an array.",
    arguments: list(1),
    result: T.BOOL,
    example: example({ $isArray: ["$x"] }, { x: [] }, true),
    run: (_at, value) => Array.isArray(value),
    condition: (emitter, call) => code`Array.isArray(${emitter.bound(argument(call, 0)).code})`,
    safe: true,
  },
  {
    name: "$range",
    category: "array",
    summary: "The integers from a start to before an end, in steps.",
    arguments: list(2, 3),
    result: T.ARRAY,
    example: example({ $range: [0, "$n", 2] }, { n: 5 }, [0, 2, 4]),
    run: range,
  },
  {
    name: "$slice",
    category: "array",
    summary: "The first n items of an array, the last (n negative), or n items from a position.",
    arguments: list(2, 3),
    stopsAtNull: "pair",
    result: T.ARRAY | T.NULL,
    example: example({ $slice: ["$x", 1, 2] }, { x: [1, 2, 3, 4] }, [2, 3]),
    run: slice,
  },
];
