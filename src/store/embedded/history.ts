/**
 * An object's histories in chunks: an alert appends at most one chunk a history, with only the rows that are
 * new, and looks only at the chunks that overlap its packet's window. So an object with 5,000 points costs
 * an alert no more than one with 5.
 *
 * A chunk's `points` are pairs of doubles: a 52-bit hash of the row's key, and the row's Julian date. Its
 * `rows` are the encoded rows, a line each.
 */
import type { Database, Statement } from "bun:sqlite";
import type { Document } from "../../query/index.ts";
import type { HistoryUpdate } from "../alert-record.ts";
import { decodeDocument, encodeDocument } from "./encoding.ts";

/** A `HistoryUpdate` in bytes. */
export interface EncodedHistory {
  readonly field: string;
  readonly lowestRank: boolean;
  readonly rank: number | null;
  readonly startsRecord: boolean;
  readonly minJd: number;
  readonly maxJd: number;
  readonly points: Float64Array;
  readonly rows: string;
}

export function encodeHistory(update: HistoryUpdate): EncodedHistory {
  const { jds, keys, rows } = update;
  const points = new Float64Array(2 * rows.length);
  for (let i = 0; i < rows.length; i++) {
    points[2 * i] = keyHash(keys[i] ?? "");
    points[2 * i + 1] = jds[i] ?? Number.NaN;
  }
  return {
    field: update.field,
    lowestRank: update.merge === "lowest-rank",
    rank: update.rank ?? null,
    startsRecord: update.startsRecord,
    minJd: jds[0] ?? 0,
    maxJd: jds.at(-1) ?? 0,
    points,
    rows: rows.map(encodeDocument).join("\n"),
  };
}

/** xxHash64 of the key, cut to 52 bits so that a double holds it; part of the layout on disk. */
function keyHash(key: string): number {
  return Number(Bun.hash.xxHash64(key) >> 12n);
}

interface ChunkRow {
  field: string;
  rank: number | null;
  points: Uint8Array;
  rows: string;
}

/** Reads and appends the chunks of one aux collection. */
export class Histories {
  readonly #overlapping: Statement<
    Pick<ChunkRow, "rank" | "points">,
    [number | bigint, string, number, number]
  >;
  readonly #append: Statement;
  readonly #all: Statement<ChunkRow, [number | bigint]>;

  constructor(database: Database, table: string) {
    this.#overlapping = database.prepare(
      `SELECT rank, points FROM ${table}_history WHERE object = ? AND field = ? AND max_jd >= ? AND min_jd <= ?`,
    );
    this.#append = database.prepare(
      `INSERT INTO ${table}_history (object, field, min_jd, max_jd, rank, points, rows) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#all = database.prepare(
      `SELECT field, rank, points, rows FROM ${table}_history WHERE object = ? ORDER BY id`,
    );
  }

  /** Appends the rows of an update that the object does not have yet. */
  append(object: number | bigint, update: EncodedHistory, isNewObject: boolean): void {
    if (update.points.length === 0) return;
    const fresh = isNewObject ? withinUpdate(update) : this.#fresh(object, update);
    if (fresh.points.length === 0) return;
    const { field, rank } = update;
    const points = new Uint8Array(fresh.points.buffer, fresh.points.byteOffset, fresh.points.byteLength);
    const minJd = fresh.points[1] ?? 0;
    const maxJd = fresh.points[fresh.points.length - 1] ?? 0;
    this.#append.run(object, field, minJd, maxJd, rank, points, fresh.rows);
  }

  #fresh(object: number | bigint, update: EncodedHistory): Pick<EncodedHistory, "points" | "rows"> {
    const stored = new Map<number, number>();
    for (const { rank, points } of this.#overlapping.all(object, update.field, update.minJd, update.maxJd)) {
      const numbers = toDoubles(points);
      for (let i = 0; i < numbers.length; i += 2) {
        const key = numbers[i] ?? 0;
        stored.set(
          key,
          Math.min(stored.get(key) ?? Number.POSITIVE_INFINITY, rank ?? Number.NEGATIVE_INFINITY),
        );
      }
    }
    const rank = update.rank ?? Number.POSITIVE_INFINITY;
    return select(update, (key) => {
      const known = stored.get(key);
      return known === undefined || (update.lowestRank && rank < known);
    });
  }

  /** The stored histories of an object, by field, each in time order; rows are decoded as they are read. */
  read(object: number | bigint): Map<string, Document[]> {
    const byField = new Map<string, ChunkRow[]>();
    for (const chunk of this.#all.all(object)) {
      const chunks = byField.get(chunk.field);
      if (chunks === undefined) byField.set(chunk.field, [chunk]);
      else chunks.push(chunk);
    }
    return new Map([...byField].map(([field, chunks]) => [field, mergeChunks(chunks)]));
  }
}

/** The first of rows with the same key within one packet. */
function withinUpdate(update: EncodedHistory): Pick<EncodedHistory, "points" | "rows"> {
  return select(update, () => true);
}

function select(
  update: EncodedHistory,
  wanted: (key: number) => boolean,
): Pick<EncodedHistory, "points" | "rows"> {
  const { points } = update;
  const seen = new Set<number>();
  const kept: number[] = [];
  for (let i = 0; i < points.length; i += 2) {
    const key = points[i] ?? 0;
    if (seen.has(key) || !wanted(key)) continue;
    seen.add(key);
    kept.push(i);
  }
  if (2 * kept.length === points.length) return update;
  const lines = update.rows.split("\n");
  return {
    points: Float64Array.from(kept.flatMap((i) => [points[i] ?? 0, points[i + 1] ?? 0])),
    rows: kept.map((i) => lines[i / 2]).join("\n"),
  };
}

/** Puts chunks together: per key the row of the smallest rank (the first stored of equal ones), by time. */
function mergeChunks(chunks: readonly ChunkRow[]): Document[] {
  const rows = new Map<number, { rank: number; jd: number; line: string }>();
  for (const chunk of chunks) {
    const points = toDoubles(chunk.points);
    const rank = chunk.rank ?? Number.NEGATIVE_INFINITY;
    chunk.rows.split("\n").forEach((line, i) => {
      const key = points[2 * i] ?? 0;
      const known = rows.get(key);
      if (known === undefined || rank < known.rank) rows.set(key, { rank, jd: points[2 * i + 1] ?? 0, line });
    });
  }
  const sorted = [...rows.values()].sort((a, b) => a.jd - b.jd);
  return sorted.map(({ line }) => decodeDocument(line));
}

function toDoubles(blob: Uint8Array): Float64Array {
  // A blob of SQLite need not lie on an 8-byte boundary.
  return blob.byteOffset % 8 === 0
    ? new Float64Array(blob.buffer, blob.byteOffset, blob.byteLength / 8)
    : new Float64Array(blob.slice().buffer);
}
