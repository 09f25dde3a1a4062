/** Tests of stored positions against the shapes of geo operators. */
import { tick } from "../deadline.ts";
import type { Value } from "../values.ts";
import {
  angleToGeometry,
  angularDistance,
  type Geometry,
  geometriesMeet,
  geometryContains,
  toVector,
} from "./geo-geometry.ts";
import { readStored, type Stored } from "./geo-read.ts";
import { EARTH_RADIUS, type NearQuery, type Point, type Shape } from "./geo-shapes.ts";

/** A test of what stands at a path: within the shape, or having a point in common with it. */
export function shapeTest(
  shape: Shape,
  relation: "within" | "intersects",
): (value: Value | undefined) => boolean {
  return (value) => {
    if (typeof value !== "object") return false;
    const stored = readStored(value);
    return stored !== undefined && matches(shape, relation, stored);
  };
}

function matches(shape: Shape, relation: "within" | "intersects", stored: Stored): boolean {
  const point = stored.kind === "pair" ? stored.point : stored.onlyPoint;
  switch (shape.kind) {
    case "circle":
      return point !== undefined && inCircle(shape.center, shape.radius, point);
    case "box":
      return point !== undefined && inBox(shape.min, shape.max, point);
    case "flatPolygon":
      return point !== undefined && inFlatPolygon(shape.ring, point);
    case "cap":
      return point === undefined ? capContains(shape, stored) : onSphere(point) && inCap(shape, point);
    case "geometry":
      return geometryTest(shape.geometry, relation, stored);
  }
}

/** Without care for overflow, as the server computes it. */
function flatDistance(a: Point, b: Point): number {
  const x = a[0] - b[0];
  const y = a[1] - b[1];
  return Math.sqrt(x * x + y * y);
}

/**
 * In the server's way: squares may overflow, and whatever is infinitely far is outside of all circles. Along an axis
 * the radius is added to the lesser coordinate, which rounds otherwise than the difference where both are large.
 */
function inCircle(center: Point, radius: number, point: Point): boolean {
  const [x, y] = [point[0] - center[0], point[1] - center[1]];
  if (!Number.isFinite(x + y)) return false;
  if (x === 0) return Math.min(point[1], center[1]) + radius >= Math.max(point[1], center[1]);
  if (y === 0) return Math.min(point[0], center[0]) + radius >= Math.max(point[0], center[0]);
  return Math.sqrt(x * x + y * y) - radius <= 0;
}

function onSphere([longitude, latitude]: Point): boolean {
  return Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90;
}

type Cap = Extract<Shape, { kind: "cap" }>;

function inCap(cap: Cap, point: Point): boolean {
  return angularDistance(cap.center, point) <= cap.radius;
}

/** A cap smaller than a hemisphere is convex: its vertices decide for lines and areas. */
function capContains(cap: Cap, stored: Stored): boolean {
  if (stored.kind === "pair") return false;
  const { points, lines, areas } = stored.geometry;
  const limit = Math.cos(Math.min(cap.radius, Math.PI));
  const center = toVector(cap.center);
  const vertices = [...lines.flat(), ...areas.flatMap((area) => area.outer.vertices)];
  return (
    points.every((point) => inCap(cap, point)) &&
    vertices.every((v) => v[0] * center[0] + v[1] * center[1] + v[2] * center[2] >= limit)
  );
}

function geometryTest(geometry: Geometry, relation: "within" | "intersects", stored: Stored): boolean {
  tick(8);
  const other: Geometry =
    stored.kind === "geometry" ? stored.geometry : { points: [stored.point], lines: [], areas: [] };
  if (stored.kind === "pair" && !onSphere(stored.point)) return false;
  return relation === "within" ? geometryContains(geometry, other) : geometriesMeet(geometry, other);
}

function inBox(min: Point, max: Point, [x, y]: Point): boolean {
  return x >= min[0] && x <= max[0] && y >= min[1] && y <= max[1];
}

/** Ray casting; points on an edge count as inside. */
function inFlatPolygon(ring: readonly Point[], [x, y]: Point): boolean {
  let inside = false;
  let [px, py] = ring[ring.length - 1] as Point;
  for (const [qx, qy] of ring) {
    const side = (qx - px) * (y - py) - (qy - py) * (x - px);
    const between =
      Math.min(px, qx) <= x && x <= Math.max(px, qx) && Math.min(py, qy) <= y && y <= Math.max(py, qy);
    if (side === 0 && between) return true;
    if (py > y !== qy > y && x < ((qx - px) * (y - py)) / (qy - py) + px) inside = !inside;
    px = qx;
    py = qy;
  }
  return inside;
}

/**
 * The distance of a stored position (of a line or an area: of what is nearest of it) from the centre of a near query in the query's unit (metres, radians or
 * degrees on the plane); undefined when there is none.
 */
export function distanceFrom(near: NearQuery, value: Value | undefined): number | undefined {
  if (typeof value !== "object") return undefined;
  const stored = readStored(value);
  const point = stored?.kind === "pair" ? stored.point : stored?.onlyPoint;
  if (near.metric === "flat") return point === undefined ? undefined : flatDistance(near.center, point);
  const angle = point === undefined ? angleToShape(near.center, stored) : angularDistance(near.center, point);
  return angle !== undefined && near.metric === "meters" ? angle * EARTH_RADIUS : angle;
}

function angleToShape(center: Point, stored: Stored | undefined): number | undefined {
  return stored?.kind === "geometry" ? angleToGeometry(center, stored.geometry) : undefined;
}
