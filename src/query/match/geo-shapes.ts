/** The shapes that geo operators take, as read from a query. */
import type { LonLat } from "../bounds.ts";
import { QueryError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import { type Document, getField, isDocument, type Value } from "../values.ts";
import type { Geometry } from "./geo-geometry.ts";
import { readGeometry, readQueryPoint } from "./geo-read.ts";
import { coordinate } from "./numbers.ts";

/** Longitude and latitude, or x and y on a plane. */
export type Point = LonLat;

export type Shape =
  /** All points within `radius` radians on the sphere. */
  | { readonly kind: "cap"; readonly center: Point; readonly radius: number }
  | { readonly kind: "circle"; readonly center: Point; readonly radius: number }
  | { readonly kind: "box"; readonly min: Point; readonly max: Point }
  | { readonly kind: "flatPolygon"; readonly ring: readonly Point[] }
  | { readonly kind: "geometry"; readonly geometry: Geometry };

/** A search outward from a point; distances in the unit that `metric` names. */
export interface NearQuery {
  readonly center: Point;
  readonly metric: "meters" | "radians" | "flat";
  readonly min: number;
  readonly max: number;
}

/** The server's radius of the Earth in metres: what `$maxDistance` of a GeoJSON point is measured with. */
export const EARTH_RADIUS = 6_378_100;

const WITHIN = ["$geometry", "$centerSphere", "$center", "$box", "$polygon"];
const ALSO_NEAR = ["$maxDistance", "$minDistance", "$uniqueDocs"];

/** Reads the argument of `$geoWithin`. */
export function readWithin(value: Value, at: string): Shape {
  const [name, argument] = onlyField(value, at, WITHIN);
  const where = `${at}.${name}`;
  if (name === "$geometry") {
    const geometry = readGeometry(argument, where);
    if (geometry.areas.length === 0 || geometry.points.length > 0 || geometry.lines.length > 0) {
      throw new QueryError("invalid", where, "$geoWithin needs a Polygon or MultiPolygon");
    }
    return { kind: "geometry", geometry };
  }
  const items = itemsOf(argument);
  if (items === undefined) throw new QueryError("invalid", where, "needs an array");
  if (name === "$polygon") return { kind: "flatPolygon", ring: readRing(items, where) };
  if (items.length < 2) throw new QueryError("invalid", where, "needs an array of two items");
  if (name === "$box") return readBox(items.slice(0, 2), where);
  if (items.length > 2) throw new QueryError("invalid", where, "needs a centre and a radius, nothing else");
  const center = readPoint(items[0] ?? null, `${where}[0]`);
  const radius = readNumber(items[1], `${where}[1]`, "radius");
  if (radius < 0) throw new QueryError("invalid", `${where}[1]`, "the radius cannot be negative");
  if (name === "$center") return { kind: "circle", center, radius };
  checkSphere(center, `${where}[0]`);
  return { kind: "cap", center, radius };
}

/** Reads the argument of `$geoIntersects`. */
export function readIntersects(value: Value, at: string): Shape {
  const [name, argument] = onlyField(value, at, ["$geometry"]);
  return { kind: "geometry", geometry: readGeometry(argument, `${at}.${name}`) };
}

/** Reads `$near` or `$nearSphere` with the distances that stand in or beside it. */
export function readNear(name: string, section: Document, at: string): NearQuery {
  const argument = getField(section, name) ?? null;
  const where = `${at}.${name}`;
  for (const other of Object.keys(section)) {
    if (other !== name && !ALSO_NEAR.includes(other)) {
      throw new QueryError(
        "invalid",
        `${at}.${other}`,
        `cannot stand beside ${name}${didYouMean(other, ALSO_NEAR)}`,
      );
    }
  }
  const geometry = isDocument(argument) ? getField(argument, "$geometry") : undefined;
  if (geometry !== undefined) return readNearGeometry(argument as Document, geometry, where);
  if (isGeoJson(argument)) {
    refuseOptions(argument, where);
    return { center: readQueryPoint(argument, where), metric: "meters", ...readDistances(section, at) };
  }
  const metric = name === "$nearSphere" ? "radians" : "flat";
  const items = itemsOf(argument);
  // A third number is the greatest distance, in the old way.
  const most = items?.length === 3 ? readDistance(items[2], `${where}[2]`) : Number.POSITIVE_INFINITY;
  const center = readPoint(items?.slice(0, items.length === 3 ? 2 : undefined) ?? argument, where);
  if (metric === "radians") checkSphere(center, where);
  return { center, metric, ...readDistances(section, at, most) };
}

/** Whether a point of a query is GeoJSON; else it is a pair, or a document of two numbers. */
export function isGeoJson(value: Value): value is Document {
  return isDocument(value) && coordinate(Object.values(value)[0]) === undefined;
}

/** Distances in a GeoJSON point would go unnoticed. */
function refuseOptions(point: Document, where: string): void {
  const option = Object.keys(point).find((name) => name.startsWith("$"));
  if (option !== undefined)
    throw new QueryError(
      "invalid",
      `${where}.${option}`,
      "must stand beside the operator, or beside $geometry",
    );
}

function readNearGeometry(argument: Document, geometry: Value, where: string): NearQuery {
  if (!isGeoJson(geometry)) throw new QueryError("invalid", `${where}.$geometry`, "needs a GeoJSON Point");
  const center = readQueryPoint(geometry, `${where}.$geometry`);
  for (const other of Object.keys(argument)) {
    if (other === "$geometry" || ALSO_NEAR.includes(other)) continue;
    throw new QueryError("invalid", `${where}.${other}`, `unknown option${didYouMean(other, ALSO_NEAR)}`);
  }
  return { center, metric: "meters", ...readDistances(argument, where) };
}

function readDistances(
  options: Document,
  at: string,
  most = Number.POSITIVE_INFINITY,
): { min: number; max: number } {
  const read = (name: string, otherwise: number) => {
    const value = getField(options, name);
    if (value === undefined) return otherwise;
    const distance = readDistance(value, `${at}.${name}`);
    // Beside $geometry the server takes no infinite ones.
    if (Object.hasOwn(options, "$geometry")) readFinite(value, `${at}.${name}`, "distance");
    return distance;
  };
  return { min: read("$minDistance", 0), max: read("$maxDistance", most) };
}

function readDistance(value: Value | undefined, at: string): number {
  const distance = readNumber(value, at, "distance");
  if (distance < 0) throw new QueryError("invalid", at, "a distance cannot be negative");
  return distance;
}

function onlyField(value: Value, at: string, known: readonly string[]): [string, Value] {
  if (!isDocument(value))
    throw new QueryError("invalid", at, `needs an object with one of ${known.join(", ")}`);
  for (const name of Object.keys(value)) {
    if (known.includes(name)) return [name, getField(value, name) ?? null];
    if (name !== "$uniqueDocs") {
      throw new QueryError(
        "invalid",
        `${at}.${name}`,
        `unknown shape${didYouMean(name, known)}; known are ${known.join(", ")}`,
      );
    }
  }
  throw new QueryError("invalid", at, `needs one of ${known.join(", ")}`);
}

function readNumber(value: Value | undefined, at: string, what: string): number {
  const number = coordinate(value);
  if (number === undefined || Number.isNaN(number))
    throw new QueryError("invalid", at, `the ${what} must be a number`);
  return number;
}

function readFinite(value: Value | undefined, at: string, what: string): number {
  const number = readNumber(value, at, what);
  if (Number.isFinite(number)) return number;
  throw new QueryError("invalid", at, `the ${what} must be finite`);
}

/** The items of an array, or the values of an object: the server takes either. */
function itemsOf(value: Value): Value[] | undefined {
  if (Array.isArray(value)) return value;
  return isDocument(value) ? Object.keys(value).map((name) => getField(value, name) ?? null) : undefined;
}

/** Reads `[x, y]` or a document whose first two fields are the numbers. */
function readPoint(value: Value, at: string): Point {
  const items = itemsOf(value);
  if (items?.length !== 2) throw new QueryError("invalid", at, "needs a point [longitude, latitude]");
  return [readFinite(items[0], at, "longitude"), readFinite(items[1], at, "latitude")];
}

function checkSphere([longitude, latitude]: Point, at: string): void {
  if (Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90) return;
  throw new QueryError(
    "invalid",
    at,
    "the longitude must lie in -180…180 (ra - 180) and the latitude in -90…90",
  );
}

function readBox(corners: Value[], at: string): Shape {
  const [a, b] = corners.map((corner, i) => readPoint(corner, `${at}[${i}]`));
  if (a === undefined || b === undefined) throw new QueryError("invalid", at, "needs two corners");
  return {
    kind: "box",
    min: [Math.min(a[0], b[0]), Math.min(a[1], b[1])],
    max: [Math.max(a[0], b[0]), Math.max(a[1], b[1])],
  };
}

function readRing(points: Value[], at: string): Point[] {
  if (points.length < 3) throw new QueryError("invalid", at, "a polygon needs at least three points");
  return points.map((point, i) => readPoint(point, `${at}[${i}]`));
}
