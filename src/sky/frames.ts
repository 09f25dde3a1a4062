/** Positions in other frames: equatorial J2000 to Galactic and ecliptic. Pure. */
import { DEGREES_PER_RADIAN, RADIANS_PER_DEGREE } from "./angles.ts";
import { dot } from "./vectors.ts";

export type Vector = readonly [x: number, y: number, z: number];

/** Unit vector of a position in degrees. */
export function unitVector(longitude: number, latitude: number): Vector {
  const lon = longitude * RADIANS_PER_DEGREE;
  const lat = latitude * RADIANS_PER_DEGREE;
  return [Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)];
}

/**
 * Rows of the rotation from equatorial J2000 to Galactic coordinates: the axes given by the north Galactic
 * pole at (192.8595°, 27.1283°) and the ascending node at l = 32.9319° (the Hipparcos catalogue, ESA SP-1200,
 * volume 1, section 1.5.3), rounded to nine places as in the values that users compare with.
 */
const GALACTIC_ROWS: readonly [Vector, Vector, Vector] = [
  [-0.054875539, -0.873437105, -0.483834992],
  [0.494109454, -0.444829594, 0.746982249],
  [-0.867666136, -0.19807639, 0.455983795],
];

/** Mean obliquity of the ecliptic at J2000, degrees (IAU 1976: 23° 26′ 21.448″). */
const OBLIQUITY = 23.439291;

const asin = (x: number) => Math.asin(Math.max(-1, Math.min(1, x))) * DEGREES_PER_RADIAN;

/** An equatorial J2000 vector in the axes of Galactic coordinates; its length changes by billionths. */
export function galacticVector(v: Vector): Vector {
  const [x, y, z] = GALACTIC_ROWS;
  return [dot(x, v), dot(y, v), dot(z, v)];
}

/** An equatorial J2000 vector in the axes of mean ecliptic coordinates: turned about the first by the obliquity. */
export function eclipticVector([x, y, z]: Vector): Vector {
  const cos = Math.cos(OBLIQUITY * RADIANS_PER_DEGREE);
  const sin = Math.sin(OBLIQUITY * RADIANS_PER_DEGREE);
  return [x, y * cos + z * sin, z * cos - y * sin];
}

/** Galactic longitude l (−180…180) and latitude b of an equatorial J2000 position, all in degrees. */
export function galactic(ra: number, dec: number): { l: number; b: number } {
  const [along, across, up] = galacticVector(unitVector(ra, dec));
  // The rows are rounded, so the rotated vector is not exactly of length one: atan2 does not mind.
  const b = Math.atan2(up, Math.hypot(along, across)) * DEGREES_PER_RADIAN;
  return { l: Math.atan2(across, along) * DEGREES_PER_RADIAN, b };
}

/**
 * Geocentric mean ecliptic longitude lambda (0…360) and latitude beta of an equatorial J2000 position, all
 * in degrees: a rotation about the x axis by the obliquity.
 */
export function ecliptic(ra: number, dec: number): { lambda: number; beta: number } {
  const [x, y, z] = eclipticVector(unitVector(ra, dec));
  const lambda = Math.atan2(y, x) * DEGREES_PER_RADIAN;
  return { lambda: lambda < 0 ? lambda + 360 : lambda, beta: asin(z) };
}

/** Equatorial J2000 position of a Galactic one, all in degrees: the transposed rotation of `galactic`. */
export function fromGalactic(l: number, b: number): { ra: number; dec: number } {
  const [along, across, up] = unitVector(l, b);
  const [x, y, z] = GALACTIC_ROWS;
  return equatorial([0, 1, 2].map((i) => (x[i] ?? 0) * along + (y[i] ?? 0) * across + (z[i] ?? 0) * up));
}

/** Equatorial J2000 position of a mean ecliptic one, all in degrees. */
export function fromEcliptic(lambda: number, beta: number): { ra: number; dec: number } {
  const [x, y, z] = unitVector(lambda, beta);
  const cos = Math.cos(OBLIQUITY * RADIANS_PER_DEGREE);
  const sin = Math.sin(OBLIQUITY * RADIANS_PER_DEGREE);
  return equatorial([x, y * cos - z * sin, y * sin + z * cos]);
}

function equatorial([x = 0, y = 0, z = 0]: readonly number[]): { ra: number; dec: number } {
  const ra = Math.atan2(y, x) * DEGREES_PER_RADIAN;
  const dec = Math.atan2(z, Math.hypot(x, y)) * DEGREES_PER_RADIAN;
  return { ra: ra < 0 ? (ra + 360) % 360 : ra, dec };
}

/** Direction from the first position to the second, degrees east of north, 0 … 360. */
export function positionAngle(ra1: number, dec1: number, ra2: number, dec2: number): number {
  const d = (ra2 - ra1) * RADIANS_PER_DEGREE;
  const phi1 = dec1 * RADIANS_PER_DEGREE;
  const phi2 = dec2 * RADIANS_PER_DEGREE;
  const east = Math.sin(d) * Math.cos(phi2);
  const north = Math.cos(phi1) * Math.sin(phi2) - Math.sin(phi1) * Math.cos(phi2) * Math.cos(d);
  const angle = Math.atan2(east, north) * DEGREES_PER_RADIAN;
  return angle < 0 ? angle + 360 : angle;
}

/**
 * Great-circle distance of two positions, degrees in, degrees out, by Vincenty's formula, which is exact at
 * small and at antipodal distances alike.
 */
export function separation(ra1: number, dec1: number, ra2: number, dec2: number): number {
  const d = (ra2 - ra1) * RADIANS_PER_DEGREE;
  const phi1 = dec1 * RADIANS_PER_DEGREE;
  const phi2 = dec2 * RADIANS_PER_DEGREE;
  const a = Math.cos(phi2) * Math.sin(d);
  const b = Math.cos(phi1) * Math.sin(phi2) - Math.sin(phi1) * Math.cos(phi2) * Math.cos(d);
  const c = Math.sin(phi1) * Math.sin(phi2) + Math.cos(phi1) * Math.cos(phi2) * Math.cos(d);
  return Math.atan2(Math.hypot(a, b), c) * DEGREES_PER_RADIAN;
}
