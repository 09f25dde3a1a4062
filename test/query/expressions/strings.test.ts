/** Strings and regular expressions: compiled code and a server. */

import { describe, test } from "bun:test";
import { BSONRegExp, BSONSymbol, Code, Double } from "bson";
import type { Value } from "../../../src/query/index.ts";
import { decimal, OTHERS } from "../values.ts";
import { type Case, expectAlike, given, withoutServer } from "./oracle.ts";

const TEXTS: readonly (Value | undefined)[] = [
  ...OTHERS.filter((value) => !(value instanceof Uint8Array)),
  "abc",
  "ABC",
  " ab ",
  "αβγ",
  "ÀéI",
  "a😀b",
  "\0 x\t\u00a0",
  "aXbXc",
  "XX",
  1,
  1.5,
  new Double(3),
  5n,
  decimal("1.10"),
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  1e20,
  1 / 3,
  new BSONSymbol("sym"),
  new Code("f"),
];

describe.skipIf(withoutServer)("strings", () => {
  test("one string", async () => {
    const cases: Case[] = [];
    for (const a of TEXTS) {
      for (const name of ["$toLower", "$toUpper", "$strLenBytes", "$strLenCP", "$concat"]) {
        cases.push([{ [name]: ["$a"] }, given({ a })]);
      }
      for (const name of ["$trim", "$ltrim", "$rtrim"]) {
        cases.push([{ [name]: { input: "$a" } }, given({ a })]);
        for (const b of [undefined, null, "a", "aα ", "", 5])
          cases.push([{ [name]: { input: "$a", chars: "$b" } }, given({ a, b })]);
      }
    }
    await expectAlike(cases);
  }, 60_000);

  test("two strings", async () => {
    const names = ["$concat", "$strcasecmp", "$split", "$indexOfBytes", "$indexOfCP"];
    const cases = names.flatMap((name) =>
      TEXTS.flatMap((a) => TEXTS.map((b): Case => [{ [name]: ["$a", "$b"] }, given({ a, b })])),
    );
    await expectAlike(cases);
  }, 60_000);

  test("parts and positions", async () => {
    const cases: Case[] = [];
    const starts: Value[] = [
      0,
      1,
      2,
      3,
      -1,
      10,
      1.5,
      new Double(2),
      2n,
      null,
      "x",
      Number.NaN,
      1e20,
      decimal("9223372036854775808"),
    ];
    const lengths: Value[] = [0, 1, 2, -1, 10, 1.5, null, "x"];
    for (const a of TEXTS) {
      for (const b of starts) {
        for (const c of lengths) {
          for (const name of ["$substr", "$substrBytes", "$substrCP"])
            cases.push([{ [name]: ["$a", "$b", "$c"] }, given({ a, b, c })]);
        }
      }
    }
    for (const a of ["abcabc", "a😀b😀", "αβγα", ""]) {
      for (const token of ["b", "😀", "", "γ"]) {
        for (const b of starts) {
          for (const c of lengths) {
            for (const name of ["$indexOfBytes", "$indexOfCP"])
              cases.push([{ [name]: ["$a", token, "$b", "$c"] }, { a, b, c }]);
          }
        }
      }
    }
    await expectAlike(cases);
  }, 60_000);

  test("what is found begins before the end of the search", async () => {
    const cases: Case[] = [];
    for (const token of ["abc", "bca", "b", "", "abcabc", "abcabcd"])
      for (const start of [0, 1, 3])
        for (const end of [0, 1, 2, 5, 6])
          for (const name of ["$indexOfBytes", "$indexOfCP"])
            cases.push([{ [name]: ["$a", token, start, end] }, { a: "abcabc" }]);
    await expectAlike(cases);
  }, 60_000);

  test("replacements", async () => {
    const cases: Case[] = [];
    for (const a of TEXTS) {
      for (const b of [undefined, null, "", "b", "X", "zz", 5, "$$"]) {
        for (const c of ["", "$&q", null, 5]) {
          for (const name of ["$replaceOne", "$replaceAll"]) {
            cases.push([{ [name]: { input: "$a", find: "$b", replacement: "$c" } }, given({ a, b, c })]);
          }
        }
      }
    }
    await expectAlike(cases);
  }, 60_000);

  test("regular expressions", async () => {
    const patterns: Value[] = [
      "a",
      "[a-z]+",
      "(a)|(b)",
      "",
      "^",
      "$",
      "x*",
      "\\w",
      "(?i)a",
      "ü",
      "(",
      "(?<n>a)(.)?",
      "😀",
      ".",
      5,
      null,
      new BSONRegExp("A", "i"),
      new BSONRegExp("a", ""),
    ];
    const options: (Value | undefined)[] = [undefined, "i", "q", "", null, "x", "sm", 5];
    const cases: Case[] = [];
    for (const a of TEXTS) {
      for (const b of patterns) {
        for (const c of options) {
          for (const name of ["$regexMatch", "$regexFind", "$regexFindAll"]) {
            cases.push([{ [name]: { input: "$a", regex: "$b", options: "$c" } }, given({ a, b, c })]);
            if (c === undefined) cases.push([{ [name]: { input: "$a", regex: b } }, given({ a })]);
          }
        }
      }
    }
    await expectAlike(cases);
  }, 60_000);
});
