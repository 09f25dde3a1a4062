/** Arrays as sets: `$setUnion` and its like; order and repetition do not count. */
import { code } from "../../code.ts";
import { tick } from "../../deadline.ts";
import { compareValues } from "../../order.ts";
import type { Value } from "../../values.ts";
import type { Emitter, Typed } from "../emitter.ts";
import { grow, ITEM_BYTES } from "../growth.ts";
import type { CallNode, ExpressionNode, Operator } from "../nodes.ts";
import { isNullish, wrongType } from "../numbers.ts";
import { T } from "../types.ts";
import { argument, example, list } from "./describe.ts";

function needArray(at: string, value: Value | undefined): Value[] {
  if (!Array.isArray(value)) throw wrongType(at, "arrays", value);
  return value;
}

/** The different items in BSON's order; of equal ones the first. */
function sorted(items: readonly Value[]): Value[] {
  tick(items.length);
  const ordered = items.toSorted(compareValues);
  return ordered.filter((item, i) => i === 0 || compareValues(ordered[i - 1], item) !== 0);
}

/** Whether a sorted array has an item. */
function has(items: readonly Value[], wanted: Value): boolean {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareValues(items[middle], wanted);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return false;
}

function union(at: string, ...arrays: (Value | undefined)[]): Value {
  const all: Value[] = [];
  for (const array of arrays) {
    if (isNullish(array)) return null;
    const items = needArray(at, array);
    grow(items.length * ITEM_BYTES, at);
    for (const item of items) all.push(item);
  }
  return sorted(all);
}

function intersection(at: string, ...arrays: (Value | undefined)[]): Value {
  let common: readonly Value[] | undefined;
  for (const array of arrays) {
    if (isNullish(array)) return null;
    const items = sorted(needArray(at, array));
    grow(items.length * ITEM_BYTES, at);
    if (common === undefined) common = items;
    else {
      // Of equal items the result has those of the smaller set, as on the server.
      const [few, many] = common.length > items.length ? [items, common] : [common, items];
      common = few.filter((item) => has(many, item));
    }
  }
  return [...(common ?? [])];
}

function difference(at: string, a: Value | undefined, b: Value | undefined): Value {
  if (isNullish(a) || isNullish(b)) return null;
  const items = needArray(at, a);
  const without = sorted(needArray(at, b));
  grow(items.length * ITEM_BYTES, at);
  const firsts = new Set<number>();
  const order = items.map((_, i) => i).sort((i, j) => compareValues(items[i], items[j]) || i - j);
  order.forEach((i, place) => {
    const before = order[place - 1];
    const repeated = before !== undefined && compareValues(items[before], items[i]) === 0;
    if (!repeated) firsts.add(i);
  });
  tick(items.length);
  return items.filter((item, i) => firsts.has(i) && !has(without, item));
}

function setEquals(at: string, ...arrays: (Value | undefined)[]): boolean {
  const [first, ...others] = arrays;
  const items = sorted(needArray(at, first));
  return others.every((other) => compareValues(items, sorted(needArray(at, other))) === 0);
}

/** Arrays behind one that differs are not computed. */
function emitSetEquals(emitter: Emitter, call: CallNode): Typed {
  const result = emitter.temporary("b");
  const first = emitter.bound(argument(call, 0));
  const step = (i: number): void => {
    const equal = emitter.run(call, [first, emitter.bound(argument(call, i))]);
    emitter.line(code`${result} = ${equal.code};`);
    if (i + 1 === call.args.length) return;
    const block = emitter.block(() => step(i + 1));
    emitter.line(code`if (${result}) { ${block} }`);
  };
  step(1);
  return { code: result, types: T.BOOL };
}

function isSubset(at: string, a: Value | undefined, b: Value | undefined): boolean {
  const items = needArray(at, a);
  const whole = sorted(needArray(at, b));
  tick(items.length);
  return items.every((item) => has(whole, item));
}

/** A constant that is no array is found out beforehand, whatever the other operands are. */
function checkConstant(arg: ExpressionNode | undefined, at: string): void {
  if (arg?.kind === "constant") needArray(at, arg.value);
}

export const setOperators: readonly Operator[] = [
  {
    name: "$setDifference",
    category: "set",
    summary: "The different items of the first array that are not in the second.",
    arguments: list(2),
    result: T.ARRAY | T.NULL,
    example: example({ $setDifference: ["$a", "$b"] }, { a: [1, 2, 2, 3], b: [1] }, [2, 3]),
    run: difference,
  },
  {
    name: "$setEquals",
    category: "set",
    summary: "Whether arrays have the same different items.",
    arguments: list(2, Infinity),
    result: T.BOOL,
    example: example({ $setEquals: ["$a", "$b"] }, { a: [1, 2, 1], b: [2, 1] }, true),
    run: setEquals,
    emit: emitSetEquals,
    folds: "operands",
    check: (args, at) => {
      for (const [i, arg] of args.entries()) checkConstant(arg, `${at}[${i}]`);
    },
  },
  {
    name: "$setIntersection",
    category: "set",
    summary: "The different items that are in all arrays.",
    arguments: list(0, Infinity),
    result: T.ARRAY | T.NULL,
    example: example({ $setIntersection: ["$a", "$b"] }, { a: [3, 1, 2], b: [2, 3] }, [2, 3]),
    run: intersection,
    stopsAtNull: "each",
    regroup: "commutes",
  },
  {
    name: "$setIsSubset",
    category: "set",
    summary: "Whether all items of the first array are in the second.",
    arguments: list(2),
    result: T.BOOL,
    example: example({ $setIsSubset: ["$a", "$b"] }, { a: [1, 1], b: [2, 1] }, true),
    run: isSubset,
    check: (args, at) => checkConstant(args[1], `${at}[1]`),
  },
  {
    name: "$setUnion",
    category: "set",
    summary: "The different items of all arrays.",
    arguments: list(0, Infinity),
    result: T.ARRAY | T.NULL,
    example: example({ $setUnion: ["$a", "$b"] }, { a: [1, 3], b: [2, 1] }, [1, 2, 3]),
    run: union,
    stopsAtNull: "each",
    regroup: "commutes",
  },
];
