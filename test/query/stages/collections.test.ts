/** The stages that read other collections, or positions, against a real server. */
import { describe, expect, test } from "bun:test";
import { BSONRegExp, Double } from "bson";
import { type Document, parsePipeline } from "../../../src/query/index.ts";
import { type Case, expectAlike, withoutServer } from "./server.ts";

const DOCUMENTS: Document[] = [
  { _id: 1, k: 1, n: { a: [1, 2] } },
  { _id: 2, k: null },
  { _id: 3 },
  { _id: 4, k: [1, "x"] },
  { _id: 5, k: [] },
  { _id: 6, k: new Double(2), n: [{ a: 1 }, { a: "x" }, { b: 1 }] },
  { _id: 7, k: [[1, 2]] },
  { _id: 8, k: { a: 1 } },
];

const OTHER: Document[] = [
  { _id: 10, f: 1, name: "one" },
  { _id: 11, f: 2n, name: "two" },
  { _id: 12, f: null, name: "null" },
  { _id: 13, name: "missing" },
  { _id: 14, f: [1, 5], name: "array" },
  { _id: 15, f: "x", g: [{ h: 1 }, { h: 2 }], name: "text" },
  { _id: 16, f: [1, 2], name: "pair" },
  { _id: 17, f: { a: 1 }, name: "object" },
];

function join(options: Document): Case[] {
  const sorted = [{ $lookup: options }, { $sort: { _id: 1 } }];
  return [false, true].map((stored) => ({
    pipeline: sorted,
    documents: DOCUMENTS,
    other: OTHER,
    stored,
  }));
}

