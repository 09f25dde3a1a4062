/** The `coordinates` that every stored alert carries, derived from its right ascension and declination. */
import { type Document, double } from "../query/index.ts";
import { ecliptic, formatDec, formatRa, galactic } from "../sky/index.ts";

/**
 * `radec_str`, `radec_geojson` (longitude = ra − 180, as 2dsphere indexes want it), Galactic `l` and `b`,
 * and `geocentricmeanecliptic`, all angles in degrees. `ra` must be in [0, 360), `dec` in [−90, 90]: else
 * throws `CoordinateError`.
 */
export function coordinatesOf(ra: number, dec: number): Document {
  const { l, b } = galactic(ra, dec);
  const { lambda, beta } = ecliptic(ra, dec);
  return {
    radec_str: [formatRa(ra), formatDec(dec)],
    radec_geojson: { type: "Point", coordinates: [double(ra - 180), double(dec)] },
    l: double(l),
    b: double(b),
    geocentricmeanecliptic: { lambda: double(lambda), beta: double(beta) },
  };
}
