/** FITS files as tables: one binary table of the file, row by row. */
import { type Cursor, openCursor } from "../cursor.ts";
import {
  type BadRow,
  type Cell,
  type Column,
  rowsOfShare,
  type Share,
  type Table,
  TableError,
  type TableOptions,
  type TablePiece,
} from "../table.ts";
import { columnsOf, type FitsColumn } from "./columns.ts";
import { BLOCK, dataSize, FitsError, type Header, readHeader } from "./header.ts";
import { Heap } from "./heap.ts";

/** Bytes of rows that are read at a time. */
const PIECE = 1024 * 1024;
/** A row that is longer is no catalogue's: the header is damaged. */
const LONGEST_ROW = 32 * 1024 * 1024;
/** Elements from the heap after which a piece ends, so that memory stays small. */
const MOST_HEAP_BYTES = 4 * 1024 * 1024;

/** Opens the first binary table of a file, or that of extension `hdu`. Throws `TableError`. */
export async function openFits(path: string, { hdu }: TableOptions): Promise<Table> {
  const cursor = await openCursor(path);
  try {
    const { header, number } = await findTable(path, cursor, hdu);
    return await inWords(path, `extension ${number}`, async () => {
      const columns = columnsOf(header);
      if (header.size("NAXIS1") > LONGEST_ROW)
        throw new FitsError(`rows of ${header.size("NAXIS1")} bytes are no catalogue's`);
      const heap = columns.some(({ descriptor }) => descriptor !== undefined)
        ? await openHeap(path, header, cursor.position)
        : undefined;
      return new FitsTable(path, cursor, header, columns, heap);
    });
  } catch (error) {
    await cursor.close();
    throw error;
  }
}

function openHeap(path: string, header: Header, start: number): Promise<Heap> {
  const rows = header.size("NAXIS1") * header.size("NAXIS2");
  const gap = header.size("THEAP", rows) - rows;
  if (gap < 0) throw new FitsError("THEAP lies within the rows");
  return Heap.open(path, start + rows + gap, Math.max(0, header.size("PCOUNT", 0) - gap));
}

/** Reads headers until that of the wanted table; the cursor stands at its data then. */
async function findTable(path: string, cursor: Cursor, hdu: number | undefined) {
  const seen: string[] = [];
  for (let number = 0; ; number++) {
    const header = await inWords(path, `extension ${number}, at byte ${cursor.position}`, () =>
      readHeader(cursor),
    );
    if (header === undefined) break;
    const kind = number === 0 ? "primary" : (header.text("XTENSION")?.trim() ?? "unknown");
    seen.push(`${number} ${kind}`);
    if (number === hdu || (hdu === undefined && kind === "BINTABLE")) {
      if (kind !== "BINTABLE")
        throw new TableError(path, `extension ${number} is ${kind}, not a binary table (BINTABLE)`);
      if (header.isTrue("ZTABLE"))
        throw new TableError(path, "the table is compressed: unpack it with funpack first");
      return { header, number };
    }
    const bytes = await inWords(path, `extension ${number}`, async () => dataSize(header));
    const padded = Math.ceil(bytes / BLOCK) * BLOCK;
    if ((await cursor.skip(padded)) < bytes)
      throw new TableError(path, `it is cut off in extension ${number}: get the file again`);
  }
  const wanted = hdu === undefined ? "a binary table (BINTABLE)" : `an extension ${hdu}`;
  throw new TableError(path, `there is no ${wanted.replace(/^an? /, "")}; there are: ${seen.join(", ")}`);
}

async function inWords<T>(path: string, place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FitsError) throw new TableError(path, `${place}: ${error.message}`);
    throw error;
  }
}

class FitsTable implements Table {
  readonly format = "FITS";
  readonly columns: readonly Column[];
  readonly rowCount: number;
  readonly #width: number;

