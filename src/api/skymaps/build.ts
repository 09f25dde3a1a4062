/** Makes credible regions of a localisation. */
import {
  angleBetween,
  CellSet,
  cellCentre,
  credibleRegions,
  DEGREES_PER_RADIAN,
  ellipseRelation,
  gaussianMap,
  outlinesOf,
  RADIANS_PER_DEGREE,
  type SkyMap,
  SkyMapError,
  SkyPolygon,
  uniformMap,
  uniqMap,
  unitVector,
  type Vector,
} from "../../sky/index.ts";
import { readFitsMap } from "./fits.ts";
import type { BuildRequest, Built, Hidden, SkymapSource } from "./source.ts";

/** What the cells of all levels may take, bytes: a document of MongoDB holds twice as much. */
const MOST_CELL_BYTES = 8 * 1024 * 1024;

/** The regions of a localisation. Throws `SkyMapError` for what makes no sense. */
export function buildContours(
  { source, hidden, levels }: BuildRequest,
  mostCellBytes = MOST_CELL_BYTES,
): Built {
  const map = mapOf(source);
  if (hidden !== undefined) hide(map, hidden);
  let bytes = 0;
  const regions = credibleRegions(map, levels);
  return {
    centre: centreOf(map),
    contours: levels.map((level, index) => {
      const region = regions[index] ?? new CellSet(0, []);
      const cells = region.toBytes();
      bytes += cells.length;
      if (bytes > mostCellBytes) {
        throw new SkyMapError(
          "the regions are too ragged to be kept: smooth the map, or ask for fewer levels",
        );
      }
      const polygons = outlinesOf(region).map((rings) =>
        rings.map((ring) => ring.map(([ra, dec]): [number, number] => [longitudeOf(ra), dec])),
      );
      return { level, cells, polygons };
    }),
  };
}

/** To the nanodegree, as outlines are. */
const longitudeOf = (ra: number) => Math.round((ra - 180) * 1e9) / 1e9;

function mapOf(source: SkymapSource): SkyMap {
  switch (source.kind) {
    case "cells":
      return uniqMap(source.uniq, source.densities);
    case "fits":
      return readFitsMap(source.bytes);
    case "cone":
      return gaussianMap(unitVector(source.ra, source.dec), source.error);
    case "polygon":
      return polygonMap(source.corners);
    case "ellipse":
      return ellipseMap(source);
  }
}

function polygonMap(corners: readonly (readonly [number, number])[]): SkyMap {
  const polygon = new SkyPolygon(corners.map((corner) => unitVector(...corner)));
  // Each cell at the border is held against each side.
  const mostPartial = Math.min(20_000, Math.max(2000, 2e7 / corners.length));
  return uniformMap(polygon.relation(), polygon.width, mostPartial);
}

function ellipseMap(source: Extract<SkymapSource, { kind: "ellipse" }>): SkyMap {
  const { ra, dec, semiMajor, semiMinor, positionAngle } = source;
  if (!(semiMajor < 90)) throw new SkyMapError("the semi-major axis must be below 90 degrees");
  const ellipse = { ra, dec, semiMajor, ratio: semiMinor / semiMajor, positionAngle };
  return uniformMap(ellipseRelation(ellipse), semiMinor * RADIANS_PER_DEGREE);
}

/** Takes the probability out of the cells whose centre is hidden. */
function hide({ orders, cells, densities }: SkyMap, { ra, dec, radius }: Hidden): void {
  const centre = unitVector(ra, dec);
  for (let index = 0; index < densities.length; index++) {
    const point = cellCentre(orders[index] ?? 0, cells[index] ?? 0);
    if (angleBetween(centre, point) <= radius * RADIANS_PER_DEGREE) densities[index] = 0;
  }
}

/** The mean by probability; the most probable cell where that has no direction. */
function centreOf({ orders, cells, densities }: SkyMap): [ra: number, dec: number] {
  const sum = [0, 0, 0];
  let [peak, total, best]: [Vector, number, number] = [[0, 0, 1], 0, 0];
  for (let index = 0; index < densities.length; index++) {
    const density = densities[index] ?? 0;
    if (!(density > 0)) continue;
    const order = orders[index] ?? 0;
    const point = cellCentre(order, cells[index] ?? 0);
    const weight = density * 4 ** -order;
    for (const axis of [0, 1, 2]) sum[axis] = (sum[axis] ?? 0) + weight * (point[axis] ?? 0);
    total += weight;
    if (density > best) [peak, best] = [point, density];
  }
  const isDirected = Math.hypot(...sum) > 1e-3 * total;
  const [x = 0, y = 0, z = 0] = isDirected ? sum : peak;
  const ra = Math.atan2(y, x) * DEGREES_PER_RADIAN;
  return [ra < 0 ? ra + 360 : ra, Math.atan2(z, Math.hypot(x, y)) * DEGREES_PER_RADIAN];
}
