/** Positions as sky cells (HEALPix, nested): a region of the sky becomes a few ranges of integers. */
import type { LonLat, Region } from "../../query/bounds.ts";
import {
  boxRelation,
  type CellRange,
  CellSet,
  cellAt,
  cellCount,
  coverRegion,
  mergeRanges,
  RADIANS_PER_DEGREE,
  type Relate,
  ringRelation,
  SkyPolygon,
  unitVector,
} from "../../sky/index.ts";

/** Cells of 13 arcsec: a cone of a few arcsec touches one to four. */
const ORDER = 14;
/** Of a region's border so many cells at most are divided: a range for each is one look into the index. */
const MOST_PARTIAL = 48;
/** A set of cells in more ranges is read by coarser ones. */
const MOST_RANGES = 500;
/** A region of more than this share of the sky is read with a scan, which goes through the table in its order. */
const WIDEST_SHARE = 0.5;
/** Rounding of angles: regions are taken larger by a milliarcsecond. */
const MARGIN = 1 / 3_600_000;

/**
 * Rows written in the first format of data folders share one cell, past those of HEALPix, within so many degrees of
 * a pole. Newer ones do not: a small cone there read all of them.
 */
const CAP = 0.1;
const NORTH_CAP = cellCount(ORDER);
const SOUTH_CAP = NORTH_CAP + 1;

/** The cell of a GeoJSON position in degrees; undefined outside −180…180 and −90…90. */
export function cellOf(longitude: number, latitude: number): number | undefined {
  if (!(Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90)) return undefined;
  return cellAt(ORDER, longitude, latitude);
}

/**
 * Ranges of cells that cover a region, ascending and disjoint; perhaps a little more than the region.
 * Undefined when the region is so wide that a scan serves better.
 */
export function cellRanges(region: Region): CellRange[] | undefined {
  const ranges = mergeRanges(rangesOf(region));
  const cells = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  return cells > WIDEST_SHARE * cellCount(ORDER) ? undefined : ranges;
}

/** Each part of a union has ranges of its own: thousands of small cones are that many small covers. */
function rangesOf(region: Region): CellRange[] {
  if (region.kind === "union") return region.regions.flatMap(rangesOf);
  if (region.kind === "cells") return rangesOfCells(new CellSet(region.order, region.ranges));
  const relate = relationOf(region);
  const ranges = coverRegion(relate, { order: ORDER, mostPartial: MOST_PARTIAL });
  for (const [pole, cell] of [
    [1, NORTH_CAP],
    [-1, SOUTH_CAP],
  ] as const) {
    if (relate([0, 0, pole], (CAP + MARGIN) * RADIANS_PER_DEGREE) !== "outside") ranges.push([cell, cell]);
  }
  return ranges;
}

/** The cells in longitudes: those of right ascensions half a turn on. */
function rangesOfCells(set: CellSet): CellRange[] {
  let coarse = set.at(Math.min(ORDER, set.order));
  while (coarse.ranges.length > MOST_RANGES && coarse.order > 0) coarse = set.at(coarse.order - 1);
  const perFace = 4 ** ORDER;
  const turned: CellRange[] = [];
  for (const [first, last] of coarse.at(ORDER).ranges) {
    for (let from = first; from <= last; ) {
      const face = Math.floor(from / perFace);
      const to = Math.min(last, (face + 1) * perFace - 1);
      // Four faces round each pole and four along the equator: half a turn is two on.
      const shift = (((face % 4) + 2) % 4) - (face % 4);
      turned.push([from + shift * perFace, to + shift * perFace]);
      from = to + 1;
    }
  }
  for (const [pole, cell] of [
    [1, NORTH_CAP],
    [-1, SOUTH_CAP],
  ] as const) {
    const cap = ringRelation([0, 0, pole], (CAP + MARGIN) * RADIANS_PER_DEGREE);
    const around = coverRegion(cap, { order: coarse.order, mostPartial: MOST_PARTIAL });
    if (around.some((range) => coarse.meets(range))) turned.push([cell, cell]);
  }
  return turned;
}

function relationOf(region: Exclude<Region, { kind: "union" | "cells" }>): Relate {
  switch (region.kind) {
    case "cone": {
      const { radius, minRadius = 0 } = region;
      const inner = Math.max(0, minRadius - MARGIN) * RADIANS_PER_DEGREE;
      return ringRelation(unitVector(...region.center), (radius + MARGIN) * RADIANS_PER_DEGREE, inner);
    }
    case "polygon":
      return polygonRelation(region.rings[0] ?? []);
    case "box": {
      const [west, south] = region.min;
      const [east, north] = region.max;
      return boxRelation(Math.max(-180, west), Math.min(180, east), south, north);
    }
  }
}

/** Holes are taken as inside: what looks at the documents knows better. */
function polygonRelation(ring: readonly LonLat[]): Relate {
  const relate = new SkyPolygon(ring.map((place) => unitVector(...place))).relation();
  return (centre, radius) => relate(centre, radius + MARGIN * RADIANS_PER_DEGREE);
}
