/** The outlines of sets of cells, as polygons. Pure. */

import { DEGREES_PER_RADIAN } from "./angles.ts";
import type { CellSet } from "./cell-set.ts";
import type { Vector } from "./frames.ts";
import { cellOfPoint, cellRadius, facePoint, placeOf } from "./healpix.ts";
import { SkyPolygon, solidAngle } from "./polygon.ts";
import { difference, dot, triple } from "./vectors.ts";

/** An area and the holes in it: rings of right ascension and declination in degrees, closed. */
export type Outline = readonly (readonly (readonly [ra: number, dec: number])[])[];

/** An outline of more edges is drawn with coarser cells. */
const MOST_EDGES = 8000;
/** Of a quarter of the sphere on, the parts in each of the twelve base cells are drawn by themselves. */
const WIDE_SHARE = 0.25;
/** So are those whose border is not within so many degrees of its middle: neither side is clearly the smaller one. */
const WIDEST_LOOP = 75;
/** So is one whose border is looked for along more sides of cells. */
const MOST_LOOKS = 200_000;
/** How far behind an edge its neighbour is looked for, in half widths of a cell. */
const BEYOND = 0.2;

/** One side of a cell that is the border, with the inside to its left. */
interface Edge {
  readonly from: Vector;
  readonly to: Vector;
  readonly fromKey: string;
  readonly toKey: string;
  readonly cell: number;
}

/**
 * Polygons round a set of cells: exact where they take few edges, else those of the coarser cells that hold a part
 * of the set.
 */
export function outlinesOf(set: CellSet): Outline[] {
  for (let order = set.order; ; order--) {
    const drawn = set.at(order);
    for (const byFace of drawn.share > WIDE_SHARE ? [true] : [false, true]) {
      const edges = edgesOf(drawn, byFace, order === 0 ? Number.POSITIVE_INFINITY : MOST_EDGES);
      if (edges === undefined) break;
      const loops = loopsOf(edges);
      const { outlines, isWhole } = polygonsOf(loops, order);
      if (byFace || (isWhole && !loops.some(isWide))) return outlines;
    }
  }
}

/** Whether the loop, or the outside of one that runs the other way, may be more than half of the sphere. */
function isWide({ vertices }: Loop): boolean {
  const sum = vertices.reduce((a, b): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]], [0, 0, 0]);
  const least = Math.cos(WIDEST_LOOP / DEGREES_PER_RADIAN) * Math.hypot(...sum);
  return vertices.some((vertex) => dot(vertex, sum) <= least);
}

/** The border's edges by where they begin; undefined when there are more than `most`. */
function edgesOf(set: CellSet, byFace: boolean, most: number): Map<string, Edge[]> | undefined {
  const { order } = set;
  const side = 2 ** order;
  const keyOf = keysFor(order);
  const edges = new Map<string, Edge[]>();
  let [count, looks] = [0, 0];
  for (const [own, big] of set.cells()) {
    const { face, x, y } = placeOf(own, big);
    const width = 2 ** (order - own);
    looks += width;
    if (order > 0 && looks > MOST_LOOKS) return undefined;
    for (const [u, v] of borderOf(width)) {
      const [column, row] = [x * width + u, y * width + v];
      const corner = (i: number, j: number) => facePoint(face, (column + i) / side, (row + j) / side);
      const centre = facePoint(face, (column + 0.5) / side, (row + 0.5) / side);
      const corners = [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)] as const;
      const middles = [corner(0.5, 0), corner(1, 0.5), corner(0.5, 1), corner(0, 0.5)] as const;
      const isInner = [v > 0, u < width - 1, v < width - 1, u > 0];
      for (let n = 0; n < 4; n++) {
        if (isInner[n] === true) continue;
        const neighbour = cellBehind(order, centre, middles[n] ?? centre);
        const isOtherFace = Math.floor(neighbour / side / side) !== face;
        if (set.has(neighbour) && !(byFace && isOtherFace)) continue;
        const [from, to] = [corners[n] ?? centre, corners[(n + 1) % 4] ?? centre];
        // What is drawn by itself has corners of its own.
        const own = byFace ? `${face} ` : "";
        const key = own + keyOf(from);
        const edge = {
          from,
          to,
          fromKey: key,
          toKey: own + keyOf(to),
          cell: (face * side + row) * side + column,
        };
        const known = edges.get(key);
        if (known === undefined) edges.set(key, [edge]);
        else known.push(edge);
        if (++count > most) return undefined;
      }
    }
  }
  return edges;
}

/** Columns and rows of the cells along the border of a square. */
function* borderOf(width: number): Generator<[number, number]> {
  for (let n = 0; n < width; n++) {
    yield [n, 0];
    if (width > 1) yield [n, width - 1];
    if (n > 0 && n < width - 1) {
      yield [0, n];
      yield [width - 1, n];
    }
  }
}

