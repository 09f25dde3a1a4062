/** Puts objects together: the aux document of an object from its chunks of history. */
import type { Database, Statement } from "bun:sqlite";
import type { Document } from "../../query/index.ts";
import { inOrder, keepBest, type RankedRow, type StoredObject } from "../object-record.ts";
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
      document[field] = inOrder(this.rows(object.n, number));
    });
    document["cross_matches"] = object.cross_matches === null ? {} : decodeDocument(object.cross_matches);
    return { document, size: this.#size };
  }

  /** An object as it is stored, for a record that grows. */
  stored(object: ObjectRow): StoredObject {
    const { fields } = this.layout;
    return {
      kept: fields.filter((_, number) => ((Number(object.kept) >> number) & 1) === 1),
      crossMatches: () => (object.cross_matches === null ? {} : decodeDocument(object.cross_matches)),
      rows: (field) => this.rows(object.n, fields.indexOf(field)),
    };
  }

  /**
   * The rows of an object's history, by the number of its field, under the hashes of their keys. Where a key
   * came more than once, the row with the smallest rank, then the first.
   */
  rows(object: bigint, fieldNumber: number): Map<bigint, RankedRow> {
    const best = new Map<bigint, RankedRow>();
    const series = Number(object) * SERIES_PER_OBJECT + fieldNumber;
    for (const chunk of this.#chunks.all(series) as ChunkRow[]) {
      const rank = chunk.rank ?? 0;
      // As objects rows take about four times their bytes.
      this.#size += 4 * chunk.rows.length;
      const reader = new RowReader(chunk.rows);
      for (const key of keysOf(chunk.keys)) {
        const { shape, jd } = reader.header();
        keepBest(best, key, { row: reader.row(this.#shapes.of(shape)), jd, rank });
      }
    }
    return best;
  }
}
