/** Arithmetic, comparison and conditions on numbers of all types: compiled code and a server. */

import { describe, test } from "bun:test";
import { Double } from "bson";
import type { Value } from "../../../src/query/index.ts";
import { DECIMALS, decimal, EVERYTHING, NUMBERS, OTHERS } from "../values.ts";
import { type Case, expectAlike, given, withoutServer } from "./oracle.ts";

const FEW = EVERYTHING.filter((_, i) => i < 10 || i > 20);

function pairs(operators: readonly string[], values: readonly (Value | undefined)[]): Case[] {
  return operators.flatMap((name) =>
    values.flatMap((a) => values.map((b): Case => [{ [name]: ["$a", "$b"] }, given({ a, b })])),
  );
}

/** Pseudo-random numbers, the same in every run. */
function sequence(): () => number {
  let state = 12345;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

describe.skipIf(withoutServer)("numbers", () => {
  test(
    "add, subtract, multiply, divide, mod",
    () => expectAlike(pairs(["$add", "$subtract", "$multiply", "$divide", "$mod"], FEW)),
    60_000,
  );

  test("sums of three are compensated, constants folded as the server folds them", async () => {
    const cases: Case[] = [];
    const triples: [Value, Value, Value][] = [
      [1e100, 1, -1e100],
      [0.1, 0.2, 0.3],
      [2147483647, 1, -1],
      [9223372036854775807n, 1, -1],
      [new Date(5), 1.5, 1],
      [new Date(5), 2.5, 1],
      [1.5, 1, new Date(5)],
      [new Date(5), decimal("1.5"), 1],
      [0.1, decimal("0.1"), 3n],
      [3, 9007199254740993n, 9007199254740993n],
      [3n, 9007199254740993n, 0.5],
      [3n, 9007199254740993n, decimal("0.5")],
      [Number.POSITIVE_INFINITY, 1, Number.NEGATIVE_INFINITY],
    ];
    for (const [a, b, c] of triples) {
      for (const name of ["$add", "$multiply", "$sum"]) {
        const document = { a, b, c };
        cases.push([{ [name]: ["$a", "$b", "$c"] }, document], [{ [name]: ["$a", b, c] }, document]);
        cases.push([{ [name]: [a, "$b", c] }, document], [{ [name]: [{ [name]: [a, "$b"] }, c] }, document]);
        cases.push([{ [name]: [a, { [name]: ["$b", c] }] }, document]);
        cases.push([{ [name]: ["$a", { $subtract: ["$b", 1] }, { $divide: ["$c", 3] }] }, document]);
      }
    }
    await expectAlike(cases);
  }, 60_000);

  test("an int64 on the way makes the result one", async () => {
    const cases: Case[] = [];
    for (const [m, n] of [
      [2147483647, -2147483648],
      [5, -7],
      [2147483647, 1.5],
    ] as const)
      for (const expression of [
        { $mod: [{ $abs: "$n" }, 1] },
        { $subtract: [{ $add: ["$m", 1] }, 1] },
        { $mod: [{ $add: ["$m", 1] }, 10] },
        { $multiply: [{ $subtract: ["$n", 1] }, 0] },
        { $add: [{ $multiply: ["$m", "$m"] }, { $multiply: ["$m", -1, "$m"] }, 3] },
        { $add: [{ $subtract: [{ $multiply: ["$m", 2] }, "$m"] }, { $abs: "$n" }, "$n"] },
        { $abs: { $subtract: [{ $divide: ["$m", 1] }, "$n"] } },
      ])
        cases.push(
          [expression, { m, n }],
          [{ $type: expression }, { m, n }],
          [{ $eq: [expression, 1] }, { m, n }],
        );
    await expectAlike(cases);
  }, 60_000);

  test(
    "compare any two values",
    () => expectAlike(pairs(["$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$cmp"], FEW)),
    60_000,
  );

  test("compare with constants", async () => {
    const constants: Value[] = [5, { $literal: Number.NaN }, null, "$$REMOVE", "x", true, new Double(3), 3n];
    const cases: Case[] = [];
    for (const name of ["$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$cmp"]) {
      for (const a of EVERYTHING) {
        for (const b of constants) {
          cases.push([{ [name]: ["$a", b] }, given({ a })], [{ [name]: [b, "$a"] }, given({ a })]);
        }
      }
    }
    await expectAlike(cases);
  }, 60_000);

  test("conditions", async () => {
    const cases: Case[] = [];
    for (const a of EVERYTHING) {
      const document = given({ a });
      for (const e of [
        { $not: ["$a"] },
        { $and: ["$a"] },
        { $and: ["$a", { $gt: ["$a", 1] }, true] },
        { $or: ["$a", 0, { $lt: ["$a", "$b"] }] },
        { $cond: ["$a", 1, { x: "$a" }] },
        { $cond: [{ $and: [{ $isNumber: "$a" }, { $gt: [{ $abs: "$a" }, 2] }] }, { $abs: "$a" }, "no"] },
        { $ifNull: ["$a", "$b", 3] },
        { $ifNull: ["$a", "$b"] },
        { $let: { vars: { q: "$a" }, in: { $eq: ["$$q", "$$q"] } } },
        { $abs: "$a" },
        { $add: ["$a"] },
      ] as Value[]) {
        cases.push([e, document]);
      }
    }
    await expectAlike(cases);
  }, 60_000);

  test("functions of one number", async () => {
    const names =
      "exp ln log10 sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh degreesToRadians radiansToDegrees ceil floor round trunc".split(
        " ",
      );
    const next = sequence();
    const cases: Case[] = [];
    for (const name of names) {
      for (const a of [...OTHERS, ...NUMBERS]) cases.push([{ [`$${name}`]: "$a" }, given({ a })]);
      for (let i = 0; i < 30; i++) {
        const x =
          name === "acosh"
            ? 1 + next() * 20
            : /asin|acos|atanh/.test(name)
              ? next() * 2 - 1
              : (next() - 0.3) * 20;
        cases.push([{ [`$${name}`]: "$a" }, { a: x }]);
      }
    }
    for (const name of ["$sqrt", "$degreesToRadians", "$ceil", "$floor", "$round", "$trunc", "$abs"]) {
      for (const a of DECIMALS) cases.push([{ [name]: "$a" }, { a }]);
    }
    await expectAlike(cases);
  }, 60_000);

  test("powers, logarithms and angles of two numbers", async () => {
    const next = sequence();
    const cases = pairs(["$pow", "$log", "$atan2"], [...NUMBERS, null, "x"]);
    for (const name of ["$pow", "$log", "$atan2"]) {
      for (let i = 0; i < 100; i++) {
        cases.push([{ [name]: ["$a", "$b"] }, { a: next() * 10, b: (next() - 0.5) * 10 }]);
        cases.push([{ [name]: ["$a", "$b"] }, { a: Math.PI * next() * 10, b: Math.floor(next() * 40) - 20 }]);
      }
    }
    await expectAlike(cases);
  }, 60_000);

  test("rounding at a place", async () => {
    const next = sequence();
    const places: (Value | undefined)[] = [
      undefined,
      null,
      0,
      1,
      2,
      5,
      -1,
      -2,
      -20,
      -21,
      100,
      101,
      1.5,
      new Double(2),
      2n,
      decimal("1"),
      "x",
      34,
    ];
    const cases: Case[] = [];
    for (const name of ["$round", "$trunc"]) {
      for (const a of [...NUMBERS, ...DECIMALS, null, "x"]) {
        for (const b of places) cases.push([{ [name]: ["$a", "$b"] }, given({ a, b })]);
      }
      for (let i = 0; i < 150; i++) {
        cases.push([{ [name]: ["$a", "$b"] }, { a: next() * 100 - 50, b: Math.floor(next() * 12) }]);
        cases.push([{ [name]: ["$a", 2] }, { a: Math.floor(next() * 1000) / 1000 }]);
      }
    }
    await expectAlike(cases);
  }, 60_000);
});
