/** Which stored alerts a filter is tried on: objects, a range of dates, the newest ones. */
import { type Document, toNumber, type Value } from "../query/index.ts";
import type { AlertSelection } from "../store/index.ts";
import type { Survey } from "../surveys/index.ts";
import { invalid } from "./errors.ts";
import { integerField } from "./fields.ts";

const MOST_OBJECTS = 1000;
/** The newest ones are held in memory while they are put in order. */
const MOST_NEWEST = 10_000;

/** What a request names; at least one of them. */
export interface Choice {
  readonly objectIds?: readonly string[];
  /** Julian dates, both included. */
  readonly start?: number;
  readonly end?: number;
  readonly newest?: number;
}

/** `object_ids`, `start_date` with `end_date`, `last` of a request. Throws `FilterError`. */
export function readChoice(body: Document): Choice {
  const { object_ids: ids, start_date: start, end_date: end } = body;
  const newest = integerField(body, "last", { min: 1 });
  if (newest !== undefined && newest > MOST_NEWEST) throw invalid(`last: expected at most ${MOST_NEWEST}`);
  if (!given(ids) && !given(start) && !given(end) && newest === undefined) {
    throw invalid("At least one of object_ids, start_date, or end_date is required, or last");
  }
  if (given(start) !== given(end)) {
    throw invalid("start_date and end_date must both be provided if one of them is");
  }
  return {
    ...(given(ids) ? { objectIds: objectIdsOf(ids) } : {}),
    ...(given(start) ? { start: julianDate(start, "start_date"), end: julianDate(end, "end_date") } : {}),
    ...(newest === undefined ? {} : { newest }),
  };
}

const given = (value: Value | undefined) => value !== undefined && value !== null;

function objectIdsOf(value: Value | undefined): string[] {
  if (!Array.isArray(value) || !value.every((id) => typeof id === "string")) {
    throw invalid("object_ids must be a list if provided, of names of objects");
  }
  if (value.length > MOST_OBJECTS)
    throw invalid(`object_ids list must have ${MOST_OBJECTS} or fewer elements`);
  if (value.length === 0) throw invalid("object_ids: expected at least one object");
  return value as string[];
}

/** A Julian date as a number, or a date of ISO 8601 in UTC. */
export function julianDate(value: Value | undefined, path: string): number {
  const number = toNumber(value);
  if (number !== undefined && Number.isFinite(number)) return number;
  if (value instanceof Date) return value.getTime() / 86_400_000 + 2440587.5;
  if (typeof value === "string" && /^\d{7}(\.\d*)?$/.test(value)) return Number(value);
  if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}/.test(value)) {
    const spaced = value.trim().replace(" ", "T");
    const zoned = spaced.includes("T") && !/(Z|[+-]\d{2}:?\d{2})$/.test(spaced) ? `${spaced}Z` : spaced;
    const time = Date.parse(zoned);
    if (!Number.isNaN(time)) return time / 86_400_000 + 2440587.5;
  }
  throw invalid(`${path}: expected a Julian date, or a date such as 2023-10-12T05:00:00`);
}

/** The alerts of a survey that are chosen and that filters with these permissions see. */
export function selectionOf(
  survey: Survey,
  permissions: readonly number[],
  { objectIds, start, end, newest }: Choice,
): AlertSelection {
  const filter: Document = {
    ...(survey.programPath === undefined ? {} : { [survey.programPath]: { $in: [...permissions] } }),
    ...(objectIds === undefined ? {} : { objectId: { $in: [...objectIds] } }),
    ...(start === undefined || end === undefined ? {} : { "candidate.jd": { $gte: start, $lte: end } }),
  };
  const without = Object.values(survey.stamps.fields);
  return { collections: survey.collections, filter, without, ...(newest === undefined ? {} : { newest }) };
}

/** The alerts of the night of the newest alert. */
export function nightAround(jd: number): Required<Pick<Choice, "start" | "end">> {
  const start = Math.floor(jd - 0.5) + 0.5;
  // The last instant of the night is a little before the first of the next.
  return { start, end: start + 1 - 1e-9 };
}
