/** The stages that choose, order and multiply documents, against a real server. */
import { describe, test } from "bun:test";
import { Decimal128, Double } from "bson";
import type { Document, Value } from "../../../src/query/index.ts";
import { type Case, expectAlike, withoutServer } from "./server.ts";

const ROWS: Document[] = [
  { _id: 1, a: 3, b: "x", c: [1, 9] },
  { _id: 2, a: 1, b: "y", c: [5] },
  { _id: 3, a: null, b: "x", c: [] },
  { _id: 4, b: "z", c: null },
  { _id: 5, a: new Double(2), b: null },
  { _id: 6, a: 2n, b: { d: 1 }, c: 4 },
];

function over(stages: readonly Document[], documents: readonly Document[] = ROWS): Case[] {
  return stages.map((stage) => ({ pipeline: [stage], documents }));
}

describe.skipIf(withoutServer)("stages of flows", () => {
  test("$limit and $skip", () =>
    expectAlike(
      over([
        ...(
          [
            1,
            3,
            100,
            0,
            -1,
            1.5,
            new Double(2),
            2n,
            Decimal128.fromString("2"),
            Decimal128.fromString("2.5"),
            Decimal128.fromString("1E-6176"),
            Decimal128.fromString("1.00000000000000000000000001"),
            "1",
            null,
            Number.NaN,
          ] as Value[]
        ).flatMap((n) => [{ $limit: n }, { $skip: n }]),
      ]),
    ));

  test("$sort by two arrays, also where one is a copy of the other", () =>
    expectAlike(
      [[], [1], [1, 2], [{ x: 1 }], [{ x: [] }], [{ x: [2, 1] }]].flatMap((m) =>
        [
          { m: 1, b: 1 },
          { m: 1, "m.x": -1 },
          { "m.x": 1, "b.x": 1 },
          { m: 1, _id: 1 },
        ].map(($sort) => ({
          pipeline: [{ $addFields: { b: "$m" } }, { $sort }],
          documents: [{ _id: 1, m }, { _id: 2 }],
        })),
      ),
    ));

  test("$sort by an _id that a stage made an array", () => {
    const values: (Value | undefined)[] = [[], [5], [1, 9], null, 3, undefined, { x: [1] }];
    const documents = values.map((a, _id) => ({ _id, b: _id % 2 ? [1] : 1, ...(a !== undefined && { a }) }));
    return expectAlike(
      [{ _id: 1 }, { _id: -1 }, { "_id.x": 1, k: 1 }, { k: 1, _id: 1 }, { b: 1, _id: 1 }].map(($sort) => ({
        pipeline: [{ $set: { k: "$_id", _id: "$a" } }, { $sort }],
        documents: documents as Document[],
      })),
    );
  });

  test("$sort", () =>
    expectAlike([
      ...over([
        { $sort: { a: 1, _id: 1 } },
        { $sort: { a: -1, _id: -1 } },
        { $sort: { c: 1, _id: 1 } },
        { $sort: { c: -1, _id: 1 } },
        { $sort: { "b.d": 1, _id: 1 } },
        { $sort: {} },
        { $sort: { a: 2 } },
        { $sort: { a: "asc" } },
        { $sort: { a: true } },
        { $sort: { "a.": 1 } },
        { $sort: { $a: 1 } },
        { $sort: "a" },
        { $sort: { a: new Double(1), _id: 1n } },
      ]),
      { pipeline: [{ $sort: { a: 1, b: 1 } }], documents: [{ a: [1, 2], b: [3, 4] }] },
    ]));

  test("$unwind", () => {
    const documents: Document[] = [
      { _id: 1, a: [1, 2, [3]], x: 1 },
      { _id: 2, a: [] },
      { _id: 3, a: null },
      { _id: 4 },
      { _id: 5, a: 5 },
      { _id: 6, a: { b: [1, null, { c: 2 }], d: 1 } },
      { _id: 7, a: [{ b: [1, 2] }] },
      { _id: 8, a: { b: [] } },
    ];
    const empty: Document[] = [
      { _id: 1, a: [], x: 1 },
      { _id: 2, a: { b: [], c: 1 }, x: 1 },
    ];
    const options = (rest: Document) => ["$a", "$a.b"].map((path) => ({ $unwind: { path, ...rest } }));
    return expectAlike([
      ...["$a", "$a.b"].flatMap((path) =>
        ["a", "a.b", "a.b.c"].flatMap((includeArrayIndex) =>
          over([{ $unwind: { path, includeArrayIndex, preserveNullAndEmptyArrays: true } }], empty),
        ),
      ),
      ...over(
        [
          { $unwind: "$a" },
          { $unwind: "$a.b" },
          ...options({ preserveNullAndEmptyArrays: true }),
          ...options({ includeArrayIndex: "i" }),
          ...options({ includeArrayIndex: "i.j", preserveNullAndEmptyArrays: true }),
          // An index at the array's own path crashes the server.
          { $unwind: "a" },
          { $unwind: "$" },
          { $unwind: "$$ROOT" },
          { $unwind: "" },
          { $unwind: {} },
          { $unwind: { path: "$a", includeArrayIndex: "$i" } },
          { $unwind: { path: "$a", includeArrayIndex: "" } },
          { $unwind: { path: "$a", preserveNullAndEmptyArrays: 1 } },
          { $unwind: { path: "$a", other: 1 } },
          { $unwind: 5 },
        ],
        documents,
      ),
    ]);
  });

  test("$count and $sortByCount", () =>
    expectAlike([
      ...over([{ $count: "n" }, { $count: "" }, { $count: "$n" }, { $count: "a.b" }, { $count: 1 }]),
      ...over([{ $count: "n" }], []),
      ...over(
        [
          { $sortByCount: "$b" },
          { $sortByCount: { $eq: ["$a", 1] } },
          { $sortByCount: "b" },
          { $sortByCount: 1 },
          { $sortByCount: { a: "$b" } },
          { $sortByCount: { $literal: 1 } },
        ],
        [{ b: "x" }, { b: "x" }, { b: "y" }, { b: "x" }],
      ),
    ]));

  test("$facet", () =>
    expectAlike(
      over([
        { $facet: { all: [{ $match: {} }], n: [{ $count: "n" }] } },
        { $facet: { none: [{ $match: { _id: 100 } }], two: [{ $sort: { _id: -1 } }, { $limit: 2 }] } },
        { $facet: { all: [] } },
        { $facet: {} },
        { $facet: { a: {} } },
        { $facet: { "a.b": [] } },
        { $facet: { $a: [] } },
        { $facet: { a: [{ $facet: { b: [] } }] } },
        { $facet: { a: [{ $out: "x" }] } },
        { $facet: { a: [{ $unknown: 1 }] } },
      ]),
    ));

  test("$sample", () =>
    expectAlike(
      over(
        [
          { $sample: { size: 10 } },
          { $sample: { size: 1 } },
          { $sample: { size: new Double(1) } },
          { $sample: { size: 0 } },
          { $sample: { size: -1 } },
          { $sample: { size: 1.5 } },
          { $sample: { size: "1" } },
          { $sample: {} },
          { $sample: 1 },
        ],
        [{ _id: 1 }],
      ),
    ));
});
