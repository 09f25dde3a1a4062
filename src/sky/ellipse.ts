/** Ellipses on the sky, such as the outlines of near galaxies. Pure. */
import { RADIANS_PER_DEGREE } from "./angles.ts";

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
