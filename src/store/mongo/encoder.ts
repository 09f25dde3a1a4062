/** Turns alerts into BSON on any thread: bytes only, for the writer to send. */
import type { Document } from "../../query/index.ts";
import type { AlertCollections, AlertRecord, HistoryMerge, HistoryUpdate } from "../alert-record.ts";
import { rankOf, rowKeyHash } from "../object-record.ts";
import type { AlertEncoder, EncodedAlert } from "../store.ts";
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
  /** BSON of `{rows: [row, …]}`. */
  readonly rows: Uint8Array;
}

export interface EncodedMongoAlert {
  readonly collections: AlertCollections;
  /** BSON of the alert document. */
  readonly document: Uint8Array;
  readonly histories: readonly EncodedMongoHistory[];
  /** BSON of the document of stamps. */
  readonly cutouts: Uint8Array | undefined;
  /** BSON of the object's matches, when it was matched. */
  readonly crossMatches?: Uint8Array;
}

/** An encoder for the Mongo store. */
export function mongoEncoder(options: { readonly cutouts?: "all" | "none" } = {}): AlertEncoder {
  const withCutouts = options.cutouts !== "none";
  let last: { readonly crossMatches: Document; readonly bytes: Uint8Array } | undefined;
  return {
    encode(alert: AlertRecord): EncodedAlert {
      const rows: EncodedMongoAlert = {
        collections: alert.collections,
        document: toBytes(alert.document),
        histories: alert.histories.map(encodeHistory),
        cutouts: withCutouts && alert.cutouts.length > 0 ? encodeCutouts(alert) : undefined,
      };
      checkSize(alert, [rows.document, rows.cutouts, ...rows.histories.map((history) => history.rows)]);
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
  };
}

/** An alert that no document of the server can hold: a dead letter, not a batch to be tried for ever. */
class OversizedAlertError extends Error {
  override readonly name = "OversizedAlertError";
}

/** The server's limit of a document, less what a chunk of history has besides its rows. */
const MOST_BYTES = 12 * 1024 * 1024;

function checkSize({ candid }: AlertRecord, parts: readonly (Uint8Array | undefined)[]): void {
  for (const part of parts) {
    if (part === undefined || part.length <= MOST_BYTES) continue;
    throw new OversizedAlertError(
      `alert ${candid} has a part of ${part.length} bytes: MongoDB holds ${MOST_BYTES}`,
    );
  }
}

function encodeHistory(history: HistoryUpdate): EncodedMongoHistory {
  const seen = new Set<string>();
  const wanted: number[] = [];
  history.keys.forEach((key, index) => {
    // The same row twice in one packet is one row.
    if (seen.has(key)) return;
    seen.add(key);
    wanted.push(index);
  });
  const { field, merge, startsRecord } = history;
  return {
    field,
    merge,
    startsRecord,
    rank: rankOf(history),
    keys: BigInt64Array.from(wanted, (i) => BigInt.asIntN(64, rowKeyHash(history.keys[i] ?? ""))),
    jds: Float64Array.from(wanted, (i) => history.jds[i] ?? 0),
    rows: toBytes({ rows: wanted.map((i) => history.rows[i] ?? {}) }),
  };
}

function encodeCutouts({ candid, objectId, cutouts }: AlertRecord): Uint8Array {
  const stamps = cutouts.map(({ field, fileName, data }) => [
    field,
    { ...(fileName === undefined ? {} : { fileName }), stampData: data },
  ]);
  return toBytes({ _id: candid, candid, objectId, ...Object.fromEntries(stamps) });
}
