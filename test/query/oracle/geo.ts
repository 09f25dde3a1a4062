/** Random positions and shapes. */
import { type Document, double, type Value } from "../../../src/query/index.ts";
import { anyNumber, anyScalar } from "./documents.ts";
import type { Random } from "./random.ts";

/** A coordinate on a coarse grid with fractions, so that points rarely lie on the edge of a shape. */
function position(random: Random, spread = 40): number[] {
  return [
    random.int(-spread, spread) + random.next() * 0.9 + 0.05,
    random.int(-spread, spread) + random.next() * 0.9 + 0.05,
  ];
}

const doubles = (numbers: readonly number[]): Value[] => numbers.map(double);

/** A pair of numbers of any types. */
function oddPair(random: Random): Value[] {
  return random.list(random.chance(0.9) ? 2 : 1, 3, () => anyNumber(random));
}

/** A ring round a centre, without crossings. */
function ring(random: Random): Value[] {
  const [x = 0, y = 0] = position(random, 30);
  const corners = random.int(3, 6);
  const points = Array.from({ length: corners }, (_, i): Value[] => {
    const angle = (2 * Math.PI * i) / corners;
    const radius = 5 + 15 * random.next();
    return doubles([x + radius * Math.cos(angle), y + radius * Math.sin(angle)]);
  });
  if (random.chance(0.3)) points.reverse();
  return [...points, points[0] ?? []];
}

/** GeoJSON of any type. */
export function anyGeometry(random: Random): Document {
  return random.weighted<Document>([
    [6, () => ({ type: "Point", coordinates: doubles(position(random)) })],
    [1, () => ({ type: "MultiPoint", coordinates: random.list(1, 3, () => doubles(position(random))) })],
    [2, () => ({ type: "LineString", coordinates: random.list(2, 3, () => doubles(position(random))) })],
    [2, () => ({ type: "Polygon", coordinates: [ring(random)] })],
    [0.5, () => ({ type: "MultiPolygon", coordinates: [[ring(random)]] })],
    [0.5, () => ({ type: "GeometryCollection", geometries: random.list(1, 2, () => anyGeometryOf(random)) })],
  ]);
}

function anyGeometryOf(random: Random): Document {
  return random.chance(0.5)
    ? { type: "Point", coordinates: doubles(position(random)) }
    : { type: "LineString", coordinates: random.list(2, 3, () => doubles(position(random))) };
}

/** What documents hold as a position: GeoJSON, a pair, or something that is none. */
export function anyStoredPosition(random: Random): Value {
  return random.weighted<Value>([
    [6, () => anyGeometry(random)],
    [3, () => doubles(position(random))],
    [1, () => oddPair(random)],
    [1, () => ({ type: "Point", coordinates: oddPair(random) })],
    [1, () => ({ lng: double(position(random)[0] ?? 0), lat: double(position(random)[1] ?? 0) })],
    [0.5, () => [doubles(position(random)), doubles(position(random))]],
    [1, () => anyScalar(random)],
  ]);
}

/** The argument of `$geoWithin` or `$geoIntersects`. */
export function anyGeoTest(random: Random, operator: "$geoWithin" | "$geoIntersects"): Value {
  if (operator === "$geoIntersects") return { $geometry: anyGeometry(random) };
  return random.weighted<Value>([
    [
      3,
      () => ({
        $geometry: random.chance(0.9)
          ? { type: "Polygon", coordinates: [ring(random)] }
          : anyGeometry(random),
      }),
    ],
    [3, () => ({ $centerSphere: [doubles(position(random)), double(random.next() * 0.6)] })],
    [1, () => ({ $center: [doubles(position(random)), double(random.next() * 40)] })],
    [1, () => ({ $box: [doubles(position(random)), doubles(position(random))] })],
    [1, () => ({ $polygon: ring(random) })],
    [0.2, () => ({ $geometry: anyScalar(random) })],
    [0.2, () => ({ $box: [oddPair(random), oddPair(random)] })],
    [0.2, () => ({ $center: [oddPair(random), anyNumber(random)] })],
    [0.2, () => ({ $centerSphere: [oddPair(random), anyNumber(random)] })],
  ]);
}
