/** The stages that work on one document at a time, against a real server. */
import { describe, test } from "bun:test";
import { Double } from "bson";
import type { Document, Value } from "../../../src/query/index.ts";
import { type Case, expectAlike, withoutServer } from "./server.ts";

const DOCUMENTS: Document[] = [
  { _id: 1, a: 1, b: { c: 2, d: [1, 2] }, e: [{ f: 1 }, { f: 2, g: 3 }, 4] },
  { _id: 2, a: null, b: [{ c: 1 }, { c: null }, 5, [{ c: 6 }]], e: [] },
  { _id: 3, b: 5, e: { f: { h: 1 } } },
  { _id: 4n, a: new Double(2), b: { c: { x: 1 } }, e: "text" },
  {},
];

function each(stages: readonly Document[], documents = DOCUMENTS): Case[] {
  return stages.flatMap((stage) =>
    documents.map((document) => ({ pipeline: [stage], documents: [document] })),
  );
}

describe.skipIf(withoutServer)("stages of single documents", () => {
  test("$match", () =>
    expectAlike(
      each([
        { $match: {} },
        { $match: { a: 1 } },
        { $match: { "b.c": { $gt: 1 } } },
        { $match: { $expr: { $gt: ["$b.c", 1] } } },
        { $match: { $or: [{ a: { $exists: false } }, { $expr: { $eq: ["$a", 2] } }] } },
        { $match: 1 },
        { $match: { $expr: { $unknown: 1 } } },
        { $match: { $near: 1 } },
        { $match: { a: { $near: [1, 2] } } },
      ]),
    ));

  test("$project", () =>
    expectAlike(
      each([
        { $project: { a: 1 } },
        { $project: { a: 0 } },
        { $project: { _id: 0 } },
        { $project: { _id: 1 } },
        { $project: { _id: 0, a: 1, "b.c": 1 } },
        { $project: { b: { c: 1, d: 1 } } },
        { $project: { b: { c: 0 } } },
        { $project: { "e.f": 1 } },
        { $project: { "e.f": 0 } },
        { $project: { x: "$b.c" } },
        { $project: { x: { y: "$a", z: "$missing" } } },
        { $project: { "b.c": { $eq: ["$a", 1] } } },
        { $project: { "b.x": "$a", "e.f": 1 } },
        { $project: { "e.x": "$a" } },
        { $project: { x: { $literal: 1 }, a: 1 } },
        { $project: { x: ["$a", "$missing", 1] } },
        { $project: { x: "text" } },
        { $project: { a: "$$REMOVE" } },
        { $project: { _id: "$a" } },
        { $project: { _id: 0, x: "$$ROOT" } },
        { $project: {} },
        { $project: { a: 1, b: 0 } },
        { $project: { a: 1, "a.b": 1 } },
        { $project: { "a.": 1 } },
        { $project: { $a: 1 } },
        { $project: { a: {} } },
        { $project: { a: { $unknown: 1 } } },
        { $project: [1] },
        { $project: { a: new Double(0) } },
        { $project: { a: "$b", b: "$a" } },
        { $project: { e: { $cond: [{ $eq: ["$a", 1] }, "$$REMOVE", "$e"] }, _id: 1 } },
      ]),
    ));

  test("$addFields, $set and $unset", () =>
    expectAlike(
      each([
        { $addFields: { x: 1 } },
        { $addFields: { a: "$b.c" } },
        { $addFields: { "b.x": "$a" } },
        { $addFields: { b: { x: "$a" } } },
        { $addFields: { "e.x": 1 } },
        { $addFields: { "e.f.x": "$a" } },
        { $addFields: { a: "$$REMOVE" } },
        { $addFields: { a: "$missing" } },
        { $addFields: { "b.c": "$$REMOVE" } },
        { $addFields: { _id: "$a" } },
        { $addFields: { a: "$b", b: "$a" } },
        { $addFields: {} },
        { $addFields: { a: {} } },
        { $addFields: { "a.b": 1, a: 2 } },
        { $addFields: { $a: 1 } },
        { $addFields: 1 },
        { $addFields: { x: [] } },
        { $addFields: { x: [{ y: "$a" }, "$missing"] } },
        { $set: { x: { $literal: { a: "$b" } } } },
        { $set: { "_id.x": 1 } },
        { $unset: "a" },
        { $unset: ["a", "b.c"] },
        { $unset: "e.f" },
        { $unset: ["_id"] },
        { $unset: [] },
        { $unset: "" },
        { $unset: ["a", "a.b"] },
        { $unset: ["a", "a"] },
        { $unset: "$a" },
        { $unset: [1] },
        { $unset: { a: 1 } },
      ]),
    ));

  test("$replaceRoot and $replaceWith", () =>
    expectAlike(
      each([
        { $replaceRoot: { newRoot: "$b" } },
        { $replaceRoot: { newRoot: { x: "$a", y: { z: "$missing" } } } },
        { $replaceRoot: { newRoot: "$missing" } },
        { $replaceRoot: {} },
        { $replaceRoot: { newRoot: "$b", other: 1 } },
        { $replaceRoot: "$b" },
        { $replaceWith: "$b" },
        { $replaceWith: "$$ROOT" },
        { $replaceWith: { $cond: [true, "$b", {}] } },
        { $replaceWith: 5 },
        { $replaceWith: {} },
      ]),
    ));

  const levels: Document[] = [
    {
      level: 1,
      a: { level: 2, b: { level: 3 } },
      rows: [{ level: 1 }, { level: 5 }, 7, [{ level: 5 }, { level: 1 }]],
    },
    { level: 5, a: { level: 1 } },
    { a: { level: 1 } },
    { level: 2, text: "x", empty: {}, none: [] },
  ];

  test("$redact", () => {
    const expressions: Value[] = [
      { $cond: [{ $lt: ["$level", 3] }, "$$DESCEND", "$$PRUNE"] },
      { $cond: [{ $lt: ["$level", 3] }, "$$KEEP", "$$DESCEND"] },
      { $cond: [{ $eq: ["$$ROOT.level", 1] }, "$$DESCEND", "$$PRUNE"] },
      { $cond: [{ $eq: ["$$CURRENT.level", 1] }, "$$DESCEND", "$$PRUNE"] },
      "$$KEEP",
      "$$PRUNE",
      "$$DESCEND",
      "keep",
      "$level",
      1,
      { $cond: [true, "$$OTHER", "$$KEEP"] },
    ];
    return expectAlike(
      each(
        expressions.map(($redact) => ({ $redact })),
        levels,
      ),
    );
  });
});
