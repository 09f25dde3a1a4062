/** Parts of dates, and dates from parts and texts. */
import { ObjectId, Timestamp } from "bson";
import { QueryError } from "../../errors.ts";
import { truncateToInt64 } from "../../match/numbers.ts";
import { compareValues } from "../../order.ts";
import { isDocument, type Value } from "../../values.ts";
import { ConversionError } from "../conversion.ts";
import * as calendar from "../dates/calendar.ts";
import { checkFormat, formatDate } from "../dates/format.ts";
import { parseDate, parseDateBy } from "../dates/parse.ts";
import { fromLocal, readTimeZone, type TimeZone, toLocal, UTC } from "../dates/time-zones.ts";
import type { ExpressionNode, Operator } from "../nodes.ts";
import { isNullish, makeDate, widthOf, wrongType } from "../numbers.ts";
import { type Reader, readNamed } from "../parse.ts";
import { needString } from "../text.ts";
import { T } from "../types.ts";
import { example, named } from "./describe.ts";
import { emitFallback, type Fallbacks, foldFallback, NO_INPUT } from "./fallback.ts";

/** A date, or the time in a timestamp or ObjectId; throws for all else. */
export function needDate(at: string, value: Value | undefined): Date {
  if (value instanceof Date) return value;
  if (value instanceof Timestamp) return new Date(value.t * 1000);
  if (value instanceof ObjectId) return value.getTimestamp();
  throw wrongType(at, "a date", value);
}

/** The zone of an optional argument: UTC when it is not given, undefined when it is null. */
export function zoneOf(at: string, value: Value | undefined): TimeZone | undefined {
  if (value === undefined) return UTC;
  return value === null ? undefined : readTimeZone(`${at}.timezone`, value);
}

/** The arguments of a part's operator: a date, or `{date: …, timezone: …}`. */
function parsePart(operator: () => Operator) {
  return (reader: Reader, value: Value, at: string): ExpressionNode => {
    if (isDocument(value) && !Object.keys(value)[0]?.startsWith("$")) {
      const [date, zone] = readNamed(value, ["date"], ["timezone"], at);
      const args = [
        reader.read(date ?? null, `${at}.date`),
        zone === undefined ? undefined : reader.read(zone, `${at}.timezone`),
      ];
      return reader.call(operator(), args, at);
    }
    if (Array.isArray(value) && value.length !== 1) {
      throw new QueryError("invalid", at, `needs 1 argument, not ${value.length}`);
    }
    const [date] = Array.isArray(value) ? value : [value];
    return reader.call(operator(), [reader.read(date ?? null, at), undefined], at);
  };
}

function part(name: string, words: string, result: Value, read: (local: Date) => number): Operator {
  const long = typeof result === "bigint";
  const operator: Operator = {
    name,
    category: "date",
    summary: `${words}; of a date alone or of {date: …, timezone: …}.`,
    arguments: named(["date"], ["timezone"]),
    result: (long ? T.LONG : T.INT) | T.NULL,
    example: example({ [name]: "$d" }, { d: new Date("2020-03-29T12:34:56.789Z") }, result),
    parse: parsePart(() => operator),
    stopsAtNull: "first",
    run: (at, date, timezone) => {
      if (isNullish(date)) return null;
      const instant = needDate(at, date).getTime();
      const zone = zoneOf(at, timezone);
      if (zone === undefined) return null;
      const value = read(toLocal(zone, instant));
      return long ? BigInt(value) : value;
    },
  };
  return operator;
}

function dateToParts(
  at: string,
  date: Value | undefined,
  timezone: Value | undefined,
  iso: Value | undefined,
): Value {
  const zone = zoneOf(at, timezone);
  if (!isNullish(iso) && typeof iso !== "boolean") throw wrongType(`${at}.iso8601`, "a boolean", iso);
  if (isNullish(date) || zone === undefined || iso === null) return null;
  const local = toLocal(zone, needDate(`${at}.date`, date).getTime());
  const time = {
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
    millisecond: local.getUTCMilliseconds(),
  };
  if (iso === true) {
    const isoDate = {
      isoWeekYear: calendar.isoWeekYear(local),
      isoWeek: calendar.isoWeek(local),
      isoDayOfWeek: calendar.isoDayOfWeek(local),
    };
    return { ...isoDate, ...time };
  }
  return { year: local.getUTCFullYear(), month: local.getUTCMonth() + 1, day: local.getUTCDate(), ...time };
}

