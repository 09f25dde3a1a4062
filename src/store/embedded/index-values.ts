/**
 * What an index keeps of a document: for each indexed path one SQLite value.
 *
 * A single number or string is kept as it is (int64 exactly), a missing field or null as NULL. Everything
 * else (arrays, dates, documents, NaN …) becomes one marker, the empty blob, which sorts behind all; a
 * query always looks at the marked rows too. So an index narrows and never hides a document.
 */
import { Double } from "bson";
import { type Document, getField, isDocument, type Value } from "../../query/index.ts";
import { cellOf } from "./position.ts";

/** How a path is indexed: by value, or as a position on the sky. */
export type IndexKind = "value" | "position";

export type IndexValue = null | number | bigint | string | Uint8Array;

/** The mark of a value that an index cannot order. */
export const IRREGULAR = new Uint8Array(0);

/** A function that reads the indexed value of a path from a document. */
export function indexReader(path: string, kind: IndexKind): (document: Document) => IndexValue {
  const parts = path.split(".");
  const convert = kind === "position" ? positionValue : indexValueOf;
  return (document) => {
    let value: Value | undefined = document;
    for (const part of parts) {
      if (!isDocument(value)) return Array.isArray(value) ? IRREGULAR : null;
      value = getField(value, part);
    }
    return convert(value);
  };
}

/** The value an index keeps for one BSON value. */
export function indexValueOf(value: Value | undefined): IndexValue {
  if (value === undefined || value === null) return null;
  if (typeof value === "number") return Number.isNaN(value) ? IRREGULAR : value;
  if (typeof value === "bigint") return value;
  // SQLite keeps UTF-8, which has no lone surrogates.
  if (typeof value === "string") return value.isWellFormed() && !value.includes("\0") ? value : IRREGULAR;
  if (value instanceof Double) return Number.isNaN(value.value) ? IRREGULAR : value.value;
  return IRREGULAR;
}

/** The sky cell of a GeoJSON point; anything else at the path is irregular. */
function positionValue(value: Value | undefined): IndexValue {
  if (value === undefined || value === null) return null;
  if (!isDocument(value) || value["type"] !== "Point" || !Array.isArray(value["coordinates"]))
    return IRREGULAR;
  const [longitude, latitude, ...more] = value["coordinates"].map(degreesOf);
  if (longitude === undefined || latitude === undefined || more.length > 0) return IRREGULAR;
  return cellOf(longitude, latitude) ?? IRREGULAR;
}

function degreesOf(value: Value): number | undefined {
  if (typeof value === "number") return value;
  return value instanceof Double ? value.value : undefined;
}
