/** An alert as its survey maps it: what every store writes, whatever its format. */
import type { Document } from "../query/values.ts";
import type { FlatRows } from "./flat-rows.ts";

/** The collections an alert of one survey is spread over. */
export interface AlertCollections {
  /** One document per alert, `_id` = candid. */
  readonly alerts: string;
  /** One document per object, `_id` = objectId: histories and cross-matches. */
  readonly aux: string;
  /** One document per alert, `_id` = candid: the image stamps. */
  readonly cutouts: string;
}

/** How a history row that is already stored meets the same row of a later packet. */
export type HistoryMerge =
  /** Same key: the stored row stays. */
  | "first-seen"
  /** Same key: the row that came with the smaller `rank` stays; at equal rank the stored one. */
  | "lowest-rank";

/** The rows of one history array (`prv_candidates`, `fp_hists`) that came with one alert. */
export interface HistoryUpdate {
  /** Name of the array in the aux document. */
  readonly field: string;
  readonly merge: HistoryMerge;
  /**
   * Rows in ascending `jd`, nulls dropped; `keys[i]` identifies `rows[i]` within object and field. Rows with
   * one key have one `jd`.
   */
  readonly rows: readonly Document[];
  /** The same rows where they still are in the packet's bytes: then `rows` are made when first asked for. */
  readonly flat?: FlatRows;
  readonly keys: readonly string[];
  /** Julian date of each row, days. */
  readonly jds: readonly number[];
  /** For `lowest-rank`: the rank of every row of this update (the alert's magnitude). */
  readonly rank?: number;
  /**
   * Whether this alert, as the object's first, starts the record. When false and the object is new,
   * or when the object was stored without this history, the rows are not kept.
   */
  readonly startsRecord: boolean;
}

/** One image stamp, bytes as in the packet (gzipped FITS for ZTF). */
export interface Cutout {
  /** Field name of the packet, e.g. `cutoutScience`. */
  readonly field: string;
  readonly fileName?: string;
  /** A view into the packet's own buffer: no copy. */
  readonly data: Uint8Array;
}

export interface AlertRecord {
  /** Survey name as in the registry, e.g. `ZTF`. */
  readonly survey: string;
  readonly collections: AlertCollections;
  readonly candid: bigint;
  readonly objectId: string;
  /** Julian date of the exposure, days. */
  readonly jd: number;
  /** The alert document without histories and cutouts, `_id` = candid. */
  readonly document: Document;
  readonly histories: readonly HistoryUpdate[];
  readonly cutouts: readonly Cutout[];
  /** Matches of its object by catalogue: stored when this alert is the object's first. */
  readonly crossMatches?: Document;
}
