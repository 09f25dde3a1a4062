/** Rows of catalogues for cross-matching, from the embedded store. */
import type { Database } from "bun:sqlite";
import type { Document } from "../../query/index.ts";
import type { CellRange } from "../../sky/index.ts";
import {
  type CatalogReader,
  type CatalogState,
  type Cone,
  POSITION_PATH,
  type PositionPiece,
  positionOf,
  type RowKey,
} from "../catalog-reader.ts";
import { columnFor } from "./access.ts";
import { decodeDocument } from "./encoding.ts";
import { type CollectionLayout, findLayout } from "./layout.ts";
import { cellOf, cellRanges } from "./position.ts";

/** Rows that are read before others get their turn. */
const PIECE = 2000;

/** Reads on a connection of the caller's thread. */
export class EmbeddedCatalogReader implements CatalogReader {
  /** The same list of cones is asked of one catalogue after the other. */
  readonly #ranges = new WeakMap<readonly Cone[], { readonly ranges: readonly CellRange[] | undefined }>();

  constructor(readonly database: Database) {}

  async states(collections: readonly string[]): Promise<ReadonlyMap<string, CatalogState>> {
    const rows = this.database
      .query<{ name: string; id: bigint; documents: bigint; changes: bigint }, [string]>(
        "SELECT name, id, documents, changes FROM collections WHERE name IN (SELECT value FROM json_each(?))",
      )
      .all(JSON.stringify(collections));
    return new Map(
      rows.map(({ name, id, documents, changes }) => [
        name,
        { mark: `${id}/${changes}`, rows: Number(documents) },
      ]),
    );
  }

  async rowsNear(collection: string, cones: readonly Cone[]): Promise<Document[]> {
    const layout = this.#layout(collection);
    if (layout === undefined || cones.length === 0) return [];
    const ranges = this.#rangesOf(cones);
    const column = columnFor(POSITION_PATH, "position", layout)?.name;
    if (ranges === undefined || column === undefined) return this.#scan(layout, ranges);
    // The ranges lead: each is looked up in the index of the column.
    const sql =
      "SELECT doc FROM (SELECT value->>0 AS first, value->>1 AS last FROM json_each(?)) " +
      `CROSS JOIN c${layout.id} ON ${column} BETWEEN first AND last`;
    const rows = this.database.query<{ doc: string }, [string]>(sql).all(JSON.stringify(ranges));
    return rows.map(({ doc }) => decodeDocument(doc));
  }

  /** The cells of cones; undefined where a look at every row serves better. */
  #rangesOf(cones: readonly Cone[]): readonly CellRange[] | undefined {
    const known = this.#ranges.get(cones);
    if (known !== undefined) return known.ranges;
    const regions = cones.map(
      ({ longitude, latitude, radius }) => ({ kind: "cone", center: [longitude, latitude], radius }) as const,
    );
    const ranges = cellRanges({ kind: "union", regions });
    this.#ranges.set(cones, { ranges });
    return ranges;
  }

  async *positions(collection: string): AsyncGenerator<PositionPiece> {
    const layout = this.#layout(collection);
    if (layout === undefined) return;
    const column = columnFor(POSITION_PATH, "position", layout)?.name ?? "NULL";
    const page = this.database.query<PositionRow, [bigint]>(
      `SELECT n, ${column} AS cell, doc FROM c${layout.id} WHERE n > ? ORDER BY n LIMIT ${PIECE}`,
    );
    for (let last = -(2n ** 63n); ; ) {
      const rows = page.all(last);
      const lastRow = rows.at(-1);
      if (lastRow === undefined) return;
      last = lastRow.n;
      yield pieceOf(rows);
    }
  }

  async rows(collection: string, keys: readonly RowKey[]): Promise<Document[]> {
    const layout = this.#layout(collection);
    if (layout === undefined || keys.length === 0) return [];
    const numbers = keys.map((key) => new DataView(key.buffer, key.byteOffset).getBigInt64(0, true));
    const rows = this.database
      .query<{ doc: string }, [string]>(`SELECT doc FROM json_each(?) CROSS JOIN c${layout.id} ON n = value`)
      .all(`[${numbers.join()}]`);
    return rows.map(({ doc }) => decodeDocument(doc));
  }

  /** Looks at every row of a collection that has no index of positions. */
  #scan(layout: CollectionLayout, ranges: readonly CellRange[] | undefined): Document[] {
    const found: Document[] = [];
    const all = this.database.query<{ doc: string }, []>(`SELECT doc FROM c${layout.id}`);
    for (const { doc } of all.iterate()) {
      const row = decodeDocument(doc);
      const position = positionOf(row);
      const cell = position === undefined ? undefined : cellOf(...position);
      if (cell !== undefined && (ranges === undefined || isWithin(ranges, cell))) found.push(row);
    }
    return found;
  }

  /** Of a collection whose rows are documents. */
  #layout(collection: string): CollectionLayout | undefined {
    const layout = findLayout(this.database, collection);
    return layout?.kind === "plain" || layout?.kind === "alerts" ? layout : undefined;
  }
}

function isWithin(ranges: readonly CellRange[], cell: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.[1] ?? 0) < cell) low = middle + 1;
    else high = middle;
  }
  const range = ranges[low];
  return range !== undefined && range[0] <= cell;
}

interface PositionRow {
  readonly n: bigint;
  /** What the index of positions holds, where there is one. */
  readonly cell: bigint | Uint8Array | null;
  readonly doc: string;
}

function pieceOf(rows: readonly PositionRow[]): PositionPiece {
  const longitudes: number[] = [];
  const latitudes: number[] = [];
  const keys: RowKey[] = [];
  for (const { n, cell, doc } of rows) {
    const position = readPosition(doc, cell) ?? positionOf(decodeDocument(doc));
    if (position === undefined) continue;
    longitudes.push(position[0]);
    latitudes.push(position[1]);
    keys.push(new Uint8Array(BigInt64Array.of(n).buffer));
  }
  return { longitudes: Float64Array.from(longitudes), latitudes: Float64Array.from(latitudes), keys };
}

/** How a position begins in the text of a document. */
const POSITION_TEXT = '"radec_geojson":{"type":"Point","coordinates":[';

/**
 * The position as it stands in a document's text, which spares reading all of its fields; undefined unless it lies
 * in the cell that the index has for the document: another field may look the same.
 */
function readPosition(
  doc: string,
  cell: PositionRow["cell"],
): [longitude: number, latitude: number] | undefined {
  const start = doc.indexOf(POSITION_TEXT) + POSITION_TEXT.length;
  if (typeof cell !== "bigint" || start < POSITION_TEXT.length) return undefined;
  const comma = doc.indexOf(",", start);
  const longitude = Number(doc.slice(start, comma));
  const latitude = Number(doc.slice(comma + 1, doc.indexOf("]", comma)));
  return cellOf(longitude, latitude) === Number(cell) ? [longitude, latitude] : undefined;
}
