/**
 * Which cells cover a region of the sky: ranges of nested HEALPix cells, found by descending from the twelve
 * cells of the whole sphere. Pure.
 */
import type { Vector } from "./frames.ts";
import { cellCentre, cellCount, cellRadius } from "./healpix.ts";

/** A range of cells, both ends included. */
export type CellRange = readonly [first: number, last: number];

/** How a disc lies to a region: wholly within it, wholly outside, or neither is certain. */
export type Relation = "inside" | "outside" | "partly";

/** A region that can tell how a disc (a unit vector and an angle in radians) lies to it. */
export type Relate = (centre: Vector, radius: number) => Relation;

export interface CoverLimits {
  /** Order of the cells in the answer. */
  readonly order: number;
  /** Cells on the border are divided no further when there are more than so many. */
  readonly mostPartial: number;
}

/**
 * Ranges of cells that hold every point of a region, ascending and disjoint: perhaps a little more than the
 * region, never less.
 */
export function coverRegion(relate: Relate, { order, mostPartial }: CoverLimits): CellRange[] {
  const ranges: CellRange[] = [];
  let partial = Array.from({ length: cellCount(0) }, (_, cell) => cell);
  for (let level = 0; ; level++) {
    const radius = cellRadius(level);
    const factor = 4 ** (order - level);
    const undecided: number[] = [];
    for (const cell of partial) {
      const relation = relate(cellCentre(level, cell), radius);
      if (relation === "inside") ranges.push([cell * factor, (cell + 1) * factor - 1]);
      else if (relation === "partly") undecided.push(cell);
    }
    if (level === order || undecided.length > mostPartial) {
      for (const cell of undecided) ranges.push([cell * factor, (cell + 1) * factor - 1]);
      return mergeRanges(ranges);
    }
    if (undecided.length === 0) return mergeRanges(ranges);
    partial = undecided.flatMap((cell) => [4 * cell, 4 * cell + 1, 4 * cell + 2, 4 * cell + 3]);
  }
}

/** The same cells as ascending ranges that do not touch. */
export function mergeRanges(ranges: readonly CellRange[]): CellRange[] {
  const out: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = out[out.length - 1];
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else out.push([first, last]);
  }
  return out;
}

/** The square of the chord of an angle in radians, 0 … π: what distances of unit vectors compare with. */
function chordOf(angle: number): number {
  const half = 2 * Math.sin(Math.max(0, Math.min(angle, Math.PI)) / 2);
  return half * half;
}

function chordBetween(a: Vector, b: Vector): number {
  const x = a[0] - b[0];
  const y = a[1] - b[1];
  const z = a[2] - b[2];
  return x * x + y * y + z * z;
}

/** Rounding of the squares of chords. */
const SLACK = 1e-15;

/** The points between two angles (radians) of a centre. */
export function ringRelation(centre: Vector, outer: number, inner = 0): Relate {
  return (point, radius) => {
    const chord = chordBetween(centre, point);
    if (outer + radius < Math.PI && chord > chordOf(outer + radius) + SLACK) return "outside";
    if (inner > radius && chord < chordOf(inner - radius) - SLACK) return "outside";
    const isWithin =
      (outer >= Math.PI || (outer > radius && chord < chordOf(outer - radius) - SLACK)) &&
      (inner === 0 || (inner + radius < Math.PI && chord > chordOf(inner + radius) + SLACK));
    return isWithin ? "inside" : "partly";
  };
}

/** A box in longitude and latitude, degrees: from the west edge eastward to the east edge. */
export function boxRelation(west: number, east: number, south: number, north: number): Relate {
  const degree = 180 / Math.PI;
  return (point, radius) => {
    const latitude = Math.asin(Math.max(-1, Math.min(1, point[2]))) * degree;
    // Near the poles the arcsine loses digits: a milliarcsecond covers it.
    const reach = radius * degree + 3e-7;
    if (latitude > north + reach || latitude < south - reach) return "outside";
    if (east - west >= 360) {
      return latitude < north - reach && latitude > south + reach ? "inside" : "partly";
    }
    if (Math.abs(latitude) + reach >= 90) return "partly";
    // How far a disc reaches in longitude (Bronstein, spherical right triangle).
    const turn =
      Math.asin(Math.min(1, Math.sin(reach / degree) / Math.cos(latitude / degree))) * degree + 1e-9;
    const longitude = Math.atan2(point[1], point[0]) * degree;
    const beyondWest = (((longitude - west) % 360) + 360) % 360;
    const width = east - west;
    const isOutside = beyondWest > width + turn && beyondWest < 360 - turn;
    if (isOutside) return "outside";
    const isWithin =
      beyondWest > turn && beyondWest < width - turn && latitude < north - reach && latitude > south + reach;
    return isWithin ? "inside" : "partly";
  };
}
