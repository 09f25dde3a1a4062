/** Random queries on a real server and on our engine: the same answers, types included, or an error on both sides. */
import { describe, expect, test } from "bun:test";
import { testMongod } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";
import { describeDifference, describeReport, runCampaign } from "./oracle/campaign.ts";

const CASES = 20_000;
const SEED = 1;
const KINDS = ["filter", "geo", "sort", "projection"];

const mongod = await testMongod();
const missing = skipOrFail("MongoDB", typeof mongod === "string" ? undefined : mongod, String(mongod));

describe.skipIf(missing)("the oracle", () => {
  test(`${CASES} random cases`, async () => {
    if (typeof mongod === "string") return;
    const report = await runCampaign({
      url: mongod.url,
      cases: CASES,
      seed: SEED,
      kinds: KINDS,
      maxDifferences: 5,
    });
    console.log(describeReport(report, SEED));
    expect(report.differences.map(describeDifference).join("\n")).toBe("");
    expect(report.cases).toBe(CASES);
  }, 300_000);
});
