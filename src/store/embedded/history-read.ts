/** Puts objects together: the aux document of an object from its chunks of history. */
import type { Database, Statement } from "bun:sqlite";
import type { Document } from "../../query/index.ts";
import { decodeDocument } from "./encoding.ts";
import { keysOf, SERIES_PER_OBJECT } from "./history-write.ts";
import type { CollectionLayout } from "./layout.ts";
import { RowReader } from "./rows.ts";
import { ShapeFields } from "./shapes.ts";

/** A row of the objects table. */
export interface ObjectRow {
  readonly n: bigint;
  readonly id: string;
  readonly kept: bigint;
  readonly cross_matches: string | null;
}

interface ChunkRow {
  readonly rank: number | null;
  readonly keys: Uint8Array;
  readonly rows: Uint8Array;
}

interface Candidate {
  readonly row: Document;
  readonly jd: number;
  readonly rank: number;
}

/** Reads the objects of one survey. Lives for one database connection. */
export class HistoryReader {
  readonly #shapes: ShapeFields;
  readonly #chunks: Statement;
  #size = 0;

  constructor(
    database: Database,
    readonly layout: CollectionLayout,
  ) {
    this.#shapes = new ShapeFields(database);
    this.#chunks = database.prepare(`SELECT rank, keys, rows FROM h${layout.id} WHERE series = ? ORDER BY n`);
  }

  /** The document of an object: `_id`, its histories sorted by `jd`, its cross-matches; and its size. */
  document(object: ObjectRow): { document: Document; size: number } {
    const document: Document = { _id: object.id };
    this.#size = 2 * (object.cross_matches?.length ?? 0);
    this.layout.fields.forEach((field, number) => {
      if (((Number(object.kept) >> number) & 1) === 0) return;
      document[field] = this.#history(Number(object.n) * SERIES_PER_OBJECT + number);
    });
    document["cross_matches"] = object.cross_matches === null ? {} : decodeDocument(object.cross_matches);
    return { document, size: this.#size };
  }

  /** The rows of a series; where a key came more than once, the one with the smallest rank, then the first. */
  #history(series: number): Document[] {
    const best = new Map<bigint, Candidate>();
    for (const chunk of this.#chunks.all(series) as ChunkRow[]) {
      const rank = chunk.rank ?? 0;
      // As objects rows take about four times their bytes.
      this.#size += 4 * chunk.rows.length;
      const reader = new RowReader(chunk.rows);
      for (const key of keysOf(chunk.keys)) {
        const { shape, jd } = reader.header();
        const row = reader.row(this.#shapes.of(shape));
        const known = best.get(key);
        if (known === undefined || rank < known.rank) best.set(key, { row, jd, rank });
      }
    }
    const sorted = Array.from(best.values()).sort((a, b) => a.jd - b.jd);
    return sorted.map(({ row }) => row);
  }
}
