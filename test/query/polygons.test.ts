/** Which polygons of queries are taken: those that a real server takes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { compileMatch, type Document, parseMatch, QueryError, type Value } from "../../src/query/index.ts";
import { testMongod } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";
import { WIDE_BAND } from "../support/sky.ts";
import { anyLine, anyPolygon } from "./oracle/polygons.ts";
import { Random } from "./oracle/random.ts";
import { OracleServer, type Slot } from "./oracle/server.ts";

const mongod = await testMongod();
const missing = skipOrFail("MongoDB", typeof mongod === "string" ? undefined : mongod, String(mongod));

type Ring = readonly (readonly [number, number])[];

const SQUARE: Ring = rectangle(0, 0, 10, 10);

function rectangle(left: number, bottom: number, right: number, top: number): Ring {
  return [
    [left, bottom],
    [right, bottom],
    [right, top],
    [left, top],
    [left, bottom],
  ];
}

const polygon = (...rings: readonly Ring[]): Document => ({
  type: "Polygon",
  coordinates: rings.map((ring) => ring.map((corner) => [...corner])),
});
const inSystem = (geometry: Document, crs: Value): Document => ({ ...geometry, crs });
const STRICT = { type: "name", properties: { name: "urn:x-mongodb:crs:strictwinding:EPSG:4326" } };
const EQUATOR: Ring = [0, 10, 20, 0].map((x) => [x, 0]);

const BOW_TIE: [number, number][] = [
  [0, 0],
  [10, 10],
  [10, 0],
  [0, 10],
  [0, 0],
];

/** What is said of each; nothing where it is good. */
const CASES: Readonly<Record<string, readonly [geometry: Document, fault?: RegExp]>> = {
  "a square": [polygon(SQUARE)],
  "a bow-tie": [polygon(BOW_TIE), /edges 0 and 2 of the outer ring cross$/],
  "a hole": [polygon(SQUARE, rectangle(2, 2, 4, 4))],
  "a hole outside": [polygon(SQUARE, rectangle(20, 20, 24, 24)), /hole 1 is not inside the outer ring$/],
  "a hole round the outer ring": [
    polygon(SQUARE, rectangle(-5, -5, 15, 15)),
    /hole 1 is not inside the outer ring$/,
  ],
  "a hole that crosses the outer ring": [
    polygon(SQUARE, rectangle(8, 2, 12, 4)),
    /edge 1 of the outer ring crosses edge [02] of hole 1$/,
  ],
  "a spike": [
    polygon([
      [0, 0],
      [10, 0],
      [10, 5],
      [20, 5],
      [10, 5],
      [10, 10],
      [0, 10],
      [0, 0],
    ]),
    /corners 2 and 4 are the same in the outer ring$/,
  ],
  "a corner that comes twice in a row": [
    polygon([
      [0, 0],
      [10, 0],
      [10, 0],
      [10, 10],
      [0, 0],
      [0, 0],
    ]),
  ],
  "a line": [polygon([...EQUATOR.slice(0, 3), [15, 0], [0, 0]]), /edges . and . of the outer ring cross$/],
  "two corners": [
    polygon([
      [0, 0],
      [10, 0],
      [10, 0],
      [0, 0],
    ]),
    /needs three different points$/,
  ],
  "a ring that stays open": [
    polygon([
      [0, 0],
      [10, 0],
      [10, 10],
      [1e-9, 0],
    ]),
    /must end where it begins$/,
  ],
  "a hole with a corner of the outer ring": [
    polygon(SQUARE, [
      [0, 0],
      [5, 3],
      [3, 5],
      [0, 0],
    ]),
  ],
  "a hole with two corners of the outer ring": [
    polygon(SQUARE, [
      [0, 0],
      [10, 10],
      [3, 5],
      [0, 0],
    ]),
    /hole 1 shares more than one corner with the outer ring$/,
  ],
  "a hole with an edge of the outer ring": [
    polygon(SQUARE, [
      [0, 0],
      [10, 0],
      [3, 5],
      [0, 0],
    ]),
    /edge 0 of hole 1 is one of the outer ring too$/,
  ],
  "a hole in a hole": [
    polygon(SQUARE, rectangle(2, 2, 8, 8), rectangle(4, 4, 6, 6)),
    /hole 2 lies in hole 1$/,
  ],
  "a hole in a hole at the pole": [
    polygon(...[40, 60, 80].map((y): Ring => [-120, 0, 120, -120].map((x) => [x, y]))),
    /hole 2 lies in hole 1$/,
  ],
  "holes with a corner in common": [polygon(SQUARE, rectangle(2, 2, 4, 4), rectangle(4, 4, 6, 6))],
  "holes that overlap at a corner": [
    polygon(SQUARE, rectangle(2, 2, 6, 6), [
      [2, 2],
      [7, 3],
      [7, 6.5],
      [2, 2],
    ]),
    /crosses edge|holes 1 and 2 overlap$/,
  ],
  "a hole in a triangle of its own": [
    polygon(SQUARE, rectangle(2, 2, 8, 8), [
      [2, 2],
      [6, 4],
      [4, 6],
      [2, 2],
    ]),
    /holes 1 and 2 overlap$/,
  ],
  "the second of two polygons": [
    { type: "MultiPolygon", coordinates: [[SQUARE], [SQUARE, rectangle(9, 9, 11, 11)]] as unknown as Value },
    /edge . of the outer ring crosses edge . of hole 1$/,
  ],
  "two polygons that overlap": [
    { type: "MultiPolygon", coordinates: [[SQUARE], [rectangle(5, 5, 15, 15)]] as unknown as Value },
  ],
  "one in a collection": [
    {
      type: "GeometryCollection",
      geometries: [polygon(SQUARE), polygon(SQUARE, rectangle(20, 20, 24, 24))],
    },
    /hole 1 is not inside the outer ring$/,
  ],
  "strict winding order": [inSystem(polygon(SQUARE), STRICT)],
  "strict winding order of a bow-tie": [
    inSystem(polygon(BOW_TIE), STRICT),
    /edges 0 and 2 of the outer ring cross$/,
  ],
  "strict winding order of several": [
    inSystem({ type: "MultiPolygon", coordinates: [[SQUARE]] as unknown as Value }, STRICT),
    /strict winding order is for a Polygon only$/,
  ],
  "a system without a type": [
    inSystem(polygon(SQUARE), { properties: { name: "EPSG:4326" } }),
    /must be \{type: "name"/,
  ],
  "a line of one point": [
    {
      type: "LineString",
      coordinates: [
        [1, 1],
        [1, 1],
      ] as Value,
    },
    /two different points$/,
  ],
};

const BAND = polygon([...WIDE_BAND, WIDE_BAND[0]]);
const IN_BAND: readonly [number, number][] = [
  [-95, 0],
  [0, 0],
  [85, 0],
  [95, 5],
  [85, -5],
  [40, 0],
];
const OFF_BAND: readonly [number, number][] = [
  [180, 0],
  [140, 0],
  [0, 40],
  [0, -90],
  [-120, 3],
];

/** What our engine says; empty when it takes the filter. */
function faultOf(filter: Document): string {
  try {
    parseMatch(filter);
    return "";
  } catch (error) {
    if (error instanceof QueryError) return error.message;
    throw error;
  }
}

const intersects = (geometry: Document): Document => ({ p: { $geoIntersects: { $geometry: geometry } } });

describe("a geometry", () => {
  for (const [name, [geometry, fault = /^$/]] of Object.entries(CASES)) {
    test(`that is ${name}`, () => {
      const message = faultOf(intersects(geometry));
      expect(message).toMatch(fault);
      if (message !== "") expect(message).toStartWith("filter.p.$geoIntersects.$geometry: ");
    });
  }

  test("that is a band holds opposite points", () => {
    const isWithin = compileMatch({ p: { $geoWithin: { $geometry: BAND } } });
    expect(IN_BAND.filter((place) => !isWithin({ p: [...place] }))).toEqual([]);
    expect(OFF_BAND.filter((place) => isWithin({ p: [...place] }))).toEqual([]);
  });

  test("of 10,000 corners is looked at in bounded time", () => {
    const count = 10_000;
    const ringOf = (corner: (angle: number, index: number) => [number, number]): Ring => {
      const corners = Array.from({ length: count }, (_, i) => corner((2 * Math.PI * i) / count, i));
      return [...corners, corners[0] as [number, number]];
    };
    const round = ringOf((a) => [20 * Math.cos(a), (20 + Math.sin(40 * a)) * Math.sin(a)]);
    // All edges come close to the middle.
    const star = ringOf((a, i) => [(i % 2 ? 40 : 0.5) * Math.cos(a), (i % 2 ? 40 : 0.5) * Math.sin(a)]);
    const started = process.cpuUsage();
    expect(faultOf(intersects(polygon(round)))).toBe("");
    expect(faultOf(intersects(polygon(star)))).toBe("");
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(5);
  });
});

describe.skipIf(missing)("a server and the engine", () => {
  let server: OracleServer | undefined;
  let slot: Slot | undefined;

  beforeAll(async () => {
    if (typeof mongod === "string") return;
    server = new OracleServer(mongod.url, 4);
    await server.prepare();
    slot = await server.slot();
    const places = [[1, 1], ...IN_BAND, ...OFF_BAND];
    await slot.fill({ documents: places.map((place, _id) => ({ _id, p: [...place] })), other: [] });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  async function expectAlike(geometry: Document) {
    if (slot === undefined) throw new Error("there is no server");
    const filter = intersects(geometry);
    const theirs = await slot.run({ kind: "find", filter, projection: { _id: 1 } });
    const refused = "error" in theirs;
    if (refused !== (faultOf(filter) !== "")) {
      throw new Error(`${JSON.stringify(filter)}: ${JSON.stringify(theirs)}, ours: ${faultOf(filter)}`);
    }
    return refused;
  }

  test("refuse the same geometries", async () => {
    for (const [geometry] of Object.values(CASES)) await expectAlike(geometry);
  });

  test("find the same in a band that holds opposite points", async () => {
    const filter = { p: { $geoWithin: { $geometry: BAND } } };
    const theirs = await slot?.run({ kind: "find", filter, projection: { _id: 1 } });
    expect(theirs).toEqual({ documents: [0, 1, 2, 3, 4, 5, 6].map((_id) => ({ _id })) });
  });

  test("refuse the same of 2,000 random polygons and lines", async () => {
    let refused = 0;
    for (let from = 0; from < 2000; from += 8) {
      const geometries = Array.from({ length: 8 }, (_, i) => {
        const random = new Random(8_000_000 + from + i);
        return random.chance(0.05) ? anyLine(random) : anyPolygon(random);
      });
      const outcomes = await Promise.all(geometries.map(expectAlike));
      refused += outcomes.filter(Boolean).length;
    }
    // The generator makes both.
    expect(refused).toBeWithin(600, 1400);
  });
});
