/** Comparison of one value as find filters do it. */
import { Decimal128, MaxKey, MinKey } from "bson";
import { decimalParts } from "../decimal.ts";
import { bracketOf, compareValues } from "../order.ts";
import type { Test } from "../paths.ts";
import type { Value } from "../values.ts";
import type { Comparison } from "./nodes.ts";

/** Compares as find filters do: within the type's bracket, NaN equal only to itself, null equal to missing. */
export function compareTest(op: Comparison, wanted: Value): Test {
  const bracket = bracketOf(wanted);
  if (wanted === null)
    return op === "lt" || op === "gt" ? () => false : (value) => value === null || value === undefined;
  if (wanted instanceof MinKey) return keyTest(op, -1);
  if (wanted instanceof MaxKey) return keyTest(op, 127);
  if (isNaNValue(wanted)) return op === "lt" || op === "gt" ? () => false : isNaNValue;
  // Most values differ in type, which an array's is the quickest to tell.
  if (op === "eq" && Array.isArray(wanted)) {
    return (value) => Array.isArray(value) && compareValues(value, wanted) === 0;
  }
  const accepts = ACCEPTS[op];
  if (bracket !== 10 || op === "eq") {
    return (value) => bracketOf(value) === bracket && accepts(compareValues(value, wanted));
  }
  return (value) => bracketOf(value) === 10 && !isNaNValue(value) && accepts(compareValues(value, wanted));
}

const ACCEPTS: Record<Comparison, (order: number) => boolean> = {
  eq: (order) => order === 0,
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
  gt: (order) => order > 0,
  gte: (order) => order >= 0,
};

/** MinKey and MaxKey compare with all types; a missing field counts as a value here. */
function keyTest(op: Comparison, bracket: -1 | 127): Test {
  const same = op === "eq" || op === "lte" || op === "gte";
  const others = bracket === 127 ? op === "lt" || op === "lte" : op === "gt" || op === "gte";
  return (value) => (bracketOf(value) === bracket ? same : others);
}

function isNaNValue(value: Value | undefined): boolean {
  if (typeof value === "number") return Number.isNaN(value);
  return value instanceof Decimal128 && decimalParts(value).kind === "nan";
}
