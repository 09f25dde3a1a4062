/** Reads dates from texts: in ISO 8601 and the usual forms near it, or by a format. */
import { QueryError } from "../../errors.ts";
import * as calendar from "./calendar.ts";
import { fromLocal, type TimeZone, UTC } from "./time-zones.ts";

/** What a text says of a date; `offset` in minutes east of UTC. */
interface Fields {
  year?: number;
  month?: number;
  day?: number;
  isoYear?: number;
  isoWeek?: number;
  isoDay?: number;
  hour: number;
  minute: number;
  second: number;
  millisecond: number;
  offset?: number;
}

function noDate(at: string, text: string, reason: string): QueryError {
  return new QueryError("runtime", at, `${JSON.stringify(text.slice(0, 40))} is no date: ${reason}`);
}

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const MONTH =
  "(?<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)";
const ZONE = "(?<zone>z|utc|gmt|[ecmp][sd]t|[+-]\\d\\d(?::?\\d\\d)?)";
const TIME = "(?<hour>\\d\\d?)(?::(?<minute>\\d\\d?)(?::(?<second>\\d\\d?)(?:\\.(?<fraction>\\d+))?)?)";
const DATES = [
  "(?<year>\\d{4})-(?<month>\\d\\d?)(?:-(?<day>\\d\\d?))?",
  "(?<year>\\d{4})/(?<month>\\d\\d?)/(?<day>\\d\\d?)",
  "(?<month>\\d\\d?)/(?<day>\\d\\d?)/(?<year>\\d{4})",
  "(?<year>\\d{4})(?<month>\\d\\d)(?<day>\\d\\d)",
  "(?<isoYear>\\d{4})-?w(?<isoWeek>\\d\\d)(?:-?(?<isoDay>[1-7]))?",
  `${MONTH}\\.? +(?<day>\\d\\d?)(?:st|nd|rd|th)?,? +(?<year>\\d{4})`,
  `(?<day>\\d\\d?)(?:st|nd|rd|th)? +${MONTH}\\.?,? +(?<year>\\d{4})`,
];
/** A date alone, or with a time of day, and then perhaps a zone. */
const FORMS: readonly RegExp[] = [
  ...DATES.map((date) => new RegExp(`^${date}(?:(?:t|,? +)${TIME})? *${ZONE}?$`, "i")),
  new RegExp(`^${DATES[0]}t(?<hour>\\d\\d)${ZONE}?$`, "i"),
  new RegExp(
    `^${DATES[3]}t?(?<hour>\\d\\d)(?<minute>\\d\\d)(?<second>\\d\\d)(?:\\.(?<fraction>\\d+))?${ZONE}?$`,
    "i",
  ),
];
const ABBREVIATIONS: Readonly<Record<string, number>> = { e: -5, c: -6, m: -7, p: -8 };

/** No form is longer. */
const MAX_LENGTH = 200;

/** Reads a date in one of the usual forms. A zone in the text and one given aside exclude each other. */
export function parseDate(at: string, given: string, zone?: TimeZone): Date {
  if (given.length > MAX_LENGTH) throw noDate(at, given, "it is too long");
  const text = given.trim();
  const seconds = /^@(-?\d{1,12})$/.exec(text);
  if (seconds !== null)
    return toDate(
      at,
      given,
      { ...noTime(), year: 1970, month: 1, day: 1, second: Number(seconds[1]), offset: 0 },
      zone,
    );
  for (const form of FORMS) {
    const groups = form.exec(text)?.groups;
    if (groups !== undefined) return toDate(at, given, readGroups(at, given, groups), zone);
  }
  if (mayBeOtherForm(text)) {
    const what = `the form of the date ${JSON.stringify(text)} is not supported`;
    throw new QueryError("unsupported", at, `${what}; use ISO 8601, or say the format`);
  }
  throw noDate(at, given, "use ISO 8601, or say the format");
}

/** Words of which the many other forms consist that the server reads, beside the names of months. */
const OTHER_WORDS = new Set(
  (
    "t z w st nd rd th am pm a m p of the at in utc gmt est edt cst cdt mst mdt pst pdt ago now today tomorrow " +
    "yesterday noon midnight first last next previous this week weeks day days month months year years hour " +
    "hours min mins minute minutes sec secs second seconds fortnight sun mon tue wed thu fri sat sunday monday " +
    "tuesday wednesday thursday friday saturday"
  ).split(" "),
);
/** Forms that the server certainly does not read: plain numbers, days of the year, times of day alone. */
const NO_FORM = /^\d+$|^\d{4}-?\d{3}$|^\d\d?:\d\d(:\d\d(\.\d+)?)?$/;

/** Whether the server may know a form that is not known here: then nobody must take it for a failure. */
function mayBeOtherForm(text: string): boolean {
  const digits = text.replace(/\D/g, "").length;
  if (digits < 3 || NO_FORM.test(text) || /[^a-z\d\s,.:/@+()-]/i.test(text)) return false;
  const words = text.toLowerCase().match(/[a-z]+/g) ?? [];
  return words.every((word) => OTHER_WORDS.has(word) || MONTHS.includes(word.slice(0, 3)));
}

function noTime() {
  return { hour: 0, minute: 0, second: 0, millisecond: 0 };
}

