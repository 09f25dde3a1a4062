/** An index narrows and never hides: whatever the documents and the filter, the answer is that of a scan. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { compileMatch, compileSort, type Document, type Value } from "../../src/query/index.ts";
import { openDatabase } from "../../src/store/embedded/database.ts";
import { insertDocuments } from "../../src/store/embedded/documents.ts";
import { Finder } from "../../src/store/embedded/find.ts";
import { dropLayout, ensureLayout } from "../../src/store/embedded/layout.ts";
import { cellOf, cellRanges } from "../../src/store/embedded/position.ts";
import type { SortSpec } from "../../src/store/index.ts";
import { anyValue, scalar } from "./values.ts";

/** Values of which filters and documents share some. */
const few = fc.oneof(
  fc.constantFrom<Value>(1, 1n, 2.5, "a", "b", "", null, Number.NaN, true),
  fc.constantFrom<Value>(9007199254740993n, 9007199254740992n, [1, "a"], [], { x: 1 }),
  scalar,
  anyValue,
);

const operator = fc.constantFrom("$eq", "$gt", "$gte", "$lt", "$lte", "$ne");
const condition: fc.Arbitrary<Value> = fc.oneof(
  few.map((value) => ({ $eq: value })),
  fc.tuple(operator, few).map(([name, value]) => ({ [name]: value })),
  fc.tuple(few, few).map(([low, high]) => ({ $gte: low, $lt: high })),
  fc.array(few, { maxLength: 4 }).map((values) => ({ $in: values })),
  fc.boolean().map((there) => ({ $exists: there })),
);
const path = fc.constantFrom("objectId", "candidate.jd", "candidate.drb", "_id", "candid");
const clause = fc.tuple(path, condition).map(([name, value]): Document => ({ [name]: value }));
const filter = fc.oneof(
  clause,
  fc.array(clause, { minLength: 1, maxLength: 3 }).map((parts): Document => ({ $and: parts })),
  fc.array(clause, { minLength: 1, maxLength: 3 }).map((parts): Document => ({ $or: parts })),
);
const document = fc
  .tuple(few, few, few)
  .map(([objectId, jd, drb]): Document => ({ objectId, candidate: { jd, drb } }));

