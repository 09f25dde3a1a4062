/** HEALPix maps in FITS files: flat ones in either scheme, whole or partial, and multi-order ones. */
import { gunzipSync } from "node:zlib";
import { columnsOf, dataSize, type FitsColumn, FitsError, Header } from "../../catalogs/index.ts";
import { toNumber, type Value } from "../../query/index.ts";
import {
  cellCount,
  eclipticVector,
  flatMap,
  galacticVector,
  nestedOfRing,
  type SkyMap,
  SkyMapError,
  turnedMap,
  uniqMap,
  type Vector,
} from "../../sky/index.ts";

const BLOCK = 2880;
/** Larger files are refused, bytes when unpacked: they take several times as much memory. */
const MOST_BYTES = 256 * 1024 * 1024;
/** Flat maps of more cells take too much memory: about half a gigabyte at this order. */
const FINEST_FLAT = 10;
/** Names of the column of probability, and of density, as they are found in files. */
const PROBABILITY = ["PROB", "PROBABILITY", "T", "TEMPERATURE", "SIGNAL"];
const DENSITY = ["PROBDENSITY", "PROB_DENSITY"];

/** What COORDSYS says of the frame: the letters of HEALPix, and words. */
const EQUATORIAL = ["", "C", "Q", "CELESTIAL", "EQUATORIAL", "ICRS", "FK5", "J2000", "RADEC"];
const TURNS: readonly { readonly words: readonly string[]; readonly into: (point: Vector) => Vector }[] = [
  { words: ["G", "GAL", "GALACTIC"], into: galacticVector },
  { words: ["E", "ECL", "ECLIPTIC"], into: eclipticVector },
];

/** The map in a file, gzipped or not. Throws `SkyMapError`. */
export function readFitsMap(file: Uint8Array): SkyMap {
  try {
    return new MapFile(unpacked(file)).read();
  } catch (error) {
    if (error instanceof FitsError || error instanceof RangeError) {
      throw new SkyMapError(`the FITS file cannot be read: ${error.message}`);
    }
    throw error;
  }
}

