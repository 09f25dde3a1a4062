/** Turns alerts into rows of the embedded store, on any thread: strings, numbers and bytes only. */
import type { Document } from "../../query/index.ts";
import type { AlertCollections, AlertRecord, HistoryMerge, HistoryUpdate } from "../alert-record.ts";
import { rankOf, rowKeyHash } from "../object-record.ts";
import { type AlertEncoder, type EncodedAlert, StoreError } from "../store.ts";
import { encodeDocument } from "./encoding.ts";
import { type IndexValue, indexReader } from "./index-values.ts";
import { ALERT_COLUMNS } from "./layout.ts";
import { fieldsOf, hasFields, RowWriter } from "./rows.ts";

/** Columns for stamps in the table of cutouts. */
export const MOST_CUTOUTS = 4;

/** One history of one alert: its rows behind each other in `bytes`. */
export interface EncodedHistory {
  readonly field: string;
  readonly merge: HistoryMerge;
  readonly rank: number | null;
  readonly startsRecord: boolean;
  /** 64-bit hashes of the rows' keys, each once. */
  readonly keys: BigUint64Array;
  readonly jds: Float64Array;
  /** Shapes by number, and the number of each row's. */
  readonly shapes: readonly string[];
  readonly rowShapes: Uint16Array;
  /** Where each row ends in `bytes`. */
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
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
  const writer = new RowWriter();
  const withCutouts = options.cutouts !== "none";
  let last: { crossMatches: Document; text: string } = { crossMatches: {}, text: "{}" };
  return {
    encode(alert: AlertRecord): EncodedAlert {
      const rows: EncodedRows = {
        collections: alert.collections,
        document: encodeDocument(alert.document),
        index: readers.map((read) => read(alert.document)),
        histories: alert.histories.map((history) => encodeHistory(history, writer)),
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
    takeBuffers: () => [],
  };
}

function encodeHistory(history: HistoryUpdate, writer: RowWriter): EncodedHistory {
  const count = history.rows.length;
  const keys = new BigUint64Array(count);
  const jds = new Float64Array(count);
  const rowShapes = new Uint16Array(count);
  const ends = new Uint32Array(count);
  const shapes: string[] = [];
  const fields: string[][] = [];
  const seen = new Set<string>();
  let kept = 0;
  writer.clear();
  history.rows.forEach((row, index) => {
    const key = history.keys[index] ?? "";
    // The same row twice in one packet is one row.
    if (seen.has(key)) return;
    seen.add(key);
    keys[kept] = rowKeyHash(key);
    jds[kept] = history.jds[index] ?? 0;
    rowShapes[kept] = shapeNumber(row, shapes, fields);
    writer.row(row);
    ends[kept] = writer.length;
    kept++;
  });
  const { field, merge, startsRecord } = history;
  return {
    field,
    merge,
    startsRecord,
    rank: merge === "lowest-rank" ? rankOf(history) : null,
    keys: keys.slice(0, kept),
    jds: jds.slice(0, kept),
    shapes,
    rowShapes: rowShapes.slice(0, kept),
    ends: ends.slice(0, kept),
    bytes: writer.take(),
  };
}

/** The number of a row's shape among `shapes`, added when it is new; `fields` are their names as lists. */
function shapeNumber(row: Document, shapes: string[], fields: string[][]): number {
  // From the last on: rows of one kind follow each other.
  for (let n = fields.length - 1; n >= 0; n--) if (hasFields(row, fields[n] ?? [])) return n;
  const names = fieldsOf(row);
  fields.push(names);
  return shapes.push(JSON.stringify(names)) - 1;
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
