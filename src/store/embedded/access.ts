/**
 * Which rows of a table a query has to look at: from the bounds of its filter to ranges of an index.
 *
 * An access is a superset of the matching rows; the compiled matcher decides.
 */
import { Double, ObjectId } from "bson";
import type { Bounds } from "../../query/bounds.ts";
import type { Value } from "../../query/index.ts";
import type { Collection } from "./collections.ts";
import { encodeKey } from "./encoding.ts";
import { type IndexValue, IRREGULAR } from "./index-values.ts";

/** One range of one column, as an SQL condition. */
export interface Scan {
  /** `rid`, `key` or an index column `i0`, `i1` … */
  readonly column: string;
  readonly where: string;
  readonly parameters: readonly IndexValue[];
}

export interface Access {
  /** Name of the index as users know it; null for all rows of the table. */
  readonly index: string | null;
  readonly scans: readonly Scan[];
  /** Whether the same row may come from two scans. */
  readonly mayRepeat: boolean;
}

const WHOLE_TABLE: Scan = { column: "rid", where: "TRUE", parameters: [] };

/** Looks at every row. */
export const EVERYTHING: Access = { index: null, scans: [WHOLE_TABLE], mayRepeat: false };

const LARGEST = 2n ** 63n - 1n;
const SMALLEST = -(2n ** 63n);

/** The accesses that serve these bounds, each alone sufficient; empty when only the whole table does. */
export function accessesFor(bounds: Bounds, collection: Collection): Access[] {
  switch (bounds.kind) {
    case "all":
      return [];
    case "none":
      return [{ index: "none", scans: [], mayRepeat: false }];
    case "and":
      return bounds.parts.flatMap((part) => accessesFor(part, collection));
    case "or":
      return unionOf(bounds.parts, collection);
    case "in":
      return pathAccess(bounds.path, collection, (column) =>
        bounds.values.map((value) => pointScan(value, column)),
      );
    case "range":
      return pathAccess(bounds.path, collection, (column) => [rangeScan(bounds, column)]);
    case "region":
      // Cells are kept for regions; a region is not yet turned into ranges of them.
      return [];
  }
}

function unionOf(parts: readonly Bounds[], collection: Collection): Access[] {
  const chosen: Access[] = [];
  for (const part of parts) {
    const [first] = accessesFor(part, collection);
    if (first === undefined) return [];
    chosen.push(first);
  }
  const names = new Set(chosen.map((access) => access.index));
  return [
    {
      index: [...names].join(", "),
      scans: chosen.flatMap((access) => access.scans),
      mayRepeat: chosen.length > 1 || chosen.some((access) => access.mayRepeat),
    },
  ];
}

interface Column {
  readonly name: string;
  readonly holds: "candid" | "key" | "value";
}

function pathAccess(
  path: string,
  collection: Collection,
  scansOf: (column: Column) => (Scan | "nothing" | "unusable")[],
): Access[] {
  const found = columnFor(path, collection);
  if (found === undefined) return [];
  const { column, index } = found;
  const scans = scansOf(column);
  if (scans.includes("unusable")) return [];
  const usable = scans.filter((scan): scan is Scan => typeof scan === "object");
  // Equal values written twice (1 and 1.0) would read a row twice.
  const distinct = [
    ...new Map(usable.map((scan) => [`${scan.where} ${scan.parameters.join("\0")}`, scan])).values(),
  ];
  if (column.holds === "value") {
    distinct.push({ column: column.name, where: `${column.name} = ?`, parameters: [IRREGULAR] });
  }
  return [{ index, scans: distinct, mayRepeat: false }];
}

function columnFor(path: string, collection: Collection): { column: Column; index: string } | undefined {
  const byCandid = collection.kind === "alerts" || collection.kind === "cutouts";
  if (byCandid && (path === "_id" || path === "candid")) {
    return { column: { name: "rid", holds: "candid" }, index: path === "_id" ? "_id_" : "candid" };
  }
  if (!byCandid && path === "_id") return { column: { name: "key", holds: "key" }, index: "_id_" };
  const number = collection.columns.findIndex((column) => column.path === path && column.kind === "value");
  if (number < 0) return undefined;
  const index = collection.indexes.find((candidate) => candidate.keys[0]?.[0] === path);
  return { column: { name: `i${number}`, holds: "value" }, index: index?.name ?? path };
}

/** A value as the index holds it; undefined when it holds no such values in order. */
function ordered(value: Value | undefined): number | bigint | string | undefined {
  if (typeof value === "string" || typeof value === "bigint") return value;
  const number = value instanceof Double ? value.value : value;
  return typeof number === "number" && !Number.isNaN(number) ? number : undefined;
}

function pointScan(value: Value, { name, holds }: Column): Scan | "nothing" | "unusable" {
  const bound = ordered(value);
  if (holds === "key") {
    if (bound === undefined && !(value instanceof ObjectId)) return "unusable";
    return { column: name, where: `${name} = ?`, parameters: [encodeKey(value)] };
  }
  if (bound === undefined) {
    // null stands for missing too, and decimals equal numbers: those are not found by a range.
    const elsewhere = value !== null && !(typeof value === "object" && "_bsontype" in value);
    return elsewhere ? "nothing" : "unusable";
  }
  if (holds === "candid") {
    if (typeof bound === "string" || (typeof bound === "number" && !Number.isInteger(bound)))
      return "nothing";
    const candid = BigInt(bound);
    if (candid > LARGEST || candid < SMALLEST) return "nothing";
    return { column: name, where: `${name} = ?`, parameters: [candid] };
  }
  return outOfInt64(bound) ? "unusable" : { column: name, where: `${name} = ?`, parameters: [bound] };
}

function rangeScan(
  range: Extract<Bounds, { kind: "range" }>,
  { name, holds }: Column,
): Scan | "nothing" | "unusable" {
  if (holds === "key") return "unusable";
  const min = ordered(range.min);
  const max = ordered(range.max);
  if ((range.min !== undefined && min === undefined) || (range.max !== undefined && max === undefined)) {
    return "unusable";
  }
  const isText = typeof min === "string" || typeof max === "string";
  if (isText && min !== undefined && max !== undefined && typeof min !== typeof max) return "nothing";
  if (outOfInt64(min) || outOfInt64(max)) return "unusable";
  if (holds === "candid" && isText) return "nothing";
  // Numbers sort before texts, texts before the mark of irregular values.
  const lowest = isText ? "" : Number.NEGATIVE_INFINITY;
  const lower = `${name} ${min === undefined || range.minInclusive ? ">=" : ">"} ?`;
  const beyond = isText ? IRREGULAR : "";
  const upper = `${name} ${max === undefined ? "<" : range.maxInclusive ? "<=" : "<"} ?`;
  if (holds === "candid") {
    const highest = Number.POSITIVE_INFINITY;
    return { column: name, where: `${lower} AND ${upper}`, parameters: [min ?? lowest, max ?? highest] };
  }
  return { column: name, where: `${lower} AND ${upper}`, parameters: [min ?? lowest, max ?? beyond] };
}

function outOfInt64(value: number | bigint | string | undefined): boolean {
  return typeof value === "bigint" && (value > LARGEST || value < SMALLEST);
}
