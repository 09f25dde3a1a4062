/**
 * Sky cells of the embedded store: a position is kept as its HEALPix cell (nested scheme), so that a region
 * of the sky is a few ranges of integers.
 */
import { ang2pix_nest } from "@hscmap/healpix";
import { RADIANS_PER_DEGREE } from "../../sky/index.ts";

/** HEALPix order of the stored cells: 6.4 arcsec a side; the library counts in 32 bits up to this order. */
export const CELL_ORDER = 15;
const NSIDE = 2 ** CELL_ORDER;

/** The cell of a position in degrees (longitude −180…180, latitude −90…90), or undefined off the sphere. */
export function cellOf(longitude: number, latitude: number): number | undefined {
  if (!(Math.abs(longitude) <= 360 && Math.abs(latitude) <= 90)) return undefined;
  return ang2pix_nest(NSIDE, (90 - latitude) * RADIANS_PER_DEGREE, longitude * RADIANS_PER_DEGREE);
}
