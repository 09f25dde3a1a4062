/** `$dateAdd`, `$dateSubtract`, `$dateDiff`, `$dateTrunc`. */
import { QueryError } from "../../errors.ts";
import { truncateToInt64 } from "../../match/numbers.ts";
import { compareValues } from "../../order.ts";
import type { Value } from "../../values.ts";
import {
  addUnits,
  countBoundaries,
  lengthOf,
  readDayOfWeek,
  readUnit,
  truncateDate,
  type Unit,
} from "../dates/arithmetic.ts";
import { DAY } from "../dates/calendar.ts";
import type { Operator } from "../nodes.ts";
import { isNullish, MAX_INT64, widthOf } from "../numbers.ts";
import { T } from "../types.ts";
import { needDate, zoneOf } from "./dates.ts";
import { example, named } from "./describe.ts";

function needWhole(at: string, value: Value): bigint {
  const integer = widthOf(value) === 0 ? undefined : truncateToInt64(value);
  if (integer === undefined || compareValues(integer, value) !== 0) {
    throw new QueryError("runtime", at, "needs an integer within int64");
  }
  return integer;
}

const ADD_ARGUMENTS = ["startDate", "unit", "amount"];

function step(name: "$dateAdd" | "$dateSubtract"): Operator {
  const later = name === "$dateAdd";
  return {
    name,
    category: "date",
    summary: `The date some units of time ${later ? "later" : "earlier"}.`,
    arguments: named(ADD_ARGUMENTS, ["timezone"]),
    result: T.DATE | T.NULL,
    example: example(
      { [name]: { startDate: "$d", unit: "month", amount: 1 } },
      { d: new Date("2020-03-31T00:00:00Z") },
      new Date(later ? "2020-04-30T00:00:00Z" : "2020-02-29T00:00:00Z"),
    ),
    stopsAtNull: "each",
    run: (at, start, unitName, amount, timezone) => {
      if (isNullish(start) || isNullish(unitName) || isNullish(amount)) return null;
      const unit = readUnit(`${at}.unit`, unitName);
      const zone = zoneOf(at, timezone);
      if (zone === undefined) return null;
      const date = needDate(`${at}.startDate`, start);
      const count = needWhole(`${at}.amount`, amount);
      return addUnits(at, date, unit, later ? count : -count, zone);
    },
  };
}

const DIFF_ARGUMENTS = ["startDate", "endDate", "unit"];

function dateDiff(
  at: string,
  start: Value | undefined,
  end: Value | undefined,
  unitName: Value | undefined,
  timezone: Value | undefined,
  startOfWeek: Value | undefined,
): Value {
  if (isNullish(start) || isNullish(end) || isNullish(unitName) || timezone === null) return null;
  const from = needDate(`${at}.startDate`, start);
  const to = needDate(`${at}.endDate`, end);
  const unit = readUnit(`${at}.unit`, unitName);
  const zone = zoneOf(at, timezone);
  if (zone === undefined) return null;
  if (unit !== "week") return countBoundaries(from, to, unit, zone, 0);
  if (startOfWeek === null) return null;
  const day = startOfWeek === undefined ? 0 : readDayOfWeek(`${at}.startOfWeek`, startOfWeek);
  return countBoundaries(from, to, unit, zone, day);
}

/** The greatest bin of days or longer that the server takes. */
const MAX_BIN = 100_000_000_000n;

/** Bins of hours and shorter end where their length is beyond int64. */
function largestBin(unit: Unit): bigint {
  const length = lengthOf(unit);
  return length === undefined || length >= DAY ? MAX_BIN : MAX_INT64 / BigInt(length);
}

function dateTrunc(
  at: string,
  date: Value | undefined,
  unitName: Value | undefined,
  binSize: Value | undefined,
  timezone: Value | undefined,
  startOfWeek: Value | undefined,
): Value {
  if (isNullish(date) || isNullish(unitName) || binSize === null || timezone === null) return null;
  const start = needDate(`${at}.date`, date);
  const unit = readUnit(`${at}.unit`, unitName);
  const size = binSize === undefined ? 1n : needWhole(`${at}.binSize`, binSize);
  const largest = largestBin(unit);
  if (size < 1n || size > largest)
    throw new QueryError("runtime", `${at}.binSize`, `needs an integer from 1 to ${largest}`);
  const zone = zoneOf(at, timezone);
  if (zone === undefined) return null;
  if (unit !== "week") return truncateDate(at, start, unit, Number(size), zone, 0);
  if (startOfWeek === null) return null;
  const day = startOfWeek === undefined ? 0 : readDayOfWeek(`${at}.startOfWeek`, startOfWeek);
  return truncateDate(at, start, unit, Number(size), zone, day);
}

export const dateStepOperators: readonly Operator[] = [
  step("$dateAdd"),
  step("$dateSubtract"),
  {
    name: "$dateDiff",
    category: "date",
    summary: "How many boundaries of a unit of time lie between two dates.",
    arguments: named(DIFF_ARGUMENTS, ["timezone", "startOfWeek"]),
    result: T.LONG | T.NULL,
    example: example(
      { $dateDiff: { startDate: "$a", endDate: "$b", unit: "day" } },
      { a: new Date("2020-03-01T23:00:00Z"), b: new Date("2020-03-03T01:00:00Z") },
      2n,
    ),
    stopsAtNull: "each",
    run: dateDiff,
  },
  {
    name: "$dateTrunc",
    category: "date",
    summary: "The start of the unit of time (or of the bin of several) that a date is in.",
    arguments: named(["date", "unit"], ["binSize", "timezone", "startOfWeek"]),
    result: T.DATE | T.NULL,
    example: example(
      { $dateTrunc: { date: "$d", unit: "month" } },
      { d: new Date("2020-03-29T12:34:56Z") },
      new Date("2020-03-01T00:00:00Z"),
    ),
    stopsAtNull: "each",
    run: dateTrunc,
  },
];
