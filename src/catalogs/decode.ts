/** Reads one file of a load and turns its rows into those of the store, piece by piece. */
import type { Document } from "../query/index.ts";
import type { CatalogEncoder, EncodedRows } from "../store/index.ts";
import { openTable } from "./open.ts";
import { RowReader } from "./rows.ts";
import type { CatalogSpec } from "./spec.ts";
import { type BadRow, BLOCK_ROWS, type PlaceKind, type Share, type TablePiece } from "./table.ts";

/** Of the rows that are written together there are fewer than a block's when they are long: an estimate of the characters of a batch. */
const LONGEST_BATCH = 4_000_000;

export interface DecodeRequest {
  readonly path: string;
  readonly spec: CatalogSpec;
  /** From 1; for the numbers of the rows. */
  readonly fileNumber: number;
  /** Rows that are stored already. */
  readonly skip: number;
  /** The rows that are decoded; all when left out. */
  readonly share?: Share;
}

export interface DecodedPiece {
  readonly encoded: EncodedRows;
  /** Rows of the file that are done with this piece, bad and omitted ones included. */
  readonly rows: number;
  /** Rows that a preset's cuts left out. */
  readonly omitted: number;
  readonly bad: readonly BadRow[];
  readonly placesAre: PlaceKind;
  /** What the user should know of how the file is read. */
  readonly notes: readonly string[];
  readonly bytesRead: number;
  /** Rows of the whole file, when it says so. */
  readonly rowCount: number | undefined;
}

/** Yields a file's rows behind the first `skip`. Throws `TableError`. */
export async function* decodeFile(
  request: DecodeRequest,
  encoder: CatalogEncoder,
): AsyncGenerator<DecodedPiece> {
  const { path, spec, skip, share } = request;
  const { delimiter, header, nulls, types, hdu } = spec;
  const table = await openTable(path, {
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(header === undefined ? {} : { header }),
    ...(nulls === undefined ? {} : { nulls }),
    ...(types === undefined ? {} : { types }),
    ...(hdu === undefined ? {} : { hdu }),
  });
  try {
    const reader = new RowReader(path, table, spec, request.fileNumber);
    for await (const piece of table.read(skip, reader.needed, share)) {
      const placesAre = piece.places === undefined ? "row" : "line";
      const notes = [...(piece.notes ?? [])];
      for (const part of partsOf(piece, reader)) {
        const { documents, ...rest } = part;
        const encoded = encoder.encode(documents);
        yield {
          ...rest,
          encoded,
          placesAre,
          notes: notes.splice(0),
          bytesRead: table.bytesRead(),
          rowCount: table.rowCount,
        };
      }
    }
  } finally {
    await table.close();
  }
}

interface Part {
  readonly documents: readonly Document[];
  readonly rows: number;
  readonly omitted: number;
  readonly bad: readonly BadRow[];
}

/** A piece of a table as batches of documents. */
function* partsOf(piece: TablePiece, reader: RowReader): Generator<Part> {
  let documents: Document[] = [];
  let bad: BadRow[] = [];
  let omitted = 0;
  let size = 0;
  const known = new Map(piece.bad.map((row) => [row.place, row]));
  for (const [i, cells] of piece.rows.entries()) {
    const row = piece.first + i;
    const place = piece.places?.[i] ?? row;
    if (cells === undefined) bad.push(known.get(place) ?? { place, reason: "it cannot be read" });
    else {
      const result = reader.read(cells, row);
      if (typeof result === "string") bad.push({ place, reason: result });
      else if (result === undefined) omitted++;
      else {
        documents.push(result);
        size += sizeOf(cells);
      }
    }
    if (documents.length < BLOCK_ROWS && size < LONGEST_BATCH && i < piece.rows.length - 1) continue;
    yield { documents, rows: row, omitted, bad };
    documents = [];
    bad = [];
    omitted = 0;
    size = 0;
  }
}

/** About how many characters a row takes. */
function sizeOf(cells: readonly unknown[]): number {
  let size = 0;
  for (const cell of cells) {
    if (typeof cell === "string") size += cell.length;
    else if (Array.isArray(cell)) size += 16 + sizeOf(cell);
    else size += 16;
  }
  return size;
}
