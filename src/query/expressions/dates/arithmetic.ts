/** Steps and boundaries of time: what `$dateAdd`, `$dateDiff` and `$dateTrunc` compute. */
import { QueryError } from "../../errors.ts";
import { didYouMean } from "../../suggest.ts";
import { typeOf, type Value } from "../../values.ts";
import { makeDate } from "../numbers.ts";
import * as calendar from "./calendar.ts";
import { fromLocal, inSummerTime, type TimeZone, toLocal } from "./time-zones.ts";

export type Unit =
  | "year"
  | "quarter"
  | "month"
  | "week"
  | "day"
  | "hour"
  | "minute"
  | "second"
  | "millisecond";

const UNITS: readonly Unit[] = [
  "year",
  "quarter",
  "month",
  "week",
  "day",
  "hour",
  "minute",
  "second",
  "millisecond",
];

/** Units of a fixed length, in milliseconds. */
const LENGTHS: Partial<Record<Unit, number>> = {
  week: 7 * calendar.DAY,
  day: calendar.DAY,
  hour: calendar.HOUR,
  minute: calendar.MINUTE,
  second: calendar.SECOND,
  millisecond: 1,
};

/** Units of whole months. */
const MONTHS: Partial<Record<Unit, number>> = { year: 12, quarter: 3, month: 1 };

export function readUnit(at: string, value: Value): Unit {
  if (typeof value !== "string")
    throw new QueryError("runtime", at, `needs the name of a unit, not ${typeOf(value)}`);
  const unit = UNITS.find((name) => name === value);
  if (unit !== undefined) return unit;
  const text = JSON.stringify(value.slice(0, 40));
  throw new QueryError(
    "runtime",
    at,
    `unknown unit ${text}${didYouMean(value, UNITS)}; known are ${UNITS.join(", ")}`,
  );
}

const DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/** A day of the week by its name or its first three letters, in any case; from Sunday = 0. */
export function readDayOfWeek(at: string, value: Value): number {
  const name = typeof value === "string" ? value.toLowerCase() : "";
  const day = DAYS.findIndex((known) => known === name || known.slice(0, 3) === name);
  if (day >= 0) return day;
  throw new QueryError(
    "runtime",
    at,
    `needs the name of a day of the week such as ${DAYS.slice(0, 2).join(", ")}`,
  );
}

/** Amounts beyond this are not exact as JavaScript numbers. */
const MAX_AMOUNT = 2n ** 53n;

/** The date some units later. Days and longer units keep the local time of day; months end with their last day. */
export function addUnits(at: string, date: Date, unit: Unit, amount: bigint, zone: TimeZone): Date {
  const length = LENGTHS[unit];
  if (amount > MAX_AMOUNT || amount < -MAX_AMOUNT) {
    if (length !== undefined) return makeDate(at, BigInt(date.getTime()) + amount * BigInt(length));
    throw new QueryError("runtime", `${at}.amount`, "the resulting date is out of range");
  }
  const count = Number(amount);
  if (unit === "millisecond") return makeDate(at, date.getTime() + count);
  return addInSeconds(at, asTheServerReads(date), unit, count, zone);
}

/** Before 1970 the server loses a second where there are milliseconds. */
function asTheServerReads(date: Date): Date {
  const instant = date.getTime();
  return instant < 0 && instant % calendar.SECOND !== 0 ? new Date(instant - calendar.SECOND) : date;
}

function addInSeconds(at: string, date: Date, unit: Unit, count: number, zone: TimeZone): Date {
  const months = MONTHS[unit];
  if (months !== undefined) return addMonths(at, date, months * count, zone);
  const length = (LENGTHS[unit] ?? 1) * count;
  if (unit !== "week" && unit !== "day") return makeDate(at, date.getTime() + length);
  const local = makeDate(at, toLocal(zone, date.getTime()).getTime() + length);
  return makeDate(at, fromLocal(zone, local.getTime(), inSummerTime(zone, date.getTime())));
}

const MAX_YEAR = 300_000;
const AVERAGE_YEAR = 31_556_952_000n;

