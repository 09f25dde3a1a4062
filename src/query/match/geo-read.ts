/** Reads GeoJSON and legacy coordinate pairs, from queries (with errors) and from documents (without). */
import type { LonLat } from "../bounds.ts";
import { QueryError } from "../errors.ts";
import { type Document, getField, isDocument, type Value } from "../values.ts";
import { type Area, type Geometry, makeLoop, toVector, type Vector } from "./geo-geometry.ts";
import { same } from "./geo-orientation.ts";
import { faultOfHoles, faultOfRings } from "./geo-valid.ts";
import { coordinate } from "./numbers.ts";

const STRICT_WINDING = "urn:x-mongodb:crs:strictwinding:EPSG:4326";
const KNOWN_SYSTEMS = ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", STRICT_WINDING];
const TYPES = [
  "Point",
  "MultiPoint",
  "LineString",
  "MultiLineString",
  "Polygon",
  "MultiPolygon",
  "GeometryCollection",
];

/** Where a stored value lies: a pair on the plane or sphere, or GeoJSON; undefined when it is neither. */
export type Stored =
  | { readonly kind: "pair"; readonly point: LonLat }
  | { readonly kind: "geometry"; readonly geometry: Geometry; readonly onlyPoint: LonLat | undefined };

class Malformed extends Error {}

/** Reads GeoJSON of a query; throws a QueryError for what is wrong with it. */
export function readGeometry(value: Value, at: string): Geometry {
  if (!isDocument(value)) throw new QueryError("invalid", at, "needs a GeoJSON object {type, coordinates}");
  try {
    return geometryOf(value);
  } catch (error) {
    if (error instanceof Malformed) throw new QueryError("invalid", at, error.message);
    throw error;
  }
}

/** Reads the GeoJSON point of a near search; of what type it says it is does not matter, as on a server. */
export function readQueryPoint(value: Document, at: string): LonLat {
  try {
    refuseStrict(systemOf(value));
    return position(getField(value, "coordinates") ?? null);
  } catch (error) {
    if (error instanceof Malformed) throw new QueryError("invalid", at, error.message);
    throw error;
  }
}

/** Reads what a document holds at a path. */
export function readStored(value: Value | undefined): Stored | undefined {
  if (Array.isArray(value)) return pair(value[0], value[1]);
  if (!isDocument(value)) return undefined;
  const type = getField(value, "type");
  if (typeof type === "string" && TYPES.includes(type)) {
    if (type === "Point") return storedPoint(value);
    try {
      // Strict winding order is for polygons of queries: a server finds no stored ones.
      if (type === "Polygon" && systemOf(value) === STRICT_WINDING) return undefined;
      return { kind: "geometry", geometry: geometryOf(value), onlyPoint: undefined };
    } catch (error) {
      if (error instanceof Malformed) return undefined;
      throw error;
    }
  }
  const [x, y] = Object.values(value);
  return pair(x, y);
}

/** The most frequent case, without exceptions on the way. */
function storedPoint(value: Document): Stored | undefined {
  const coordinates = getField(value, "coordinates");
  if (!Array.isArray(coordinates)) return undefined;
  const x = coordinate(coordinates[0]);
  const y = coordinate(coordinates[1]);
  if (x === undefined || y === undefined || !(Math.abs(x) <= 180 && Math.abs(y) <= 90)) return undefined;
  const point: LonLat = [x, y];
  return { kind: "geometry", geometry: { points: [point], lines: [], areas: [] }, onlyPoint: point };
}

function pair(x: Value | undefined, y: Value | undefined): Stored | undefined {
  const longitude = coordinate(x);
  const latitude = coordinate(y);
  if (longitude === undefined || latitude === undefined) return undefined;
  return { kind: "pair", point: [longitude, latitude] };
}

function geometryOf(value: Document): Geometry {
  const type = getField(value, "type");
  if (type === "GeometryCollection") return collectionOf(value);
  const system = systemOf(value);
  const strict = system === STRICT_WINDING;
  if (type !== "Polygon") refuseStrict(system);
  const coordinates = getField(value, "coordinates") ?? null;
  switch (type) {
    case "Point":
      return { points: [position(coordinates)], lines: [], areas: [] };
    case "MultiPoint":
      return { points: list(coordinates, 1).map(position), lines: [], areas: [] };
    case "LineString":
      return { points: [], lines: [line(coordinates)], areas: [] };
    case "MultiLineString":
      return { points: [], lines: list(coordinates, 1).map(line), areas: [] };
    case "Polygon":
      return { points: [], lines: [], areas: [area(coordinates, strict)] };
    case "MultiPolygon":
      return { points: [], lines: [], areas: list(coordinates, 1).map((item) => area(item, false)) };
    default:
      throw new Malformed(`unknown GeoJSON type; known are ${TYPES.join(", ")}`);
  }
}