const PARTS = ["year", "month", "day"] as const;
const ISO_PARTS = ["isoWeekYear", "isoWeek", "isoDayOfWeek"] as const;
const TIME_PARTS = ["hour", "minute", "second", "millisecond"] as const;
/** In the order in which the server computes them. */
const FROM_PARTS = [...TIME_PARTS, "timezone", ...PARTS, ...ISO_PARTS];

function parseFromParts(reader: Reader, value: Value, at: string): ExpressionNode {
  const given = readNamed(value, [], FROM_PARTS, at);
  const has = (name: string) => given[FROM_PARTS.indexOf(name)] !== undefined;
  if (has("year") === has("isoWeekYear")) {
    throw new QueryError("invalid", at, "needs either year or isoWeekYear");
  }
  const others = has("year") ? ISO_PARTS : PARTS;
  const wrong = others.find(has);
  if (wrong !== undefined) {
    throw new QueryError("invalid", `${at}.${wrong}`, "cannot stand with the other kind of year");
  }
  const args = given.map((item, i) =>
    item === undefined ? undefined : reader.read(item, `${at}.${FROM_PARTS[i]}`),
  );
  return reader.call(FROM_PARTS_OPERATOR, args, at);
}

/** The numbers that parts of a date must be; undefined where one is null. */
function readParts(
  at: string,
  names: readonly string[],
  args: readonly (Value | undefined)[],
  otherwise: number,
): number[] | undefined {
  const numbers: number[] = [];
  for (const name of names) {
    const value = args[FROM_PARTS.indexOf(name)];
    if (value === null) return undefined;
    numbers.push(value === undefined ? otherwise : readPart(`${at}.${name}`, name, value));
  }
  return numbers;
}

function readPart(at: string, name: string, value: Value): number {
  if (widthOf(value) === 0) throw wrongType(at, "an integer", value);
  const integer = truncateToInt64(value);
  if (integer === undefined || compareValues(integer, value) !== 0) {
    throw new QueryError("runtime", at, "needs an integer");
  }
  if (!WITHOUT_BOUNDS.has(name)) checkRange(at, Number(integer), -32_768, 32_767);
  return Number(integer);
}

/** Parts that may be any number, years at first: null in a part behind them is seen before what they are. */
const WITHOUT_BOUNDS = new Set(["second", "millisecond", "year", "isoWeekYear"]);

function checkRange(at: string, number: number, least: number, most: number): void {
  if (number >= least && number <= most) return;
  throw new QueryError("runtime", at, `needs an integer from ${least} to ${most}`);
}

function dateFromParts(at: string, ...args: (Value | undefined)[]): Value {
  const times = readParts(at, TIME_PARTS, args, 0);
  if (times === undefined) return null;
  const [hour = 0, minute = 0, second = 0, millisecond = 0] = times;
  const zone = zoneOf(at, args[FROM_PARTS.indexOf("timezone")]);
  if (zone === undefined) return null;
  const byWeek = args[FROM_PARTS.indexOf("isoWeekYear")] !== undefined;
  const names = byWeek ? ISO_PARTS : PARTS;
  const days = readParts(at, names, args, 1);
  if (days === undefined) return null;
  const [year = 1, middle = 1, last = 1] = days;
  checkRange(`${at}.${names[0]}`, year, 1, 9999);
  const day = byWeek
    ? calendar.startOfIsoDay(year, middle, last)
    : calendar.startOfDay(year, middle - 1, last);
  const time = hour * calendar.HOUR + minute * calendar.MINUTE + second * calendar.SECOND + millisecond;
  return makeDate(at, fromLocal(zone, makeDate(at, day + time).getTime()));
}

const FROM_PARTS_OPERATOR: Operator = {
  name: "$dateFromParts",
  category: "date",
  summary:
    "A date of year, month, day (or ISO week year, week, day of week) and time of day; months and smaller may run over.",
  arguments: named([], FROM_PARTS),
  result: T.DATE | T.NULL,
  example: example(
    { $dateFromParts: { year: "$y", month: 3 } },
    { y: 2020 },
    new Date("2020-03-01T00:00:00Z"),
  ),
  parse: parseFromParts,
  stopsAtNull: "each",
  run: dateFromParts,
};

function formatOf(at: string, value: Value | undefined, reading: boolean): string | undefined {
  if (isNullish(value)) return undefined;
  const format = needString(`${at}.format`, value);
  checkFormat(`${at}.format`, format, reading);
  return format;
}