function addMonths(at: string, date: Date, months: number, zone: TimeZone): Date {
  const local = toLocal(zone, date.getTime());
  const total = local.getUTCFullYear() * 12 + local.getUTCMonth() + months;
  const [year, month] = [Math.floor(total / 12), total - Math.floor(total / 12) * 12];
  // Far beyond the calendar a year is as long as on average.
  const far = Math.abs(year) > MAX_YEAR;
  const first = makeDate(
    at,
    far ? BigInt(year) * AVERAGE_YEAR : calendar.startOfDay(year, month, 1),
  ).getTime();
  const day = Math.min(local.getUTCDate(), calendar.daysInMonth(year, month));
  const time = local.getTime() - Math.floor(local.getTime() / calendar.DAY) * calendar.DAY;
  const result = first + (day - 1) * calendar.DAY + time;
  return makeDate(at, fromLocal(zone, result, inSummerTime(zone, date.getTime())));
}

/** How many boundaries of a unit lie between two dates. */
export function countBoundaries(
  start: Date,
  end: Date,
  unit: Unit,
  zone: TimeZone,
  firstDay: number,
): bigint {
  const place = (date: Date) => placeOf(date, unit, zone, firstDay);
  const difference = BigInt(place(end)) - BigInt(place(start));
  if (unit !== "hour" && unit !== "minute" && unit !== "second") return difference;
  // Boundaries are those of local time, but whole units by which the clocks were changed do not pass.
  const change = zone.offsetAt(end.getTime()) - zone.offsetAt(start.getTime());
  return difference - BigInt(Math.trunc(change / (LENGTHS[unit] ?? 1)));
}

/** The number of a date's unit, counted from some origin. */
function placeOf(date: Date, unit: Unit, zone: TimeZone, firstDay: number): number {
  const instant = date.getTime();
  const local = toLocal(zone, instant);
  const months = MONTHS[unit];
  if (months !== undefined) return Math.floor(monthOf(local) / months);
  if (unit === "week") return Math.floor((dayOf(local) - weekOrigin(firstDay)) / 7);
  if (unit === "day") return dayOf(local);
  return Math.floor((unit === "millisecond" ? instant : local.getTime()) / (LENGTHS[unit] ?? 1));
}

function monthOf(local: Date): number {
  return local.getUTCFullYear() * 12 + local.getUTCMonth();
}

function dayOf(local: Date): number {
  return Math.floor(local.getTime() / calendar.DAY);
}

/** The day number (1970-01-01, a Thursday, is 0) of the first day of some week. */
function weekOrigin(firstDay: number): number {
  return firstDay - 4;
}

/** Bins are counted from the start of 2000 in local time. */
const ORIGIN_YEAR = 2000;
const ORIGIN = calendar.startOfDay(ORIGIN_YEAR, 0, 1);

/** The start of the bin of some units that a date is in. */
export function truncateDate(
  at: string,
  date: Date,
  unit: Unit,
  size: number,
  zone: TimeZone,
  firstDay: number,
): Date {
  const local = toLocal(zone, date.getTime());
  const months = MONTHS[unit];
  if (months !== undefined) {
    const bin = months * size;
    const since = floorTo(monthOf(local) - ORIGIN_YEAR * 12, bin) + ORIGIN_YEAR * 12;
    const year = Math.floor(since / 12);
    return makeDate(
      at,
      fromLocal(zone, makeDate(at, calendar.startOfDay(year, since - year * 12, 1)).getTime()),
    );
  }
  const length = (LENGTHS[unit] ?? 1) * size;
  if (unit === "week" || unit === "day") {
    const origin = unit === "week" ? firstWeek(firstDay) : ORIGIN;
    const start = makeDate(at, origin + floorTo(local.getTime() - origin, length));
    return makeDate(at, fromLocal(zone, start.getTime()));
  }
  const origin = fromLocal(zone, ORIGIN);
  return makeDate(at, origin + floorTo(date.getTime() - origin, length));
}

function floorTo(x: number, step: number): number {
  return Math.floor(x / step) * step;
}

/** The first such day of the week in 2000. */
function firstWeek(firstDay: number): number {
  const ahead = (firstDay - new Date(ORIGIN).getUTCDay() + 7) % 7;
  return ORIGIN + ahead * calendar.DAY;
}
