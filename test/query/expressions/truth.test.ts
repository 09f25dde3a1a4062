/** What counts as true, of every kind of result and in every place that asks: compiled code and a server. */
import { describe, test } from "bun:test";
import { Double } from "bson";
import type { Document, Value } from "../../../src/query/index.ts";
import { type Case, expectAlike, withoutServer } from "./oracle.ts";

const DOCUMENT: Document = { one: 1, zero: 0, list: [1, 0], none: null, text: "a", real: new Double(-2) };

/** Expressions whose code has a form of its own. */
const RESULTS: readonly Value[] = [
  { $size: "$list" },
  { $size: [[]] },
  { $cmp: ["a", "$text"] },
  { $cmp: ["a", "$missing"] },
  { $indexOfArray: ["$list", 0] },
  { $strLenCP: "$text" },
  { $add: ["$one", "$real", 1] },
  { $gt: ["$one", 0] },
  { $and: ["$one", "$zero"] },
  { $not: "$one" },
  { $regexMatch: { input: "$text", regex: "a" } },
  { $regexMatch: { input: "$missing", regex: "a" } },
  { $in: [1, "$list"] },
  { $isArray: "$list" },
  { $let: { vars: {}, in: new Double(-999) } },
  { $literal: 0 },
  "$one",
  "$zero",
  "$none",
  "$missing",
  "$text",
  "$real",
];

/** By its name, since an object literal with `then` looks like a promise to tools. */
const THEN = "then";

/** The places, each of which makes its own code of a condition. */
const places = (result: Value): Value[] => [
  { $not: result },
  { $not: { $not: result } },
  { $and: [result, "$one"] },
  { $or: [result, "$zero"] },
  { $or: ["$zero", { $not: result }] },
  { $cond: [result, "yes", "no"] },
  { $cond: [{ $not: result }, "yes", "no"] },
  {
    $switch: {
      branches: [
        Object.fromEntries([
          ["case", result],
          [THEN, "yes"],
        ]),
      ],
      default: "no",
    },
  },
  { $filter: { input: "$list", cond: result } },
  { $filter: { input: "$list", cond: { $not: result } } },
  { $anyElementTrue: [{ $map: { input: "$list", in: result } }] },
  { $allElementsTrue: [{ $map: { input: "$list", in: result } }] },
  { $allElementsTrue: [[result]] },
  { $toBool: result },
];

/** Fields of what is no document: there are none, however the code of it looks. */
const fields = (result: Value): Value[] => [
  { $let: { vars: { x: result }, in: "$$x.a" } },
  { $let: { vars: { x: { $not: result } }, in: "$$x.a" } },
  { $let: { vars: { x: -5 }, in: { $ifNull: ["$$x.a", result] } } },
];

describe.skipIf(withoutServer)("what counts as true", () => {
  test("of every kind of result, in every place", () =>
    expectAlike(
      RESULTS.flatMap((result) =>
        [...places(result), ...fields(result)].map((expression): Case => [expression, DOCUMENT]),
      ),
    ));
});
