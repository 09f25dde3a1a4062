/** Time zones: offsets such as `+05:30` and names of the Olson database, as the runtime's own tables have them. */
import { QueryError } from "../../errors.ts";
import type { Value } from "../../values.ts";
import { wrongType } from "../numbers.ts";

/** How local time differs from UTC. */
export interface TimeZone {
  readonly name: string;
  /** Milliseconds to add to UTC at an instant (milliseconds since 1970). */
  offsetAt(instant: number): number;
}

function fixed(name: string, offset: number): TimeZone {
  return { name, offsetAt: () => offset };
}

export const UTC = fixed("UTC", 0);

const MINUTE = 60_000;
/** Offsets change at most at such steps. */
const STEP = 15 * MINUTE;
const MAX_CACHED = 4096;

/** A zone of the Olson database; throws a RangeError for unknown names. */
function namedZone(name: string): TimeZone {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const known = new Map<number, number>();
  const compute = (instant: number): number => {
    const parts: Record<string, string> = {};
    for (const { type, value } of format.formatToParts(instant)) parts[type] = value;
    const part = (type: string) => Number(parts[type]);
    const year = parts["era"] === "BC" ? 1 - part("year") : part("year");
    const local = new Date(0);
    local.setUTCFullYear(year, part("month") - 1, part("day"));
    local.setUTCHours(part("hour"), part("minute"), part("second"));
    // The formatter cuts milliseconds off.
    return local.getTime() - Math.floor(instant / 1000) * 1000;
  };
  return {
    name,
    offsetAt(instant) {
      const step = Math.floor(instant / STEP);
      let offset = known.get(step);
      if (offset === undefined) {
        offset = compute(step * STEP);
        if (known.size >= MAX_CACHED) known.clear();
        known.set(step, offset);
      }
      return offset;
    },
  };
}

const zones = new Map<string, TimeZone>([
  ["UTC", UTC],
  ["GMT", fixed("GMT", 0)],
]);

const OFFSET = /^([+-])(\d\d)(?::?(\d\d))?$/;
/** Olson names as they are written: the runtime would take them in any case. */
const NAME = /^[A-Z][A-Za-z0-9_+-]*(\/[A-Z][A-Za-z0-9_+-]*)*$/;

/** Reads the name or offset of a time zone; throws for unknown ones. */
export function readTimeZone(at: string, value: Value): TimeZone {
  if (typeof value !== "string") throw wrongType(at, "the name of a time zone", value);
  const known = zones.get(value);
  if (known !== undefined) return known;
  const zone = parseTimeZone(value);
  if (zone === undefined) {
    const hint = "use an Olson name such as America/New_York or an offset such as -05:00";
    throw new QueryError("runtime", at, `unknown time zone ${JSON.stringify(value.slice(0, 60))}; ${hint}`);
  }
  if (zones.size < MAX_CACHED) zones.set(value, zone);
  return zone;
}

function parseTimeZone(name: string): TimeZone | undefined {
  const offset = OFFSET.exec(name);
  if (offset !== null) {
    const [, sign, hours, minutes = "0"] = offset;
    const size = (Number(hours) * 60 + Number(minutes)) * MINUTE;
    return fixed(name, sign === "-" ? -size : size);
  }
  if (!NAME.test(name)) return undefined;
  try {
    return namedZone(name);
  } catch {
    return undefined;
  }
}

/** The local time of an instant, as a date whose UTC fields are the local ones. */
export function toLocal(zone: TimeZone, instant: number): Date {
  return new Date(instant + zone.offsetAt(instant));
}

const TWO_HOURS = 120 * MINUTE;

/** Whether clocks are ahead of the zone's standard time at an instant. */
function isSummerTime(zone: TimeZone, instant: number): boolean {
  const year = new Date(instant).getUTCFullYear();
  const winter = Math.min(zone.offsetAt(Date.UTC(year, 0, 1)), zone.offsetAt(Date.UTC(year, 6, 1)));
  return zone.offsetAt(instant) > winter;
}

/**
 * The instant of a local time (given as in `toLocal`). Of a time that the clocks have twice it is the second,
 * unless `summer` says that it is meant in summer time; a time that they skip counts on from before the change.
 * The steps are the server's.
 */
export function fromLocal(zone: TimeZone, local: number, summer = false): number {
  const guess = zone.offsetAt(local);
  const offset = zone.offsetAt(local - guess);
  if (offset !== guess) {
    const instant = local - offset;
    const skipped = instant < local - guess && zone.offsetAt(instant) !== offset;
    return skipped ? local - guess : instant;
  }
  // The change may lie just beyond what the guess showed.
  const guessedSummer = isSummerTime(zone, local);
  if (guess >= 0 && summer && !guessedSummer) {
    const earlier = zone.offsetAt(local - guess - TWO_HOURS);
    if (earlier !== offset && zone.offsetAt(local - earlier) !== offset) return local - earlier;
  } else if (guess <= 0 && guessedSummer && !summer) {
    const later = zone.offsetAt(local - guess + TWO_HOURS);
    if (later !== offset && zone.offsetAt(local - later) === later) return local - later;
  }
  return local - guess;
}

/** Whether an instant is in summer time, for `fromLocal` of times made from it. */
export function inSummerTime(zone: TimeZone, instant: number): boolean {
  return zone !== UTC && isSummerTime(zone, instant);
}
