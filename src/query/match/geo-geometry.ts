/** Geometry on the sphere: points, lines and areas with great-circle edges; containment and crossing. */
import type { LonLat } from "../bounds.ts";
import { isOddTo, startsInside } from "./geo-inside.ts";
import { cross, crossingOf, dot, same, turnOf } from "./geo-orientation.ts";

export type Vector = readonly [x: number, y: number, z: number];

/** A closed curve without its repeated last vertex, running counter-clockwise round its inside. */
export interface Loop {
  readonly vertices: readonly Vector[];
  /** Whether the inside is what lies outside the smaller side. */
  readonly inverted: boolean;
  /** Of the side to the left, whether the point from which ways are counted is in it. */
  readonly startsInside: boolean;
}

/** An outer loop and the holes in it. */
export interface Area {
  readonly outer: Loop;
  readonly holes: readonly Loop[];
  /** As given, for index bounds: longitude and latitude in degrees. */
  readonly rings: readonly (readonly LonLat[])[];
}

export interface Geometry {
  readonly points: readonly LonLat[];
  readonly lines: readonly (readonly Vector[])[];
  readonly areas: readonly Area[];
}

const RADIANS = Math.PI / 180;

/** The unit vector of a position in degrees. */
export function toVector([longitude, latitude]: LonLat): Vector {
  const cos = Math.cos(latitude * RADIANS);
  return [
    cos * Math.cos(longitude * RADIANS),
    cos * Math.sin(longitude * RADIANS),
    Math.sin(latitude * RADIANS),
  ];
}

/** The position in degrees of a unit vector. */
export function toLonLat([x, y, z]: Vector): LonLat {
  return [Math.atan2(y, x) / RADIANS, Math.atan2(z, Math.hypot(x, y)) / RADIANS];
}

/** The angle between two positions in radians (haversine: exact for small angles). */
export function angularDistance(a: LonLat, b: LonLat): number {
  const sinLat = Math.sin(((b[1] - a[1]) * RADIANS) / 2);
  const sinLon = Math.sin(((b[0] - a[0]) * RADIANS) / 2);
  const h = sinLat * sinLat + Math.cos(a[1] * RADIANS) * Math.cos(b[1] * RADIANS) * sinLon * sinLon;
  return 2 * Math.asin(Math.min(1, Math.sqrt(h)));
}

function triple(a: Vector, b: Vector, c: Vector): number {
  return dot(a, cross(b, c));
}

/**
 * How far a loop turns left in all, in radians: 2π less the solid angle to its left, so that it is not negative when
 * its left side is the smaller one. Holds for the smallest loops too, whose area rounding hides.
 */
function turningAngle(vertices: readonly Vector[]): number {
  const { length } = vertices;
  let angle = 0;
  for (let i = 0; i < length; i++) {
    const [a, b, c] = [vertices[i], vertices[(i + 1) % length], vertices[(i + 2) % length]] as [
      Vector,
      Vector,
      Vector,
    ];
    angle += turnOf(a, b, c) * angleBetween(normalOf(a, b), normalOf(b, c));
  }
  return angle;
}

/** Along the cross product; exact for near and for nearly opposite points too. */
function normalOf(a: Vector, b: Vector): Vector {
  return cross([b[0] + a[0], b[1] + a[1], b[2] + a[2]], [b[0] - a[0], b[1] - a[1], b[2] - a[2]]);
}

/** A loop round half of the sphere counts as counter-clockwise, in spite of rounding. */
const HALF_SPHERE = -1e-14;

/** Orients a ring so that its smaller side is inside; `strict` takes the left side, however large. */
export function makeLoop(ring: readonly LonLat[], strict: boolean): Loop {
  const vertices = ring.map(toVector);
  const clockwise = turningAngle(vertices) < HALF_SPHERE;
  if (clockwise) vertices.reverse();
  return { vertices, inverted: strict && clockwise, startsInside: startsInside(vertices) };
}

/** Whether a point lies inside a loop. */
export function loopContains(loop: Loop, point: Vector): boolean {
  return (isOddTo(loop.vertices, point) !== loop.startsInside) !== loop.inverted;
}

export function areaContains(area: Area, point: Vector): boolean {
  return loopContains(area.outer, point) && !area.holes.some((hole) => loopContains(hole, point));
}

function* edgesOfLoop(loop: Loop): Generator<[Vector, Vector]> {
  let previous = loop.vertices[loop.vertices.length - 1] as Vector;
  for (const vertex of loop.vertices) {
    yield [previous, vertex];
    previous = vertex;
  }
}

