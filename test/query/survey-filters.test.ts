/** Filters of surveys, over real and simulated alerts: they tell alerts apart, and a real server agrees. */
import { describe, expect, test } from "bun:test";
import { compileFilter, compilePipeline, type Document, parsePipeline } from "../../src/query/index.ts";
import { testMongod } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";
import { realAlerts, simulatedAlerts } from "./filters/alerts.ts";
import { surveyFilters } from "./filters/index.ts";
import { agree, describeDifference } from "./oracle/campaign.ts";
import { runOnEngine } from "./oracle/engine.ts";
import { OracleServer } from "./oracle/server.ts";

const alerts = [...realAlerts(), ...simulatedAlerts(400)];

describe.each(surveyFilters.map((filter) => [filter.name, filter] as const))("%s", (_name, filter) => {
  const pipeline = [...filter.pipeline];

  test("passes some alerts and not all, with annotations", () => {
    const run = compileFilter(parsePipeline(pipeline));
    const passed = alerts.map((alert) => run(alert)).filter((result) => result !== undefined);
    expect(passed.length).toBeGreaterThan(0);
    expect(passed.length).toBeLessThan(alerts.length / 2);
    for (const result of passed) expect(Object.keys(result["annotations"] as Document)).not.toBeEmpty();
  });

  test("one alert at a time or all at once is the same, and leaves the alerts as they were", () => {
    const before = JSON.stringify(alerts, bigintsAsText);
    const parsed = parsePipeline(pipeline);
    const run = compileFilter(parsed);
    const single = alerts.map((alert) => run(alert)).filter((result) => result !== undefined);
    expect([...compilePipeline(parsed).run(alerts)]).toEqual(single);
    expect(JSON.stringify(alerts, bigintsAsText)).toBe(before);
  });
});

function bigintsAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

const mongod = await testMongod();
const missing = skipOrFail("MongoDB", typeof mongod === "string" ? undefined : mongod, String(mongod));

test.skipIf(missing)(
  "a real server passes the same alerts with the same annotations, types included",
  async () => {
    if (typeof mongod === "string") return;
    await using server = new OracleServer(mongod.url, 2);
    await server.prepare();
    const slot = await server.slot();
    const documents = alerts.filter(
      (alert, i) => alerts.findIndex((other) => other["_id"] === alert["_id"]) === i,
    );
    await slot.fill({ documents, other: [] });
    for (const { name, pipeline } of surveyFilters) {
      const smallest = { query: { kind: "aggregate", pipeline } as const, documents, other: [] };
      const [theirs, ours] = [await slot.run(smallest.query), runOnEngine(smallest)];
      if (agree(smallest.query, theirs, ours)) continue;
      throw new Error(
        `${name}: ${describeDifference({ seed: 0, smallest: { ...smallest, documents: [] }, server: theirs, ours }).slice(0, 4000)}`,
      );
    }
  },
  60_000,
);
