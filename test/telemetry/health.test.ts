import { expect, test } from "bun:test";
import { Health, Metrics } from "../../src/telemetry/index.ts";

test("a report names each check, what it found or what is wrong", async () => {
  const health = new Health();
  health.register("good", async () => "embedded");
  health.register("quiet", async () => undefined);
  const forget = health.register("bad", async () => {
    throw new Error("no disk");
  });
  const report = await health.run();
  expect(report.ok).toBe(false);
  expect(report.checks.map(({ name, ok, detail }) => [name, ok, detail])).toEqual([
    ["good", true, "embedded"],
    ["quiet", true, "ok"],
    ["bad", false, "no disk"],
  ]);
  forget();
  expect((await health.run()).ok).toBe(true);
});

test("a check that never answers has failed, is told so, and does not hold up the report", async () => {
  const health = new Health();
  let told = false;
  health.register("stuck", (signal) => {
    signal.addEventListener("abort", () => {
      told = true;
    });
    return new Promise(() => {});
  });
  const report = await health.run(20);
  expect(report.checks[0]).toMatchObject({ ok: false, detail: "no answer within 20 ms" });
  expect(told).toBe(true);
});

test("metrics are printed in Prometheus's format; asking for one twice gives the same", async () => {
  const metrics = new Metrics();
  metrics.counter("kowalski_alerts_stored_total", "Alerts stored.", ["survey"]).inc({ survey: "ZTF" }, 2);
  metrics.counter("kowalski_alerts_stored_total", "Alerts stored.", ["survey"]).inc({ survey: "ZTF" });
  metrics.gauge("kowalski_depth", "Depth.", [], (gauge) => gauge.set(7));
  metrics.histogram("kowalski_seconds", "Seconds.").observe(0.02);
  const text = await metrics.text();
  expect(text).toContain('kowalski_alerts_stored_total{survey="ZTF"} 3');
  expect(text).toContain("kowalski_depth 7");
  expect(text).toContain('kowalski_seconds_bucket{le="0.05"} 1');
});

test("the process's own metrics are there when asked for", async () => {
  expect(await new Metrics({ processMetrics: true }).text()).toContain("process_resident_memory_bytes");
});