function* edgesOfLine(line: readonly Vector[]): Generator<[Vector, Vector]> {
  for (let i = 1; i < line.length; i++) yield [line[i - 1] as Vector, line[i] as Vector];
}

function* edgesOfArea(area: Area): Generator<[Vector, Vector]> {
  yield* edgesOfLoop(area.outer);
  for (const hole of area.holes) yield* edgesOfLoop(hole);
}

function* edgesOf(geometry: Geometry): Generator<[Vector, Vector]> {
  for (const line of geometry.lines) yield* edgesOfLine(line);
  for (const area of geometry.areas) yield* edgesOfArea(area);
}

/** Whether two great-circle arcs, each less than half a circle, cross or share an end. */
function edgesMeet([a, b]: [Vector, Vector], [c, d]: [Vector, Vector]): boolean {
  return crossingOf(a, b, c, d) >= 0;
}

function verticesOf(geometry: Geometry): Vector[] {
  const vertices = geometry.points.map(toVector);
  for (const line of geometry.lines) vertices.push(...line);
  for (const area of geometry.areas) vertices.push(...area.outer.vertices);
  return vertices;
}

/** Whether areas contain all of another geometry: each of its lines and areas lies within one of them. */
export function geometryContains(outer: Geometry, inner: Geometry): boolean {
  const within = (part: Part) => outer.areas.some((area) => areaHolds(area, part));
  return (
    inner.points.every((point) => within({ vertices: [toVector(point)], edges: [], area: undefined })) &&
    inner.lines.every((line) => within({ vertices: line, edges: [...edgesOfLine(line)], area: undefined })) &&
    inner.areas.every((area) =>
      within({ vertices: area.outer.vertices, edges: [...edgesOfArea(area)], area }),
    )
  );
}

interface Part {
  readonly vertices: readonly Vector[];
  readonly edges: readonly [Vector, Vector][];
  readonly area: Area | undefined;
}

function areaHolds(outer: Area, { vertices, edges, area }: Part): boolean {
  if (!vertices.every((vertex) => areaContains(outer, vertex))) return false;
  for (const border of edges.length > 0 ? edgesOfArea(outer) : []) {
    if (edges.some((edge) => edgesMeet(edge, border))) return false;
  }
  return area === undefined || !outer.holes.some((hole) => hole.vertices.some((v) => areaContains(area, v)));
}

/** Whether two geometries have a point in common. */
export function geometriesMeet(a: Geometry, b: Geometry): boolean {
  const pointsA = a.points.map(toVector);
  const pointsB = b.points.map(toVector);
  if (pointsA.some((p) => pointsB.some((q) => same(p, q)))) return true;
  if (verticesOf(a).some((v) => b.areas.some((area) => areaContains(area, v)))) return true;
  if (verticesOf(b).some((v) => a.areas.some((area) => areaContains(area, v)))) return true;
  if (touchesLine(pointsA, b) || touchesLine(pointsB, a)) return true;
  for (const edge of edgesOf(a)) {
    for (const other of edgesOf(b)) if (edgesMeet(edge, other)) return true;
  }
  return false;
}

/** A point meets a line where it is one of its vertices. */
function touchesLine(points: readonly Vector[], geometry: Geometry): boolean {
  return geometry.lines.some((line) => line.some((vertex) => points.some((point) => same(point, vertex))));
}

/** The angle in radians from a position to the nearest point of a geometry; 0 inside its areas. */
export function angleToGeometry(position: LonLat, geometry: Geometry): number {
  const from = toVector(position);
  if (geometry.areas.some((area) => areaContains(area, from))) return 0;
  let least = Number.POSITIVE_INFINITY;
  for (const point of geometry.points) least = Math.min(least, angularDistance(position, point));
  for (const edge of edgesOf(geometry)) least = Math.min(least, angleToEdge(from, edge));
  return least;
}

/** To the arc itself where the foot of the perpendicular lies on it, else to the nearer end. */
function angleToEdge(from: Vector, [a, b]: [Vector, Vector]): number {
  const normal = cross(a, b);
  const length = Math.sqrt(dot(normal, normal));
  const onArc = length > 0 && triple(normal, a, from) > 0 && triple(normal, b, from) < 0;
  if (onArc) return Math.asin(Math.min(1, Math.abs(dot(normal, from)) / length));
  return Math.min(angleBetween(from, a), angleBetween(from, b));
}

function angleBetween(a: Vector, b: Vector): number {
  const normal = cross(a, b);
  return Math.atan2(Math.sqrt(dot(normal, normal)), dot(a, b));
}
