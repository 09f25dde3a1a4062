/** Random queries on a real server and on our engine: the same answers, types included, or an error on both sides. */
import { describe, expect, test } from "bun:test";
import { expressionOperators } from "../../src/query/index.ts";
import { STAGES } from "../../src/query/stages/index.ts";
import { testMongod } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";
import { describeDifference, describeReport, runCampaign } from "./oracle/campaign.ts";

const CASES = 20_000;
const SEED = 1;
/** Several kinds more often: they have more to compare. */
const KINDS =
  "filter geo near geoNear sort projection expression expression expression pipeline pipeline window".split(
    " ",
  );
/** What cannot be compared: answers at random, and what begins a pipeline without a collection. */
const NOT_COMPARED = ["$rand", "$sample", "$documents"];

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
    const known = [...expressionOperators.map(({ name }) => name), ...STAGES.keys()];
    expect(known.filter((name) => !report.operators.has(name) && !NOT_COMPARED.includes(name))).toEqual([]);
  }, 300_000);
});
