/**
 * An alert as a filter sees it: joined in memory with its object's cross-matches and histories, by the rules
 * of `surveys/upstream.ts`. The joins are lazy: a history is decoded when a stage first touches it.
 */
import { type Document, toNumber, type Value } from "../query/index.ts";
import type { ObjectRecord } from "../store/index.ts";
import type { FilterHistory, Survey } from "../surveys/index.ts";

/** Thrown when a stage touches what is not read yet; no `Error`, for it is usual and carries nothing. */
export const NEEDS_RECORD = Symbol("the object's record is needed");

/** What filters with the same permissions share; undefined for surveys without programs. */
export type Programs = ReadonlySet<number> | undefined;

/**
 * The joined document. Its joined fields are properties like others, computed when first read. Without a
 * record, reading one throws `NEEDS_RECORD`.
 */
export function joinAlert(
  alert: Document,
  jd: number,
  survey: Survey,
  programs: Programs,
  record: ObjectRecord | undefined,
): Document {
  const joined: Document = { ...alert };
  const define = (field: string, compute: (record: ObjectRecord) => Value) => {
    let value: Value | undefined;
    Object.defineProperty(joined, field, {
      enumerable: true,
      configurable: true,
      get: () => {
        if (record === undefined) throw NEEDS_RECORD;
        value ??= compute(record);
        return value;
      },
    });
  };
  define("cross_matches", ({ crossMatches }) => crossMatches);
  for (const history of survey.filterHistories) {
    define(history.field, (known) => visibleRows(known.rows(history.field), history, jd, programs));
  }
  return joined;
}

/** The rows of a history that are permitted, in the window before the alert, and none of its future. */
export function visibleRows(
  rows: readonly Document[] | undefined,
  { days, only, nullWhenEmpty }: FilterHistory,
  jd: number,
  programs: Programs,
): Document[] | null {
  if (rows === undefined || (nullWhenEmpty && rows.length === 0)) return null;
  const wanted = Object.entries(only ?? {});
  return rows.filter((row) => {
    const time = toNumber(row["jd"]);
    if (time === undefined || !(time < jd && jd - time < days)) return false;
    if (programs !== undefined && !programs.has(toNumber(row["programid"]) ?? Number.NaN)) return false;
    return wanted.every(([field, value]) => row[field] === value);
  });
}
