/** Turns alerts and entries of the outbox into rows of the embedded store, on any thread: strings, numbers and bytes only. */
import type { Document } from "../../query/index.ts";
import type { AlertCollections, AlertRecord, HistoryUpdate } from "../alert-record.ts";
import { rankOf, rowKeyHash } from "../object-record.ts";
import { type AlertEncoder, type EncodedAlert, StoreError } from "../store.ts";
import { encodeDocument } from "./encoding.ts";
import { flatShapesOf } from "./flat-shapes.ts";
import { type IndexValue, indexReader } from "./index-values.ts";
import { ALERT_COLUMNS } from "./layout.ts";
import { outboxRow } from "./outbox-row.ts";
import { fieldsOf, hasFields, RowWriter } from "./rows.ts";

/** Columns for stamps in the table of cutouts. */
export const MOST_CUTOUTS = 4;

/** One history of one alert. */
export interface EncodedHistory {
  readonly field: string;
  /** Null where the first seen stays. */
  readonly rank: number | null;
  readonly startsRecord: boolean;
  readonly count: number;
  /** Smallest and largest time of the rows, days. */
  readonly minJd: number;
  readonly maxJd: number;
  /** Shapes by their number in `piece`. */
  readonly shapes: readonly string[];
  /** The rows and what tells them apart, see `partsOf`: one view of a buffer that the batch shares. */
  readonly piece: Uint8Array<ArrayBuffer>;
}

/** What stands in the piece of a history. */
export interface HistoryParts {
  /** 64-bit hashes of the rows' keys, each once. */
  readonly keys: BigUint64Array;
  /** Where each row ends in `rows`. */
  readonly ends: Uint32Array;
  /** The number of each row's shape. */
  readonly rowShapes: Uint16Array;
  /** The rows with their headers, in which the shape is not filled in. */
  readonly rows: Uint8Array<ArrayBuffer>;
}

/** Bytes of a piece before its rows, for each row. */
const FRONT_BYTES = 8 + 4 + 2;

/** The parts of a piece with `count` rows, as views. */
export function partsOf(piece: Uint8Array<ArrayBuffer>, count: number): HistoryParts {
  const { buffer, byteOffset } = piece;
  return {
    keys: new BigUint64Array(buffer, byteOffset, count),
    ends: new Uint32Array(buffer, byteOffset + 8 * count, count),
    rowShapes: new Uint16Array(buffer, byteOffset + 12 * count, count),
    rows: piece.subarray(FRONT_BYTES * count),
  };
}

export interface EncodedRows {
  readonly collections: AlertCollections;
  readonly document: string;
  /** Values of the columns `ALERT_COLUMNS`. */
  readonly index: readonly IndexValue[];
  readonly histories: readonly EncodedHistory[];
  /** `[field, fileName | null]` of each stamp as JSON, and the stamps: views of the packet's buffer. */
  readonly cutouts: { readonly names: string; readonly stamps: readonly Uint8Array[] } | undefined;
  /** Document of the object's matches, when it was matched. */
  readonly crossMatches?: string;
}

export interface EncoderOptions {
  /** Whether image stamps are stored. */
  readonly cutouts?: "all" | "none";
}

/** An encoder for the embedded store. Its rows refer to the packet's buffer for the cutouts: no copy. */
export function embeddedEncoder(options: EncoderOptions = {}): AlertEncoder {
  const readers = ALERT_COLUMNS.map(({ path, kind }) => indexReader(path, kind));
  const histories = new HistoryEncoder();
  const withCutouts = options.cutouts !== "none";
  let last: { crossMatches: Document; text: string } = { crossMatches: {}, text: "{}" };
  return {
    encode(alert: AlertRecord): EncodedAlert {
      const rows: EncodedRows = {
        collections: alert.collections,
        document: encodeDocument(alert.document),
        index: readers.map((read) => read(alert.document)),
        histories: alert.histories.map((history) => histories.encode(history)),
        cutouts: withCutouts && alert.cutouts.length > 0 ? encodeCutouts(alert) : undefined,
      };
      return { survey: alert.survey, candid: alert.candid, objectId: alert.objectId, rows };
    },
    withoutCutouts(alert) {
      const rows: EncodedRows = { ...(alert.rows as EncodedRows), cutouts: undefined };
      return { ...alert, rows };
    },
    withCrossMatches(alert, crossMatches) {
      // Most objects of a batch have the same matches: none.
      if (crossMatches !== last.crossMatches) last = { crossMatches, text: encodeDocument(crossMatches) };
      const rows: EncodedRows = { ...(alert.rows as EncodedRows), crossMatches: last.text };
      return { ...alert, rows };
    },
    encodeEntry(entry) {
      const { id, survey, candid, objectId } = entry;
      return { id, survey, candid, objectId, row: outboxRow(entry) };
    },
    takeBuffers: () => histories.takeBuffers(),
  };
}

