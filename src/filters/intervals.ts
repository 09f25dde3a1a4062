/**
 * Conditions that come to an interval of numbers at one path: a thousand filters with thresholds of their own
 * then cost a comparison each, not a call each.
 */
import { Double } from "bson";
import {
  type Document,
  getField,
  isDocument,
  type MatchNode,
  matchConjuncts,
  type Value,
} from "../query/index.ts";

/** Numbers from `low` to `high`, both included, at a path. */
export interface Interval {
  readonly parts: readonly string[];
  readonly low: number;
  readonly high: number;
}

/** The interval that a condition comes to where a number stands at its path; undefined when it is another kind. */
export function intervalOf(node: MatchNode): Interval | undefined {
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  let path: { readonly field: string; readonly parts: readonly string[] } | undefined;
  for (const conjunct of matchConjuncts(node)) {
    if (conjunct.kind !== "compare" || (path !== undefined && path.field !== conjunct.field))
      return undefined;
    path = conjunct;
    const limit = plainNumber(conjunct.value);
    if (limit === undefined || Number.isNaN(limit)) return undefined;
    const { op } = conjunct;
    if (op === "eq" || op === "gte") low = Math.max(low, limit);
    if (op === "eq" || op === "lte") high = Math.min(high, limit);
    if (op === "gt") low = Math.max(low, nextAbove(limit));
    if (op === "lt") high = Math.min(high, -nextAbove(-limit));
  }
  return path === undefined ? undefined : { parts: path.parts, low, high };
}

/**
 * The number at a path through documents; undefined when there is none (such a field lies in no interval), null
 * when it takes the whole test to tell.
 */
export function numberAt(document: Document, parts: readonly string[]): number | undefined | null {
  let value: Value | undefined = document;
  for (const part of parts) {
    if (value === undefined) return undefined;
    if (!isDocument(value)) return null;
    value = getField(value, part);
  }
  if (value === undefined || value === null) return undefined;
  return plainNumber(value) ?? null;
}

function plainNumber(value: Value): number | undefined {
  if (typeof value === "number") return value;
  return value instanceof Double ? value.value : undefined;
}

const asNumber = new Float64Array(1);
const asBits = new BigInt64Array(asNumber.buffer);

/** The least double greater than a number. */
function nextAbove(number: number): number {
  if (number === 0) return Number.MIN_VALUE;
  asNumber[0] = number;
  asBits[0] = (asBits[0] ?? 0n) + (number > 0 ? 1n : -1n);
  return asNumber[0];
}
