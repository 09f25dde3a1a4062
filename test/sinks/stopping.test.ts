/** What is told when sinks are stopped right after their start, as when something else of the start fails. */
import { expect, test } from "bun:test";
import { startSinks } from "../../src/sinks/index.ts";
import { Health, type Log, Metrics } from "../../src/telemetry/index.ts";
import { openTestStore, storeWith, until } from "./support.ts";

test("old entries that could not be removed are told, but not when the store is closed behind it", async () => {
  for (const isStopped of [false, true]) {
    await using under = await openTestStore();
    const closed = Promise.withResolvers<never>();
    async function* unanswered(): AsyncGenerator<never> {
      yield await closed.promise;
    }
    const store = storeWith(under.store, { find: () => ({ documents: unanswered, json: unanswered }) });
    const told: string[] = [];
    const log = { warn: (_: object, message: string) => told.push(message) } as unknown as Log;
    const parts = { store, log, metrics: new Metrics(), health: new Health(), retentionDays: 30 };
    const sinks = await startSinks([], parts);
    if (isStopped) await sinks.stop();
    closed.reject(new Error("the store is closed"));
    if (isStopped) await Bun.sleep(20);
    else await until("it is told", () => told.length > 0);
    expect(told).toEqual(isStopped ? [] : ["old entries of the outbox could not be removed"]);
    await sinks.stop();
  }
});
