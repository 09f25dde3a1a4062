/** Deliveries on their way to become durable, without a broker. */
import { expect, test } from "bun:test";
import { Deliveries } from "../../src/sources/kafka-deliveries.ts";
import { DEFAULT_LIMITS } from "../../src/sources/source.ts";

const packet = { bytes: new Uint8Array(1), key: "topic/0/0", place: "topic" };

test("everybody who waits for the end hears of the last delivery at once", async () => {
  const deliveries = new Deliveries();
  const durable = deliveries.offer([packet], 1);
  const [taken] = deliveries.take(DEFAULT_LIMITS);
  const started = performance.now();
  const ends = [deliveries.end(5000), deliveries.end(5000)];
  taken?.settle(true);
  await Promise.all(ends);
  expect(await durable).toBe(true);
  expect(performance.now() - started).toBeLessThan(2000);
});

test("waiting leaves nothing at a signal that goes on", async () => {
  const deliveries = new Deliveries();
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  for (let n = 0; n < 10; n++) {
    const waiting = deliveries.some(signal);
    void deliveries.offer([packet], 1);
    await waiting;
    for (const { settle } of deliveries.take(DEFAULT_LIMITS)) settle(true);
  }
  expect(listeners).toBe(0);
});
