/** What a load is told: which columns mean what, and how rows become documents. */
import { SYSTEM_COLLECTIONS } from "../store/index.ts";
import { classificationsOf, surveys } from "../surveys/index.ts";
import { COORDINATE_UNITS, type CoordinateUnit } from "./coordinates.ts";
import { COLUMN_TYPES, type ColumnType } from "./table.ts";

/** How the rows of files become a catalogue: plain values, to travel between threads. */
export interface CatalogSpec {
  /** Name of the collection. */
  readonly name: string;
  /** Columns of the position; found out by their usual names when left out. */
  readonly ra?: string;
  readonly dec?: string;
  readonly raUnit: CoordinateUnit;
  readonly decUnit: CoordinateUnit;
  /** Column that becomes `_id`; else the rows are numbered. */
  readonly id?: string;
  /** Columns that are kept; all when left out. */
  readonly columns?: readonly string[];
  readonly types?: Readonly<Record<string, ColumnType>>;
  readonly nulls?: readonly string[];
  readonly delimiter?: string;
  readonly header?: readonly string[];
  readonly hdu?: number;
  /** Name of a preset, whose ways with rows are applied. */
  readonly preset?: string;
  /** Columns that get an index, each a list of one index's columns. */
  readonly indexes?: readonly (readonly string[])[];
}

/** Names of columns of right ascension and declination, in lower case, the likelier first. */
export const RA_NAMES = [
  "ra",
  "objra",
  "raj2000",
  "ra_icrs",
  "ramean",
  "ra_deg",
  "radeg",
  "right_ascension",
  "alpha_j2000",
  "_ra",
  "_raj2000",
];
export const DEC_NAMES = [
  "dec",
  "objdec",
  "decl",
  "dej2000",
  "decj2000",
  "de_icrs",
  "dec_icrs",
  "decmean",
  "dec_deg",
  "dedeg",
  "declination",
  "delta_j2000",
  "_de",
  "_dec",
  "_dej2000",
];

/** What a catalogue's name may be: it is a collection, a key of answers, a part of addresses. */
const NAME = /^(?=.{1,120}$)[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/;

/** Something of a specification that makes no sense: says what was expected. */
export class SpecError extends Error {
  override readonly name = "SpecError";
  constructor(
    /** The option, or the field of a request. */
    readonly option: string,
    readonly reason: string,
  ) {
    super(`${option}: ${reason}`);
  }
}

/** Checks the name of a catalogue to be. Throws `SpecError`. */
export function checkName(name: string): void {
  if (!NAME.test(name) || name.startsWith("system.")) {
    throw new SpecError(
      "name",
      `"${name}" is no name of a catalogue: expected a letter, then letters, digits, "_", "-" or single "."`,
    );
  }
  if (SYSTEM_COLLECTIONS.has(name) || OWN_COLLECTIONS.has(name) || /_aux\.(objects|chunks)$/.test(name)) {
    throw new SpecError("name", `${name} is a collection of Kowalski's own`);
  }
}

/** Alerts and what belongs to them, also of surveys of which nothing is stored yet; skymaps of events. */
const OWN_COLLECTIONS: ReadonlySet<string> = new Set([
  "skymaps",
  ...surveys.flatMap((survey) => [...Object.values(survey.collections), classificationsOf(survey)]),
]);

/** Checks the fields of an index. Throws `SpecError`. */
export function checkIndexFields(option: string, fields: readonly string[]): void {
  const wrong = fields.find((field) => field.split(".").some((part) => !/^[^$\0][^\0]*$/.test(part)));
  if (fields.length === 0) throw new SpecError(option, "expected at least one field");
  if (wrong !== undefined) throw new SpecError(option, `"${wrong}" is no name of a field`);
}

/** `hours,deg`, or one unit for both, as units of right ascension and declination. Throws `SpecError`. */
export function parseUnits(text: string): [ra: CoordinateUnit, dec: CoordinateUnit] {
  const units = text.split(",").map((unit) => {
    const known = COORDINATE_UNITS.find((name) => name === unit.trim());
    if (known === undefined) {
      throw new SpecError("units", `expected ${COORDINATE_UNITS.join(", ")}, found ${unit}`);
    }
    return known;
  });
  const [ra = "auto", dec = ra === "hours" ? "deg" : ra, ...more] = units;
  if (more.length > 0) {
    throw new SpecError("units", "expected at most two, of right ascension and declination");
  }
  if (dec === "hours") throw new SpecError("units", "a declination is not in hours");
  return [ra, dec];
}

/** Columns, each perhaps with its type as in `name:string`. Throws `SpecError`. */
export function parseColumns(columns: readonly string[]): Pick<CatalogSpec, "columns" | "types"> {
  const types: Record<string, ColumnType> = {};
  const names = columns.map((column) => {
    const [, name, type] = /^(.*):(\w+)$/.exec(column) ?? [];
    if (name === undefined || type === undefined) return column;
    const known = COLUMN_TYPES.find((one) => one === type);
    if (known === undefined) {
      throw new SpecError(
        "columns",
        `${column}: expected one of ${COLUMN_TYPES.join(", ")} behind the colon`,
      );
    }
    types[name] = known;
    return name;
  });
  return { columns: names, ...(Object.keys(types).length === 0 ? {} : { types }) };
}

/** One character; `\\t` is a tab. Throws `SpecError`. */
export function parseDelimiter(text: string): string {
  if (text === "\\t") return "\t";
  if (text.length !== 1 || /["\r\n]/.test(text)) throw new SpecError("delimiter", "expected one character");
  return text;
}
