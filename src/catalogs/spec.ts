/** What a load is told: which columns mean what, and how rows become documents. */
import type { CoordinateUnit } from "./coordinates.ts";
import type { ColumnType } from "./table.ts";

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
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,119}$/;

/** Why a text is no name of a catalogue; undefined when it is one. */
export function nameProblem(name: string): string | undefined {
  if (NAME.test(name) && !name.startsWith("system.")) return undefined;
  return `"${name}" is no name of a catalogue: expected a letter, then letters, digits, "_", "-" or "."`;
}
