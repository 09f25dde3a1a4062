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

/** `auto`: as the file's unit says, sexagesimal where the values are text, else degrees. */
export const COORDINATE_UNITS = ["auto", "deg", "hours", "rad", "sexagesimal"] as const;
export type CoordinateUnit = (typeof COORDINATE_UNITS)[number];

export type CoordinateReader = (cell: Cell) => number;

/** A reader of right ascensions in degrees, 0 ≤ ra < 360; it throws `CoordinateError`. */
export function raReader(unit: CoordinateUnit, fileUnit: string | undefined): CoordinateReader {
  const factor = factorOf(unit, fileUnit, "ra");
  return (cell) => {
    if (typeof cell === "string" && unit !== "deg" && unit !== "rad") return sexagesimalRa(cell, unit);
    const ra = numberOf(cell, "right ascension", unit) * factor;
    if (ra === 360) return 0;
    if (ra >= 0 && ra < 360) return ra;
    throw new CoordinateError(`right ascension ${ra}: expected 0 <= ra < 360 degrees`);
  };
}

/** A reader of declinations in degrees, −90 … 90; it throws `CoordinateError`. */
export function decReader(unit: CoordinateUnit, fileUnit: string | undefined): CoordinateReader {
  const factor = factorOf(unit, fileUnit, "dec");
  return (cell) => {
    if (typeof cell === "string" && unit !== "deg" && unit !== "rad") return parseDec(spaced(cell));
    const dec = numberOf(cell, "declination", unit) * factor;
    if (dec >= -90 && dec <= 90) return dec;
    throw new CoordinateError(`declination ${dec}: expected -90 <= dec <= 90 degrees`);
  };
}

/** Degrees per unit. */
function factorOf(unit: CoordinateUnit, fileUnit: string | undefined, which: "ra" | "dec"): number {
  if (unit === "hours") return which === "ra" ? 15 : 1;
  if (unit === "rad") return DEGREES_PER_RADIAN;
  if (unit !== "auto" || fileUnit === undefined) return 1;
  if (/^rad(ians?)?$/i.test(fileUnit)) return DEGREES_PER_RADIAN;
  return which === "ra" && /^(h|hr|hours?|hourangle)$/i.test(fileUnit) ? 15 : 1;
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
