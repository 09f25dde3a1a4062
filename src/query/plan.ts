/** What an index can use of a find filter: bounds that every matching document lies within. */
import { BSONRegExp, Decimal128, MaxKey, MinKey } from "bson";
import type { Bounds, LonLat, Region } from "./bounds.ts";
import { type Geometry, toLonLat } from "./match/geo-geometry.ts";
import { EARTH_RADIUS, type NearQuery, type Shape } from "./match/geo-shapes.ts";
import type { CompareNode, GeoNode, InNode, MatchNode } from "./match/nodes.ts";
import { parseMatch } from "./match/parse.ts";
import type { Regex } from "./regex.ts";
import { type Document, isDocument, type Value } from "./values.ts";

const ALL: Bounds = Object.freeze({ kind: "all" });
const NONE: Bounds = Object.freeze({ kind: "none" });
const DEGREES = 180 / Math.PI;
/** Widens regions, so that rounding never loses a document: 0.4 milliarcseconds. */
const MARGIN = 1e-7;

/** The bounds of a filter: a superset of the documents that match it. */
export function planFilter(filter: Document, path = "filter"): Bounds {
  return planMatch(parseMatch(filter, path));
}

/** The bounds of parsed nodes. */
export function planMatch(node: MatchNode): Bounds {
  return plan(node, "");
}

/** `prefix` is the path of the array whose items the node tests, with a dot. */
function plan(node: MatchNode, prefix: string): Bounds {
  switch (node.kind) {
    case "and":
      return both(node.children.map((child) => plan(child, prefix)));
    case "or":
      return either(node.children.map((child) => plan(child, prefix)));
    case "constant":
      return node.value ? ALL : NONE;
    case "not":
      // Missing counts as null.
      return node.child.kind === "exists" ? oneOf(prefix + node.child.field, [null]) : ALL;
    case "compare":
      return planCompare(node, prefix + node.field);
    case "in":
      return planIn(node, prefix + node.field);
    case "regex":
      return planRegex(node.regex, prefix + node.field);
    case "elemMatchObject":
      return planElemMatch(node.child, `${prefix}${node.field}.`);
    case "elemMatchValue":
      return both(node.children.map((child) => (testsItem(child) ? plan(child, prefix) : ALL)));
    case "geo":
      return planGeo(node, prefix + node.field);
    case "near":
      return planNear(node.near, prefix + node.field);
    default:
      return ALL;
  }
}

function both(parts: readonly Bounds[]): Bounds {
  if (parts.some((part) => part.kind === "none")) return NONE;
  const useful = parts.flatMap((part) =>
    part.kind === "and" ? part.parts : part.kind === "all" ? [] : [part],
  );
  const [first] = useful;
  if (first === undefined) return ALL;
  return useful.length === 1 ? first : { kind: "and", parts: useful };
}

function either(parts: readonly Bounds[]): Bounds {
  if (parts.some((part) => part.kind === "all")) return ALL;
  const useful = parts.flatMap((part) =>
    part.kind === "or" ? part.parts : part.kind === "none" ? [] : [part],
  );
  const [first] = useful;
  if (first === undefined) return NONE;
  return useful.length === 1 ? first : { kind: "or", parts: useful };
}

/** Conditions on the items themselves, which a path shows too; items of items it does not show. */
function testsItem(node: MatchNode): boolean {
  return ["compare", "in", "regex", "geo"].includes(node.kind);
}

/** An item that is an array has positions for field names, which a path reaches in another way. */
function planElemMatch(child: MatchNode, prefix: string): Bounds {
  const positions = (node: MatchNode): boolean => {
    if ("parts" in node) return /^\d+$/.test(node.parts[0] ?? "");
    if ("children" in node) return node.children.some(positions);
    return "child" in node && positions(node.child);
  };
  return positions(child) ? ALL : plan(child, prefix);
}

function oneOf(path: string, values: readonly Value[]): Bounds {
  if (values.length === 0) return NONE;
  // An array equals both the whole and an item of what stands at the path: no index holds that.
  return values.some(Array.isArray) ? ALL : { kind: "in", path, values };
}

