/** Turns alerts and entries of the outbox into BSON on any thread: bytes only, for the writer to send. */
import type { Document } from "../../query/index.ts";
import type { AlertCollections, AlertRecord, HistoryMerge, HistoryUpdate } from "../alert-record.ts";
import { rankOf, rowKeyHash } from "../object-record.ts";
import { matchDocument } from "../outbox-entry.ts";
import type { AlertEncoder, EncodedAlert } from "../store.ts";
import { Arena } from "./arena.ts";
import { BsonWriter } from "./bson-writer.ts";
import { toBytes } from "./values.ts";

/** One history of one alert. */
export interface EncodedMongoHistory {
  readonly field: string;
  readonly merge: HistoryMerge;
  /** Of all rows; 0 where the first seen stays. */
  readonly rank: number;
  readonly startsRecord: boolean;
  /** 64-bit hashes of the rows' keys, each once. */
  readonly keys: BigInt64Array;
  /** Julian dates, days. */
  readonly jds: Float64Array;
  /** BSON of the rows, behind each other. */
  readonly rows: Uint8Array;
  /** Where each row ends in `rows`. */
  readonly ends: Uint32Array;
}

export interface EncodedMongoAlert {
  readonly collections: AlertCollections;
  /** BSON of the alert document. */
  readonly document: Uint8Array;
  readonly histories: readonly EncodedMongoHistory[];
  /** BSON of the object's matches, when it was matched. */
  readonly crossMatches?: Uint8Array;
  /** The document of stamps in pieces: BSON, and the stamps themselves, views of the packet's buffer. */
  readonly cutouts: readonly Uint8Array[] | undefined;
}

/** An encoder for the Mongo store. Its rows refer to the packet's buffer for the cutouts: no copy. */
export function mongoEncoder(options: { readonly cutouts?: "all" | "none" } = {}): AlertEncoder {
  const withCutouts = options.cutouts !== "none";
  let last: { readonly crossMatches: Document; readonly bytes: Uint8Array } | undefined;
  const writer = new BsonWriter();
  const arena = new Arena();
  return {
    encode(alert: AlertRecord): EncodedAlert {
      writer.clear();
      writer.document(alert.document);
      const document = arena.keep(writer.written());
      const rows: EncodedMongoAlert = {
        collections: alert.collections,
        document,
        histories: alert.histories.map((history) => encodeHistory(history, writer, arena)),
        cutouts: withCutouts && alert.cutouts.length > 0 ? encodeCutouts(alert, writer, arena) : undefined,
      };
      checkSize(alert, document.length);
      for (const history of rows.histories) checkSize(alert, history.rows.length);
      checkSize(alert, rows.cutouts?.reduce((sum, { length }) => sum + length, 0) ?? 0);
      return { survey: alert.survey, candid: alert.candid, objectId: alert.objectId, rows };
    },
    withoutCutouts(alert) {
      const rows: EncodedMongoAlert = { ...(alert.rows as EncodedMongoAlert), cutouts: undefined };
      return { ...alert, rows };
    },
    withCrossMatches(alert, crossMatches) {
      // Most objects of a batch have the same matches: none.
      if (crossMatches !== last?.crossMatches) last = { crossMatches, bytes: toBytes(crossMatches) };
      const rows: EncodedMongoAlert = { ...(alert.rows as EncodedMongoAlert), crossMatches: last.bytes };
      return { ...alert, rows };
    },
    encodeEntry(entry) {
      const { id, survey, candid, objectId } = entry;
      writer.clear();
      writer.document(matchDocument(entry));
      return { id, survey, candid, objectId, row: arena.keep(writer.written()) };
    },
    takeBuffers: () => arena.take(),
  };
}

/** An alert that no document of the server can hold: a dead letter, not a batch to be tried for ever. */
class OversizedAlertError extends Error {
  override readonly name = "OversizedAlertError";
}

/** The server's limit of a document, less what a chunk of history has besides its rows. */
const MOST_BYTES = 12 * 1024 * 1024;

function checkSize({ candid }: AlertRecord, bytes: number): void {
  if (bytes <= MOST_BYTES) return;
  throw new OversizedAlertError(`alert ${candid} has a part of ${bytes} bytes: MongoDB holds ${MOST_BYTES}`);
}

function encodeHistory(history: HistoryUpdate, writer: BsonWriter, arena: Arena): EncodedMongoHistory {
  const count = history.rows.length;
  const keys = new BigInt64Array(count);
  const jds = new Float64Array(count);
  const ends = new Uint32Array(count);
  const seen = new Set<string>();
  let kept = 0;
  writer.clear();
  history.rows.forEach((row, index) => {
    const key = history.keys[index] ?? "";
    // The same row twice in one packet is one row.
    if (seen.has(key)) return;
    seen.add(key);
    keys[kept] = BigInt.asIntN(64, rowKeyHash(key));
    jds[kept] = history.jds[index] ?? 0;
    writer.document(row);
    ends[kept] = writer.length;
    kept++;
  });
  const { field, merge, startsRecord } = history;
  return {
    field,
    merge,
    startsRecord,
    rank: rankOf(history),
    keys: keys.slice(0, kept),
    jds: jds.slice(0, kept),
    rows: arena.keep(writer.written()),
    ends: ends.slice(0, kept),
  };
}

function encodeCutouts(
  { candid, objectId, cutouts }: AlertRecord,
  writer: BsonWriter,
  arena: Arena,
): Uint8Array[] {
  writer.clear();
  writer.open();
  writer.int64("_id", candid);
  writer.int64("candid", candid);
  writer.field("objectId", objectId);
  /** Where in what is written each stamp belongs. */
  const places: number[] = [];
  for (const { field, fileName, data } of cutouts) {
    writer.open(field);
    writer.field("fileName", fileName);
    places.push(writer.binaryElsewhere("stampData", data.length));
    writer.close();
  }
  writer.close();
  const frame = arena.keep(writer.written());
  const pieces = cutouts.flatMap(({ data }, index) => [
    frame.subarray(places[index - 1] ?? 0, places[index]),
    data,
  ]);
  return [...pieces, frame.subarray(places.at(-1))];
}
