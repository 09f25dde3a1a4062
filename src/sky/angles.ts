/** Angles as text and in other units: sexagesimal right ascension and declination. Pure. */

/** Degrees in one radian. */
export const DEGREES_PER_RADIAN = 180 / Math.PI;
/** Radians in one degree. */
export const RADIANS_PER_DEGREE = Math.PI / 180;
/** Arcseconds in one degree. */
export const ARCSEC_PER_DEGREE = 3600;

/** Units in which requests give angles, each as degrees per unit. */
export const ANGLE_UNITS = {
  arcsec: 1 / 3600,
  arcmin: 1 / 60,
  deg: 1,
  rad: DEGREES_PER_RADIAN,
} as const;

export type AngleUnit = keyof typeof ANGLE_UNITS;

/** A coordinate that cannot be read: says which and what was expected. */
export class CoordinateError extends Error {
  override readonly name = "CoordinateError";
}

/**
 * Splits a non-negative angle into units, minutes and seconds of 60 each, rounded at `decimals` places
 * of the seconds; seconds that round to 60 carry over.
 */
function sexagesimal(value: number, decimals: number): [units: number, minutes: number, seconds: string] {
  const scale = 10 ** decimals;
  const total = Math.round(value * 3600 * scale);
  const seconds = total % (60 * scale);
  const minutes = Math.floor(total / (60 * scale));
  const text = (seconds / scale).toFixed(decimals).padStart(decimals + 3, "0");
  return [Math.floor(minutes / 60), minutes % 60, text];
}

const pad = (n: number) => String(n).padStart(2, "0");

/**
 * Right ascension in degrees, 0 ≤ ra < 360, as `HH:MM:SS.ssss`. A value that rounds to 24 hours is
 * `00:00:00.0000`.
 */
export function formatRa(ra: number): string {
  if (!(ra >= 0 && ra < 360))
    throw new CoordinateError(`right ascension ${ra}: expected 0 <= ra < 360 degrees`);
  const [hours, minutes, seconds] = sexagesimal(ra / 15, 4);
  return `${pad(hours % 24)}:${pad(minutes)}:${seconds}`;
}

/** Declination in degrees, −90 … 90, as `[-]DD:MM:SS.sss`. */
export function formatDec(dec: number): string {
  if (!(dec >= -90 && dec <= 90)) {
    throw new CoordinateError(`declination ${dec}: expected -90 <= dec <= 90 degrees`);
  }
  const [degrees, minutes, seconds] = sexagesimal(Math.abs(dec), 3);
  return `${dec < 0 ? "-" : ""}${pad(degrees)}:${pad(minutes)}:${seconds}`;
}

const HOURS = /^\s*(\d{1,2})(?::|h\s*)(\d{1,2})(?::|m\s*)(\d{1,2}(?:\.\d*)?)s?\s*$/;
const DEGREES = /^\s*([+-]?)(\d{1,2})(?::|d\s*)(\d{1,2})(?::|m\s*)(\d{1,2}(?:\.\d*)?)s?\s*$/;

/** Reads `HH:MM:SS.s` or `HHhMMmSS.Ss` as right ascension in degrees. Throws `CoordinateError`. */
export function parseRa(text: string): number {
  const match = HOURS.exec(text);
  if (match === null) {
    throw new CoordinateError(`right ascension "${text}": expected HH:MM:SS.s or HHhMMmSS.Ss`);
  }
  const degrees = 15 * fromParts(match[1], match[2], match[3], `right ascension "${text}"`);
  if (degrees >= 360) throw new CoordinateError(`right ascension "${text}": expected less than 24 hours`);
  return degrees;
}

/** Reads `[+-]DD:MM:SS.s` or `[+-]DDdMMmSS.Ss` as declination in degrees. Throws `CoordinateError`. */
export function parseDec(text: string): number {
  const match = DEGREES.exec(text);
  if (match === null) {
    throw new CoordinateError(`declination "${text}": expected DD:MM:SS.s or DDdMMmSS.Ss`);
  }
  const degrees = fromParts(match[2], match[3], match[4], `declination "${text}"`);
  if (degrees > 90) throw new CoordinateError(`declination "${text}": expected at most 90 degrees`);
  return match[1] === "-" ? -degrees : degrees;
}

function fromParts(
  units: string | undefined,
  minutes: string | undefined,
  seconds: string | undefined,
  what: string,
): number {
  if (Number(minutes) >= 60) throw new CoordinateError(`${what}: expected less than 60 minutes`);
  if (Number(seconds) >= 60) throw new CoordinateError(`${what}: expected less than 60 seconds`);
  return Number(units) + Number(minutes) / 60 + Number(seconds) / 3600;
}