function systemOf(value: Document): string | undefined {
  const crs = getField(value, "crs");
  if (crs === undefined) return undefined;
  const properties = isDocument(crs) ? getField(crs, "properties") : undefined;
  const name = isDocument(properties) ? getField(properties, "name") : undefined;
  if (!isDocument(crs) || getField(crs, "type") !== "name") {
    throw new Malformed('a coordinate reference system must be {type: "name", properties: {name}}');
  }
  if (typeof name !== "string" || !KNOWN_SYSTEMS.includes(name)) {
    throw new Malformed(`unknown coordinate reference system; known are ${KNOWN_SYSTEMS.join(", ")}`);
  }
  return name;
}

function refuseStrict(system: string | undefined): void {
  if (system === STRICT_WINDING) throw new Malformed("strict winding order is for a Polygon only");
}

function collectionOf(value: Document): Geometry {
  const members = list(getField(value, "geometries") ?? null, 1).map((member) => {
    if (!isDocument(member) || getField(member, "type") === "GeometryCollection") {
      throw new Malformed("the geometries of a collection must be GeoJSON objects other than collections");
    }
    return geometryOf(member);
  });
  return {
    points: members.flatMap((member) => member.points),
    lines: members.flatMap((member) => member.lines),
    areas: members.flatMap((member) => member.areas),
  };
}

function list(value: Value, least: number): Value[] {
  if (!Array.isArray(value) || value.length < least) {
    throw new Malformed(`the coordinates must be an array of at least ${least} item${least > 1 ? "s" : ""}`);
  }
  return value;
}

function position(value: Value): LonLat {
  const items = list(value, 2);
  const longitude = coordinate(items[0]);
  const latitude = coordinate(items[1]);
  if (longitude === undefined || latitude === undefined) throw new Malformed("coordinates must be numbers");
  if (!(Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90)) {
    throw new Malformed("the longitude must lie in -180…180 (ra - 180) and the latitude in -90…90");
  }
  return [longitude, latitude];
}

function line(value: Value): Vector[] {
  const points = withoutRepeats(list(value, 2).map((item) => toVector(position(item))));
  if (points.length < 2) throw new Malformed("a line needs two different points");
  const opposite = points.findIndex(([x, y, z], i) => i > 0 && same(points[i - 1] as Vector, [-x, -y, -z]));
  if (opposite > 0) throw new Malformed(`points ${opposite - 1} and ${opposite} of a line are opposite`);
  return points;
}

function withoutRepeats(points: readonly Vector[]): Vector[] {
  return points.filter((point, i) => i === 0 || !same(point, points[i - 1] as Vector));
}

/** Reads the rings of a polygon; throws for one that a server refuses too. */
function area(value: Value, strict: boolean): Area {
  const rings = list(value, 1).map(ring);
  const fault = faultOfRings(rings.map((points) => points.map(toVector)));
  if (fault !== undefined) throw new Malformed(`a polygon's edges must not meet: ${fault}`);
  const [outer, ...holes] = rings;
  if (outer === undefined) throw new Malformed("a polygon needs a ring");
  if (strict && holes.length > 0)
    throw new Malformed("a polygon with strict winding order cannot have holes");
  const loops = { outer: makeLoop(outer, strict), holes: holes.map((hole) => makeLoop(hole, false)) };
  const misplaced = faultOfHoles(
    loops.outer.vertices,
    loops.holes.map(({ vertices }) => vertices),
  );
  if (misplaced !== undefined) throw new Malformed(`a polygon's holes must lie apart in it: ${misplaced}`);
  return { ...loops, rings };
}

function ring(value: Value): LonLat[] {
  const points = list(value, 4).map(position);
  const vectors = points.map(toVector);
  const [first, last] = [vectors[0], vectors[vectors.length - 1]];
  if (first === undefined || last === undefined || !same(first, last)) {
    throw new Malformed("a polygon's ring must end where it begins");
  }
  const distinct = points.filter((_, i) => i === 0 || !same(vectors[i] as Vector, vectors[i - 1] as Vector));
  distinct.pop();
  if (distinct.length < 3) throw new Malformed("a polygon's ring needs three different points");
  return distinct;
}
