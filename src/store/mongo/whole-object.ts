/** An object as another system keeps it: one document with its histories as arrays. */
import { type Document, isDocument, toNumber } from "../../query/index.ts";
import type { RankedRow, StoredObject } from "../object-record.ts";

const MATCHES = "cross_matches";

/** Rows are taken as they are: nothing is merged into them here. */
export function wholeObject(object: Document): StoredObject {
  return {
    kept: Object.keys(object).filter((field) => field !== MATCHES && Array.isArray(object[field])),
    crossMatches() {
      const matches = object[MATCHES];
      return isDocument(matches) ? matches : {};
    },
    rows(field) {
      const rows = new Map<bigint, RankedRow>();
      const array = object[field];
      for (const row of Array.isArray(array) ? array : []) {
        if (isDocument(row))
          rows.set(BigInt(rows.size), { row, jd: toNumber(row["jd"]) ?? Number.NaN, rank: 0 });
      }
      return rows;
    },
  };
}
