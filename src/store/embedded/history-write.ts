/**
 * Appends history rows: an alert adds at most one chunk per history, with the rows not stored before.
 * Only the chunks that overlap the packet's time window are looked at, and of those only the keys, so a
 * long record costs no more than a short one.
 */
import type { Database, Statement } from "bun:sqlite";
import { type EncodedHistory, type HistoryParts, partsOf } from "./encoder.ts";
import { type CollectionLayout, withFields } from "./layout.ts";
import { ShapeNumbers } from "./shapes.ts";

/** Histories per object that a series number has room for. */
export const SERIES_PER_OBJECT = 16;

interface ChunkKeys {
  keys: Uint8Array;
  rank: number | null;
}

/** Writes the histories of the alerts of one survey. Lives for one database connection. */
export class HistoryWriter {
  readonly #shapes: ShapeNumbers;
  readonly #object: Statement;
  readonly #addObject: Statement;
  readonly #overlapping: Statement;
  readonly #addChunk: Statement;
  #layout: CollectionLayout;

  constructor(
    readonly database: Database,
    layout: CollectionLayout,
  ) {
    this.#layout = layout;
    this.#shapes = new ShapeNumbers(database);
    const { id } = layout;
    this.#object = database.prepare(`SELECT n, kept FROM c${id} WHERE id = ?`);
    this.#addObject = database.prepare(`INSERT INTO c${id} (id, kept, cross_matches) VALUES (?, ?, ?)`);
    this.#overlapping = database.prepare(
      `SELECT keys, rank FROM h${id} WHERE series = ? AND max_jd >= ? AND min_jd <= ?`,
    );
    this.#addChunk = database.prepare(
      `INSERT INTO h${id} (series, max_jd, min_jd, rank, keys, rows) VALUES (?, ?, ?, ?, ?, ?)`,
    );
  }

  /** Appends what is new of one alert, and its object's matches when the object is new, which is answered. */
  append(objectId: string, histories: readonly EncodedHistory[], crossMatches?: string): boolean {
    const fields = histories.map(({ field }) => field);
    this.#layout = withFields(this.database, this.#layout, fields);
    const known = this.#object.get(objectId) as { n: bigint; kept: bigint } | null;
    let kept = known === null ? 0 : Number(known.kept);
    let object = known === null ? 0 : Number(known.n);
    if (known === null) {
      for (const { field, startsRecord } of histories) {
        if (startsRecord) kept |= 1 << this.#layout.fields.indexOf(field);
      }
      object = Number(this.#addObject.run(objectId, kept, crossMatches ?? null).lastInsertRowid);
    }
    for (const history of histories) {
      const number = this.#layout.fields.indexOf(history.field);
      if ((kept & (1 << number)) === 0 || history.count === 0) continue;
      this.#appendTo(object * SERIES_PER_OBJECT + number, history, known === null);
    }
    return known === null;
  }

  #appendTo(series: number, history: EncodedHistory, isNew: boolean): void {
    const { count, minJd, maxJd, rank } = history;
    const parts = partsOf(history.piece, count);
    this.#fillInShapes(history, parts);
    const stored = isNew ? NOTHING : this.#storedKeys(series, history, minJd, maxJd);
    const wanted: number[] = [];
    for (let i = 0; i < count; i++) if (!stored.has(parts.keys[i] ?? 0n)) wanted.push(i);
    if (wanted.length === 0) return;
    if (wanted.length === count) {
      const keys = history.piece.subarray(0, parts.keys.byteLength);
      this.#addChunk.run(series, maxJd, minJd, rank, keys, parts.rows);
      return;
    }
    const rows = wanted.map((i) => rowOf(parts, i));
    const times = rows.map(jdOf);
    const keys = BigUint64Array.from(wanted, (i) => parts.keys[i] ?? 0n);
    this.#addChunk.run(
      series,
      Math.max(...times),
      Math.min(...times),
      rank,
      new Uint8Array(keys.buffer),
      Buffer.concat(rows),
    );
  }

  /** Writes the numbers of the rows' shapes, as they are in this database, into the rows' headers. */
  #fillInShapes(history: EncodedHistory, { ends, rowShapes, rows }: HistoryParts): void {
    const numbers = history.shapes.map((shape) => this.#shapes.of(shape));
    const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    let start = 0;
    for (let i = 0; i < history.count; i++) {
      view.setUint32(start, numbers[rowShapes[i] ?? 0] ?? 0, true);
      start = ends[i] ?? 0;
    }
  }

  /** Keys of rows that are stored and stay, whatever this packet brings. */
  #storedKeys(series: number, history: EncodedHistory, min: number, max: number): Set<bigint> {
    const keys = new Set<bigint>();
    for (const chunk of this.#overlapping.all(series, min, max) as ChunkKeys[]) {
      const replaced = history.rank !== null && chunk.rank !== null && chunk.rank > history.rank;
      if (!replaced) for (const key of keysOf(chunk.keys)) keys.add(key);
    }
    return keys;
  }
}

/** The bytes of a row, with its header. */
function rowOf({ ends, rows }: HistoryParts, index: number): Uint8Array<ArrayBuffer> {
  return rows.subarray(index === 0 ? 0 : ends[index - 1], ends[index]);
}

function jdOf({ buffer, byteOffset }: Uint8Array): number {
  return new DataView(buffer, byteOffset).getFloat64(4, true);
}

const NOTHING: ReadonlySet<bigint> = new Set();

/** The hashes of row keys in a chunk; copied, for the bytes of SQLite are not aligned. */
export function keysOf(bytes: Uint8Array): BigUint64Array {
  return new BigUint64Array(bytes.slice().buffer);
}