function planCompare(node: CompareNode, path: string): Bounds {
  const { op, value } = node;
  if (op === "eq") return oneOf(path, [value]);
  const inclusive = op === "lte" || op === "gte";
  if (value === null || isNaNValue(value)) return inclusive ? oneOf(path, [value]) : NONE;
  if (!isOrdered(value)) return ALL;
  return op === "gt" || op === "gte"
    ? { kind: "range", path, min: value, minInclusive: inclusive, maxInclusive: true }
    : { kind: "range", path, max: value, minInclusive: true, maxInclusive: inclusive };
}

function isNaNValue(value: Value): boolean {
  return Number.isNaN(value) || (value instanceof Decimal128 && value.toString() === "NaN");
}

/** Values that compare only within their own type, and are no containers. */
function isOrdered(value: Value): boolean {
  return !(Array.isArray(value) || isDocument(value) || value instanceof MinKey || value instanceof MaxKey);
}

function planIn(node: InNode, path: string): Bounds {
  const patterns = node.regexes.map((regex) => planRegex(regex, path));
  return either([oneOf(path, node.values), ...patterns]);
}

/** A prefix bounds strings from both sides; a stored regular expression matches itself. */
function planRegex(regex: Regex, path: string): Bounds {
  const { prefix } = regex;
  if (prefix === "") return ALL;
  const last = prefix.charCodeAt(prefix.length - 1);
  const strings: Bounds = {
    kind: "range",
    path,
    min: prefix,
    minInclusive: true,
    max: prefix.slice(0, -1) + String.fromCharCode(last + 1),
    maxInclusive: false,
  };
  return either([strings, oneOf(path, [new BSONRegExp(regex.pattern, regex.options)])]);
}

function planGeo(node: GeoNode, path: string): Bounds {
  const region = regionOf(node.shape);
  return region === undefined ? ALL : { kind: "region", path, region };
}

function regionOf(shape: Shape): Region | undefined {
  switch (shape.kind) {
    case "cap":
      return cone(shape.center, shape.radius * DEGREES);
    case "circle":
      // The angle between two points is never more than their distance on the plane of coordinates.
      return cone(shape.center, shape.radius);
    case "box":
      return boxRound([shape.min, shape.max]);
    case "flatPolygon":
      return boxRound(shape.ring);
    case "geometry":
      return geometryRegion(shape.geometry);
  }
}

function cone(center: LonLat, radius: number, minRadius = 0): Region | undefined {
  const [longitude, latitude] = center;
  if (!(Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90 && radius < 180)) return undefined;
  const outer: Region = { kind: "cone", center, radius: radius + MARGIN };
  return minRadius > MARGIN ? { ...outer, minRadius: minRadius - MARGIN } : outer;
}

/** Where a stored point may lie that is within a geometry or has a point in common with it. */
function geometryRegion({ areas, lines, points }: Geometry): Region | undefined {
  if (areas.some((area) => area.outer.inverted)) return undefined;
  // A stored point meets a point that equals it, and a line at its vertices.
  const places = [...points, ...lines.flat().map(toLonLat)].map((place) => cone(place, 0));
  const regions = [
    ...areas.map((area): Region => ({ kind: "polygon", rings: area.rings })),
    ...places.filter((place) => place !== undefined),
  ];
  const [first] = regions;
  return regions.length === 1 ? first : { kind: "union", regions };
}

/** The box round points on the plane of coordinates. */
function boxRound(points: readonly LonLat[]): Region {
  let min: LonLat = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let max: LonLat = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [x, y] of points) {
    min = [Math.min(min[0], x), Math.min(min[1], y)];
    max = [Math.max(max[0], x), Math.max(max[1], y)];
  }
  return { kind: "box", min, max };
}

/** The bounds of a near search at a path. */
export function planNear(near: NearQuery, path: string): Bounds {
  const unit = near.metric === "meters" ? DEGREES / EARTH_RADIUS : near.metric === "radians" ? DEGREES : 1;
  // On the plane of coordinates a least distance says nothing of the least angle.
  const least = near.metric === "flat" ? 0 : near.min * unit;
  const region = cone(near.center, near.max * unit, least);
  return region === undefined ? ALL : { kind: "region", path, region };
}
