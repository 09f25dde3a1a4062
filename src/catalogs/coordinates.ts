/** The position of a catalogue's row: from two columns in the units of the file. */
import { Double } from "bson";
import { type Document, double } from "../query/index.ts";
import {
  CoordinateError,
  DEGREES_PER_RADIAN,
  formatDec,
  formatRa,
  galactic,
  parseDec,
  parseRa,
} from "../sky/index.ts";
import type { Cell } from "./table.ts";

/** `auto`: as the file's unit says, sexagesimal where the values are text, degrees where the file has no unit. */
export const COORDINATE_UNITS = ["auto", "deg", "hours", "rad", "sexagesimal"] as const;
export type CoordinateUnit = (typeof COORDINATE_UNITS)[number];

export type CoordinateReader = (cell: Cell) => number;

/** Units of files, as the FITS standard, VOUnits and Astropy write them, with how many make a degree. */
const FILE_UNITS: readonly (readonly [unit: RegExp, perDegree: number])[] = [
  [/^(deg(ree)?s?|°)$/i, 1],
  [/^rad(ian)?s?$/i, 1 / DEGREES_PER_RADIAN],
  [/^arcmin(ute)?s?$/i, 60],
  [/^arcsec(ond)?s?$/i, 3600],
  [/^(mas|marcsec)$/i, 3_600_000],
  [/^([uµμ]as|[uµμ]arcsec)$/i, 3_600_000_000],
];
const HOURS = /^(h|hrs?|hours?|hourangles?)$/i;

/** Numbers of a column are in a unit that is not known: says which. */
export class UnitError extends Error {
  override readonly name = "UnitError";
  constructor(unit: string) {
    const told = COORDINATE_UNITS.filter((one) => one !== "auto").join(", ");
    super(`its unit "${unit}" is not known: tell it with --units (${told})`);
  }
}

/**
 * A reader of right ascensions in degrees, 0 ≤ ra < 360; it throws `CoordinateError`, and `UnitError` for a number in a
 * unit that is not known.
 */
export function raReader(unit: CoordinateUnit, fileUnit: string | undefined): CoordinateReader {
  const toDegrees = fromUnit(unit, fileUnit, "ra");
  return (cell) => {
    if (typeof cell === "string" && unit !== "deg" && unit !== "rad") return sexagesimalRa(cell, unit);
    const ra = toDegrees(numberOf(cell, "right ascension", unit));
    if (ra === 360) return 0;
    if (ra >= 0 && ra < 360) return ra;
    throw new CoordinateError(`right ascension ${ra}: expected 0 <= ra < 360 degrees`);
  };
}

/** A reader of declinations in degrees, −90 … 90; it throws as `raReader` does. */
export function decReader(unit: CoordinateUnit, fileUnit: string | undefined): CoordinateReader {
  const toDegrees = fromUnit(unit, fileUnit, "dec");
  return (cell) => {
    if (typeof cell === "string" && unit !== "deg" && unit !== "rad") return parseDec(spaced(cell));
    const dec = toDegrees(numberOf(cell, "declination", unit));
    if (dec >= -90 && dec <= 90) return dec;
    throw new CoordinateError(`declination ${dec}: expected -90 <= dec <= 90 degrees`);
  };
}

/** From numbers in a unit to degrees: the one that is told, else that of the file. */
function fromUnit(
  unit: CoordinateUnit,
  fileUnit: string | undefined,
  which: "ra" | "dec",
): (value: number) => number {
  const isTold = unit !== "auto";
  const written = isTold ? "" : (fileUnit ?? "").trim();
  if (unit === "rad") return (value) => value * DEGREES_PER_RADIAN;
  if (which === "ra" && (unit === "hours" || HOURS.test(written))) return (value) => value * 15;
  if (written === "") return (value) => value;
  const [, perDegree] = FILE_UNITS.find(([known]) => known.test(written)) ?? [];
  if (perDegree !== undefined) return (value) => value / perDegree;
  return () => {
    throw new UnitError(written);
  };
}

function sexagesimalRa(text: string, unit: CoordinateUnit): number {
  // Degrees in sexagesimal notation are not a usage of right ascension.
  if (unit === "hours" && /^\s*\d+(\.\d*)?\s*$/.test(text)) return Number(text) * 15;
  return parseRa(spaced(text));
}

/** `12 34 56.7` as `12:34:56.7`. */
function spaced(text: string): string {
  return /^\s*[+-]?\d+ +\d+ +[\d.]+\s*$/.test(text) ? text.trim().replace(/ +/g, ":") : text;
}

function numberOf(cell: Cell, what: string, unit: CoordinateUnit): number {
  if (cell === undefined || cell === null) throw new CoordinateError(`${what}: there is no value`);
  if (unit === "sexagesimal") throw new CoordinateError(`${what} ${String(cell)}: expected sexagesimal text`);
  const value = cell instanceof Double ? cell.value : typeof cell === "bigint" ? Number(cell) : cell;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new CoordinateError(`${what}: expected a number, found ${JSON.stringify(String(cell)).slice(0, 50)}`);
}

/**
 * The `coordinates` of a catalogue's row: `radec_str`, `radec_geojson` (longitude = ra − 180, as 2dsphere
 * indexes want it), and Galactic `l` and `b`, all in degrees.
 */
export function catalogCoordinates(ra: number, dec: number): Document {
  const { l, b } = galactic(ra, dec);
  return {
    radec_str: [formatRa(ra), formatDec(dec)],
    radec_geojson: { type: "Point", coordinates: [double(ra - 180), double(dec)] },
    l: double(l),
    b: double(b),
  };
}
