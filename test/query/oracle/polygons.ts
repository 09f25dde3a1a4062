/** Random polygons, good ones and ones that are bad in some way. */
import { type Document, double, type Value } from "../../../src/query/index.ts";
import type { Random } from "./random.ts";

type Pair = readonly [number, number];
type Ring = readonly Pair[];

/** Corners on a small grid: many coincide, lie on one line, or on an edge. */
function gridRing(random: Random, size: number): Ring {
  return Array.from({ length: random.int(3, 6) }, (): Pair => [random.int(0, size), random.int(0, size)]);
}

function square(random: Random, size: number): Ring {
  const [x, y] = [random.int(0, size - 1), random.int(0, size - 1)];
  const [right, top] = [random.int(x + 1, size), random.int(y + 1, size)];
  return [
    [x, y],
    [right, y],
    [right, top],
    [x, top],
  ];
}

/** Round a centre, without crossings. */
function roundRing(random: Random, size: number, corners = random.int(3, 8)): Ring {
  const reach = (size / 2) * (0.2 + 0.8 * random.next());
  const [x, y] = [size * random.next(), size * random.next()];
  return Array.from({ length: corners }, (_, i): Pair => {
    const angle = (2 * Math.PI * i) / corners;
    const radius = reach * (0.5 + 0.5 * random.next());
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  });
}

const between = (a: Pair, b: Pair, share: number): Pair => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
];

/** A ring with a corner moved, repeated, exchanged, or put on an edge. */
function altered(random: Random, ring: Ring): Ring {
  const corners = [...ring];
  const [i, j] = [random.int(0, ring.length - 1), random.int(0, ring.length - 1)];
  const [a, b] = [ring[i], ring[j]] as [Pair, Pair];
  const next = ring[(i + 1) % ring.length] as Pair;
  random.pick([
    () => corners.splice(i, 0, a),
    () => corners.splice(j, 0, a),
    () => corners.splice(i, 1, b),
    () => corners.splice(i + 1, 0, between(a, next, random.next())),
    () => corners.splice(i + 1, 0, between(a, next, random.pick([0.5, 0.25, 1.5, -1]))),
    // There and back.
    () => corners.splice(i, 0, a, between(a, b, random.pick([0.5, 2, -0.5]))),
    () => {
      corners[i] = b;
      corners[j] = a;
    },
  ])();
  return corners;
}

/** A hole: anywhere, or made of a ring by drawing it together, moving it or taking some of its corners. */
function holeOf(random: Random, ring: Ring, size: number): Ring {
  const middle = ring.reduce<Pair>(
    ([x, y], corner) => [x + corner[0] / ring.length, y + corner[1] / ring.length],
    [0, 0],
  );
  return random.weighted<Ring>([
    [2, () => ring.map((corner) => between(middle, corner, 0.2 + random.next() * 0.7))],
    [1, () => ring.map((corner) => between(middle, corner, random.pick([0.5, 1, 1.2])))],
    [1, () => ring.map(([x, y]): Pair => [x + random.int(-1, 1) * 0.5, y + random.int(-1, 1) * 0.5])],
    [1, () => square(random, size)],
    [1, () => roundRing(random, size / 3)],
    // It shares some corners.
    [
      2,
      () =>
        ring.map((corner) =>
          random.chance(0.3) ? corner : between(middle, corner, 0.3 + 0.4 * random.next()),
        ),
    ],
  ]);
}

function someRing(random: Random, size: number): Ring {
  const ring = random.weighted<Ring>([
    [2, () => gridRing(random, size)],
    [2, () => square(random, size)],
    [3, () => roundRing(random, size)],
  ]);
  return random.chance(0.3) ? altered(random, ring) : ring;
}

/** Where on the sphere the rings of a polygon lie: their numbers are put there. */
function placed(random: Random, size: number): (corner: Pair) => Pair {
  const scale = random.pick([1, 1, 5, 0.001, 1e-7]);
  const [x, y] = random.pick<Pair>([
    [0, 0],
    [-size * scale, -size * scale],
    [random.int(-150, 150), random.int(-60, 60)],
    [random.next() * 300 - 150, random.next() * 120 - 60],
    [180 - size * scale, 10],
    [20, 90 - size * scale],
  ]);
  const turned = random.chance(0.2);
  return ([u, v]) => {
    const corner: Pair = turned ? [v, u] : [u, v];
    const [longitude, latitude] = [x + corner[0] * scale, y + corner[1] * scale];
    return [Math.max(-180, Math.min(180, longitude)), Math.max(-90, Math.min(90, latitude))];
  };
}

/** The coordinates of a polygon; about half are good. */
function polygonCoordinates(random: Random): Value[] {
  // Far-flung corners make rings of any kind.
  if (random.chance(0.05)) {
    const corner = (): Pair => [random.next() * 360 - 180, random.next() * 180 - 90];
    return [closed(random.list(3, 5, corner), random)];
  }
  const size = random.int(2, 5);
  const place = placed(random, size);
  const outer = someRing(random, size);
  const rings = [outer];
  while (random.chance(0.4) && rings.length < 5) rings.push(holeOf(random, random.pick(rings), size));
  return rings.map((ring) => closed(ring.map(place), random));
}

function closed(ring: Ring, random: Random): Value[] {
  const corners = random.chance(0.3) ? [...ring].reverse() : [...ring];
  const first = corners[0] as Pair;
  const points = random.chance(0.98) ? [...corners, first] : corners;
  return points.map(([x, y]) => [double(x), double(y)]);
}

/** A geometry with polygons in it. */
export function anyPolygon(random: Random): Document {
  const coordinates = () => polygonCoordinates(random);
  return random.weighted<Document>([
    [6, () => ({ type: "Polygon", coordinates: coordinates() })],
    [1, () => ({ type: "MultiPolygon", coordinates: random.list(1, 2, coordinates) })],
    [
      1,
      () => ({
        type: "GeometryCollection",
        geometries: random.list(1, 2, () => ({ type: "Polygon", coordinates: coordinates() })),
      }),
    ],
    [
      0.5,
      () => ({
        type: "Polygon",
        coordinates: coordinates().slice(0, 1),
        crs: { type: "name", properties: { name: "urn:x-mongodb:crs:strictwinding:EPSG:4326" } },
      }),
    ],
  ]);
}

/** A line, with points that coincide or lie opposite each other. */
export function anyLine(random: Random): Document {
  const [x, y] = [random.next() * 180, random.next() * 180 - 90];
  const point = random.pick<() => Pair>([
    () => [random.int(0, 2), random.int(0, 2)],
    () =>
      random.pick<Pair>([
        [x, y],
        [x - 180, -y],
        [x - 180, y],
      ]),
  ]);
  return { type: "LineString", coordinates: random.list(2, 3, () => point().map(double)) };
}
