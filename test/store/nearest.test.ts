/** The nearest few are found by looking outward through the index: what a scan and a sort would give. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import {
  compileMatchNode,
  type Document,
  double,
  nearestAt,
  nearOf,
  parseMatch,
} from "../../src/query/index.ts";
import { Aggregator } from "../../src/store/embedded/aggregate.ts";
import { openDatabase } from "../../src/store/embedded/database.ts";
import { insertDocuments } from "../../src/store/embedded/documents.ts";
import { Finder } from "../../src/store/embedded/find.ts";
import { ensureLayout } from "../../src/store/embedded/layout.ts";
import type { FindRequest } from "../../src/store/index.ts";

const ROWS = 4000;
const PATH = "coordinates.radec_geojson";
const COLLECTION = "X_alerts";

const dataDir = mkdtempSync(join(tmpdir(), "kowalski-nearest-"));
const database = openDatabase({ dataDir });
afterAll(() => {
  database.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const point = (longitude: number, latitude: number): Document => ({
  type: "Point",
  coordinates: [double(longitude), double(latitude)],
});

/** Half of them all over the sky; others on few places, round the poles and where right ascension begins anew. */
function placeOf(n: number): unknown {
  const share = (n * 0.618033988749895) % 1;
  switch (n % 10) {
    case 0:
      return point((n % 7) * 10 - 30, (n % 5) * 10 - 20);
    case 1:
      return point(share * 360 - 180, 90 - share * 0.5);
    case 2:
      return point(share * 360 - 180, -90 + ((share * 37) % 3));
    case 3:
      return point(n % 20 === 3 ? -180 + share * 0.01 : 180 - share * 0.01, share - 0.5);
    case 4:
      // No single point: the index keeps these apart.
      if (n % 100 === 4)
        return {
          type: "MultiPoint",
          coordinates: [
            [1, 1],
            [share * 90, 2],
          ],
        };
      return n % 100 === 14 ? undefined : [double(share * 360 - 180), double(((n * 7) % 180) - 90)];
    default:
      return point(share * 360 - 180, (Math.asin(2 * ((n * 0.7548776662466927) % 1) - 1) * 180) / Math.PI);
  }
}

const documents = Array.from({ length: ROWS }, (_, n): Document => {
  // Rows are not in the order of their places.
  const place = placeOf((n * 1709) % ROWS);
  return {
    _id: BigInt(n),
    candid: BigInt(n),
    n,
    rare: n % 997 === 0,
    ...(place !== undefined && { coordinates: { radec_geojson: place as Document } }),
  };
});
ensureLayout(database, COLLECTION, "alerts");
insertDocuments(database, COLLECTION, documents, "fail");
const finder = new Finder(database);
const aggregator = new Aggregator(database);

/** A scan with the compiled matcher, and a stable sort. */
function bruteForce(filter: Document, skip: number, limit: number): Document[] {
  const node = parseMatch(filter);
  const near = nearOf(node);
  if (near === undefined) throw new Error("no near search");
  const distance = (document: Document) => nearestAt(near.near, document, near.parts)?.distance ?? 0;
  const found = documents.filter(compileMatchNode(node));
  return found.sort((a, b) => distance(a) - distance(b)).slice(skip, skip + limit);
}

const isDocument = (document: Document | undefined) => document !== undefined;
const request = (filter: Document, skip: number, limit: number): FindRequest => ({
  collection: COLLECTION,
  filter,
  skip,
  limit,
  maxTimeMs: 60_000,
});
const numbersOf = (found: Iterable<Document | undefined>) =>
  [...found].filter(isDocument).map((document) => document?.["n"]);

/** Runs an explanation to its end. */
function ended<T>(running: Generator<undefined, T, undefined>): T {
  for (;;) {
    const step = running.next();
    if (step.done === true) return step.value;
  }
}

