/** Turns rows of catalogues into rows of the embedded store, on any thread. */
import type { Document } from "../../query/index.ts";
import type { CatalogEncoder, EncodedRows } from "../catalog.ts";
import type { IndexDescription } from "../store.ts";
import { encodeDocument, keyOfId } from "./encoding.ts";
import { type IndexValue, indexReader } from "./index-values.ts";
import { columnsOf } from "./layout.ts";

export interface EncodedCatalogRows {
  readonly ids: readonly (number | bigint | string | Uint8Array)[];
  readonly documents: readonly string[];
  /** Values of each indexed column by its kind and path. */
  readonly columns: Readonly<Record<string, readonly IndexValue[]>>;
}

/** An encoder of rows for a collection with these indexes. */
export function embeddedCatalogEncoder(indexes: readonly IndexDescription[]): CatalogEncoder {
  const columns = columnsOf(indexes).map(({ path, kind }) => ({
    name: `${kind} ${path}`,
    read: indexReader(path, kind),
  }));
  return {
    encode(documents: readonly Document[]): EncodedRows {
      const rows: EncodedCatalogRows = {
        ids: documents.map((document) => keyOfId(document["_id"])),
        documents: documents.map(encodeDocument),
        columns: Object.fromEntries(columns.map(({ name, read }) => [name, documents.map(read)])),
      };
      return { count: documents.length, rows };
    },
  };
}
