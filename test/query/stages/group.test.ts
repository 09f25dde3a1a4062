/** The stages that group, and the accumulators, against a real server. */
import { describe, test } from "bun:test";
import { Decimal128, Double } from "bson";
import type { Document, Value } from "../../../src/query/index.ts";
import { type Case, expectAlike, withoutServer } from "./server.ts";

const decimal = (text: string) => Decimal128.fromString(text);

function over(stages: readonly Document[], documents: readonly Document[]): Case[] {
  return stages.map((stage) => ({ pipeline: [stage], documents, anyOrder: true }));
}

/** Lists of values that accumulators are fed with. */
const LISTS: Value[][] = [
  [],
  [1],
  [1, 2, 3],
  [3, 1, 2, 1],
  [2147483647, 1],
  [2147483647, 1n],
  [1n, 2n],
  [9223372036854775807n, 1n],
  [9223372036854775807n, 1n, -5n],
  [0.1, 0.2, 0.3],
  [0.1, 1, 2n],
  [1e100, 1, -1e100],
  [9007199254740993n, 0.5],
  [new Double(1), 2],
  [new Double(-0)],
  [decimal("0.1"), decimal("0.2")],
  [decimal("0.1"), 0.2, 3n],
  [decimal("1E+6000"), decimal("1")],
  [decimal("NaN"), 1],
  [Number.NaN, 1],
  [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  [Number.POSITIVE_INFINITY, 1],
  [null, 1],
  [null, null],
  ["a", "B", "c"],
  ["a", 1, true, null],
  [new Date(5), new Date(3)],
  [[1, 2], [3]],
  [[1], 5],
  [{ a: 1 }, { b: 2 }, { a: 3 }],
  [{ a: 1 }, 5],
  [true, false],
  [1, new Double(1), 1n, decimal("1")],
];

const FED: Document[][] = [
  ...LISTS.map((values) => values.map((value, i) => ({ _id: i, v: value }))),
  [{ _id: 1 }, { _id: 2, v: 2 }, { _id: 3 }],
  [{ _id: 1 }],
];

function fed(accumulators: readonly Document[]): Case[] {
  return accumulators.flatMap((accumulator) =>
    FED.map((documents) => ({ pipeline: [{ $group: { _id: null, out: accumulator } }], documents })),
  );
}

describe.skipIf(withoutServer)("grouping stages", () => {
  test("sums, means and deviations", () =>
    expectAlike(
      fed([
        { $sum: "$v" },
        { $sum: 1 },
        { $avg: "$v" },
        { $count: {} },
        { $stdDevPop: "$v" },
        { $stdDevSamp: "$v" },
      ]),
    ));

  test("extremes", () =>
    expectAlike(
      fed([
        { $min: "$v" },
        { $max: "$v" },
        { $minN: { input: "$v", n: 2 } },
        { $maxN: { input: "$v", n: 2 } },
      ]),
    ));

  test("first and last", () =>
    expectAlike(
      fed([
        { $first: "$v" },
        { $last: "$v" },
        { $firstN: { input: "$v", n: 2 } },
        { $lastN: { input: "$v", n: 2 } },
      ]),
    ));

  test("ranked", () =>
    expectAlike(
      fed([
        { $top: { sortBy: { v: 1, _id: 1 }, output: "$v" } },
        { $bottom: { sortBy: { v: 1, _id: 1 }, output: ["$v", "$missing"] } },
        { $topN: { n: 2, sortBy: { v: -1, _id: 1 }, output: "$_id" } },
        { $bottomN: { n: 2, sortBy: { v: -1, _id: 1 }, output: "$_id" } },
        { $topN: { n: 2, sortBy: { v: 1, _id: -1 }, output: "$v" } },
        { $bottomN: { n: 2, sortBy: { v: 1 }, output: "$v" } },
      ]),
    ));

  test("collections", () =>
    expectAlike([...fed([{ $push: "$v" }, { $push: { a: "$v" } }, { $mergeObjects: "$v" }])]));

  test("$addToSet", () =>
    expectAlike(
      FED.map((documents) => ({
        pipeline: [
          { $group: { _id: null, out: { $addToSet: "$v" } } },
          { $unwind: { path: "$out", preserveNullAndEmptyArrays: true } },
        ],
        documents,
        anyOrder: true,
      })),
    ));

  test("arguments of accumulators", () =>
    expectAlike(
      over(
        [
          { $sum: ["$v"] },
          { $sum: { $add: ["$v", 1] } },
          { $sum: "x" },
          { $sum: "$v", $avg: "$v" },
          {},
          { $unknown: 1 },
          { $push: ["$v"] },
          { $count: 1 },
          { $count: { a: 1 } },
          { $firstN: { input: "$v", n: 0 } },
          { $firstN: { input: "$v", n: 1.5 } },
          { $firstN: { input: "$v", n: new Double(2) } },
          { $firstN: { input: "$v", n: "x" } },
          { $firstN: { input: "$v", n: "$v" } },
          { $firstN: { input: "$v" } },
          { $firstN: { n: 1 } },
          { $firstN: { input: "$v", n: 1, x: 1 } },
          { $firstN: "$v" },
          { $top: { output: "$v" } },
          { $top: { sortBy: {}, output: "$v" } },
          { $top: { sortBy: { v: 1 } } },
          { $top: { sortBy: { v: 1 }, output: "$v", n: 1 } },
          { $topN: { sortBy: { v: 1 }, output: "$v" } },
          { $topN: { n: 0, sortBy: { v: 1 }, output: "$v" } },
          { $accumulator: {} },
        ].map((out) => ({ $group: { _id: null, out } })),
        [{ v: 1 }, { v: 2 }],
      ),
    ));

  test("keys of groups", () => {
    const documents: Document[] = [
      { a: 1, b: 1 },
      { a: new Double(1), b: 2 },
      { a: 1n, b: null },
      { a: null },
      { b: { c: 1 } },
      { a: [1, 2], b: "x" },
      { a: { c: 1, d: 2 }, b: "x" },
      { a: { d: 2, c: 1 }, b: "x" },
      { a: "text" },
      { a: decimal("1.0") },
      { a: new Double(-0) },
      { a: 0 },
      { a: Number.NaN },
      { a: decimal("NaN") },
    ];
    const ids: Value[] = [
      "$a",
      null,
      1,
      "text",
      {},
      [],
      { a: "$a" },
      { a: "$a", b: "$b" },
      { x: { y: "$b" } },
      { x: { y: "$b" }, z: "$missing" },
      { $eq: ["$a", 1] },
      ["$a", "$b"],
      "$b.c",
      { "a.b": "$a" },
      { a: 1 },
      { a: true },
      { a: "x" },
      { $unknown: 1 },
      { $eq: ["$a", 1], x: 1 },
      { a: { $literal: 1 } },
    ];
    return expectAlike([
      ...over(
        ids.map((_id) => ({ $group: { _id, n: { $sum: 1 } } })),
        documents,
      ),
      ...over(
        [
          { $group: {} },
          { $group: { n: { $sum: 1 } } },
          { $group: 1 },
          { $group: { _id: null, "a.b": { $sum: 1 } } },
          { $group: { _id: null, $a: { $sum: 1 } } },
          { $group: { _id: null, a: 1 } },
          { $group: { _id: null, a: "$a" } },
          {
            $group: { _id: "$b", n: { $firstN: { input: "$a", n: { $cond: [{ $eq: ["$b", 1] }, 1, 2] } } } },
          },
          { $group: { _id: { b: "$a" }, n: { $firstN: { input: "$a", n: { $ifNull: ["$b", 3] } } } } },
        ],
        [
          { a: 2, b: 1 },
          { a: 2, b: 1 },
          { a: 3, b: 1 },
        ],
      ),
    ]);
  });

  test("$bucket", () => {
    const documents = [1, 5, 10, 15, null, "x", new Double(5), 2.5].map((a, i) => ({ _id: i, a }));
    const some = documents.filter(({ a }) => typeof a === "number" && a < 15);
    const stages: Document[] = [
      { groupBy: "$a", boundaries: [0, 5, 15] },
      { groupBy: "$a", boundaries: [0, 5, 15], default: "other" },
      {
        groupBy: "$a",
        boundaries: [0, 5, 15],
        default: -1,
        output: { n: { $sum: 1 }, all: { $push: "$a" } },
      },
      { groupBy: "$a", boundaries: [0, new Double(5), 15n], default: 100 },
      { groupBy: "$a", boundaries: [0, 5], default: 3 },
      { groupBy: "$a", boundaries: [0, 5], default: 5 },
      { groupBy: "$a", boundaries: [0] },
      { groupBy: "$a", boundaries: [0, 0] },
      { groupBy: "$a", boundaries: [5, 0] },
      { groupBy: "$a", boundaries: [0, "x"] },
      { groupBy: "$a", boundaries: [0, "$a"] },
      { groupBy: "$a", boundaries: [{ $add: [0, 0] }, 15] },
      { groupBy: "a", boundaries: [0, 5] },
      { groupBy: { $add: ["$a", 1] }, boundaries: [0, 5, 20] },
      { groupBy: { x: "$a" }, boundaries: [0, 5, 20] },
      { groupBy: "$a" },
      { boundaries: [0, 5] },
      { groupBy: "$a", boundaries: [0, 20], output: { _id: { $sum: 1 } } },
      { groupBy: "$a", boundaries: [0, 20], output: {} },
      { groupBy: "$a", boundaries: [0, 20], output: 1 },
      { groupBy: "$a", boundaries: [0, 20], other: 1 },
      { groupBy: "$a", boundaries: [0, 20], default: "$a" },
      { groupBy: "$a", boundaries: ["a", "z"], default: null },
      { groupBy: "$a", boundaries: ["a", "z"], default: 5 },
    ];
    return expectAlike(
      [documents, some].flatMap((rows) =>
        stages.map(($bucket) => ({ pipeline: [{ $bucket }], documents: rows })),
      ),
    );
  });

  test("constants that cannot be grouped by are found out without documents", () =>
    expectAlike(
      [
        { $bucket: { groupBy: 255, boundaries: [1, 5] } },
        { $bucket: { groupBy: { $first: [[]] }, boundaries: [1, 5] } },
        { $bucket: { groupBy: 255, boundaries: [1, 5], default: "other" } },
        { $group: { _id: { k: "$n", l: Decimal128.fromString("5") } } },
        { $group: { _id: { $setEquals: ["$a", 3] } } },
        { $group: { _id: { $setIsSubset: ["$a", "$$REMOVE"] } } },
        { $group: { _id: { $setIsSubset: [3, "$a"] } } },
      ].map((stage) => ({ pipeline: [stage as Document], documents: [] })),
    ));

  test("$bucketAuto", () => {
    const numbers = [7, 1, 3, 3, 3, 2.5, 100, 0, 42, 17, 3].map((a, i) => ({ _id: i, a }));
    const mixed = [1, null, "x", [1], 2n, { b: 1 }].map((a, i) => ({ _id: i, a }));
    const stages: Document[] = [
      ...[1, 2, 3, 4, 5, 20].map((buckets) => ({ groupBy: "$a", buckets })),
      { groupBy: "$a", buckets: 3, output: { n: { $sum: 1 }, max: { $max: "$a" } } },
      { groupBy: "$a", buckets: 0 },
      { groupBy: "$a", buckets: 1.5 },
      { groupBy: "$a", buckets: "x" },
      { groupBy: "a", buckets: 1 },
      { groupBy: "$a" },
      { groupBy: "$a", buckets: 2, granularity: "R7" },
      { groupBy: "$a", buckets: 2, granularity: 5 },
      { groupBy: "$a", buckets: 2, output: { _id: { $sum: 1 } } },
      { groupBy: "$missing", buckets: 2 },
    ];
    const granularities = [
      "R5",
      "R10",
      "R20",
      "R40",
      "R80",
      "1-2-5",
      "E6",
      "E12",
      "E24",
      "E48",
      "E96",
      "E192",
      "POWERSOF2",
    ];
    const many = Array.from({ length: 200 }, (_, i) => ({ _id: i, a: (i * 7919.37) % 1000 }));
    const small = Array.from({ length: 100 }, (_, i) => ({ _id: i, a: ((i * 7919.37) % 1000) / 1e5 }));
    // Equal keys of several types: a bucket shows its last.
    const equal = [1, new Double(1), 1n, 2].map((a, i) => ({ _id: i, a }));
    const tiny = [{ _id: 0, a: 5e-324 }];
    return expectAlike([
      { pipeline: [{ $bucketAuto: { groupBy: "$a", buckets: 3 } }], documents: equal },
      ...["POWERSOF2", "E6", "R5"].map((granularity) => ({
        pipeline: [{ $bucketAuto: { groupBy: "$a", buckets: 1, granularity } }],
        documents: tiny,
      })),
      ...["E192", "R5"].map((granularity) => ({
        pipeline: [{ $bucketAuto: { groupBy: "$a", buckets: 2, granularity } }],
        documents: [1, Number.POSITIVE_INFINITY, 1e308].map((a, i) => ({ _id: i, a })),
      })),
      ...[numbers, mixed, [], numbers.slice(0, 1)].flatMap((documents) =>
        stages.map(($bucketAuto) => ({ pipeline: [{ $bucketAuto }], documents })),
      ),
      ...[numbers, many, small, mixed].flatMap((documents) =>
        granularities.flatMap((granularity) =>
          [3, 20, 150].map((buckets) => ({
            pipeline: [{ $bucketAuto: { groupBy: "$a", buckets, granularity } }],
            documents,
          })),
        ),
      ),
    ]);
  });
});
