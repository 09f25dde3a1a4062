/** What receivers refuse: listed with the reason, and delivered again when somebody asks for it. */
import { expect, test } from "bun:test";
import { listFailures, retryFailures, startSinks } from "../../src/sinks/index.ts";
import { openWebhook } from "../../src/sinks/webhook.ts";
import { createLog, Health, Metrics } from "../../src/telemetry/index.ts";
import { startReceiver } from "../support/receiver.ts";
import { matchFor, openTestStore, until } from "./support.ts";

test("failures are listed and retried, and leave the list only when they arrive", async () => {
  await using under = await openTestStore();
  const receiver = startReceiver(({ key }) =>
    key.startsWith("ZTF/2/") ? new Response("ok") : new Response("no such group", { status: 422 }),
  );
  const metrics = new Metrics();
  const sink = openWebhook({
    name: "hook",
    url: receiver.url,
    timeoutMs: 5000,
    concurrency: 2,
    choice: { filters: [], groups: [] },
    userAgent: "Kowalski test",
  });
  const sinks = await startSinks([{ sink, from: "oldest" }], {
    store: under.store,
    log: createLog({ level: "silent", stream: "stderr" }).log,
    metrics,
    health: new Health(),
    retentionDays: 30,
  });
  const failed = async () => (await listFailures(under.store, { limit: 10 })).map(({ candid }) => candid);
  await under.add(matchFor(1n, "a"), matchFor(2n, "a"), matchFor(3n, "a"));
  await until("two are refused", async () => (await failed()).length === 2);
  await until("all are passed", async () => (await sinks.states())[0]?.backlog === 0);
  const [latest] = await listFailures(under.store, { sink: "hook", limit: 1 });
  expect(latest).toMatchObject({ candid: 3n, attempts: 1, entries: ["ZTF/3/1/1"], filters: ["1/1"] });
  expect(String(latest?.["reason"])).toContain("422 no such group");
  expect(await listFailures(under.store, { sink: "other", limit: 10 })).toEqual([]);

  // Still refused: it comes back to the list.
  const before = receiver.received.length;
  expect(await retryFailures(under.store, { ids: ["hook/ZTF/1/1/1"] })).toBe(1);
  await until("it was tried", () => receiver.received.length > before);
  await until(
    "it is back",
    async () => !(await listFailures(under.store, { limit: 10 })).some(({ retry }) => retry === true),
  );
  expect((await failed()).toSorted()).toEqual([1n, 3n]);

  receiver.behave(() => new Response("ok"));
  expect(await retryFailures(under.store, { sink: "other" })).toBe(0);
  expect(await retryFailures(under.store, { sink: "hook" })).toBe(2);
  await until("the list is empty", async () => (await failed()).length === 0);
  expect(
    receiver
      .accepted()
      .map(({ body }) => body["candid"])
      .sort(),
  ).toEqual([1, 2, 3]);
  const text = await metrics.text();
  expect(text).toContain('kowalski_sink_deliveries{sink="hook",outcome="delivered"} 3');
  expect(text).toContain('kowalski_sink_deliveries{sink="hook",outcome="refused"} 3');
  expect(text).toContain('kowalski_sink_backlog{sink="hook"} 0');
  await sinks.stop();
  await receiver.stop();
});
