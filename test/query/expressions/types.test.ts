/** Conversions, types and sizes: compiled code and a server. */

import { describe, test } from "bun:test";
import { Double } from "bson";
import type { Value } from "../../../src/query/index.ts";
import { decimal, EVERYTHING } from "../values.ts";
import { type Case, expectAlike, given, withoutServer } from "./oracle.ts";

const TEXTS =
  "1|1.5|x|true|2020-01-01|5f3b1c2d4e5f6a7b8c9d0e1f|5f3b1c2d4e5f6a7b8c9d0e1| 1|1e400|1e-400|NaN|inf|-Infinity|+5|0x10|9223372036854775808|1E+5|12345678901234567890123456789012345678901|1e7000|5e-324|2.3e-308|00012|-0|.5|1.".split(
    "|",
  );
/** Dates beyond JavaScript's are refused here, so numbers that large are left out. */
const VALUES: readonly (Value | undefined)[] = [
  ...EVERYTHING.filter((value) => typeof value !== "bigint" || value < 2n ** 52n),
  ...TEXTS,
  decimal("1E+400"),
  decimal("1E-400"),
  2147483648n,
];

describe.skipIf(withoutServer)("types", () => {
  test("conversions by name", async () => {
    const names = [
      "$toBool",
      "$toDate",
      "$toDecimal",
      "$toDouble",
      "$toInt",
      "$toLong",
      "$toObjectId",
      "$toString",
      "$type",
      "$isNumber",
      "$binarySize",
      "$bsonSize",
      "$tsSecond",
      "$tsIncrement",
    ];
    await expectAlike(names.flatMap((name) => VALUES.map((a): Case => [{ [name]: "$a" }, given({ a })])));
  }, 60_000);

  test("fallbacks that are missing values are given ones", async () => {
    const missing = "$$REMOVE";
    const date = new Date(0);
    await expectAlike([
      ...["x", null, missing, 5].flatMap((input): Case[] => [
        [{ $convert: { input, to: "int", onError: missing } }],
        [{ $convert: { input, to: "int", onNull: missing } }],
        [{ $convert: { input, to: missing, onError: missing, onNull: missing } }],
      ]),
      [{ $dateFromString: { dateString: "2019-12-31 23:59:59", format: "%G-W%V-%u", onNull: missing } }],
      [{ $dateFromString: { dateString: "2019-12-31 23:59:59", format: "%G-W%V-%u", onError: missing } }],
      [{ $dateFromString: { dateString: "2019-12-31", timezone: missing, onNull: missing } }],
      [{ $dateToString: { date: null, format: missing, onNull: missing } }],
      [{ $dateToString: { date, format: missing, onNull: missing } }],
      [{ $dateToString: { date, timezone: missing, onNull: missing } }],
    ]);
  });

  test("$convert with fallbacks", async () => {
    const targets: (Value | undefined)[] = [
      "int",
      "string",
      1,
      18,
      "decimal",
      "bool",
      undefined,
      null,
      "objectId",
      "array",
      "x",
      7.5,
      true,
      new Double(2),
      "missing",
      99,
    ];
    const cases: Case[] = [];
    for (const a of VALUES) {
      for (const b of targets) {
        cases.push([{ $convert: { input: "$a", to: "$b" } }, given({ a, b })]);
        cases.push([{ $convert: { input: "$a", to: "$b", onError: "err", onNull: "nul" } }, given({ a, b })]);
        cases.push([
          { $convert: { input: "$a", to: "$b", onError: "$zz", onNull: { $divide: [1, "$zz"] } } },
          given({ a, b }),
        ]);
        if (b !== undefined)
          cases.push([
            { $convert: { input: { $literal: a ?? null }, to: b, onError: { x: "$a" } } },
            given({ a }),
          ]);
      }
    }
    await expectAlike(cases);
  }, 60_000);
});
