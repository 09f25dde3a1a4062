/** Positions as sky cells (HEALPix, nested): a region of the sky becomes a few ranges of integers. */
import { ang2pix_nest, ang2vec, query_disc_inclusive_nest } from "@hscmap/healpix";
import type { LonLat, Region } from "../../query/bounds.ts";

/** Cells of 13 arcsec: a cone of a few arcsec touches one to four. Finer ones overflow the library's 32 bits. */
const ORDER = 14;
const NSIDE = 2 ** ORDER;
const DEGREE = Math.PI / 180;
/** Regions wider than this are most of the sky: an index gains nothing. */
const WIDEST = 60;
/** Rounding of angles: regions are taken larger by a milliarcsecond. */
const MARGIN = 1 / 3_600_000;

/** A range of cells, both ends included. */
export type CellRange = readonly [first: number, last: number];

/**
 * Degrees around a pole where the library's cells are unreliable (it errs by cancellation on the meridians
 * where base pixels meet): all positions there share one cell of our own, past the library's.
 */
const CAP = 0.1;
const NORTH_CAP = 12 * NSIDE * NSIDE;
const SOUTH_CAP = NORTH_CAP + 1;

/** The cell of a GeoJSON position in degrees; undefined outside −180…180 and −90…90. */
export function cellOf(longitude: number, latitude: number): number | undefined {
  if (!(Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90)) return undefined;
  if (90 - Math.abs(latitude) <= CAP) return latitude > 0 ? NORTH_CAP : SOUTH_CAP;
  return ang2pix_nest(NSIDE, (90 - latitude) * DEGREE, azimuth(longitude));
}

/**
 * Ranges of cells that cover a region, ascending and disjoint; perhaps a little more than the region.
 * Undefined when the region is so wide that a scan serves better.
 */
export function cellRanges(region: Region): CellRange[] | undefined {
  const cones = conesOf(region);
  if (cones === undefined) return undefined;
  return merged(cones.flatMap(({ center, radius }) => coneRanges(center, radius)));
}

interface Cone {
  readonly center: LonLat;
  /** Degrees. */
  readonly radius: number;
}

/** Cones that contain the region. */
function conesOf(region: Region): Cone[] | undefined {
  if (region.kind === "union") {
    const parts = region.regions.map(conesOf);
    return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part ?? []);
  }
  const cone = region.kind === "cone" ? region : boundingCone(region.rings.flat());
  return cone !== undefined && cone.radius < WIDEST ? [cone] : undefined;
}

/** A cone around vertices and the edges between them, straight on the sphere or in longitude and latitude. */
function boundingCone(vertices: readonly LonLat[]): Cone | undefined {
  const points = vertices.flatMap((from, index) => {
    const to = vertices[(index + 1) % vertices.length] ?? from;
    return Array.from({ length: 16 }, (_, i): LonLat => {
      const t = i / 16;
      return [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t];
    });
  });
  const vectors = points.map(vectorOf);
  const sum = vectors.reduce((a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]], [0, 0, 0]);
  const length = Math.hypot(...sum);
  if (length < 1e-6) return undefined;
  const center = sum.map((x) => x / length) as [number, number, number];
  const widest = Math.max(...vectors.map((vector) => angle(center, vector)));
  const latitude = Math.asin(center[2]) / DEGREE;
  const longitude = Math.atan2(center[1], center[0]) / DEGREE;
  // Between two samples an edge may bulge a little.
  return { center: [longitude, latitude], radius: widest * 1.02 + MARGIN };
}

function coneRanges(center: LonLat, radius: number): CellRange[] {
  const ranges: CellRange[] = [];
  const reach = CAP + radius + MARGIN;
  if (90 - center[1] <= reach) ranges.push([NORTH_CAP, NORTH_CAP]);
  if (90 + center[1] <= reach) ranges.push([SOUTH_CAP, SOUTH_CAP]);
  // A cone within a cap needs no other cell, and the library would find none for a small one.
  if (90 - Math.abs(center[1]) + radius + MARGIN < CAP) return ranges;
  const radians = (radius + MARGIN) * DEGREE;
  // Cells about an eighth of the radius wide cover a cone with about a hundred ranges.
  const wanted = Math.ceil(Math.log2(1 / Math.max(radians / 8, 1e-9)));
  const order = Math.min(ORDER, Math.max(0, wanted));
  const factor = 4 ** (ORDER - order);
  const vector = ang2vec((90 - center[1]) * DEGREE, azimuth(center[0]));
  query_disc_inclusive_nest(2 ** order, vector, radians, (cell) => {
    ranges.push([cell * factor, (cell + 1) * factor - 1]);
  });
  return ranges;
}

function merged(ranges: CellRange[]): CellRange[] {
  const out: [number, number][] = [];
  for (const [first, last] of ranges.sort((a, b) => a[0] - b[0])) {
    const previous = out[out.length - 1];
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else out.push([first, last]);
  }
  return out;
}

/**
 * A longitude as the library takes it, radians in 0…2π. On the meridians where base pixels meet, the library
 * answers the cell of a pole for every latitude above 41.8°: positions there are moved by 0.2
 * microarcseconds.
 */
function azimuth(longitude: number): number {
  const turned = (longitude % 360) * DEGREE;
  const positive = turned < 0 ? turned + 2 * Math.PI : turned;
  const quarters = positive / (Math.PI / 2);
  return Math.abs(quarters - Math.round(quarters)) < 1e-12
    ? (Math.round(quarters) % 4) * (Math.PI / 2) + 1e-12
    : positive;
}

function vectorOf([longitude, latitude]: LonLat): [number, number, number] {
  const z = Math.cos(latitude * DEGREE);
  return [z * Math.cos(longitude * DEGREE), z * Math.sin(longitude * DEGREE), Math.sin(latitude * DEGREE)];
}

/** Degrees between two unit vectors, exact also for small angles. */
function angle(a: readonly [number, number, number], b: readonly [number, number, number]): number {
  const cross = Math.hypot(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]);
  return Math.atan2(cross, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) / DEGREE;
}
