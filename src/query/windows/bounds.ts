/** Windows: which documents round each one a window function looks at. */
import { QueryError } from "../errors.ts";
import { addUnits, readUnit, type Unit } from "../expressions/dates/arithmetic.ts";
import { UTC } from "../expressions/dates/time-zones.ts";
import { addDecimals, makeDecimal } from "../expressions/decimal-arithmetic.ts";
import { followPath } from "../expressions/field-path.ts";
import { asDecimal, widthOf } from "../expressions/numbers.ts";
import { compareValues } from "../order.ts";
import { integerOf, readOptions } from "../stages/arguments.ts";
import { getField, type Value } from "../values.ts";
import type { Partition, WindowContext } from "./window.ts";

/** An end of a window relative to the document: a number of documents, a distance, or no end (`undefined`). */
type Edge<T> = T | "current" | undefined;

export type Window =
  | { readonly kind: "documents"; readonly low: number; readonly high: number }
  | {
      readonly kind: "range";
      readonly low: Edge<Value>;
      readonly high: Edge<Value>;
      readonly unit: Unit | undefined;
      readonly path: readonly string[];
      readonly ascending: boolean;
    };

/** From the first document of a window to behind its last. */
export type Span = readonly [from: number, to: number];

export const WHOLE: Window = Object.freeze({
  kind: "documents",
  low: Number.NEGATIVE_INFINITY,
  high: Number.POSITIVE_INFINITY,
});

/** Reads a `window`; without one it is the whole partition. */
export function readWindow({ window, sortBy, at }: WindowContext): Window {
  if (window === undefined) return WHOLE;
  const where = `${at}.window`;
  const options = readOptions(window, where, [], ["documents", "range", "unit"]);
  const documents = getField(options, "documents");
  const range = getField(options, "range");
  const unit = getField(options, "unit");
  if (documents !== undefined && range !== undefined)
    throw new QueryError("invalid", where, "has either documents or range");
  if (range !== undefined) {
    const [only, ...others] = sortBy ?? [];
    if (only === undefined || others.length > 0)
      throw new QueryError("invalid", where, "a range needs a sortBy of one ascending path");
    const [low, high] = readEdges(range, `${where}.range`, unit === undefined ? readDistance : readUnits);
    return {
      kind: "range",
      low,
      high,
      unit: unit === undefined ? undefined : readUnit(`${where}.unit`, unit),
      path: only[0].split("."),
      ascending: only[1] === 1,
    };
  }
  if (unit !== undefined) throw new QueryError("invalid", `${where}.unit`, "a unit needs a range");
  if (documents === undefined) return WHOLE;
  const [low, high] = readEdges(documents, `${where}.documents`, readCount);
  const bounded = low !== undefined || high !== undefined;
  if (bounded && sortBy === undefined)
    throw new QueryError("invalid", where, "a window with ends needs a sortBy");
  return {
    kind: "documents",
    low: low === "current" ? 0 : (low ?? Number.NEGATIVE_INFINITY),
    high: high === "current" ? 0 : (high ?? Number.POSITIVE_INFINITY),
  };
}

function readEdges<T extends Value>(
  value: Value,
  at: string,
  read: (value: Value, at: string) => T,
): [Edge<T>, Edge<T>] {
  if (!Array.isArray(value) || value.length !== 2)
    throw new QueryError("invalid", at, "needs [lower, upper]");
  const [low, high] = value.map((edge, i): Edge<T> => {
    if (edge === "unbounded") return undefined;
    return edge === "current" ? "current" : read(edge, `${at}[${i}]`);
  });
  const place = (edge: Edge<T>) => (edge === "current" ? 0 : edge);
  if (low !== undefined && high !== undefined && compareValues(place(low), place(high)) > 0)
    throw new QueryError("invalid", at, "the lower end lies above the upper");
  return [low, high];
}

function readCount(value: Value, at: string): number {
  const count = integerOf(value);
  if (count !== undefined && count >= -2147483648n && count <= 2147483647n) return Number(count);
  throw new QueryError("invalid", at, 'needs an integer, "current" or "unbounded"');
}

function readDistance(value: Value, at: string): Value {
  if (widthOf(value) !== 0) return value;
  throw new QueryError("invalid", at, 'needs a number, "current" or "unbounded"');
}

/** A distance in a unit of time: units are whole. */
function readUnits(value: Value, at: string): Value {
  const count = integerOf(value);
  if (count !== undefined) return count;
  throw new QueryError("invalid", at, 'needs an integer, "current" or "unbounded"');
}

/** The windows of the documents of a partition, to be asked for in order; neither end ever goes back. */
export function spansOf(
  window: Window,
  { documents }: Pick<Partition, "documents">,
  at: string,
): (place: number) => Span {
  const size = documents.length;
  if (window.kind === "documents") {
    const { low, high } = window;
    return (place) => {
      const from = Math.min(size, Math.max(0, place + low));
      return [from, Math.max(from, Math.min(size, place + high + 1))];
    };
  }
  const { low, high, path, unit, ascending } = window;
  const keys = documents.map((document) => followPath(document, path));
  const fits = (key: Value | undefined) => (unit === undefined ? widthOf(key) !== 0 : key instanceof Date);
  let from = 0;
  let to = 0;
  return (place) => {
    if (!ascending) throw new QueryError("runtime", at, "a range needs a sortBy of one ascending path");
    const key = keys[place];
    if (!fits(key)) throw needsKey(unit, at);
    if (low === "current") from = place;
    else if (low !== undefined) {
      const least = shifted(key, low, unit, at);
      while (from < size && compareValues(keys[from], least) < 0) from++;
    }
    if (high === "current") return [from, place + 1];
    const greatest = high === undefined ? undefined : shifted(key, high, unit, at);
    const within = (other: Value | undefined) =>
      greatest === undefined ? fits(other) : compareValues(other, greatest) <= 0;
    while (to < size && within(keys[to])) to++;
    return [from, Math.max(from, to)];
  };
}

function needsKey(unit: Unit | undefined, at: string): QueryError {
  const wanted = unit === undefined ? "a number" : "a date";
  return new QueryError(
    "runtime",
    at,
    `a range needs every document to have ${wanted} at the path of sortBy`,
  );
}

/** What a key is compared with; numbers are added as decimals, as in the server. */
function shifted(key: Value | undefined, edge: Value, unit: Unit | undefined, at: string): Value {
  if (key instanceof Date && unit !== undefined) return addUnits(at, key, unit, edge as bigint, UTC);
  return makeDecimal(addDecimals(asDecimal(key), asDecimal(edge)));
}
