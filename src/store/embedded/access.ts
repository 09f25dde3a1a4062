/**
 * Which rows of a table a query has to look at: from the bounds of its filter to ranges of an index.
 *
 * An access is a superset of the matching rows; the compiled matcher decides.
 */
import { Decimal128, Double, ObjectId } from "bson";
import type { Bounds, Value } from "../../query/index.ts";
import { keyOfId } from "./encoding.ts";
import { type IndexValue, IRREGULAR } from "./index-values.ts";
import type { CollectionLayout } from "./layout.ts";
import { cellRanges } from "./position.ts";

/** One end of a range. */
export interface End {
  readonly value: IndexValue;
  readonly inclusive: boolean;
}

/** Rows with one value (null too) in a column, or between two. */
export type Scan =
  | { readonly kind: "point"; readonly column: string; readonly value: IndexValue }
  | { readonly kind: "range"; readonly column: string; readonly lower?: End; readonly upper?: End };

export interface Access {
  /** Name of the index as users know it; null for all rows of the table. */
  readonly index: string | null;
  readonly scans: readonly Scan[];
  /** Whether the same row may come from two scans. */
  readonly mayRepeat: boolean;
}

/** Looks at every row. */
export const EVERYTHING: Access = {
  index: null,
  scans: [{ kind: "range", column: "n" }],
  mayRepeat: false,
};

const LARGEST = 2n ** 63n - 1n;
const SMALLEST = -(2n ** 63n);

/** The accesses that serve these bounds, each alone sufficient; empty when only the whole table does. */
export function accessesFor(bounds: Bounds, layout: CollectionLayout): Access[] {
  switch (bounds.kind) {
    case "all":
      return [];
    case "none":
      return [{ index: null, scans: [], mayRepeat: false }];
    case "and":
      return bounds.parts.flatMap((part) => accessesFor(part, layout));
    case "or":
      return unionOf(bounds.parts, layout);
    case "in":
      return accessOf(columnFor(bounds.path, "value", layout), (column) => pointScans(bounds.values, column));
    case "range":
      return accessOf(columnFor(bounds.path, "value", layout), (column) => rangeScans(bounds, column));
    case "region":
      return accessOf(columnFor(bounds.path, "position", layout), ({ name }) =>
        cellRanges(bounds.region)?.map(([first, last]) => between(name, first, last)),
      );
  }
}

function unionOf(parts: readonly Bounds[], layout: CollectionLayout): Access[] {
  const chosen: Access[] = [];
  for (const part of parts) {
    const [first] = accessesFor(part, layout);
    if (first === undefined) return [];
    chosen.push(first);
  }
  const names = new Set(chosen.map((access) => access.index).filter((name) => name !== null));
  return [
    {
      index: [...names].join(", ") || null,
      scans: chosen.flatMap((access) => access.scans),
      mayRepeat: chosen.length > 1,
    },
  ];
}

/** A column that serves a path. */
export interface Column {
  readonly name: string;
  /** Row number, unique `_id`, or what `index-values.ts` keeps. */
  readonly holds: "number" | "id" | "value";
  /** The index as users know it. */
  readonly index: string;
}

/** The column that keeps a path of the collection's documents in order. */
export function columnFor(
  path: string,
  kind: "value" | "position",
  layout: CollectionLayout,
): Column | undefined {
  const byCandid = layout.kind === "alerts" || layout.kind === "cutouts";
  if (kind === "value" && path === "_id") {
    return { name: byCandid ? "n" : "id", holds: byCandid ? "number" : "id", index: "_id_" };
  }
  if (kind === "value" && path === "candid" && byCandid)
    return { name: "n", holds: "number", index: "candid" };
  const number = layout.columns.findIndex((column) => column.path === path && column.kind === kind);
  if (number < 0) return undefined;
  const index = layout.indexes.find(({ keys }) => keys[0]?.[0] === path)?.name ?? path;
  return { name: `k${number}`, holds: "value", index };
}

