/** Turns alerts into rows of the embedded store, on whatever thread decodes them. */
import type { AlertCollections, AlertRecord } from "../alert-record.ts";
import type { AlertEncoder, EncodedAlert } from "../store.ts";
import { indexesOf } from "./collections.ts";
import { encodeDocument } from "./encoding.ts";
import { type EncodedHistory, encodeHistory } from "./history.ts";
import { type IndexValue, indexReader } from "./index-values.ts";

/** One alert's rows. Stamps are views into the packet: send its buffer along. */
export interface EmbeddedRows {
  readonly collections: AlertCollections;
  readonly document: string;
  /** One per index column of alert collections. */
  readonly indexValues: readonly IndexValue[];
  readonly histories: readonly EncodedHistory[];
  readonly cutouts: readonly {
    readonly field: string;
    readonly fileName?: string;
    readonly data: Uint8Array;
  }[];
}

export interface EncoderOptions {
  /** Which alerts keep their stamps. */
  readonly cutouts: "all" | "none";
}

export function embeddedEncoder({ cutouts }: EncoderOptions): AlertEncoder {
  const readers = indexesOf("alerts").columns.map(indexReader);
  return {
    encode(alert: AlertRecord): EncodedAlert {
      const rows: EmbeddedRows = {
        collections: alert.collections,
        document: encodeDocument(alert.document),
        indexValues: readers.map((read) => read(alert.document)),
        histories: alert.histories.map(encodeHistory),
        cutouts: cutouts === "all" ? alert.cutouts : [],
      };
      return { survey: alert.survey, candid: alert.candid, objectId: alert.objectId, rows };
    },
  };
}
