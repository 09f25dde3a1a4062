/** Dates read from texts, by compiled code and a server. */
import { describe, test } from "bun:test";
import type { Value } from "../../../src/query/index.ts";
import { type Case, expectAlike, given, withoutServer } from "./oracle.ts";

type Given = readonly (Value | undefined)[];

describe.skipIf(withoutServer)("dates from texts", () => {
  test("in usual forms and by formats", async () => {
    const cases: Case[] = [];
    const texts: Given = [
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
    for (const s of texts)
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
    const formats: Given[] = [
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
    for (const [s, f] of formats)
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
