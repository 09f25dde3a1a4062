/** From the rows of a table to the documents of a catalogue. */
import { type Document, setField, type Value } from "../query/index.ts";
import { CoordinateError } from "../sky/index.ts";
import { type CoordinateReader, catalogCoordinates, decReader, raReader, UnitError } from "./coordinates.ts";
import { type Preset, presetNamed } from "./presets/index.ts";
import { type CatalogSpec, DEC_NAMES, RA_NAMES } from "./spec.ts";
import { type Cell, type Table, TableError } from "./table.ts";

/** A document, `undefined` for a row that is left out on purpose, or what is wrong with the row. */
export type RowResult = Document | undefined | string;

/** Rows of the k-th file are numbered from (k − 1) · 2³² + 1, so that no two files share a number. */
const ROWS_PER_FILE = 2n ** 32n;
const LARGEST_INT32 = 2 ** 31 - 1;

/** Reads a file's rows as documents; the constructor throws `TableError` for columns that are not there. */
export class RowReader {
  readonly #names: readonly string[];
  readonly #fields: readonly { readonly column: number; readonly name: string }[];
  readonly #position: { readonly ra: number; readonly dec: number };
  readonly #ra: CoordinateReader;
  readonly #dec: CoordinateReader;
  readonly #id: number | undefined;
  readonly #preset: Preset | undefined;
  readonly #base: bigint;

  /** Positions of the columns whose values are read. */
  readonly needed: ReadonlySet<number>;

  constructor(
    readonly file: string,
    table: Table,
    spec: CatalogSpec,
    fileNumber: number,
  ) {
    const names = table.columns.map(({ name }) => name);
    this.#names = names;
    const places = placesOf(file, names, spec);
    this.#position = places;
    this.#id = places.id;
    this.#ra = raReader(spec.raUnit, table.columns[places.ra]?.unit);
    this.#dec = decReader(spec.decUnit, table.columns[places.dec]?.unit);
    this.#preset = spec.preset === undefined ? undefined : presetNamed(spec.preset);
    this.#base = BigInt(fileNumber - 1) * ROWS_PER_FILE;
    this.#fields = fieldsOf(file, names, spec, this.#preset).filter(({ name }) => name !== "_id");
    const { ra, dec, id } = places;
    this.needed = new Set([
      ...this.#fields.map(({ column }) => column),
      ra,
      dec,
      ...(id === undefined ? [] : [id]),
    ]);
  }

  /** The document of row number `row`, from 1. Throws `TableError` when the unit of its position is not known. */
  read(cells: readonly Cell[], row: number): RowResult {
    let id: Value;
    if (this.#id === undefined) id = this.#number(row);
    else {
      const cell = cells[this.#id];
      const problem = idProblem(cell);
      if (problem !== undefined) return problem;
      id = this.#preset?.idAsText === true ? String(cell) : (cell as Value);
    }
    const document: Document = { _id: id };
    for (const { column, name } of this.#fields) {
      const cell = cells[column];
      if (cell !== undefined) setField(document, name, cell);
    }
    if (this.#preset?.keep?.(document) === false) return undefined;
    this.#preset?.adapt?.(document);
    return this.#withCoordinates(document, cells);
  }

  #withCoordinates(document: Document, cells: readonly Cell[]): RowResult {
    const { ra, dec } = this.#position;
    let column = ra;
    try {
      const longitude = this.#ra(cells[ra]);
      column = dec;
      document["coordinates"] = catalogCoordinates(longitude, this.#dec(cells[dec]));
      return document;
    } catch (error) {
      if (error instanceof CoordinateError) return error.message;
      if (!(error instanceof UnitError)) throw error;
      throw new TableError(this.file, `column ${this.#names[column]}: ${error.message}`);
    }
  }

  #number(row: number): number | bigint {
    const number = this.#base + BigInt(row);
    return number <= LARGEST_INT32 ? Number(number) : number;
  }
}

function idProblem(cell: Cell): string | undefined {
  if (cell === undefined || cell === null || cell === "") return "the column of _id has no value";
  if (typeof cell === "string" || typeof cell === "bigint") return undefined;
  if (typeof cell === "number" && Number.isInteger(cell)) return undefined;
  return `_id: expected an integer or a text, found ${String(cell).slice(0, 40)}`;
}

function placesOf(file: string, names: readonly string[], spec: CatalogSpec) {
  return {
    ra: spec.ra === undefined ? usual(file, names, RA_NAMES, "ra") : columnNamed(file, names, spec.ra, "ra"),
    dec:
      spec.dec === undefined
        ? usual(file, names, DEC_NAMES, "dec")
        : columnNamed(file, names, spec.dec, "dec"),
    id: idColumn(file, names, spec.id),
  };
}

/** A column that is called `_id` is meant to be it. */
function idColumn(file: string, names: readonly string[], wanted: string | undefined): number | undefined {
  if (wanted !== undefined) return columnNamed(file, names, wanted, "id");
  return names.includes("_id") ? names.indexOf("_id") : undefined;
}

function usual(file: string, names: readonly string[], wanted: readonly string[], option: string): number {
  const lower = names.map((name) => name.toLowerCase());
  for (const name of wanted) {
    const at = lower.indexOf(name);
    if (at >= 0) return at;
  }
  throw new TableError(
    file,
    `no column looks like ${option}: name it with --${option}; there are: ${listed(names)}`,
  );
}

function columnNamed(file: string, names: readonly string[], wanted: string, option: string): number {
  const at = names.indexOf(wanted);
  if (at >= 0) return at;
  const lower = names.map((name) => name.toLowerCase());
  const close = lower.indexOf(wanted.toLowerCase());
  if (close >= 0 && close === lower.lastIndexOf(wanted.toLowerCase())) return close;
  throw new TableError(file, `--${option}: there is no column "${wanted}"; there are: ${listed(names)}`);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 40).join(", ");
  return names.length > 40 ? `${shown} and ${names.length - 40} more` : shown;
}

/** The columns that are kept, with the names of their fields. */
function fieldsOf(file: string, names: readonly string[], spec: CatalogSpec, preset: Preset | undefined) {
  const wanted = spec.columns?.map((name) => columnNamed(file, names, name, "columns"));
  const taken = new Set<string>(["coordinates"]);
  return names.flatMap((column, index) => {
    if (column === "" || (wanted !== undefined && !wanted.includes(index))) return [];
    const name = fieldName(preset?.rename?.[column] ?? column);
    if (name === "coordinates") return [];
    if (taken.has(name))
      throw new TableError(
        file,
        `two columns would become the field "${name}": leave one out with --columns`,
      );
    taken.add(name);
    return [{ column: index, name }];
  });
}

/** A column's name as the name of a field, in which dots and dollars have a meaning. */
function fieldName(column: string): string {
  return column.replaceAll(".", "_").replaceAll("\0", "").replace(/^\$/, "_");
}
