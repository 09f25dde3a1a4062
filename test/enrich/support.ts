/** Rows of catalogues and alerts at places for tests of cross-matching. */
import { type Document, double } from "../../src/query/index.ts";

/** A catalogue's row at a position in degrees. */
export function row(id: Document[string], ra: number, dec: number, fields: Document = {}): Document {
  return {
    _id: id,
    ...fields,
    coordinates: {
      radec_str: [`ra ${ra}`, `dec ${dec}`],
      radec_geojson: { type: "Point", coordinates: [double(ra - 180), double(dec)] },
    },
  };
}

/** A value without its boxes, as JSON shows it. */
export function plain(value: Document[string]): unknown {
  return JSON.parse(JSON.stringify(value, (_, each) => (typeof each === "bigint" ? Number(each) : each)));
}
