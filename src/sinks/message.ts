/** A match as receivers read it: plain JSON, int64 as bare integers, times in ISO 8601. */
import { Double } from "bson";
import type { Value } from "../query/index.ts";
import { printJson } from "../query/index.ts";
import type { OutboxItem } from "./outbox.ts";

/** The JSON text of a match; undefined for an entry that is none. */
export function matchMessage({ id, match }: OutboxItem): string | undefined {
  if (match === undefined) return undefined;
  const { survey, candid, objectId, jd, filter, group_id, filter_id, fid, passed_at, backfill, annotations } =
    match;
  return plainJson({
    id,
    survey,
    candid,
    objectId,
    jd,
    filter,
    group_id,
    filter_id,
    fid,
    passed_at,
    backfill,
    annotations,
  });
}

/**
 * Plain JSON for receivers that know nothing of BSON: dates as ISO 8601 text, numbers that are none as null;
 * what JSON has no other form for stays extended JSON.
 */
export function plainJson(value: unknown): string {
  return printJson(plain(value));
}

function plain(value: unknown): Value {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (typeof value === "number") return Number.isFinite(value) ? jsonNumber(value) : null;
  if (value instanceof Double) return plain(value.value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value).flatMap(([field, item]) => (item === undefined ? [] : [[field, plain(item)]])),
    );
  }
  return value as Value;
}

/** Whole numbers beyond int32 are int64 here, so that they print without a fraction. */
function jsonNumber(value: number): Value {
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
}