describe("finding through indexes", () => {
  test("answers like a scan with the compiled matcher", () => {
    const dataDir = mkdtempSync(join(tmpdir(), "kowalski-index-"));
    const database = openDatabase({ dataDir });
    try {
      fc.assert(
        fc.property(
          fc.array(document, { maxLength: 60 }),
          fc.array(fc.tuple(filter, fc.option(fc.tuple(path, fc.constantFrom(1 as const, -1 as const)))), {
            maxLength: 6,
          }),
          (bodies, queries) => {
            const documents = bodies.map(
              (body, n): Document => ({ _id: BigInt(n), candid: BigInt(n), ...body }),
            );
            ensureLayout(database, "X_alerts", "alerts");
            insertDocuments(database, "X_alerts", documents, "fail");
            const finder = new Finder(database);
            for (const [query, order] of queries) {
              const expected = documents.filter(compileMatch(query)).map((found) => found["candid"]);
              const sort: SortSpec | undefined = order === null ? undefined : [order];
              const request = { collection: "X_alerts", filter: query, maxTimeMs: 1000 };
              const found = [...finder.find(sort === undefined ? request : { ...request, sort })].filter(
                (item) => item !== undefined,
              );
              const candids = found.map((item) => item["candid"]);
              expect(candids.toSorted(byNumber)).toEqual(expected);
              if (sort !== undefined) expect(isSorted(found, compileSort(sort))).toBe(true);
            }
            dropLayout(database, "X_alerts");
          },
        ),
        { numRuns: 200 },
      );
    } finally {
      database.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  }, 60_000);
});

function byNumber(a: Value | undefined, b: Value | undefined): number {
  return Number(a) - Number(b);
}

function isSorted(documents: readonly Document[], compare: (a: Document, b: Document) => number): boolean {
  return documents.every((item, n) => n === 0 || compare(documents[n - 1] as Document, item) <= 0);
}

const RADIAN = 180 / Math.PI;

/** The point at this distance and bearing, all in degrees. */
function pointAt(longitude: number, latitude: number, distance: number, bearing: number): [number, number] {
  const d = distance / RADIAN;
  const b = bearing / RADIAN;
  const phi = latitude / RADIAN;
  const sin = Math.sin(phi) * Math.cos(d) + Math.cos(phi) * Math.sin(d) * Math.cos(b);
  const phi2 = Math.asin(Math.max(-1, Math.min(1, sin)));
  const y = Math.sin(b) * Math.sin(d) * Math.cos(phi);
  const x = Math.cos(d) - Math.sin(phi) * Math.sin(phi2);
  const turned = longitude + Math.atan2(y, x) * RADIAN;
  return [((((turned + 180) % 360) + 360) % 360) - 180, phi2 * RADIAN];
}

function covers(
  ranges: readonly (readonly [number, number])[] | undefined,
  cell: number | undefined,
): boolean {
  if (ranges === undefined) return true;
  return cell !== undefined && ranges.some(([first, last]) => cell >= first && cell <= last);
}

describe("sky cells", () => {
  const longitude = fc.double({ min: -180, max: 180, noNaN: true });
  const nearPole = fc
    .tuple(fc.constantFrom(-1, 1), fc.double({ min: -9, max: 0, noNaN: true }))
    .map(([side, exponent]) => side * (90 - 10 ** exponent));
  const latitude = fc.oneof(
    fc.double({ min: -90, max: 90, noNaN: true }),
    fc.constantFrom(-90, 90, 0),
    nearPole,
  );
  const radius = fc.oneof(
    fc.double({ min: 0, max: 0.01, noNaN: true }),
    fc.double({ min: 0, max: 50, noNaN: true }),
  );

  test("of a cone hold every point of it", () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    const bearing = fc.double({ min: 0, max: 360, noNaN: true });
    fc.assert(
      fc.property(longitude, latitude, radius, part, bearing, (lon, lat, size, fraction, angle) => {
        const ranges = cellRanges({ kind: "cone", center: [lon, lat], radius: size });
        expect(covers(ranges, cellOf(...pointAt(lon, lat, size * fraction, angle)))).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test("of a small cone are few", () => {
    const ranges = cellRanges({ kind: "cone", center: [150, 2], radius: 2 / 3600 });
    const cells = (ranges ?? []).reduce((sum, [first, last]) => sum + last - first + 1, 0);
    expect(cells).toBeLessThan(10);
  });

  test("of a small cone near a pole leave out what is a few arcseconds farther", () => {
    for (const [pole, turn] of [
      [1, 20],
      [-1, -160],
    ] as const) {
      const ranges = cellRanges({ kind: "cone", center: [turn, pole * 89.98], radius: 2 / 3600 });
      expect(covers(ranges, cellOf(turn, pole * (89.98 + 1 / 3600)))).toBe(true);
      for (const latitude of [89.96, 89.99, 90])
        expect(covers(ranges, cellOf(turn, pole * latitude))).toBe(false);
    }
  });

  test("of a box up to a pole hold every point of it", () => {
    const size = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(longitude, nearPole, nearPole, size, size, size, (lon, lat, other, width, u, v) => {
        const min = [lon, Math.min(lat, other)] as const;
        const max = [lon + width * (180 - lon), Math.max(lat, other)] as const;
        const ranges = cellRanges({ kind: "box", min, max });
        const point = [min[0] + u * (max[0] - min[0]), min[1] + v * (max[1] - min[1])] as const;
        expect(covers(ranges, cellOf(...point))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("of a polygon hold points between its corners", () => {
    const weight = fc.double({ min: 0.01, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.double({ min: -170, max: 160, noNaN: true }),
        fc.double({ min: -85, max: 75, noNaN: true }),
        fc.double({ min: 0.001, max: 10, noNaN: true }),
        weight,
        weight,
        (lon, lat, size, u, v) => {
          const corners = [
            [lon, lat],
            [lon + size, lat],
            [lon + size, lat + size],
            [lon, lat + size],
          ] as const;
          const ranges = cellRanges({ kind: "polygon", rings: [corners] });
          expect(covers(ranges, cellOf(lon + u * size, lat + v * size))).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});