function attemptFromString(
  at: string,
  text: Value | undefined,
  given: Value | undefined,
  timezone: Value | undefined,
) {
  const format = formatOf(at, given, true);
  const zone = zoneOf(at, timezone);
  if (isNullish(text)) return NO_INPUT;
  try {
    const string = needString(`${at}.dateString`, text);
    if (zone === undefined || given === null) return null;
    const aside = timezone === undefined ? undefined : zone;
    return format === undefined ? parseDate(at, string, aside) : parseDateBy(at, string, format, aside);
  } catch (error) {
    if (error instanceof QueryError && error.kind === "runtime")
      throw new ConversionError(error.path, error.reason);
    throw error;
  }
}

const ISO_FORMAT = "%Y-%m-%dT%H:%M:%S.%LZ";

function attemptToString(
  at: string,
  date: Value | undefined,
  given: Value | undefined,
  timezone: Value | undefined,
) {
  const format = formatOf(at, given, false);
  const zone = zoneOf(at, timezone);
  if (isNullish(date)) return NO_INPUT;
  if (zone === undefined || given === null) return null;
  return formatDate(at, needDate(`${at}.date`, date).getTime(), zone, format ?? ISO_FORMAT);
}

const FROM_STRING: Fallbacks = { attempt: attemptFromString, inputs: 3, onError: 3, onNull: 4 };
const TO_STRING: Fallbacks = { attempt: attemptToString, inputs: 3, onNull: 3 };

export const dateOperators: readonly Operator[] = [
  FROM_PARTS_OPERATOR,
  {
    name: "$dateFromString",
    category: "date",
    summary: "A date of a text in ISO 8601 (and usual forms near it), or in a format.",
    arguments: named(["dateString"], ["format", "timezone", "onError", "onNull"]),
    result: T.DATE | T.NULL | T.OTHER,
    example: example(
      { $dateFromString: { dateString: "$s", format: "%d/%m/%Y" } },
      { s: "05/03/2020" },
      new Date("2020-03-05T00:00:00Z"),
    ),
    limits:
      "without a format, forms far from ISO 8601 (years of two digits, words such as `tomorrow`) are refused",
    fold: foldFallback(FROM_STRING),
    emit: (emitter, call, mode) => emitFallback(emitter, call, mode, FROM_STRING),
  },
  {
    name: "$dateToParts",
    category: "date",
    summary:
      "An object with year, month, day (or with iso8601: true ISO week year, week, day of week) and time of day.",
    arguments: named(["date"], ["timezone", "iso8601"]),
    result: T.OBJECT | T.NULL,
    example: example(
      { $getField: { field: "hour", input: { $dateToParts: { date: "$d" } } } },
      { d: new Date(0) },
      0,
    ),
    run: dateToParts,
  },
  {
    name: "$dateToString",
    category: "date",
    summary: "A date as text, in ISO 8601 or in a format.",
    arguments: named(["date"], ["format", "timezone", "onNull"]),
    result: T.STRING | T.NULL | T.OTHER,
    example: example(
      { $dateToString: { date: "$d", format: "%Y%m%d" } },
      { d: new Date("2020-03-05T00:00:00Z") },
      "20200305",
    ),
    fold: foldFallback(TO_STRING),
    emit: (emitter, call, mode) => emitFallback(emitter, call, mode, TO_STRING),
  },
  part("$dayOfMonth", "The day of the month, from 1", 29, (local) => local.getUTCDate()),
  part("$dayOfWeek", "The day of the week from Sunday = 1 to Saturday = 7", 1, calendar.dayOfWeek),
  part("$dayOfYear", "The day of the year, from 1", 89, calendar.dayOfYear),
  part("$hour", "The hour", 12, (local) => local.getUTCHours()),
  part("$isoDayOfWeek", "The day of the week from Monday = 1 to Sunday = 7", 7, calendar.isoDayOfWeek),
  part("$isoWeek", "The ISO week, from 1", 13, calendar.isoWeek),
  part("$isoWeekYear", "The year that the ISO week belongs to", 2020n, calendar.isoWeekYear),
  part("$millisecond", "The millisecond", 789, (local) => local.getUTCMilliseconds()),
  part("$minute", "The minute", 34, (local) => local.getUTCMinutes()),
  part("$month", "The month, from 1", 3, (local) => local.getUTCMonth() + 1),
  part("$second", "The second", 56, (local) => local.getUTCSeconds()),
  part("$week", "The week of the year, which begins on Sunday, from 0", 13, calendar.weekOfYear),
  part("$year", "The year", 2020, (local) => local.getUTCFullYear()),
];
