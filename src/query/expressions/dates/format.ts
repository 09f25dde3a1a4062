/** Formats of dates such as `%Y-%m-%d`: checked, and written. */
import { tick } from "../../deadline.ts";
import { QueryError } from "../../errors.ts";
import * as calendar from "./calendar.ts";
import { type TimeZone, toLocal } from "./time-zones.ts";

const WRITTEN = "dGHjLmMSUuVwYzZ%";
const READ = "dGHLmMSuVYzZ%";

/** Checks that a format has only letters that can be written, or read. */
export function checkFormat(at: string, format: string, reading: boolean): void {
  const letters = reading ? READ : WRITTEN;
  for (let i = format.indexOf("%"); i >= 0; i = format.indexOf("%", i + 2)) {
    const letter = format[i + 1];
    if (letter === undefined)
      throw new QueryError("runtime", at, "the format ends with a single %; write %%");
    if (letters.includes(letter)) continue;
    const known = [...letters].map((one) => `%${one}`).join(" ");
    throw new QueryError("runtime", at, `unknown %${letter} in the format; known are ${known}`);
  }
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

function fourDigits(at: string, year: number): string {
  if (year < 0 || year > 9999)
    throw new QueryError("runtime", at, `the year ${year} is not within 0 to 9999`);
  return digits(year, 4);
}

/** Writes a date. */
export function formatDate(at: string, instant: number, zone: TimeZone, format: string): string {
  const local = toLocal(zone, instant);
  tick(format.length);
  return format.replace(/%(.)/gs, (_, letter: string) => field(at, local, letter, zone, instant));
}

function field(at: string, local: Date, letter: string, zone: TimeZone, instant: number): string {
  switch (letter) {
    case "d":
      return digits(local.getUTCDate(), 2);
    case "G":
      return fourDigits(at, calendar.isoWeekYear(local));
    case "H":
      return digits(local.getUTCHours(), 2);
    case "j":
      return digits(calendar.dayOfYear(local), 3);
    case "L":
      return digits(local.getUTCMilliseconds(), 3);
    case "m":
      return digits(local.getUTCMonth() + 1, 2);
    case "M":
      return digits(local.getUTCMinutes(), 2);
    case "S":
      return digits(local.getUTCSeconds(), 2);
    case "Y":
      return fourDigits(at, local.getUTCFullYear());
    case "%":
      return "%";
    default:
      return weekOrZone(local, letter, zone, instant);
  }
}

function weekOrZone(local: Date, letter: string, zone: TimeZone, instant: number): string {
  switch (letter) {
    case "u":
      return String(calendar.isoDayOfWeek(local));
    case "U":
      return digits(calendar.weekOfYear(local), 2);
    case "V":
      return digits(calendar.isoWeek(local), 2);
    case "w":
      return String(calendar.dayOfWeek(local));
    default:
      return writeOffset(letter, Math.trunc(zone.offsetAt(instant) / calendar.MINUTE));
  }
}

/** `%z` is ±HHMM, `%Z` minutes. */
function writeOffset(letter: string, minutes: number): string {
  const sign = minutes < 0 ? "-" : "+";
  const size = Math.abs(minutes);
  if (letter === "Z") return `${minutes}`;
  return `${sign}${digits(Math.floor(size / 60), 2)}${digits(size % 60, 2)}`;
}
