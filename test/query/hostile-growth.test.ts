/** Queries that would grow or run without end: each ends in a clear error or an answer, in time and in bounds. */
import { describe, expect, test } from "bun:test";
import {
  compileMatch,
  Deadline,
  type Document,
  parseSort,
  type QueryError,
  type Value,
} from "../../src/query/index.ts";
import { boundMemory, end, expectError, LIMIT_MS, PATIENCE_MS, project } from "./hostile.ts";

boundMemory();

describe("growth without end", () => {
  const many = { _id: 1, l: Array.from({ length: 2000 }, (_, i) => i), s: "x".repeat(100_000) };
  const overRange = (count: number, inner: Value): Value => ({
    $map: { input: { $range: [0, count] }, in: inner },
  });
  const doubling = (initialValue: Value, expression: Value): Value => ({
    $reduce: { input: { $range: [0, 60] }, initialValue, in: expression },
  });
  const cases: [string, Value][] = [
    ["$range", { $size: { $range: [0, 2147483647] } }],
    ["$range with a step", { $range: [-2147483648, 2147483647, 1] }],
    ["$map in $map", overRange(10_000, overRange(10_000, overRange(10_000, 1)))],
    [
      "$filter in $filter",
      {
        $filter: {
          input: "$l",
          cond: {
            $filter: { input: "$l", cond: { $filter: { input: "$l", cond: { $eq: ["$$this", -1] } } } },
          },
        },
      },
    ],
    [
      "$reduce in $reduce",
      doubling(0, { $sum: [doubling(0, { $sum: [doubling(0, { $sum: overRange(1000, 1) })] })] }),
    ],
    ["$size of $map in $map", { $size: overRange(100_000, { $sum: overRange(100_000, "$$this") }) }],
    ["$concatArrays", doubling([1], { $concatArrays: ["$$value", "$$value"] })],
    ["$concat", doubling("x", { $concat: ["$$value", "$$value"] })],
    [
      "$setUnion",
      doubling([1], {
        $setUnion: [
          "$$value",
          { $map: { input: "$$value", as: "v", in: { $add: ["$$v", { $size: "$$value" }] } } },
        ],
      }),
    ],
    [
      "$mergeObjects",
      doubling(
        { a: 1 },
        {
          $arrayToObject: {
            $concatArrays: [
              { $objectToArray: "$$value" },
              {
                $map: {
                  input: { $objectToArray: "$$value" },
                  as: "e",
                  in: { k: { $concat: ["$$e.k", { $toString: "$$this" }] }, v: 1 },
                },
              },
            ],
          },
        },
      ),
    ],
    ["arrays in arrays", doubling([1], ["$$value", "$$value"])],
    ["objects in objects", doubling({ a: 1 }, { a: "$$value", b: "$$value" })],
    [
      "comparison of shared parts",
      {
        $let: {
          vars: { x: doubling([1], ["$$value", "$$value"]), y: doubling([1], ["$$value", "$$value"]) },
          in: { $eq: ["$$x", "$$y"] },
        },
      },
    ],
    ["$zip", doubling(["$l"], { $zip: { inputs: ["$$value", "$$value", "$$value"] } })],
    ["$replaceAll", doubling("x", { $replaceAll: { input: "$$value", find: "x", replacement: "xx" } })],
    ["$replaceAll of nothing", { $replaceAll: { input: "$s", find: "x", replacement: "$s" } }],
    ["$split", doubling([1], { $split: ["$s", "x"] })],
    [
      "$sortArray",
      {
        $sortArray: {
          input: overRange(3_000_000, { $mod: [{ $multiply: ["$$this", 7919] }, 10007] }),
          sortBy: 1,
        },
      },
    ],
    ["$setIntersection", overRange(10_000, { $setIntersection: ["$l", { $reverseArray: "$l" }] })],
    ["$indexOfArray", overRange(100_000, { $indexOfArray: ["$l", -1] })],
    ["$in", overRange(1_000_000, { $in: [-1, "$l"] })],
    ["$pow", doubling(10, { $multiply: ["$$value", "$$value"] })],
    ["$indexOfCP", overRange(1_000_000, { $indexOfCP: ["$s", "y"] })],
    ["$substrCP", overRange(1_000_000, { $substrCP: ["$s", 50_000, 10] })],
    ["$trim", overRange(1_000_000, { $trim: { input: "$s", chars: "y" } })],
    ["$concat of long texts", overRange(1_000_000, { $concat: ["$s", "$s"] })],
    ["$avg", overRange(1_000_000, { $avg: "$l" })],
    ["$objectToArray", overRange(1_000_000, { $objectToArray: "$$ROOT" })],
    ["$maxN", overRange(1_000_000, { $maxN: { n: 1999, input: "$l" } })],
    ["$reverseArray", overRange(1_000_000, { $reverseArray: "$l" })],
    ["$dateToString", overRange(10_000_000, { $dateToString: { date: new Date(0) } })],
  ];
  test.each(cases)(
    "%s",
    (_name, expression) => {
      const ending = end(project(expression), many);
      if ("error" in ending) expectError(ending, "limit", "deadline", "invalid", "runtime");
    },
    20_000,
  );

  const range = (count: number): Document => ({ $addFields: { l: { $range: [0, count] } } });
  const stages: [string, Document[]][] = [
    [
      "$unwind",
      [
        range(1000),
        { $addFields: { m: "$l", n: "$l" } },
        { $unwind: "$l" },
        { $unwind: "$m" },
        { $unwind: "$n" },
        { $count: "n" },
      ],
    ],
    ["$push", [range(500_000), { $unwind: "$l" }, { $group: { _id: null, all: { $push: "$$ROOT" } } }]],
    [
      "$addToSet",
      [range(500_000), { $unwind: "$l" }, { $group: { _id: null, all: { $addToSet: { $toString: "$l" } } } }],
    ],
    ["groups", [range(900_000), { $unwind: "$l" }, { $group: { _id: "$l", n: { $push: "$s" } } }]],
    ["$sort", [range(900_000), { $unwind: "$l" }, { $sort: { l: -1 } }]],
    ["$facet", [range(900_000), { $unwind: "$l" }, { $facet: { a: [], b: [] } }]],
    ["$bucketAuto", [range(900_000), { $unwind: "$l" }, { $bucketAuto: { groupBy: "$l", buckets: 5 } }]],
    [
      "$densify",
      [{ $densify: { field: "_id", range: { step: 1, bounds: [0, 2147483647] } } }, { $count: "n" }],
    ],
    [
      "$densify of dates",
      [
        {
          $densify: {
            field: "d",
            range: { step: 1, unit: "millisecond", bounds: [new Date(0), new Date(4e12)] },
          },
        },
        { $count: "n" },
      ],
    ],
    [
      "$setWindowFields",
      [
        range(5000),
        { $unwind: "$l" },
        {
          $setWindowFields: {
            sortBy: { l: 1 },
            output: { w: { $push: "$s", window: { documents: ["unbounded", "unbounded"] } } },
          },
        },
      ],
    ],
    [
      "windows of windows",
      [
        range(20_000),
        { $unwind: "$l" },
        {
          $setWindowFields: {
            sortBy: { l: 1 },
            output: { w: { $stdDevPop: "$l", window: { documents: ["unbounded", "current"] } } },
          },
        },
        { $count: "n" },
      ],
    ],
    [
      "$match after growth",
      [
        range(1_000_000),
        { $match: { l: { $elemMatch: { $gt: 5, $lt: 3 } } } },
        { $match: { l: { $all: [1, 2, -3] } } },
      ],
    ],
    [
      "$addFields doubling",
      Array.from({ length: 60 }, (): Document => ({ $addFields: { s: { $concat: ["$s", "$s"] } } })),
    ],
    [
      "$addFields doubling arrays",
      [
        range(10),
        ...Array.from(
          { length: 60 },
          (): Document => ({ $addFields: { l: { $concatArrays: ["$l", "$l"] } } }),
        ),
      ],
    ],
    [
      "$addFields doubling documents",
      Array.from({ length: 60 }, (): Document => ({ $addFields: { a: "$$ROOT", b: "$$ROOT" } })),
    ],
  ];
  test.each(stages)(
    "%s",
    (_name, pipeline) => {
      const ending = end(pipeline, many);
      if ("error" in ending) expectError(ending, "limit", "deadline", "invalid", "runtime", "unsupported");
    },
    20_000,
  );
});

