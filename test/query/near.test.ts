/** Near searches and shapes against a real server, which looks positions up in its indexes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Document } from "../../src/query/index.ts";
import { testMongod } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";
import { agree } from "./oracle/campaign.ts";
import { runOnEngine } from "./oracle/engine.ts";
import { OracleServer, type Slot } from "./oracle/server.ts";

const mongod = await testMongod();
const missing = skipOrFail("MongoDB", typeof mongod === "string" ? undefined : mongod, String(mongod));

const point = (...coordinates: number[]): Document => ({ type: "Point", coordinates });
const ring = [
  [1, 1],
  [4, 1],
  [4, 4],
  [1, 1],
];

/** Positions on the sphere at `o.p`, on the plane at `q`. */
const PLACES: Document[] = [
  { _id: 1, o: { p: point(10, 10.5) }, q: [1, 1] },
  { _id: 2, o: { p: [12, 12] }, q: { x: 3, y: 3.5 } },
  {
    _id: 3,
    o: { p: { lng: 20, lat: 20.25 } },
    q: [
      [9, 9],
      [2, 2.5],
    ],
  },
  {
    _id: 4,
    o: {
      p: {
        type: "LineString",
        coordinates: [
          [10, -5],
          [30, 5],
        ],
      },
    },
  },
  { _id: 5, o: { p: { type: "Polygon", coordinates: [ring] } } },
  {
    _id: 6,
    o: {
      p: {
        type: "MultiPoint",
        coordinates: [
          [60, 60],
          [11, 9],
        ],
      },
    },
  },
  { _id: 7, o: [{ p: point(-60, 5) }, { p: point(8, 9.75) }] },
  { _id: 8, o: { p: null } },
  { _id: 9 },
];

const SPHERE: Document[] = [
  { $near: { $geometry: point(10, 10) } },
  { $nearSphere: { $geometry: point(2, 1.5) } },
  { $nearSphere: { $geometry: point(20, 0.5), $maxDistance: 2e6, $minDistance: 1e5 } },
  { $near: point(10, 10), $maxDistance: 1e6 },
  { $nearSphere: [10, 10] },
  { $nearSphere: [10, 10], $maxDistance: 0.1, $minDistance: 0.01 },
  { $nearSphere: [10, 10, 0.1] },
  { $nearSphere: [10, 10, 0.1], $maxDistance: 1 },
  { $nearSphere: { lng: 10, lat: 10, most: 0.1 } },
  // Of what type the point says it is does not matter.
  { $near: { $geometry: { type: "LineString", coordinates: [10, 10, 5] } } },
  { $near: { $geometry: { coordinates: [10, 10] } } },
  { $near: { $geometry: { type: "MultiPoint", coordinates: [[10, 10]] } } },
  { $near: { $geometry: [10, 10] } },
  { $near: { $geometry: point(10, 100) } },
  { $near: { $geometry: point(10, 10), $maxDistance: -1 } },
  { $near: { $geometry: point(10, 10), $maxDistance: null } },
  { $nearSphere: [10, 10, -1] },
  { $nearSphere: [10, 10, "x"] },
  { $nearSphere: [10, 10, 1, 1] },
  { $nearSphere: [10, 10], $maxDistance: Number.POSITIVE_INFINITY },
  { $nearSphere: { $geometry: point(10, 10), $maxDistance: Number.POSITIVE_INFINITY } },
  { $nearSphere: "x" },
];
const PLANE: Document[] = [
  { $near: [1, 2] },
  { $near: { x: 1, y: 2 }, $maxDistance: 3 },
  { $near: [1, 2, 2.5] },
  { $near: [1, 2], $minDistance: 1, $maxDistance: 20 },
  { $nearSphere: [1, 2], $maxDistance: 0.05 },
];

describe.skipIf(missing)("near searches", () => {
  let server: OracleServer | undefined;
  let slot: Slot | undefined;

  beforeAll(async () => {
    if (typeof mongod === "string") return;
    server = new OracleServer(mongod.url, 2);
    await server.prepare();
    slot = await server.slot();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  async function expectAlike(filters: readonly Document[], documents: readonly Document[], indexed: boolean) {
    if (slot === undefined) throw new Error("there is no server");
    await slot.fill({ documents, other: [], indexed });
    for (const filter of filters) {
      for (const sort of [undefined, { _id: 1 } as const]) {
        const query = { kind: "find", filter, ...(sort && { sort }) } as const;
        const theirs = await slot.run(query);
        const ours = runOnEngine({ query, documents, other: [] });
        expect([filter, agree(query, theirs, ours) ? "alike" : { ours, theirs }]).toEqual([filter, "alike"]);
      }
    }
  }

  test("are nearest first, of lines and areas by what is nearest of them", () =>
    expectAlike(
      SPHERE.map((search) => ({ "o.p": search })),
      PLACES,
      true,
    ));

  test("on the plane", () =>
    expectAlike(
      PLANE.map((search) => ({ q: search })),
      PLACES,
      true,
    ));

  test("circles where squares overflow", () =>
    expectAlike(
      [Number.POSITIVE_INFINITY, 1e300, 1e200, 5, 0.5].map((radius) => ({
        q: { $geoWithin: { $center: [[1, 1], radius] } },
      })),
      [
        [1e200, 5],
        [1e300, 1],
        [4, 5],
        [0.6, 0.7],
        [1.3, 1.4],
        [Number.POSITIVE_INFINITY, 1],
      ].map((q, _id) => ({ _id, q })),
      false,
    ));

  test("circles through points far along an axis", () => {
    const values = [-(2 ** 53), -1, 0, 0.1, 1, 2 ** 53 + 2];
    const pairs = values.flatMap((x) => values.map((y) => [x, y]));
    return expectAlike(
      pairs.flatMap((center) =>
        [1, 2 ** 53, 2 ** 53 + 2, 2 ** 54].map((radius) => ({
          q: { $geoWithin: { $center: [center, radius] } },
        })),
      ),
      pairs.map((q, _id) => ({ _id, q })),
      false,
    );
  });

  test("a distance inside a GeoJSON point is refused, as a server would pass over it", () => {
    const filter = { "o.p": { $nearSphere: { ...point(10, 10), $maxDistance: 5 } } };
    expect(runOnEngine({ query: { kind: "find", filter }, documents: PLACES, other: [] })).toEqual({
      error: "filter.o.p.$nearSphere.$maxDistance: must stand beside the operator, or beside $geometry",
      refused: false,
    });
  });
});
