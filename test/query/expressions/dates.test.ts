/** Dates: parts, steps, texts and time zones, by compiled code and a server. */

import { describe, test } from "bun:test";
import { Double, ObjectId, Timestamp } from "bson";
import type { Value } from "../../../src/query/index.ts";
import { type Case, expectAlike, given, withoutServer } from "./oracle.ts";
import { decimal } from "./values.ts";

type Given = readonly (Value | undefined)[];

const ds = [
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
const tzs: Given = [
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
const odd: Given = [
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
    for (const d of [...ds, ...odd])
      for (const op of ops) {
        cases.push([{ [op]: "$d" }, given({ d })], [{ [op]: ["$d"] }, given({ d })]);
      }
    for (const d of [...ds, ...odd])
      for (const z of tzs) {
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
    for (const d of [ds[0], null, undefined])
      for (const f of [undefined, null, "%Y", "%", "%q", 5, "a%%b", ""])
        for (const i of [undefined, null, true, false, 1])
          cases.push(
            [{ $dateToString: { date: "$d", format: "$f" } }, given({ d, f })],
            [{ $dateToString: { date: "$d", format: "$f", onNull: "nul" } }, given({ d, f })],
            [{ $dateToParts: { date: "$d", iso8601: "$i" } }, given({ d, i })],
          );
    await expectAlike(cases);
  }, 60_000);
  test("fromParts", async () => {
    const cases: Case[] = [];
    for (const z of tzs)
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
      [{ $dateFromParts: { month: 1 } }],
      [{ $dateFromParts: { year: 2020, isoWeek: 1 } }],
      [{ $dateFromParts: { isoWeekYear: 2020, month: 1 } }],
      [{ $dateFromParts: { year: 2020, bogus: 1 } }],
      [{ $dateFromParts: {} }],
    );
    await expectAlike(cases);
  }, 60_000);
  test("steps", async () => {
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
    for (const d of ds)
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
          for (const e of ds.slice(0, 9))
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
                      endDate: ds[2],
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
  test("steps odd", async () => {
    const cases: Case[] = [];
    const os: Given = [
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
    const d = ds[0];
    for (const o of os) {
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
  test("fromString", async () => {
    const cases: Case[] = [];
    const ss: Given = [
      undefined,
      null,
      5,
      "2017-02-08",
      "2017-02-08T12:10",
      "2017-02-08T12:10:40",
      "2017-02-08 12:10:40.787654",
      "2017-02-08T12:10:40.787Z",
      "2017-02-08T12:10:40+02:00",
      "2017-02-08T12:10:40 EST",
      "2017/02/08",
      "02/08/2017",
      "20170208",
      "20170208T121040",
      "July 4, 2016",
      "4 July 2016",
      "2017-2-8",
      "2017-039",
      "2017-W06-3",
      "12:10",
      "@86400",
      "2017-02-30",
      "2017-13-01",
      "2017-02-08T25:00",
      "",
      "2017",
      "2017-02",
      "1486555840",
      "2017-02-08T12:10:40.1",
      "2017-02-08T12:10:60Z",
      "2017-02-08T24:00:00Z",
      "0001-01-01",
      "2017-02-08T12:10:40.787 +0200",
      "2017-02-08T12",
      "2017-02-08T12:10:40z",
      "2017-02-08t12:10:40Z",
      " 2017-02-08",
      "2017-02-08 ",
      "2017-02-08T12:10:40,5Z",
      "2017-02-08T12:10Z",
      "2017-02-08T12:10:40-0530",
      "2017-02-08T12:10:40+05",
      "Jul 4 2016 10:11",
      "4 Jul 2016 10:11:12",
      "2016/07/04 10:11:12",
      "2017-02-08T12:10:40.78799999999Z",
      "2017-02-08T1:1",
      "2017-02-08 1:01:01",
      "2017W06",
      "2017-W06",
      "May 5 2020",
      "5th May 2020",
      "2017-02-08T12:10:40 UTC",
      "2017-02-08T12:10:40GMT",
      "2017-02-08Z",
      "2017-02-08T12Z",
      "2020-02-29",
      "2019-02-29",
      "2017-02-08T12:10:40EDT",
      "2017-02-08T12:10:40 PST",
      "20170208121040",
      "2017-2-8T3:04",
    ];
    for (const s of ss)
      for (const z of [undefined, null, "America/New_York", "UTC", "+03:00", "bad"]) {
        cases.push(
          [{ $dateFromString: { dateString: "$s", timezone: "$z" } }, given({ s, z })],
          [
            { $dateFromString: { dateString: "$s", timezone: "$z", onError: "err", onNull: "nul" } },
            given({ s, z }),
          ],
        );
        if (z === undefined)
          cases.push(
            [{ $dateFromString: { dateString: "$s" } }, given({ s })],
            [{ $toDate: "$s" }, given({ s })],
            [
              {
                $dateFromString: {
                  dateString: "$s",
                  onError: { $concat: ["e", { $type: "$s" }] },
                  onNull: "$q",
                },
              },
              given({ s }),
            ],
          );
      }
    const fs: Given[] = [
      ["2017-2-8", "%Y-%m-%d"],
      ["17-02-08", "%Y-%m-%d"],
      ["2017-02-08 5", "%Y-%m-%d %H"],
      ["2017-06-3", "%G-%V-%u"],
      ["2017-02-08 x", "%Y-%m-%d"],
      ["2017-02-08 10:11:12.5", "%Y-%m-%d %H:%M:%S.%L"],
      ["2017-02-08 10:1:2.5", "%Y-%m-%d %H:%M:%S.%L"],
      ["2017-02-08 10:11:12.567", "%Y-%m-%d %H:%M:%S.%L"],
      ["2017-02-08 10:11:12.5678", "%Y-%m-%d %H:%M:%S.%L"],
      ["2017-02-08 +0230", "%Y-%m-%d %z"],
      ["2017-02-08 +02:30", "%Y-%m-%d %z"],
      ["2017-02-08 +2", "%Y-%m-%d %z"],
      ["2017-02-08 Z", "%Y-%m-%d %z"],
      ["2017-02-08 EST", "%Y-%m-%d %z"],
      ["2017-02-08 America/New_York", "%Y-%m-%d %z"],
      ["2017-02-08 EST", "%Y-%m-%d %Z"],
      ["2017", "%Y"],
      ["02-08", "%m-%d"],
      ["2017-02-08", "%Y-%m-%d%%"],
      ["2017-02-08%", "%Y-%m-%d%%"],
      ["2017-06", "%G-%V"],
      ["2017-02-08 +150", "%Y-%m-%d %Z"],
      ["2017-02-08 -30", "%Y-%m-%d %Z"],
      ["2017-02-08 150", "%Y-%m-%d %Z"],
      ["2017-02", "%Y-%m"],
      ["2017-02-30", "%Y-%m-%d"],
      ["2017-13-01", "%Y-%m-%d"],
      ["2017-02-08 25", "%Y-%m-%d %H"],
      ["2017-02-08 10:61", "%Y-%m-%d %H:%M"],
      ["20170208", "%Y%m%d"],
      ["201728", "%Y%m%d"],
      ["2017-02-08", "%d-%m-%Y"],
      ["08/02/2017", "%d/%m/%Y"],
      ["8/2/2017", "%d/%m/%Y"],
      ["2017-54-3", "%G-%V-%u"],
      ["2017-06-8", "%G-%V-%u"],
      ["2017-06-0", "%G-%V-%u"],
      ["2017 06", "%G %V"],
      ["2017", "%G"],
      ["3-2017", "%u-%G"],
      ["2017-02-08", ""],
      ["", "%Y"],
      ["a2017-02-08", "a%Y-%m-%d"],
      ["2017-02-08T", "%Y-%m-%d"],
      ["2017-02-08T05", "%Y-%m-%dT%H"],
      ["2017-02-08  5", "%Y-%m-%d %H"],
      ["20170-02-08", "%Y-%m-%d"],
      ["2017-02-08 10", "%Y-%m-%d %H:%M"],
      ["2017-02-08 3", "%Y-%m-%d %u"],
      ["2017-02-08 10:11:62", "%Y-%m-%d %H:%M:%S"],
      ["2017-02-08 5", "%Y-%m-%d %M"],
      ["x", "%q"],
      ["x", "%"],
      ["x", 5],
      ["x", null],
      [null, "%q"],
      [null, "%Y"],
    ];
    for (const [s, f] of fs)
      for (const z of [undefined, "America/New_York", "+03:00"])
        cases.push(
          [
            { $dateFromString: { dateString: "$s", format: "$f", timezone: "$z" } },
            given({ s, f, z: z ?? "UTC" }),
          ],
          [
            { $dateFromString: { dateString: "$s", format: "$f", onError: "err", onNull: "nul" } },
            given({ s, f, z }),
          ],
          [{ $dateFromString: { dateString: s, format: f } }, {}],
        );
    await expectAlike(cases);
  }, 60_000);
});