/** `undefined` scans: the column cannot serve these bounds. */
function accessOf(
  column: Column | undefined,
  scansOf: (column: Column) => readonly Scan[] | undefined,
): Access[] {
  const scans = column === undefined ? undefined : scansOf(column);
  if (column === undefined || scans === undefined) return [];
  // What the column cannot order is always looked at.
  const irregular: Scan[] =
    column.holds === "value" ? [{ kind: "point", column: column.name, value: IRREGULAR }] : [];
  return [{ index: column.index, scans: [...scans, ...irregular], mayRepeat: false }];
}

function between(column: string, first: IndexValue, last: IndexValue): Scan {
  return {
    kind: "range",
    column,
    lower: { value: first, inclusive: true },
    upper: { value: last, inclusive: true },
  };
}

/** A number or string as columns hold it; undefined when they hold no such values in order. */
function ordered(value: Value | undefined): number | bigint | string | undefined {
  if (typeof value === "bigint") return value <= LARGEST && value >= SMALLEST ? value : undefined;
  if (typeof value === "string") return value.isWellFormed() && !value.includes("\0") ? value : undefined;
  const number = value instanceof Double ? value.value : value;
  return typeof number === "number" && !Number.isNaN(number) ? number : undefined;
}

function pointScans(values: readonly Value[], column: Column): Scan[] | undefined {
  // 1 and 1.0 are one value; twice the same scan would read a row twice.
  const points = new Map<string, Scan>();
  let numeric = false;
  for (const value of values) {
    const point = pointValue(value, column);
    if (point === "unusable") return undefined;
    if (point === "nothing") continue;
    numeric ||= typeof point === "number" || typeof point === "bigint";
    const key = typeof point === "string" ? `s${point}` : String(point);
    points.set(key, { kind: "point", column: column.name, value: point });
  }
  const scans = [...points.values()];
  return numeric && column.holds === "id" ? [...scans, beyondText(column.name)] : scans;
}

/** Where `_id`s that are neither numbers nor strings stand: decimals, which equal numbers, among them. */
function beyondText(column: string): Scan {
  return { kind: "range", column, lower: { value: IRREGULAR, inclusive: true } };
}

function pointValue(value: Value, { holds }: Column): IndexValue | "nothing" | "unusable" {
  const plain = ordered(value);
  if (plain !== undefined) {
    if (holds !== "number") return plain;
    if (typeof plain === "string" || (typeof plain === "number" && !Number.isInteger(plain)))
      return "nothing";
    const candid = BigInt(plain);
    return candid <= LARGEST && candid >= SMALLEST ? candid : "nothing";
  }
  const exact = value instanceof ObjectId || value instanceof Date || value instanceof Uint8Array;
  if (holds === "id") return exact ? (keyOfId(value) as Uint8Array) : "unusable";
  // Null stands for missing too, and decimals equal numbers: no point finds those.
  if (value === null) return holds === "number" ? "nothing" : null;
  if (holds === "number") return value instanceof Decimal128 ? "unusable" : "nothing";
  return value instanceof Decimal128 ? "unusable" : "nothing";
}

function rangeScans(range: Extract<Bounds, { kind: "range" }>, column: Column): Scan[] | undefined {
  const min = ordered(range.min);
  const max = ordered(range.max);
  if (range.min !== undefined && min === undefined) return undefined;
  if (range.max !== undefined && max === undefined) return undefined;
  if (min === undefined && max === undefined) return undefined;
  const isText = typeof min === "string" || typeof max === "string";
  if (isText && min !== undefined && max !== undefined && typeof min !== typeof max) return [];
  if (isText && column.holds === "number") return [];
  // Numbers sort before texts, texts before the mark of irregular values.
  const scan: Scan = {
    kind: "range",
    column: column.name,
    lower: {
      value: min ?? (isText ? "" : Number.NEGATIVE_INFINITY),
      inclusive: min === undefined || range.minInclusive,
    },
    upper:
      max === undefined
        ? {
            value: isText ? IRREGULAR : column.holds === "number" ? Number.POSITIVE_INFINITY : "",
            inclusive: false,
          }
        : { value: max, inclusive: range.maxInclusive },
  };
  return column.holds === "id" && !isText ? [scan, beyondText(column.name)] : [scan];
}
