/** Metrics are read when things go wrong: what one of them asks may be away, and the others are told all the same. */
import { expect, test } from "bun:test";
import { Metrics } from "../../src/telemetry/index.ts";

test("a value that is not there in time, or cannot be had, keeps the last one and holds up no other", async () => {
  const metrics = new Metrics();
  metrics.counter("kowalski_fine_total", "Fine.").inc(3);
  let asked = 0;
  let answer = async (): Promise<number> => 7;
  metrics.gauge("kowalski_far", "Far away.", [], async (gauge) => {
    asked++;
    gauge.set(await answer());
  });
  const read = async () => {
    const started = performance.now();
    const text = await metrics.text();
    return { text, ms: performance.now() - started };
  };
  expect((await read()).text).toContain("kowalski_far 7\n");

  answer = async () => {
    throw new Error("away");
  };
  const failed = await read();
  expect(failed.text).toContain("kowalski_fine_total 3\n");
  expect(failed.text).toContain("kowalski_far 7\n");

  let comesBack = (_: number) => {};
  answer = () => new Promise<number>((resolve) => (comesBack = resolve));
  asked = 0;
  for (let n = 0; n < 3; n++) {
    const late = await read();
    expect(late.text).toContain("kowalski_fine_total 3\n");
    expect(late.text).toContain("kowalski_far 7\n");
    expect(late.ms).toBeLessThan(1000);
  }
  // Whoever asks every few seconds makes no queue of questions.
  expect(asked).toBe(1);

  comesBack(8);
  await Bun.sleep(1);
  answer = async () => 9;
  expect((await read()).text).toContain("kowalski_far 9\n");
});

test("a value that was never had is left out", async () => {
  const metrics = new Metrics();
  metrics.gauge("kowalski_far", "Far away.", ["sink"], async () => {
    throw new Error("away");
  });
  expect(await metrics.text()).not.toMatch(/^kowalski_far/m);
});