function unpacked(file: Uint8Array): Uint8Array {
  if (file[0] !== 0x1f || file[1] !== 0x8b) return file;
  try {
    return gunzipSync(file, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    throw new SkyMapError(
      `the gzipped file cannot be unpacked: ${error instanceof Error ? error.message : error}`,
    );
  }
}

class MapFile {
  #at = 0;

  constructor(readonly bytes: Uint8Array) {}

  /** The first table that looks like a map. */
  read(): SkyMap {
    let frame = "";
    for (;;) {
      const header = this.#header();
      if (header === undefined) throw new SkyMapError("the file has no table with HEALPix cells");
      // Of the table, or of the file.
      frame = header.text("COORDSYS")?.trim().toUpperCase() || frame;
      const data = this.#at;
      this.#at += Math.ceil(dataSize(header) / BLOCK) * BLOCK;
      if (header.text("XTENSION")?.trim() !== "BINTABLE") continue;
      if (data + dataSize(header) > this.bytes.length) throw new SkyMapError("the FITS file is cut off");
      return mapOf(new TableBytes(header, this.bytes, data), frame);
    }
  }

  #header(): Header | undefined {
    if (this.#at >= this.bytes.length) return undefined;
    const header = new Header();
    for (;;) {
      const block = this.bytes.subarray(this.#at, this.#at + BLOCK);
      if (block.length < BLOCK) throw new SkyMapError("this is no FITS file, or its header is cut off");
      this.#at += BLOCK;
      if (header.take(block)) return header;
    }
  }
}

class TableBytes {
  readonly #columns: readonly FitsColumn[];
  readonly #view: DataView;

  constructor(
    readonly header: Header,
    bytes: Uint8Array,
    readonly data: number,
  ) {
    this.#columns = columnsOf(header);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  find(names: readonly string[]): FitsColumn | undefined {
    return this.#columns.find(({ name }) => names.includes(name.toUpperCase()));
  }

  /** The first column, where a map of one column has no usual name. */
  get first(): FitsColumn | undefined {
    return this.#columns[0];
  }

  /** All numbers of a column, those of a row behind each other. */
  numbers(column: FitsColumn): Float64Array {
    const rows = this.header.size("NAXIS2");
    const width = this.header.size("NAXIS1");
    const numbers = new Float64Array(rows * column.count);
    for (let row = 0; row < rows; row++) {
      const cell = column.read(this.#view, this.data + row * width + column.offset, column.count);
      if (Array.isArray(cell)) numbers.set(cell.map(numberOf), row * column.count);
      else numbers[row] = numberOf(cell);
    }
    return numbers;
  }
}

function numberOf(value: Value | undefined): number {
  return value === undefined ? Number.NaN : (toNumber(value) ?? Number.NaN);
}

function mapOf(table: TableBytes, frame: string): SkyMap {
  const turn = TURNS.find(({ words }) => words.includes(frame));
  if (turn === undefined && !EQUATORIAL.includes(frame)) {
    throw new SkyMapError(
      `COORDSYS is ${frame}: expected C (equatorial), G (galactic) or E (ecliptic); correct it, or turn the map`,
    );
  }
  const uniq = table.find(["UNIQ"]);
  if (uniq !== undefined) {
    if (turn !== undefined) {
      throw new SkyMapError(
        `COORDSYS is ${frame}: multi-order maps are taken in equatorial cells (C) only; turn it, or make it flat`,
      );
    }
    const density = table.find(DENSITY) ?? table.find(PROBABILITY);
    if (density === undefined) throw new SkyMapError(`the table has no column ${DENSITY[0]}`);
    const map = uniqMap(table.numbers(uniq), table.numbers(density));
    // Probabilities of cells of several sizes do not compare.
    if (!DENSITY.includes(density.name.toUpperCase())) {
      map.orders.forEach((order, index) => {
        map.densities[index] = (map.densities[index] ?? 0) * 4 ** order;
      });
    }
    return map;
  }
  const { order, densities } = flat(table);
  return turn === undefined ? flatMap(order, densities) : turnedMap(order, densities, turn.into);
}

/** A map of cells of one size, nested. */
function flat(table: TableBytes): { readonly order: number; readonly densities: Float64Array } {
  const { header } = table;
  const column = table.find([...PROBABILITY, ...DENSITY]) ?? table.first;
  if (column === undefined) throw new SkyMapError("the table has no column");
  const scheme = header.text("ORDERING")?.trim().toUpperCase() ?? "RING";
  if (scheme !== "RING" && !scheme.startsWith("NEST")) {
    throw new SkyMapError(`ORDERING is ${scheme}: expected RING or NESTED`);
  }
  const explicit = table.find(["PIXEL", "PIX", "IPIX", "HPXINDEX"]);
  const values = table.numbers(column);
  const side = header.has("NSIDE") ? header.size("NSIDE") : Math.sqrt(values.length / 12);
  const order = Math.log2(side);
  if (!Number.isInteger(order) || order > FINEST_FLAT) {
    throw new SkyMapError(
      `NSIDE is ${side}: expected a power of 2 up to ${2 ** FINEST_FLAT}; finer maps can be multi-order`,
    );
  }
  const cells = explicit === undefined ? undefined : table.numbers(explicit);
  if (cells === undefined && values.length !== cellCount(order)) {
    throw new SkyMapError(`${values.length} cells, but NSIDE ${side} has ${cellCount(order)}`);
  }
  const densities = new Float64Array(cellCount(order));
  const isTaken = new Uint8Array(cells === undefined ? 0 : densities.length);
  values.forEach((value, index) => {
    const cell = cells?.[index] ?? index;
    if (!(Number.isInteger(cell) && cell >= 0 && cell < densities.length)) {
      throw new SkyMapError(
        `cell ${cell} in row ${index + 1}: NSIDE ${side} has 0 to ${densities.length - 1}`,
      );
    }
    if (isTaken[cell] === 1) throw new SkyMapError(`cell ${cell} in row ${index + 1}: it is there twice`);
    isTaken[cell] = 1;
    const nested = scheme === "RING" ? nestedOfRing(order, cell) : cell;
    if (value > 0) densities[nested] = value;
  });
  return { order, densities };
}