function readGroups(at: string, text: string, groups: Readonly<Record<string, string | undefined>>): Fields {
  const number = (name: string) => Number(groups[name] ?? 0);
  const fields: Fields = {
    hour: number("hour"),
    minute: number("minute"),
    second: number("second"),
    millisecond: Math.trunc(Number(`0.${groups["fraction"] ?? 0}`) * 1000 + 1e-9),
  };
  if (groups["isoYear"] !== undefined) {
    fields.isoYear = number("isoYear");
    fields.isoWeek = number("isoWeek");
    fields.isoDay = Number(groups["isoDay"] ?? 1);
  } else {
    fields.year = number("year");
    const name = groups["name"]?.slice(0, 3).toLowerCase();
    fields.month = name === undefined ? number("month") : MONTHS.indexOf(name) + 1;
    fields.day = Number(groups["day"] ?? 1);
  }
  const zone = groups["zone"];
  if (zone !== undefined) fields.offset = readOffset(zone);
  checkTime(at, text, fields);
  return fields;
}

function readOffset(zone: string): number {
  const numeric = /^([+-])(\d\d?):?(\d\d)?$/.exec(zone);
  if (numeric !== null) {
    const size = Number(numeric[2]) * 60 + Number(numeric[3] ?? 0);
    return numeric[1] === "-" ? -size : size;
  }
  const hours = ABBREVIATIONS[zone[0]?.toLowerCase() ?? ""];
  if (hours === undefined) return 0;
  return (hours + (zone[1]?.toLowerCase() === "d" ? 1 : 0)) * 60;
}

function checkTime(at: string, text: string, { hour, minute, second }: Fields): void {
  if (hour > 23 || minute > 59 || second > 59) throw noDate(at, text, "the time of day is out of range");
}

function toDate(at: string, text: string, fields: Fields, zone: TimeZone | undefined): Date {
  const { year, month = 1, day = 1, isoYear, isoWeek = 1, isoDay = 1 } = fields;
  let start: number;
  if (isoYear !== undefined) {
    if (isoWeek < 1 || isoWeek > 53 || isoDay < 1 || isoDay > 7)
      throw noDate(at, text, "there is no such week");
    start = calendar.startOfIsoDay(isoYear, isoWeek, isoDay);
  } else {
    if (year === undefined) throw noDate(at, text, "the year is missing");
    if (month < 1 || month > 12 || day < 1 || day > calendar.daysInMonth(year, month - 1)) {
      throw noDate(at, text, "there is no such day");
    }
    start = calendar.startOfDay(year, month - 1, day);
  }
  const { hour, minute, second, millisecond, offset } = fields;
  const local =
    start + hour * calendar.HOUR + minute * calendar.MINUTE + second * calendar.SECOND + millisecond;
  if (offset === undefined) return new Date(fromLocal(zone ?? UTC, local));
  if (zone !== undefined) {
    throw noDate(at, text, "it has a time zone of its own, beside the one given");
  }
  return new Date(local - offset * calendar.MINUTE);
}

/** How many digits a letter of a format takes, and what they set. */
const NUMBERS: Readonly<Record<string, readonly [field: keyof Fields, min: number, max: number]>> = {
  Y: ["year", 1, 4],
  m: ["month", 1, 2],
  d: ["day", 1, 2],
  H: ["hour", 1, 2],
  M: ["minute", 2, 2],
  S: ["second", 2, 2],
  G: ["isoYear", 1, 4],
  V: ["isoWeek", 1, 2],
  u: ["isoDay", 1, 1],
};

/** Reads a date by a (checked) format. */
export function parseDateBy(at: string, text: string, format: string, zone?: TimeZone): Date {
  const fields: Fields = noTime();
  const given = new Set<string>();
  let place = 0;
  for (let i = 0; i < format.length; i++) {
    let letter = format[i] ?? "";
    if (letter !== "%" || format[i + 1] === "%") {
      if (letter === "%") i++;
      if (text[place] !== letter) throw noDate(at, text, `${JSON.stringify(letter)} is missing at ${place}`);
      place++;
      continue;
    }
    letter = format[++i] ?? "";
    given.add(letter);
    place = readPart(at, text, place, letter, fields);
  }
  if (place < text.length) throw noDate(at, text, "there is text behind what the format says");
  checkTime(at, text, fields);
  const byWeek = given.has("G") || given.has("V") || given.has("u");
  const complete = byWeek ? given.has("G") : given.has("Y") && given.has("m") && given.has("d");
  if (!complete) throw noDate(at, text, "the format leaves out parts of the date");
  return toDate(at, text, fields, zone);
}

function readPart(at: string, text: string, place: number, letter: string, fields: Fields): number {
  const number = NUMBERS[letter];
  const rest = text.slice(place);
  if (number !== undefined) {
    const [field, min, max] = number;
    const found = new RegExp(`^\\d{${min},${max}}`).exec(rest);
    if (found === null) throw noDate(at, text, `digits for %${letter} are missing at ${place}`);
    fields[field] = Number(found[0]);
    return place + found[0].length;
  }
  const pattern =
    letter === "L"
      ? /^\d{1,3}/
      : letter === "z"
        ? /^([+-]\d{1,2}(:?\d\d)?|z|utc|gmt|[ecmp][sd]t)/i
        : /^[+-]\d{1,4}/;
  const found = pattern.exec(rest);
  if (found === null) throw noDate(at, text, `%${letter} is missing at ${place}`);
  if (letter === "L") fields.millisecond = Math.trunc(Number(`0.${found[0]}`) * 1000 + 1e-9);
  else fields.offset = letter === "z" ? readOffset(found[0]) : Number(found[0]);
  return place + found[0].length;
}
