/** A sky of points for tests and benchmarks: everywhere, crowded in places, at the poles and across ra = 0. */
import { type Document, double } from "../../src/query/index.ts";
import { randomNumbers } from "./random.ts";

/** Right ascension and declination in degrees. */
export type SkyPoint = readonly [ra: number, dec: number];

const wrapped = (ra: number) => ((ra % 360) + 360) % 360;

/** Positions by a seed: half uniform, others in clusters, round both poles and along ra = 0. */
export function pointsOf(count: number, seed: number): SkyPoint[] {
  const random = randomNumbers(seed);
  const anywhere = (): SkyPoint => [random() * 360, (Math.asin(2 * random() - 1) * 180) / Math.PI];
  let cluster = anywhere();
  return Array.from({ length: count }, (_, index) => {
    const kind = index % 10;
    if (kind < 5) return anywhere();
    if (kind < 7) {
      if (random() < 0.01) cluster = anywhere();
      const dec = Math.max(-90, Math.min(90, cluster[1] + (random() - 0.5) / 5));
      return [wrapped(cluster[0] + (random() - 0.5) / 5), dec];
    }
    if (kind < 9) return [random() * 360, (kind === 7 ? 1 : -1) * (90 - 5 * random() ** 2)];
    return [wrapped((random() - 0.5) * 0.02), random() * 180 - 90];
  });
}

/** A row as catalogues have them. */
export function catalogRow(id: number, [ra, dec]: SkyPoint): Document {
  return {
    _id: id,
    ra: double(ra),
    dec: double(dec),
    parallax: double((id % 97) / 10),
    pmra: double((id % 89) / 7),
    pmdec: double((id % 83) / 9),
    phot_g_mean_mag: double(10 + (id % 1000) / 90),
    designation: `Star ${id}`,
    coordinates: {
      radec_geojson: { type: "Point", coordinates: [double(ra - 180), double(dec)] },
    },
  };
}

export type Shape =
  /** Right ascension, declination, radius, degrees. */
  | { readonly cone: readonly [ra: number, dec: number, radius: number] }
  /** Convex, with great-circle edges. */
  | { readonly polygon: readonly SkyPoint[] };

/** Radii that several cones share, degrees: a tenth of an arcsecond to the whole sphere. */
const RADII = [0.1 / 3600, 1 / 3600, 30 / 3600, 0.05, 0.7, 5];
/** Those of which one is enough: of a large catalogue they hold millions of rows. */
const WIDE = [40, 75, 120, 179.9, 180];

/** Cones and polygons of all sizes, many round a pole, across ra = 0, or round one of the points. */
export function shapesOf(count: number, points: readonly SkyPoint[], seed: number): Shape[] {
  const random = randomNumbers(seed);
  const anywhere = pointsOf(count, seed + 1);
  return Array.from({ length: count }, (_, index): Shape => {
    const point = points[Math.floor(random() * points.length)] ?? [0, 0];
    const centre = ((): SkyPoint => {
      switch (index % 5) {
        case 0:
          return point;
        case 1:
          return [random() * 360, random() < 0.5 ? 90 : -90 + 10 ** (-6 * random())];
        case 2:
          return [random() < 0.5 ? 0 : 359.999, point[1]];
        default:
          return anywhere[index] ?? point;
      }
    })();
    if (index < 2 * WIDE.length && index % 2 === 0) return { cone: [...centre, WIDE[index / 2] ?? 180] };
    if (index % 2 === 0) return { cone: [...centre, RADII[Math.floor(random() * RADII.length)] ?? 1] };
    return {
      polygon: corners(centre, 60 * 10 ** (-6 * Math.sqrt(random())), 3 + Math.floor(random() * 5), random),
    };
  });
}

/** Corners of a band along more than half of a great circle and back beside it: it holds opposite points. */
export const WIDE_BAND = [
  [-100, -10],
  [0, -12],
  [100, -10],
  [100, 10],
  [0, 12],
  [-100, 10],
] as const;

/** Corners at a distance from a centre, degrees, none farther from the next than half the way round. */
function corners(centre: SkyPoint, radius: number, count: number, random: () => number): SkyPoint[] {
  const step = 360 / count;
  return Array.from({ length: count }, (_, n) => pointAt(centre, radius, step * (n + 0.7 * random())));
}

/** The point at a distance and bearing (east of north) of another, degrees; at the poles too. */
export function pointAt([ra, dec]: SkyPoint, distance: number, bearing: number): SkyPoint {
  const degree = Math.PI / 180;
  const [a, phi] = [ra * degree, dec * degree];
  const [d, b] = [distance * degree, bearing * degree];
  const centre = [Math.cos(phi) * Math.cos(a), Math.cos(phi) * Math.sin(a), Math.sin(phi)];
  const east = [-Math.sin(a), Math.cos(a), 0];
  const north = [-Math.sin(phi) * Math.cos(a), -Math.sin(phi) * Math.sin(a), Math.cos(phi)];
  const [x = 0, y = 0, z = 0] = centre.map((part, i) => {
    const aside = (north[i] ?? 0) * Math.cos(b) + (east[i] ?? 0) * Math.sin(b);
    return part * Math.cos(d) + aside * Math.sin(d);
  });
  return [wrapped(Math.atan2(y, x) / degree), Math.atan2(z, Math.hypot(x, y)) / degree];
}
