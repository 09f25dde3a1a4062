/** Dates: parts, steps, texts and time zones, by compiled code and a server. */

import { describe, test } from "bun:test";
import { Double, ObjectId, Timestamp } from "bson";
import type { Value } from "../../../src/query/index.ts";
import { decimal } from "../values.ts";
import { type Case, expectAlike, given, withoutServer } from "./oracle.ts";

type Given = readonly (Value | undefined)[];

const DATES = [
  "2020-03-29T00:30:15.123Z",
  "2020-03-08T06:59:59.999Z",
  "2020-03-08T07:00:00Z",
  "2020-11-01T05:30:00Z",
  "2020-11-01T06:30:00Z",
  "1999-12-31T23:59:59.999Z",
  "2000-01-01T00:00:00Z",
  "2016-02-29T12:00:00Z",
  "1969-12-31T23:00:00.001Z",
  "1850-07-01T12:00:00Z",
  "0001-01-01T00:00:00Z",
  "9999-12-31T23:59:59.999Z",
  "2050-07-04T04:05:06Z",
  "2021-01-03T00:00:00Z",
  "2020-12-31T23:30:00Z",
  "1945-08-01T00:00:00Z",
  "2020-10-25T01:30:00Z",
  "2020-10-25T00:30:00Z",
  "2011-12-30T12:00:00Z",
].map((s) => new Date(s));
const ZONES: Given = [
  undefined,
  null,
  "America/New_York",
  "Europe/London",
  "Asia/Kolkata",
  "+05:30",
  "-0330",
  "+10",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "UTC",
  "GMT",
  "America/Sao_Paulo",
  "Nowhere/X",
  5,
  "Etc/GMT+5",
];
const ODD: Given = [
  undefined,
  null,
  5,
  "x",
  [],
  new ObjectId("5f3b1c2d4e5f6a7b8c9d0e1f"),
  new Timestamp({ t: 1600000000, i: 1 }),
  {},
  5n,
];
describe.skipIf(withoutServer)("dates", () => {
  test("parts", async () => {
    const cases: Case[] = [];
    const ops = [
      "$year",
      "$month",
      "$dayOfMonth",
      "$dayOfWeek",
      "$dayOfYear",
      "$hour",
      "$minute",
      "$second",
      "$millisecond",
      "$week",
      "$isoWeek",
      "$isoWeekYear",
      "$isoDayOfWeek",
    ];
    for (const d of [...DATES, ...ODD])
      for (const op of ops) {
        cases.push([{ [op]: "$d" }, given({ d })], [{ [op]: ["$d"] }, given({ d })]);
      }
    for (const d of [...DATES, ...ODD])
      for (const z of ZONES) {
        cases.push(
          [{ $dateToParts: { date: "$d", timezone: "$z" } }, given({ d, z })],
          [{ $hour: { date: "$d", timezone: "$z" } }, given({ d, z })],
          [{ $isoWeek: { date: "$d", timezone: "$z" } }, given({ d, z })],
          [{ $dateToParts: { date: "$d", timezone: "$z", iso8601: true } }, given({ d, z })],
          [
            {
              $dateToString: {
                date: "$d",
                timezone: "$z",
                format: "%d %G %H %j %L %m %M %S %U %u %V %w %Y %z %Z %%",
              },
            },
            given({ d, z }),
          ],
          [{ $dateToString: { date: "$d", timezone: "$z" } }, given({ d, z })],
          [{ $dateToString: { date: "$d", timezone: "$z", onNull: { x: "$d" } } }, given({ d, z })],
        );
        if (z !== undefined) cases.push([{ $hour: { date: "$d", timezone: z } }, given({ d })]);
      }
    for (const d of [DATES[0], null, undefined])
      for (const f of [undefined, null, "%Y", "%", "%q", 5, "a%%b", ""])
        for (const i of [undefined, null, true, false, 1])
          cases.push(
            [{ $dateToString: { date: "$d", format: "$f" } }, given({ d, f })],
            [{ $dateToString: { date: "$d", format: "$f", onNull: "nul" } }, given({ d, f })],
            [{ $dateToParts: { date: "$d", iso8601: "$i" } }, given({ d, i })],
          );
    await expectAlike(cases);
  }, 60_000);
  test("dates from parts", async () => {
    const cases: Case[] = [];
    for (const z of ZONES)
      for (const [year, month, day, hour, minute] of [
        [2020, 3, 8, 2, 30],
        [2020, 11, 1, 1, 30],
        [2020, 3, 29, 1, 30],
        [2020, 10, 25, 1, 30],
        [2011, 12, 30, 12, 0],
        [2000, 1, 1, 0, 0],
      ])
        cases.push([
          {
            $dateFromParts: {
              year: "$year",
              month: "$month",
              day: "$day",
              hour: "$hour",
              minute: "$minute",
              timezone: "$z",
            },
          },
          given({ year, month, day, hour, minute, z }),
        ]);
    for (const v of [
      undefined,
      null,
      0,
      1,
      -1,
      13,
      366,
      9999,
      10000,
      -32768,
      32767,
      32768,
      -32769,
      1.5,
      new Double(2),
      3n,
      decimal("4"),
      "x",
      1e20,
      100000000,
    ])
      for (const f of ["year", "month", "day", "hour", "minute", "second", "millisecond"])
        cases.push([{ $dateFromParts: { year: 2020, [f]: "$v" } }, given({ v })]);
    for (const v of [undefined, null, 0, 1, -1, 53, 54, 9999, 10000, 32768])
      for (const f of ["isoWeekYear", "isoWeek", "isoDayOfWeek", "hour"])
        cases.push([{ $dateFromParts: { isoWeekYear: 2020, [f]: "$v" } }, given({ v })]);
    cases.push(
      // Null in a part is seen before the year is out of range, and behind other parts that are.
      [{ $dateFromParts: { year: 0, month: "$missing" } }],
      [{ $dateFromParts: { year: 0, timezone: "$missing" } }],
      [{ $dateFromParts: { isoWeekYear: 10000, isoWeek: "$missing" } }],
      [{ $dateFromParts: { year: 2020, month: 99999, day: "$missing" } }],
      [{ $dateFromParts: { year: "a", month: "$missing" } }],
      [{ $dateFromParts: { year: 0 } }],
      [{ $dateFromParts: { isoWeekYear: 10000 } }],
      [{ $dateFromParts: { month: 1 } }],
      [{ $dateFromParts: { year: 2020, isoWeek: 1 } }],
      [{ $dateFromParts: { isoWeekYear: 2020, month: 1 } }],
      [{ $dateFromParts: { year: 2020, bogus: 1 } }],
      [{ $dateFromParts: {} }],
    );
    await expectAlike(cases);
  }, 60_000);
  test("steps and boundaries across changes of the clocks", async () => {
    const cases: Case[] = [];
    const units: Given = [
      "year",
      "quarter",
      "month",
      "week",
      "day",
      "hour",
      "minute",
      "second",
      "millisecond",
    ];
    for (const d of DATES)
      for (const u of units)
        for (const z of [
          undefined,
          "America/New_York",
          "+05:30",
          "Europe/London",
          "Australia/Lord_Howe",
          "Asia/Kolkata",
        ]) {
          for (const n of [1, -1, 13, -25])
            cases.push([
              { $dateAdd: { startDate: "$d", unit: "$u", amount: "$n", timezone: "$z" } },
              given({ d, u, n, z: z ?? "UTC" }),
            ]);
          for (const n of [1, 2, 7])
            cases.push([
              { $dateTrunc: { date: "$d", unit: "$u", binSize: "$n", timezone: "$z" } },
              given({ d, u, n, z: z ?? "UTC" }),
            ]);
          for (const e of DATES.slice(0, 9))
            cases.push([
              { $dateDiff: { startDate: "$d", endDate: "$e", unit: "$u", timezone: "$z" } },
              given({ d, e, u, z: z ?? "UTC" }),
            ]);
          for (const w of ["monday", "Wed"])
            if (u === "week")
              cases.push(
                [
                  { $dateTrunc: { date: "$d", unit: "week", binSize: 2, startOfWeek: w, timezone: "$z" } },
                  given({ d, z: z ?? "UTC" }),
                ],
                [
                  {
                    $dateDiff: {
                      startDate: "$d",
                      endDate: DATES[2],
                      unit: "week",
                      startOfWeek: w,
                      timezone: "$z",
                    },
                  },
                  given({ d, z: z ?? "UTC" }),
                ],
              );
        }
    await expectAlike(cases);
  }, 60_000);
  test("steps from the ends of months before 1970", async () => {
    const cases: Case[] = [];
    for (const text of [
      "1933-06-01T00:00:00.999Z",
      "1926-12-29T23:59:59.500Z",
      "1920-05-31T23:59:59.999Z",
      "1932-05-01T08:00:00.999Z",
      "1929-10-31T03:29:59.001Z",
      "1946-09-30T22:00:00.001Z",
      "1890-12-30T18:29:59.001Z",
    ])
      for (const u of ["day", "month", "quarter", "year"])
        for (const z of ["UTC", "America/Los_Angeles", "Europe/Berlin", "-0330", "+05:30"])
          for (const n of [-13, -5, -1, 1, 8, 14])
            cases.push([
              { $dateAdd: { startDate: "$d", unit: "$u", amount: "$n", timezone: "$z" } },
              given({ d: new Date(text), u, n, z }),
            ]);
    await expectAlike(cases);
  }, 60_000);

  test("bins as long as can be", async () => {
    const cases: Case[] = [];
    for (const n of [
      100_000_000_000,
      100_000_000_001n,
      2_562_047_788_015n,
      2_562_047_788_016n,
      2n ** 63n - 1n,
    ])
      for (const u of ["millisecond", "second", "hour", "day", "year"])
        cases.push([{ $dateTrunc: { date: "$d", unit: "$u", binSize: "$n" } }, given({ d: DATES[0], u, n })]);
    await expectAlike(cases);
  }, 60_000);

  test("steps ODD", async () => {
    const cases: Case[] = [];
    const odds: Given = [
      undefined,
      null,
      5,
      "x",
      1.5,
      new Double(2),
      3n,
      decimal("2"),
      "day",
      "week",
      "Day",
      "days",
      [],
      true,
      0,
      -1,
      1e20,
      9223372036854775807n,
      "monday",
      "MON",
      "mo",
      "UTC",
    ];
    const d = DATES[0];
    for (const o of odds) {
      cases.push(
        [{ $dateAdd: { startDate: "$d", unit: "$o", amount: 1 } }, given({ d, o })],
        [{ $dateAdd: { startDate: "$d", unit: "day", amount: "$o" } }, given({ d, o })],
        [{ $dateSubtract: { startDate: "$d", unit: "millisecond", amount: "$o" } }, given({ d, o })],
        [{ $dateAdd: { startDate: "$o", unit: "day", amount: 1 } }, given({ o })],
        [{ $dateAdd: { startDate: "$d", unit: "day", amount: 1, timezone: "$o" } }, given({ d, o })],
        [{ $dateDiff: { startDate: "$o", endDate: "$d", unit: "day" } }, given({ d, o })],
        [{ $dateDiff: { startDate: "$d", endDate: "$o", unit: "day" } }, given({ d, o })],
        [{ $dateDiff: { startDate: "$d", endDate: "$d", unit: "$o" } }, given({ d, o })],
        [{ $dateDiff: { startDate: "$d", endDate: "$d", unit: "week", startOfWeek: "$o" } }, given({ d, o })],
        [{ $dateDiff: { startDate: "$d", endDate: "$d", unit: "day", startOfWeek: "$o" } }, given({ d, o })],
        [{ $dateDiff: { startDate: "$d", endDate: "$d", unit: "day", timezone: "$o" } }, given({ d, o })],
        [{ $dateTrunc: { date: "$o", unit: "day" } }, given({ o })],
        [{ $dateTrunc: { date: "$d", unit: "$o" } }, given({ d, o })],
        [{ $dateTrunc: { date: "$d", unit: "day", binSize: "$o" } }, given({ d, o })],
        [{ $dateTrunc: { date: "$d", unit: "week", startOfWeek: "$o" } }, given({ d, o })],
        [{ $dateTrunc: { date: "$d", unit: "day", timezone: "$o" } }, given({ d, o })],
      );
      for (const p of [null, "bogus"])
        cases.push(
          [{ $dateAdd: { startDate: "$d", unit: "$p", amount: "$o", timezone: "$p" } }, given({ d, o, p })],
          [{ $dateDiff: { startDate: "$o", endDate: "$p", unit: "$p", timezone: "$o" } }, given({ d, o, p })],
          [{ $dateTrunc: { date: "$d", unit: "$p", binSize: "$o", timezone: "$p" } }, given({ d, o, p })],
        );
    }
    await expectAlike(cases);
  }, 60_000);
});
