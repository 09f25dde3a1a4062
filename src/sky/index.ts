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
export { CellSet } from "./cell-set.ts";
export {
  boxRelation,
  type CellRange,
  type CoverLimits,
  coverRegion,
  mergeRanges,
  type Relate,
  type Relation,
  ringRelation,
} from "./cover.ts";
export { ellipseRelation, inEllipse, type SkyEllipse } from "./ellipse.ts";
export {
  ecliptic,
  eclipticVector,
  fromEcliptic,
  fromGalactic,
  galactic,
  galacticVector,
  positionAngle,
  separation,
  unitVector,
  type Vector,
} from "./frames.ts";
export {
  angleBetween,
  cellAt,
  cellCentre,
  cellCount,
  cellRadius,
  FINEST_ORDER,
  nestedOfRing,
} from "./healpix.ts";
export { type Outline, outlinesOf } from "./outline.ts";
export { SkyPolygon } from "./polygon.ts";
export {
  credibleRegions,
  flatMap,
  gaussianMap,
  type SkyMap,
  SkyMapError,
  shapeMap,
  turnedMap,
  uniformMap,
  uniqMap,
} from "./skymap.ts";
export { fixedDec, fixedRa, visitCone, ZONES, type ZonedPositions, zoneOrder } from "./zones.ts";