const centre = fc.oneof(
  fc.tuple(fc.double({ min: -180, max: 180, noNaN: true }), fc.double({ min: -90, max: 90, noNaN: true })),
  fc.constantFrom<[number, number]>(
    [0, 0],
    [10, 10],
    [180, 0],
    [-180, 0.25],
    [0, 90],
    [77, -90],
    [179.999, -0.3],
  ),
);
const share = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
const rest = fc.constantFrom<Document>({}, {}, { rare: true }, { n: { $mod: [7, 1] } }, { n: -1 });

describe("the nearest few", () => {
  test("are those of a scan, in its order", () => {
    fc.assert(
      fc.property(
        fc.record({
          centre,
          metric: fc.constantFrom("meters", "radians", "flat"),
          most: share,
          least: share,
          rest,
          skip: fc.nat(5),
          limit: fc.integer({ min: 1, max: 60 }),
        }),
        ({ centre: [x, y], metric, most, least, rest, skip, limit }) => {
          const unit = metric === "meters" ? 2e7 : metric === "radians" ? Math.PI : 180;
          const distances: Document = {
            ...(most !== undefined && { $maxDistance: double(most ** 3 * unit) }),
            ...(least !== undefined && { $minDistance: double(least ** 3 * unit) }),
          };
          const pair = [double(x), double(y)];
          const near: Document =
            metric === "meters"
              ? { $nearSphere: { $geometry: point(x, y), ...distances } }
              : { [metric === "flat" ? "$near" : "$nearSphere"]: pair, ...distances };
          const filter = { [PATH]: near, ...rest };
          const expected = bruteForce(filter, skip, limit).map((document) => document["n"]);
          expect(numbersOf(finder.find(request(filter, skip, limit)))).toEqual(expected);

          const $geoNear: Document = {
            near: metric === "meters" ? point(x, y) : pair,
            ...(metric !== "flat" && { spherical: true }),
            distanceField: "distance",
            key: PATH,
            query: rest,
            ...(most !== undefined && { maxDistance: double(most ** 3 * unit) }),
            ...(least !== undefined && { minDistance: double(least ** 3 * unit) }),
          };
          const pipeline = [{ $geoNear }, { $skip: skip }, { $limit: limit }];
          expect(
            numbersOf(aggregator.aggregate({ collection: COLLECTION, pipeline, maxTimeMs: 60_000 })),
          ).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  test("are found without a look at all rows", () => {
    for (const place of [
      [0, 0],
      [180, 0.1],
      [33, 90],
      [100, -35],
    ]) {
      const filter: Document = { [PATH]: { $nearSphere: place } };
      const found = ended(finder.explain(request(filter, 0, 1)));
      expect(found.index).toStartWith("radec");
      expect(found.documentsReturned).toBe(1);
      expect(found.documentsExamined).toBeLessThan(ROWS / 8);
      const pipeline = [{ $geoNear: { near: place, spherical: true, distanceField: "d" } }, { $limit: 3 }];
      const explained = ended(
        aggregator.explain({ collection: COLLECTION, pipeline: pipeline as Document[], maxTimeMs: 60_000 }),
      );
      expect(explained.index).toStartWith("radec");
      expect(explained.documentsReturned).toBe(3);
      expect(explained.documentsExamined).toBeLessThan(ROWS / 8);
    }
  });

  test("of which few pass a filter cost hardly more than a scan", () => {
    const filter: Document = { [PATH]: { $nearSphere: [20, 20] }, rare: true };
    const found = ended(finder.explain(request(filter, 0, 5)));
    expect(found.documentsReturned).toBe(5);
    expect(found.documentsExamined).toBeLessThan(2 * ROWS);
  });

  test("of all leave the index alone", () => {
    const found = ended(finder.explain(request({ [PATH]: { $nearSphere: [20, 20] } }, 0, 0)));
    expect(found.index).toBeNull();
    expect(found.documentsExamined).toBe(ROWS);
  });
});