describe("pipelines of very many stages", () => {
  const STAGES = 1000;
  const chains: [string, (i: number) => Document][] = [
    ["that build on each other", () => ({ $addFields: { a: { $add: ["$a", "$b"] } } })],
    ["that add up", (i) => ({ $addFields: { [`f${i}`]: { $multiply: ["$a", i + 0.5] } } })],
    ["that drop fields", (i) => ({ $unset: `f${i}` })],
    ["that put fields into arrays", () => ({ $project: { a: ["$a", "$a"], x: { y: "$a" } } })],
    ["that match", (i) => ({ $match: { [`a${i}`]: { $ne: i } } })],
    ["that need the whole document", () => ({ $replaceWith: { $mergeObjects: ["$$ROOT", { c: 1 }] } })],
  ];
  test.each(chains)(
    "%s",
    (_name, stage) => {
      const ending = end(
        Array.from({ length: STAGES }, (_, i) => stage(i)),
        { _id: 1, a: 1, b: 2 },
      );
      if ("error" in ending) expectError(ending, "limit", "deadline");
    },
    20_000,
  );
});

test("sorts and filters of large documents end in time", () => {
  const l = Array.from({ length: 300_000 }, (_, i) => ({ a: i, b: [i, i + 1] }));
  const deadline = new Deadline(LIMIT_MS, "filter");
  const started = performance.now();
  for (const filter of [
    { "l.a": { $gt: 1e9 } },
    { "l.b": { $elemMatch: { $lt: -5 } } },
    { l: { $all: [{ $elemMatch: { a: -1 } }, { $elemMatch: { a: -2 } }] } },
    { $nor: [{ "l.b.0": -1 }, { "l.1.b": -1 }] },
    { $jsonSchema: { properties: { l: { uniqueItems: true } } } },
  ]) {
    try {
      deadline.run(() => compileMatch(filter)({ _id: 1, l }));
    } catch (error) {
      expect((error as QueryError).kind).toBe("deadline");
    }
  }
  expect(performance.now() - started).toBeLessThan(PATIENCE_MS);
  expect(parseSort({ a: 1 })).toEqual([["a", 1]]);
});
