/** Which topics a pattern names. */
import { describe, expect, test } from "bun:test";
import { topicsOf } from "../../src/sources/kafka-topics.ts";

const NOW = Date.UTC(2026, 10, 25, 3, 30);
const TOPICS = [
  "ztf_20261126_programid1",
  "ztf_20261125_programid1",
  "ztf_20261125_programid2",
  "ztf_20261125_programid3_public",
  "ztf_20261119_programid1",
  "ztf_20261101_programid1",
  "ztf.20261125.programid1",
  "lsst-alerts",
];

describe("patterns of topics", () => {
  test.each([
    [
      "ztf_{date}_programid1",
      ["ztf_20261119_programid1", "ztf_20261125_programid1", "ztf_20261126_programid1"],
    ],
    [
      "ztf_{date}_programid{1, 2}",
      [
        "ztf_20261119_programid1",
        "ztf_20261125_programid1",
        "ztf_20261125_programid2",
        "ztf_20261126_programid1",
      ],
    ],
    ["ztf_20261101_programid1", ["ztf_20261101_programid1"]],
    ["ztf_*_public", ["ztf_20261125_programid3_public"]],
    ["lsst-alerts", ["lsst-alerts"]],
    ["lsst", []],
    ["ztf_2026112{5", []],
  ])("%s", (pattern, expected) => {
    expect(topicsOf(pattern, TOPICS, NOW)).toEqual(expected);
  });
});
