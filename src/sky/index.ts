/** The sky: what other rooms import. */
export {
  ANGLE_UNITS,
  type AngleUnit,
  ARCSEC_PER_DEGREE,
  CoordinateError,
  DEGREES_PER_RADIAN,
  formatDec,
  formatRa,
  parseDec,
  parseRa,
  RADIANS_PER_DEGREE,
} from "./angles.ts";
export { inEllipse, type SkyEllipse } from "./ellipse.ts";
export { ecliptic, galactic, separation, unitVector } from "./frames.ts";