  constructor(
    readonly path: string,
    readonly cursor: Cursor,
    header: Header,
    readonly fields: readonly FitsColumn[],
    readonly heap: Heap | undefined,
  ) {
    this.columns = fields.map(({ name, unit }) => ({ name, ...(unit === undefined ? {} : { unit }) }));
    this.rowCount = header.size("NAXIS2");
    this.#width = header.size("NAXIS1");
  }

  async *read(skip: number, needed: ReadonlySet<number>, share?: Share): AsyncGenerator<TablePiece> {
    if (this.#width === 0) return;
    let row = Math.min(skip, this.rowCount);
    await this.cursor.skip(row * this.#width);
    const atOnce = Math.max(1, Math.floor(PIECE / this.#width));
    while (row < this.rowCount) {
      const wanted = Math.min(atOnce, this.rowCount - row);
      const bytes = await this.cursor.read(wanted * this.#width);
      const count = Math.floor(bytes.length / this.#width);
      for (const [from, to] of rowsOfShare(row, row + count, share)) {
        const own = bytes.subarray((from - row) * this.#width, (to - row) * this.#width);
        yield* this.#pieces(own, to - from, from, needed);
      }
      row += count;
      if (count < wanted) {
        throw new TableError(
          this.path,
          `it is cut off behind row ${row} of ${this.rowCount}: get the file again`,
        );
      }
    }
  }

  /** The rows of one read; in several pieces when the heap gives them much. */
  *#pieces(
    bytes: Uint8Array,
    count: number,
    before: number,
    needed: ReadonlySet<number>,
  ): Generator<TablePiece> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let rows: (readonly Cell[] | undefined)[] = [];
    let bad: BadRow[] = [];
    let first = before + 1;
    for (let i = 0; i < count; i++) {
      const budget = { bytes: MOST_HEAP_BYTES };
      const cells = this.#cells(view, i * this.#width, needed, budget);
      if (typeof cells === "string") bad.push({ place: first + rows.length, reason: cells });
      rows.push(typeof cells === "string" ? undefined : cells);
      this.#heapBytes += MOST_HEAP_BYTES - budget.bytes;
      if (this.#heapBytes < MOST_HEAP_BYTES && i < count - 1) continue;
      this.#heapBytes = 0;
      yield { first, rows, bad };
      first += rows.length;
      rows = [];
      bad = [];
    }
  }

  #heapBytes = 0;

  #cells(
    view: DataView,
    at: number,
    needed: ReadonlySet<number>,
    budget: { bytes: number },
  ): Cell[] | string {
    const cells = new Array<Cell>(this.fields.length);
    for (let i = 0; i < this.fields.length; i++) {
      const column = this.fields[i];
      if (column === undefined || !needed.has(i)) continue;
      const { descriptor, offset, count } = column;
      if (descriptor === undefined) {
        cells[i] = column.read(view, at + offset, count);
      } else if (count > 0) {
        const cell = this.#heapCell(view, at + offset, column, budget);
        if (cell instanceof CellProblem) return cell.reason;
        cells[i] = cell;
      }
    }
    return cells;
  }

  #heapCell(view: DataView, at: number, column: FitsColumn, budget: { bytes: number }): Cell | CellProblem {
    const span =
      column.descriptor === 4
        ? { count: view.getInt32(at), offset: view.getInt32(at + 4) }
        : { count: Number(view.getBigInt64(at)), offset: Number(view.getBigInt64(at + 8)) };
    if (span.count === 0 || this.heap === undefined) return undefined;
    const problem = this.heap.problemOf(span, column);
    if (problem !== undefined) return new CellProblem(problem);
    const elements = this.heap.read(span, column);
    if (elements === undefined)
      return new CellProblem(`column ${column.name}: the file ends before its elements`);
    budget.bytes -= elements.byteLength;
    return column.read(elements, 0, span.count);
  }

  bytesRead(): number {
    return this.cursor.bytesRead();
  }

  async close(): Promise<void> {
    this.heap?.close();
    await this.cursor.close();
  }
}

class CellProblem {
  constructor(readonly reason: string) {}
}