/** Lists of names that were told apart; emptied when rows are too diverse for it to help. */
const MOST_SHAPES = 1024;

class HistoryEncoder {
  readonly #writer = new RowWriter();
  /** The text of each list of names, one string for all alerts. */
  readonly #shapes = new Map<string, string>();

  encode(history: HistoryUpdate): EncodedHistory {
    const wanted = distinctRows(history);
    const count = wanted.length;
    const ends: number[] = [];
    const rowShapes: number[] = [];
    const shapes: string[] = [];
    const fields: string[][] = [];
    const { flat } = history;
    const flatShapes = flat === undefined ? undefined : flatShapesOf(flat);
    let minJd = Number.POSITIVE_INFINITY;
    let maxJd = Number.NEGATIVE_INFINITY;
    this.#writer.begin(FRONT_BYTES * count);
    for (const index of wanted) {
      const jd = history.jds[index] ?? 0;
      if (jd < minJd) minJd = jd;
      if (jd > maxJd) maxJd = jd;
      if (flat === undefined || flatShapes === undefined) {
        const row = history.rows[index] ?? {};
        rowShapes.push(this.#shapeNumber(row, shapes, fields));
        this.#writer.row(row, jd);
      } else {
        this.#writer.flatRow(flat, index, jd, flatShapes.present);
        rowShapes.push(numberIn(shapes, flatShapes.shape()));
      }
      ends.push(this.#writer.length - FRONT_BYTES * count);
    }
    const piece = this.#writer.piece();
    const parts = partsOf(piece, count);
    wanted.forEach((index, n) => {
      parts.keys[n] = rowKeyHash(history.keys[index] ?? "");
    });
    parts.ends.set(ends);
    parts.rowShapes.set(rowShapes);
    const { field, startsRecord } = history;
    const rank = history.merge === "lowest-rank" ? rankOf(history) : null;
    return { field, rank, startsRecord, count, minJd, maxJd, shapes, piece };
  }

  takeBuffers(): ArrayBuffer[] {
    return this.#writer.takeBuffers();
  }

  /** The number of a row's shape among `shapes`, added when it is new; `fields` are their names as lists. */
  #shapeNumber(row: Document, shapes: string[], fields: string[][]): number {
    // From the last on: rows of one kind follow each other.
    for (let n = fields.length - 1; n >= 0; n--) if (hasFields(row, fields[n] ?? [])) return n;
    const names = fieldsOf(row);
    fields.push(names);
    const text = JSON.stringify(names);
    if (this.#shapes.size >= MOST_SHAPES) this.#shapes.clear();
    const known = this.#shapes.get(text);
    if (known === undefined) this.#shapes.set(text, text);
    return shapes.push(known ?? text) - 1;
  }
}

/** The number of a text in a list of few, added when it is new; from the last on. */
function numberIn(shapes: string[], text: string): number {
  const known = shapes.lastIndexOf(text);
  return known >= 0 ? known : shapes.push(text) - 1;
}

/** The rows of an update, each key once: rows with one key have one time, so they stand beside each other. */
function distinctRows({ keys, jds }: HistoryUpdate): number[] {
  const wanted: number[] = [];
  /** Keys of the rows of one time. */
  const seen = new Set<string>();
  jds.forEach((_, index) => {
    if (jds[index] !== jds[index - 1]) {
      seen.clear();
      if (jds[index] !== jds[index + 1]) {
        wanted.push(index);
        return;
      }
    }
    const key = keys[index] ?? "";
    if (seen.has(key)) return;
    seen.add(key);
    wanted.push(index);
  });
  return wanted;
}

function encodeCutouts(alert: AlertRecord): EncodedRows["cutouts"] {
  if (alert.cutouts.length > MOST_CUTOUTS) {
    throw new StoreError(`${alert.survey} alert ${alert.candid} has more than ${MOST_CUTOUTS} cutouts`);
  }
  return {
    names: JSON.stringify(alert.cutouts.map(({ field, fileName }) => [field, fileName ?? null])),
    stamps: alert.cutouts.map(({ data }) => data),
  };
}
