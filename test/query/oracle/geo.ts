/** Random positions and shapes. */
import { type Document, double, type Value } from "../../../src/query/index.ts";
import { anyNumber, anyScalar } from "./documents.ts";
import { anyPolygon } from "./polygons.ts";
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
    [0.5, () => anyPolygon(random)],
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
  if (operator === "$geoIntersects") {
    const geometry = random.weighted([
      [6, () => anyGeometry(random)],
      [2, () => anyPolygon(random)],
    ]);
    return { $geometry: geometry };
  }
  return random.weighted<Value>([
    [1, () => ({ $geometry: anyPolygon(random) })],
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

/** A small ring, so that few searches begin inside. */
function smallRing(random: Random): Value[] {
  const [x = 0, y = 0] = position(random);
  const corners: Value[] = [
    [x, y],
    [x + 1 + random.next(), y],
    [x, y + 1 + random.next()],
  ].map(doubles);
  return [...corners, corners[0] ?? []];
}

const point = (random: Random): Document => ({ type: "Point", coordinates: doubles(position(random)) });

/** A position that an index for the sphere takes; areas only where told. */
function indexedPosition(random: Random, areas: boolean): Value {
  return random.weighted<Value>([
    [6, () => point(random)],
    [3, () => doubles(position(random))],
    [1, () => ({ lng: double(position(random)[0] ?? 0), lat: double(position(random)[1] ?? 0) })],
    [1, () => ({ type: "MultiPoint", coordinates: random.list(1, 3, () => doubles(position(random))) })],
    [1, () => ({ type: "LineString", coordinates: random.list(2, 3, () => doubles(position(random))) })],
    [areas ? 1 : 0, () => ({ type: "Polygon", coordinates: [smallRing(random)] })],
    [0.5, () => ({ type: "GeometryCollection", geometries: random.list(1, 2, () => anyGeometryOf(random)) })],
    [0.5, () => null],
  ]);
}

/** A position that an index for the plane takes. */
function flatPosition(random: Random): Value {
  return random.weighted<Value>([
    [8, () => doubles(position(random))],
    [1, () => ({ x: double(position(random)[0] ?? 0), y: double(position(random)[1] ?? 0) })],
    [1, () => random.list(1, 3, () => doubles(position(random)))],
  ]);
}

/** Documents with indexed positions at `o.p` and `q`. */
export function placedDocuments(random: Random, count: number, first = 0): Document[] {
  return Array.from({ length: count }, (_, i): Document => {
    // Documents whose areas hold the centre are equally near: there is one with areas.
    const place = (): Document => ({ p: indexedPosition(random, i === 0) });
    return {
      _id: first + i,
      n: random.int(0, 3),
      o: random.chance(0.1) ? random.list(0, 3, () => ({ p: point(random) })) : place(),
      ...(random.chance(0.9) && { q: flatPosition(random) }),
    };
  });
}

type Metric = "meters" | "radians" | "degrees";
const FARTHEST: Readonly<Record<Metric, number>> = { meters: 1.2e7, radians: 2, degrees: 110 };

function distances(random: Random, metric: Metric, [least, most]: readonly [string, string]): Document {
  const distance = () => random.next() * FARTHEST[metric];
  return {
    ...(random.chance(0.5) && { [most]: double(random.chance(0.5) ? distance() : distance() / 5) }),
    ...(random.chance(0.25) && { [least]: double(distance() / 5) }),
    ...(random.chance(0.03) && { [most]: anyScalar(random) }),
  };
}

const BESIDE = ["$minDistance", "$maxDistance"] as const;

/** A find filter with a search for what is near, or for what lies in a shape, by the index. */
export function anyNearFilter(random: Random): Document {
  const legacy = (operator: string, metric: Metric): Document => ({
    [operator]: [
      ...doubles(position(random)),
      ...(random.chance(0.1) ? [double(random.next() * FARTHEST[metric])] : []),
    ],
    ...distances(random, metric, BESIDE),
  });
  const filter = random.weighted<Document>([
    [
      4,
      () => ({
        "o.p": {
          [random.pick(["$near", "$nearSphere"])]: {
            $geometry: random.chance(0.97) ? point(random) : anyGeometry(random),
            ...distances(random, "meters", BESIDE),
          },
        },
      }),
    ],
    [2, () => ({ "o.p": legacy("$nearSphere", "radians") })],
    [
      1,
      () => ({
        "o.p": {
          [random.pick(["$near", "$nearSphere"])]: point(random),
          ...distances(random, "meters", BESIDE),
        },
      }),
    ],
    [2, () => ({ q: legacy("$near", "degrees") })],
    [1, () => ({ q: legacy("$nearSphere", "radians") })],
    [2, () => ({ "o.p": { $geoWithin: anyGeoTest(random, "$geoWithin") } })],
    [2, () => ({ "o.p": { $geoIntersects: anyGeoTest(random, "$geoIntersects") } })],
  ]);
  return random.chance(0.3) ? { ...filter, n: random.int(0, 3) } : filter;
}

/** The argument of a `$geoNear`. */
export function anyGeoNear(random: Random): Document {
  const [near, metric, key, spherical] = random.pick([
    [point(random), "meters", "o.p", true],
    [point(random), "meters", "o.p", undefined],
    [doubles(position(random)), "radians", "o.p", true],
    [doubles(position(random)), "degrees", "q", undefined],
    [doubles(position(random)), "radians", "q", true],
  ] as const);
  return {
    near,
    key,
    ...(spherical && { spherical }),
    distanceField: random.pick(["d", "d", "at.d"]),
    ...distances(random, metric, ["minDistance", "maxDistance"]),
    ...(random.chance(0.3) && { query: { n: random.int(0, 3) } }),
    ...(random.chance(0.3) && { includeLocs: random.pick(["l", "at.l"]) }),
    ...(random.chance(0.2) && { distanceMultiplier: double(0.5) }),
  };
}
