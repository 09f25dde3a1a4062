/**
 * The oracle by hand: `bun test/query/oracle/run.ts [--cases N] [--seed S] [--kinds filter,sort,…] [--max N]`.
 *
 * Runs N random cases (default 20,000) on a real server and on our engine, prints each difference in its
 * smallest form, and ends with exit code 1 when there was one.
 */
import { parseArgs } from "node:util";
import { testMongod } from "../../support/mongod.ts";
import { describeDifference, describeReport, type Report, runCampaign } from "./campaign.ts";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Math.floor(Date.now() / 1000)) },
    kinds: { type: "string" },
    max: { type: "string", default: "10" },
  },
});

const mongod = await testMongod();
if (typeof mongod === "string") throw new Error(mongod);
let shown = 0;
let printed = performance.now();
const started = printed;
const report = await runCampaign({
  url: mongod.url,
  cases: Number(values.cases),
  seed: Number(values.seed),
  maxDifferences: Number(values.max),
  ...(values.kinds === undefined ? {} : { kinds: values.kinds.split(",") }),
  progress,
});
console.log(describeReport(report, Number(values.seed)));
console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`);
process.exit(report.differences.length === 0 ? 0 : 1);

function progress(report: Report) {
  for (const difference of report.differences.slice(shown)) console.log(describeDifference(difference));
  shown = report.differences.length;
  if (performance.now() - printed < 10_000) return;
  printed = performance.now();
  console.log(`${report.cases} cases, ${shown} differences, ${((printed - started) / 1000).toFixed(0)} s`);
}
