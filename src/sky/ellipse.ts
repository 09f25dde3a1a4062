/** Ellipses on the sky, such as the outlines of near galaxies. Pure. */
import { RADIANS_PER_DEGREE } from "./angles.ts";
import type { Relate } from "./cover.ts";
import { unitVector, type Vector } from "./frames.ts";
import { dot } from "./vectors.ts";

/** An ellipse around a position; all angles in degrees. */
export interface SkyEllipse {
  readonly ra: number;
  readonly dec: number;
  /** Semi-major axis. */
  readonly semiMajor: number;
  /** Minor axis over major axis: 1 for a circle. */
  readonly ratio: number;
  /** Position angle of the major axis, from north over east. */
  readonly positionAngle: number;
}

/**
 * Whether a position (degrees) lies within an ellipse: the ellipse's centre, seen from the position in the plane
 * tangent to it, is within an ellipse of that shape. This is the test of q3c (`q3c_in_ellipse`, Koposov &
 * Bartunov 2006) in closed form; for `ratio` 1 it is a separation below `semiMajor`.
 */
export function inEllipse(ra: number, dec: number, ellipse: SkyEllipse): boolean {
  const delta = dec * RADIANS_PER_DEGREE;
  const delta1 = ellipse.dec * RADIANS_PER_DEGREE;
  const angle = ellipse.positionAngle * RADIANS_PER_DEGREE;
  const east = (ellipse.ra - ra) * RADIANS_PER_DEGREE;
  const cosine = Math.cos(east);
  const north = Math.sin(delta1) * Math.cos(delta) - Math.cos(delta1) * Math.sin(delta) * cosine;
  const across = Math.cos(delta1) * Math.sin(east);
  const along = Math.sin(delta1) * Math.sin(delta) + Math.cos(delta1) * Math.cos(delta) * cosine;
  // The other hemisphere projects onto the same plane.
  if (along <= 0) return false;
  const major = (north * Math.cos(angle) + across * Math.sin(angle)) / along;
  const minor = (across * Math.cos(angle) - north * Math.sin(angle)) / along / ellipse.ratio;
  return major * major + minor * minor < Math.tan(ellipse.semiMajor * RADIANS_PER_DEGREE) ** 2;
}

/** Thinner ellipses are widened to this, radians: a hundredth of the finest cell. */
const THINNEST = 5e-10;

/**
 * The region of an ellipse that is drawn in the plane tangent to its centre, where its position angle is measured:
 * how far it reaches from the centre in each direction does not depend on where on the sky it lies (`inEllipse`
 * measures the angle at each position instead). The projection may be the orthographic or the gnomonic one, which
 * make one and the same ellipse of given semi-axes; these are below 90°.
 */
export function ellipseRelation({ ra, dec, semiMajor, ratio, positionAngle }: SkyEllipse): Relate {
  const centre = unitVector(ra, dec);
  const { major, minor } = axesAt(ra, dec, positionAngle);
  const a = Math.max(THINNEST, Math.sin(semiMajor * RADIANS_PER_DEGREE));
  const b = Math.max(THINNEST, Math.sin(ratio * semiMajor * RADIANS_PER_DEGREE));
  const squared = (b / a) ** 2;
  return (point, radius) => {
    // Orthographic: no two points are farther apart in the plane than in space.
    const reach = 2 * Math.sin(Math.min(radius, Math.PI) / 2) + 1e-15;
    const depth = dot(point, centre);
    const [x, y] = [Math.abs(dot(point, major)), Math.abs(dot(point, minor))];
    if (depth < -reach || x > a + reach || y > b + reach) return "outside";
    const away = Math.hypot(x / a, y / b);
    if (away > 1) {
      // The ellipse lies beyond the tangent at its point in this direction.
      const [nx, ny] = [x * squared, y];
      const distance = ((1 - 1 / away) * (x * nx + y * ny)) / Math.hypot(nx, ny);
      return distance > reach ? "outside" : "partly";
    }
    return depth > reach && (1 - away) * b > reach ? "inside" : "partly";
  };
}

/** Unit vectors along the axes of an ellipse, tangent to the sphere at its centre; degrees. */
function axesAt(ra: number, dec: number, positionAngle: number): { major: Vector; minor: Vector } {
  const north = unitVector(ra + 180, 90 - dec);
  const east = unitVector(ra + 90, 0);
  const angle = positionAngle * RADIANS_PER_DEGREE;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const mixed = (n: number, e: number): Vector => [
    n * north[0] + e * east[0],
    n * north[1] + e * east[1],
    n * north[2] + e * east[2],
  ];
  return { major: mixed(cos, sin), minor: mixed(-sin, cos) };
}
