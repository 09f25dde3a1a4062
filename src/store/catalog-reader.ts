/** The rows of catalogues as cross-matching reads them: by the place on the sky, for a whole batch at once. */
import type { Document } from "../query/values.ts";

/** Path of the position in every row that has one: a GeoJSON point, longitude = ra − 180, degrees. */
export const POSITION_PATH = "coordinates.radec_geojson";

/** A cone around a position; all in degrees, longitude = ra − 180. */
export interface Cone {
  readonly longitude: number;
  readonly latitude: number;
  readonly radius: number;
}

/** What tells one state of a catalogue from another. */
export interface CatalogState {
  /** Changes whenever rows are written, and when the collection is replaced by another of its name. */
  readonly mark: string;
  readonly rows: number;
}

/** Finds a row again: the store's own name of it. */
export type RowKey = Uint8Array;

/** A piece of the positions of a catalogue; `longitudes[i]`, `latitudes[i]` (degrees) and `keys[i]` are of one row. */
export interface PositionPiece {
  readonly longitudes: Float64Array;
  readonly latitudes: Float64Array;
  readonly keys: readonly RowKey[];
}

export interface CatalogReader {
  /** The states of those of the collections that exist; perhaps a second old unless they are to be `fresh`. */
  states(
    collections: readonly string[],
    options?: { readonly fresh?: boolean },
  ): Promise<ReadonlyMap<string, CatalogState>>;
  /**
   * All rows within any of the cones, each once, in one round trip: perhaps a few more, by a milliarcsecond or by
   * a cell of the sky. Rows without a position are none.
   */
  rowsNear(collection: string, cones: readonly Cone[]): Promise<Document[]>;
  /** The positions of all rows that have one, in pieces. */
  positions(collection: string): AsyncIterable<PositionPiece>;
  /** The rows of these keys, as far as they are still there, with one read. */
  rows(collection: string, keys: readonly RowKey[]): Promise<Document[]>;
}

/** The position of a row, degrees; undefined when it has none. */
export function positionOf(row: Document): readonly [longitude: number, latitude: number] | undefined {
  const { coordinates } = row;
  if (typeof coordinates !== "object" || coordinates === null) return undefined;
  const point = (coordinates as Document)["radec_geojson"] as Document | null | undefined;
  if (typeof point !== "object" || point === null || point["type"] !== "Point") return undefined;
  const pair = point["coordinates"];
  if (!Array.isArray(pair) || pair.length !== 2) return undefined;
  const [longitude, latitude] = [Number(pair[0]), Number(pair[1])];
  return Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90 ? [longitude, latitude] : undefined;
}
