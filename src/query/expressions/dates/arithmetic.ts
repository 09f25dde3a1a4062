/** Steps and boundaries of time: what `$dateAdd`, `$dateDiff` and `$dateTrunc` compute. */
import { QueryError } from "../../errors.ts";
import { didYouMean } from "../../suggest.ts";
import { typeOf, type Value } from "../../values.ts";
import { makeDate } from "../numbers.ts";
import * as calendar from "./calendar.ts";
import { fromLocal, inSummerTime, type TimeZone, toLocal, UTC } from "./time-zones.ts";

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

/** The length of a unit in milliseconds, where it has a fixed one. */
export function lengthOf(unit: Unit): number | undefined {
  return LENGTHS[unit];
}

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
  const instant = date.getTime();
  if (unit === "millisecond") return makeDate(at, instant + count);
  // Before 1970 the server counts milliseconds backwards from their second, so that one second is lost …
  const second = Math.floor(instant / calendar.SECOND) * calendar.SECOND;
  const lost = second + (instant % calendar.SECOND);
  const months = MONTHS[unit];
  const step = (length ?? 1) * count;
  if (months === undefined && unit !== "week" && unit !== "day") return makeDate(at, lost + step);
  // … in UTC before it adds days and months, in other zones afterwards.
  const from = zone === UTC ? lost : second;
  const local = toLocal(zone, from);
  const moved = months === undefined ? step : monthsAfter(at, local, toLocal(zone, second), months * count);
  const there = makeDate(at, local.getTime() + moved);
  return makeDate(at, fromLocal(zone, there.getTime(), inSummerTime(zone, from)) + lost - from);
}

/** How long the months after a date are. They end with their last day, where they do not have the day that is shown. */
function monthsAfter(at: string, date: Date, shown: Date, months: number): number {
  const first = startOfMonth(at, shown, months);
  const last = calendar.daysInMonth(first.getUTCFullYear(), first.getUTCMonth());
  return shown.getUTCDate() > last
    ? first.getTime() + (last - 1) * calendar.DAY - startOfDay(shown)
    : startOfMonth(at, date, months).getTime() - startOfMonth(at, date, 0).getTime();
}

const MAX_YEAR = 300_000;
const AVERAGE_YEAR = 31_556_952_000n;

/** The start of the month that lies so many months after that of a date. */
function startOfMonth(at: string, date: Date, months: number): Date {
  const total = date.getUTCFullYear() * 12 + date.getUTCMonth() + months;
  const year = Math.floor(total / 12);
  // Far beyond the calendar a year is as long as on average.
  const far = Math.abs(year) > MAX_YEAR;
  return makeDate(at, far ? BigInt(year) * AVERAGE_YEAR : calendar.startOfDay(year, total - year * 12, 1));
}

function startOfDay(date: Date): number {
  return Math.floor(date.getTime() / calendar.DAY) * calendar.DAY;
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