describe.skipIf(withoutServer)("other collections", () => {
  test("$lookup by equality", () =>
    expectAlike([
      ...join({ from: "other", localField: "k", foreignField: "f", as: "found" }),
      ...join({ from: "other", localField: "n.a", foreignField: "f", as: "found.here" }),
      ...join({ from: "other", localField: "n.0.a", foreignField: "f", as: "n" }),
      ...["v.0", "v.1", "v.00", "v.0.0", "v.x", "v.9"].flatMap((localField) =>
        [[{ 0: 1, 1: 2 }, { 1: [3] }], [1, 2], [[1, { x: 2 }], { x: 3 }], { 0: 1, 1: { x: 2 } }].map((v) => ({
          pipeline: [
            { $lookup: { from: "other", localField, foreignField: "a", as: "j" } },
            { $sort: { _id: 1 } },
          ],
          documents: [{ _id: 1, v }],
          other: [{ _id: 1, a: 1 }, { _id: 2, a: 2 }, { _id: 3, a: 3 }, { _id: 4 }],
        })),
      ),
      ...join({ from: "other", localField: "n.a", foreignField: "g.h", as: "x.y" }),
      ...join({ from: "nowhere", localField: "k", foreignField: "f", as: "found" }),
    ]));

  test("$lookup by a pipeline", () =>
    expectAlike([
      ...join({ from: "other", pipeline: [{ $match: { f: 1 } }, { $project: { name: 1 } }], as: "found" }),
      ...join({
        from: "other",
        let: { k: "$k" },
        pipeline: [{ $match: { $expr: { $eq: ["$f", "$$k"] } } }, { $sort: { _id: 1 } }],
        as: "found",
      }),
      ...join({
        from: "other",
        let: { k: "$k", all: "$$ROOT" },
        pipeline: [
          { $project: { _id: 0, k: "$$k", id: "$$all._id", name: 1 } },
          { $sort: { name: 1 } },
          { $limit: 1 },
        ],
        as: "found",
      }),
      ...join({
        from: "other",
        localField: "k",
        foreignField: "f",
        let: { id: "$_id" },
        pipeline: [{ $set: { id: "$$id" } }, { $sort: { _id: 1 } }],
        as: "found",
      }),
      ...join({
        from: "other",
        let: { id: "$_id" },
        pipeline: [
          { $match: { _id: 10 } },
          {
            $lookup: {
              from: "other",
              let: { inner: "$name" },
              pipeline: [{ $match: { _id: 11 } }, { $project: { x: ["$$id", "$$inner", "$name"] } }],
              as: "deep",
            },
          },
        ],
        as: "found",
      }),
      ...join({ pipeline: [{ $documents: [{ a: 1 }, { a: 2 }] }, { $match: { a: 2 } }], as: "found" }),
      ...join({ from: "other", pipeline: [], as: "found" }),
    ]));

  test("what a $lookup cannot be", () =>
    expectAlike(
      [
        { from: "other", localField: "k", as: "x" },
        { from: "other", as: "x" },
        { from: "other", localField: "k", foreignField: "f" },
        { from: "other", localField: "$k", foreignField: "f", as: "x" },
        { from: "other", localField: "k", foreignField: "f", as: "$x" },
        { from: "other", localField: "k", foreignField: "f", as: "x", extra: 1 },
        { from: "other", localField: "k", foreignField: "f", let: { a: 1 }, as: "x" },
        { from: 5, localField: "k", foreignField: "f", as: "x" },
        { localField: "k", foreignField: "f", as: "x" },
        { from: "other", pipeline: [{ $unknown: 1 }], as: "x" },
        { from: "other", pipeline: [{ $out: "x" }], as: "x" },
        { from: "other", pipeline: {}, as: "x" },
        { from: "other", let: { A: 1 }, pipeline: [], as: "x" },
        { from: "other", let: 1, pipeline: [], as: "x" },
        { from: "other", pipeline: [{ $project: { x: "$$nope" } }], as: "x" },
      ].map(($lookup) => ({ pipeline: [{ $lookup } as Document], documents: [{ _id: 1 }], other: OTHER })),
    ));

  test("constants that cannot be computed are refused before a document arrives", () => {
    const inside = [{ $project: { x: { $divide: [1, 0] } } }];
    const start = { from: "other", startWith: 1, connectFromField: "a", connectToField: "b", as: "x" };
    const restrictSearchWithMatch = { $expr: { $divide: [1, 0] } };
    const stages: [Document, string][] = [
      [{ $lookup: { from: "other", pipeline: inside, as: "x" } }, "$lookup.pipeline[0].$project.x.$divide"],
      [
        { $graphLookup: { ...start, restrictSearchWithMatch } },
        "$graphLookup.restrictSearchWithMatch.$expr.$divide",
      ],
    ];
    for (const [stage, place] of stages) {
      const read = () => parsePipeline([stage]);
      expect(read).toThrow(`pipeline[0].${place}: cannot divide by zero`);
      expect(read).toThrow(expect.objectContaining({ kind: "unsupported" }));
    }
  });

  test("$unionWith and $documents", () => {
    const stages: Document[] = [
      { $unionWith: "other" },
      { $unionWith: { coll: "other" } },
      { $unionWith: { coll: "other", pipeline: [{ $match: { f: 1 } }, { $project: { name: 1 } }] } },
      { $unionWith: { pipeline: [{ $documents: [{ a: 1 }] }] } },
      { $unionWith: "nowhere" },
      { $unionWith: { coll: "other", extra: 1 } },
      { $unionWith: 1 },
      { $unionWith: {} },
      { $unionWith: { coll: "other", pipeline: [{ $out: "x" }] } },
      { $documents: [{ a: 1 }] },
    ];
    const documents = DOCUMENTS.slice(0, 2);
    return expectAlike([
      ...stages.map((stage) => ({ pipeline: [{ $match: {} }, stage], documents, other: OTHER })),
      ...[
        { $documents: [{ a: 1 }, 5] },
        { $documents: { a: 1 } },
        { $documents: "$a" },
        { $documents: [{ a: { $add: [1, 2] } }, {}] },
      ].map((stage) => ({ pipeline: [{ $unionWith: { pipeline: [stage] } }], documents })),
    ]);
  });

  test("$graphLookup", () => {
    const other = [
      { _id: 1, next: 2 },
      { _id: 2, next: [3, 4] },
      { _id: 3, next: 1, tag: "x" },
      { _id: 4, next: null },
      { _id: 5 },
      { _id: null, next: 5 },
    ];
    const documents = [
      { _id: 1, a: 1 },
      { _id: 2, a: [2, 4] },
      { _id: 3, a: 9 },
    ];
    const base = { from: "other", startWith: "$a", connectFromField: "next", connectToField: "_id", as: "r" };
    const options: Document[] = [
      base,
      { ...base, maxDepth: 0 },
      { ...base, maxDepth: 1, depthField: "d" },
      { ...base, depthField: "d.e", restrictSearchWithMatch: { tag: { $ne: "x" } } },
      { ...base, startWith: { $add: ["$_id", 0] } },
      { ...base, connectFromField: "_id", connectToField: "next", depthField: "d" },
      { ...base, maxDepth: -1 },
      { ...base, maxDepth: 1.5 },
      { ...base, from: 1 },
      { ...base, extra: 1 },
      { ...base, as: "$r" },
      { ...base, restrictSearchWithMatch: { $unknown: 1 } },
      { from: "other", startWith: "$a", as: "r" },
    ];
    return expectAlike(
      options.map(($graphLookup) => ({
        pipeline: [{ $graphLookup }, { $unwind: "$r" }],
        documents,
        other,
        anyOrder: true,
      })),
    );
  });

  test("$graphLookup follows nulls and patterns to what is there", () => {
    const other: Document[] = [
      { _id: 1, a: null, n: 5, m: [{ t: 1 }, {}] },
      { _id: 2, n: null, m: [{}] },
      { _id: 3, a: 5, n: [7, null], m: [{ t: null }] },
      { _id: 4, a: 7, n: [], m: [3, { t: 5 }] },
      { _id: 5, a: [], m: [] },
      { _id: 6, a: "ab" },
      { _id: 7, a: new BSONRegExp("^a") },
    ];
    const starts = [null, 5, [null], [[]], "$missing", ["$missing"], "$pattern", "$list"];
    const documents = [{ _id: 1, pattern: new BSONRegExp("^a"), list: [new BSONRegExp("^a"), 7] }];
    return expectAlike(
      starts.flatMap((startWith) =>
        ["a", "m.t"].map((connectToField) => ({
          pipeline: [
            { $graphLookup: { from: "other", startWith, connectFromField: "n", connectToField, as: "r" } },
            { $project: { r: { $sortArray: { input: "$r._id", sortBy: 1 } } } },
          ],
          documents,
          other,
        })),
      ),
    );
  });

  test("constants of let and startWith are computed when a document comes", () => {
    const starts: Document["a"][] = [
      { $regexMatch: { input: "$s", regex: "(" } },
      { $regexMatch: { input: "$s", regex: "a", options: "q" } },
      { $divide: [1, 0] },
      { $setUnion: [[1], "$$REMOVE"] },
      { $setUnion: ["$a", [1]] },
      { $add: [0.1, "$x", 0.2, 0.3] },
    ];
    const of = { from: "other", connectFromField: "n", connectToField: "k", as: "r" };
    return expectAlike(
      starts.flatMap((start) =>
        [
          { $graphLookup: { ...of, startWith: start } },
          { $lookup: { from: "other", let: { start }, pipeline: [{ $set: { x: "$$start" } }], as: "r" } },
        ].flatMap((stage) =>
          [[], [{ _id: 1, a: [1], s: "a", x: 1 }]].map((documents) => ({
            pipeline: [stage],
            documents,
            other: [{ _id: 1, k: 1 }, { _id: 2 }, { _id: 3, k: 1.6 }],
            stored: true,
          })),
        ),
      ),
    );
  });

  test("$geoNear", () => {
    const documents = [
      { _id: 1, p: { type: "Point", coordinates: [10, 20] }, a: 1 },
      { _id: 2, p: { type: "Point", coordinates: [10.5, 20.25] }, a: 1 },
      { _id: 3, p: { type: "Point", coordinates: [-170, -80] }, a: 2 },
      { _id: 4, p: { type: "Point", coordinates: [10, 20.001] } },
      { _id: 5, x: 1 },
    ];
    const near = { type: "Point", coordinates: [10, 20] };
    const options: Document[] = [
      { near, distanceField: "d" },
      { near, distanceField: "d", key: "p", spherical: true },
      { near, distanceField: "d.e", maxDistance: 100_000 },
      { near, distanceField: "d", minDistance: 100, maxDistance: 100_000 },
      { near, distanceField: "d", query: { a: 1 } },
      { near, distanceField: "d", includeLocs: "loc" },
      { near, distanceField: "d", distanceMultiplier: 0.001 },
      { near: [10, 20], distanceField: "d", spherical: true },
      { near: [10, 20], distanceField: "d", spherical: true, maxDistance: 0.1 },
      { near },
      { distanceField: "d" },
      { near, distanceField: "$d" },
      { near: "x", distanceField: "d" },
      { near, distanceField: "d", maxDistance: -1 },
      { near, distanceField: "d", query: { $unknown: 1 } },
      { near, distanceField: "d", distanceMultiplier: -1 },
      { near, distanceField: "d", spherical: "x" },
    ];
    return expectAlike([
      ...options.map(($geoNear) => ({
        // To a micrometre: the last bits of a distance are not the same.
        pipeline: [{ $geoNear }, { $set: { d: { $round: [{ $ifNull: ["$d.e", "$d"] }, 6] } } }],
        documents,
        positions: "p",
      })),
      ...options.slice(0, 2).map(($geoNear) => ({
        pipeline: [{ $geoNear }, { $project: { _id: 1 } }],
        documents,
        positions: "p",
      })),
      {
        pipeline: [{ $match: { a: 1 } }, { $geoNear: { near, distanceField: "d" } }],
        documents,
        positions: "p",
      },
    ]);
  });
});