/** The cell on the other side of an edge, whose middle is given. */
function cellBehind(order: number, centre: Vector, middle: Vector): number {
  const beyond = (m: number, c: number) => m + BEYOND * (m - c);
  const [a, b] = [middle, centre];
  return cellOfPoint(order, [beyond(a[0], b[0]), beyond(a[1], b[1]), beyond(a[2], b[2])]);
}

/** Names corners, so that those of cells that meet there have the same, in spite of rounding. */
function keysFor(order: number): (corner: Vector) => string {
  const step = 1 / (cellRadius(order) * 0.0123456789);
  return (corner) => corner.map((part) => Math.round(part * step) + 0).join(" ");
}

/** A closed border with a point of the region beside it. */
interface Loop {
  readonly vertices: readonly Vector[];
  readonly inside: number;
}

/** Loops that pass each of their corners once: what meets itself at a corner is parted there. */
function loopsOf(edges: Map<string, Edge[]>): Loop[] {
  const loops: Loop[] = [];
  for (;;) {
    const [first] = edges.keys();
    if (first === undefined) return loops;
    const path: Edge[] = [];
    const places = new Map<string, number>();
    let edge = takeEdge(edges, first, undefined);
    while (edge !== undefined) {
      places.set(edge.fromKey, path.length);
      path.push(edge);
      const met = places.get(edge.toKey);
      if (met !== undefined) {
        const loop = path.splice(met);
        for (const { fromKey } of loop) places.delete(fromKey);
        if (loop.length >= 3) loops.push({ vertices: loop.map(({ from }) => from), inside: edge.cell });
        // What led to the corner goes on from there.
        const last = path.at(-1);
        if (last === undefined) break;
        edge = takeEdge(edges, last.toKey, last);
      } else edge = takeEdge(edges, edge.toKey, edge);
    }
  }
}

/** Takes the edge by which a border goes on from a corner: the leftmost, so that cells that only touch stay apart. */
function takeEdge(edges: Map<string, Edge[]>, key: string, before: Edge | undefined): Edge | undefined {
  const there = edges.get(key);
  if (there === undefined) return undefined;
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  if (before !== undefined && there.length > 1) {
    there.forEach((edge, index) => {
      const angle = clockwise(before.from, before.to, edge.to);
      if (angle < least) [best, least] = [index, angle];
    });
  }
  const [edge] = there.splice(best, 1);
  if (there.length === 0) edges.delete(key);
  return edge;
}

/** The angle at a corner from one point to another, clockwise from outside the sphere: above 0, up to a whole turn. */
function clockwise(from: Vector, corner: Vector, to: Vector): number {
  const [a, b] = [difference(from, corner), difference(to, corner)];
  const angle = Math.atan2(triple(corner, b, a), dot(a, b));
  return angle > 1e-6 ? angle : angle + 2 * Math.PI;
}

/** Loops round areas, each with the loops round its holes; not whole when there are holes in no area. */
function polygonsOf(
  loops: readonly Loop[],
  order: number,
): { readonly outlines: Outline[]; readonly isWhole: boolean } {
  const outer = loops
    .map((loop) => ({ ...loop, size: solidAngle(loop.vertices) }))
    .filter(({ size }) => size >= 0)
    .sort((a, b) => a.size - b.size)
    .map(({ vertices }) => ({ polygon: new SkyPolygon(vertices), rings: [ringOf(vertices)] }));
  let isWhole = true;
  for (const { vertices, inside } of loops) {
    if (solidAngle(vertices) >= 0) continue;
    const point = centreAt(order, inside);
    const around = outer.find(({ polygon }) => polygon.contains(point));
    if (around === undefined) isWhole = false;
    else around.rings.push(ringOf(vertices));
  }
  return { outlines: outer.map(({ rings }) => rings), isWhole };
}

function centreAt(order: number, place: number): Vector {
  const side = 2 ** order;
  const column = place % side;
  const row = Math.floor(place / side) % side;
  return facePoint(Math.floor(place / side / side), (column + 0.5) / side, (row + 0.5) / side);
}

function ringOf(vertices: readonly Vector[]): [number, number][] {
  const ring = vertices.map(([x, y, z]): [number, number] => {
    const ra = Math.atan2(y, x) * DEGREES_PER_RADIAN;
    const dec = Math.atan2(z, Math.hypot(x, y)) * DEGREES_PER_RADIAN;
    return [rounded(ra < 0 ? ra + 360 : ra), rounded(dec)];
  });
  const [first] = ring;
  return first === undefined ? [] : [...ring, [...first]];
}

/** Billionths of a degree: 4 microarcseconds. */
const rounded = (degrees: number) => Math.round(degrees * 1e9) / 1e9;
