/** Draining the outbox: at least once, in order per object, each sink for itself, whatever the receivers do. */
import { describe, expect, test } from "bun:test";
import { DRAIN_DEFAULTS, Drain, type DrainEvent, type DrainOptions } from "../../src/sinks/drain.ts";
import { pruneOutbox, readCursor, readOutbox, writeCursor } from "../../src/sinks/outbox.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { openWebhook } from "../../src/sinks/webhook.ts";
import type { Store } from "../../src/store/index.ts";
import { type Behaviour, startReceiver } from "../support/receiver.ts";
import { matchFor, openTestStore, storeWith, type TestStore, until } from "./support.ts";

const QUICK: Partial<DrainOptions> = { firstWaitMs: 2, longestWaitMs: 50 };

function hook(name: string, url: string, more: { timeoutMs?: number; filters?: number[] } = {}): Sink {
  const choice = { filters: more.filters ?? [], groups: [] };
  const timeoutMs = more.timeoutMs ?? 5000;
  return openWebhook({ name, url, timeoutMs, concurrency: 4, choice, userAgent: "Kowalski test" });
}

async function startDrain(under: Pick<TestStore, "store">, sink: Sink, more: Partial<DrainOptions> = {}) {
  const events: DrainEvent[] = [];
  const drain = new Drain(sink, under.store, { ...DRAIN_DEFAULTS, ...QUICK, ...more }, (event) =>
    events.push(event),
  );
  const stopListening = under.store.onChange("outbox", () => drain.wake());
  await drain.start("oldest");
  return {
    drain,
    events,
    async stop() {
      stopListening();
      await drain.stop();
    },
  };
}

/** The store as one over the network: what it writes takes some milliseconds. */
const slowly = (store: Store) =>
  storeWith(store, {
    async replace(...change) {
      await Bun.sleep(5);
      return store.replace(...change);
    },
  });

/** Matches of three objects in turn. */
const matches = (count: number, first = 0) =>
  Array.from({ length: count }, (_, n) => matchFor(BigInt(first + n), `object ${n % 3}`));

/** Fails with this probability, the same in each run. */
function flaky(share: number, answer: () => Response | "hang"): Behaviour {
  let state = 42;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648 < share ? answer() : new Response("ok");
  };
}

describe("drain", () => {
  test("delivers every match through a flaky receiver, in order for each object, with the same key", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver(flaky(0.4, () => new Response("oops", { status: 500 })));
    await under.add(...matches(90));
    const { stop, drain } = await startDrain(under, hook("hook", receiver.url));
    await until("all are delivered", () => drain.cursor === 90n);
    await stop();
    await receiver.stop();
    for (const object of ["object 0", "object 1", "object 2"]) {
      const order = receiver.accepted().filter(({ body }) => body["objectId"] === object);
      expect(order.map(({ body }) => Number(body["candid"]))).toEqual(
        Array.from({ length: 30 }, (_, n) => n * 3 + Number(object.at(-1))),
      );
    }
    for (const { key, body } of receiver.received) {
      expect(key).toBe(`ZTF/${String(body["candid"])}/1/1`);
      expect(body["id"]).toBe(key);
    }
    expect(receiver.received.length).toBeGreaterThan(100);
  });

  test("a sink that is away delays no other, and gets all when it is back", async () => {
    await using under = await openTestStore();
    const away = startReceiver();
    await away.stop();
    const there = startReceiver();
    const one = await startDrain(under, hook("away", away.url));
    const other = await startDrain(under, hook("there", there.url));
    await under.add(...matches(30));
    await until("the other has all", () => there.accepted().length === 30);
    await until("it is missed", () => one.drain.problem?.includes("127.0.0.1") === true);
    expect(one.drain.cursor).toBe(0n);
    const back = startReceiver(undefined, Number(new URL(away.url).port));
    await until("it has all", () => back.accepted().length === 30);
    await until("it is acknowledged", () => one.drain.cursor === 30n);
    expect(one.drain.problem).toBeUndefined();
    await Promise.all([one.stop(), other.stop(), back.stop(), there.stop()]);
  });

  test("waits as long as Retry-After says", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver(({ attempt }) =>
      attempt === 1
        ? new Response("slow down", { status: 429, headers: { "retry-after": "1" } })
        : new Response("ok"),
    );
    await under.add(matchFor(1n, "a"));
    const { stop } = await startDrain(under, hook("hook", receiver.url));
    await until("it is delivered", () => receiver.accepted().length === 1);
    const [first, second] = receiver.received;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(990);
    await Promise.all([stop(), receiver.stop()]);
  });

  test("a receiver that hangs is given up on after the time limit", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver(({ attempt }) => (attempt === 1 ? "hang" : new Response("ok")));
    await under.add(matchFor(1n, "a"));
    const { stop, events } = await startDrain(under, hook("hook", receiver.url, { timeoutMs: 100 }));
    await until("it is delivered", () => receiver.accepted().length === 1);
    expect(events[0]).toMatchObject({ type: "failed", reason: expect.stringContaining("within 100 ms") });
    await Promise.all([stop(), receiver.stop()]);
  });

  test("what is refused goes to the failures with the reason, and what follows is delivered", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver(({ key }) =>
      key.startsWith("ZTF/1/") ? new Response("no such group", { status: 422 }) : new Response("ok"),
    );
    await under.add(...matches(3).map((match) => ({ ...match, objectId: "a" })));
    const { stop, drain } = await startDrain(under, hook("hook", receiver.url));
    await until("all are done", () => drain.cursor === 3n);
    await stop();
    await receiver.stop();
    expect(receiver.accepted().map(({ body }) => body["candid"])).toEqual([0, 2]);
    const found = await under.store.findOne({ collection: "sink_failures", filter: {}, maxTimeMs: 1000 });
    expect(found).toMatchObject({
      _id: "hook/ZTF/1/1/1",
      sink: "hook",
      candid: 1n,
      filters: ["1/1"],
      entries: ["ZTF/1/1/1"],
      reason: expect.stringContaining("422 no such group"),
    });
  });

  test("a delivery that keeps failing while others get through is given up; the others do not wait", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver(({ key }) =>
      key.startsWith("ZTF/0/") ? new Response("bug", { status: 500 }) : new Response("ok"),
    );
    await under.add(...matches(1));
    const giveUp = { attempts: 5, afterMs: 0 };
    const { stop, drain, events } = await startDrain(under, hook("hook", receiver.url), { giveUp });
    await until("it has failed", () => drain.problem !== undefined);
    await Bun.sleep(2);
    await under.add(...matches(5, 1));
    await until("all are done", () => drain.cursor === 6n);
    await Promise.all([stop(), receiver.stop()]);
    expect(events.filter(({ type }) => type === "refused")).toHaveLength(1);
    expect(receiver.accepted().map(({ body }) => body["candid"])).toEqual(
      expect.arrayContaining([1, 2, 3, 4, 5]),
    );
  });

  test("while nothing gets through nothing is given up", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver(() => new Response("down", { status: 503 }));
    await under.add(...matches(3));
    const giveUp = { attempts: 2, afterMs: 0 };
    const { stop, events } = await startDrain(under, hook("hook", receiver.url), {
      giveUp,
      longestWaitMs: 5,
    });
    await until("it was tried often", () => receiver.received.length > 20);
    await Promise.all([stop(), receiver.stop()]);
    expect(events.every(({ type }) => type === "failed")).toBe(true);
  });

  test("goes on where it stopped", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver();
    await under.add(...matches(5));
    const first = await startDrain(under, hook("hook", receiver.url));
    await until("five are delivered", () => first.drain.cursor === 5n);
    await first.stop();
    await under.add(...matches(5, 5));
    const second = await startDrain(under, hook("hook", receiver.url));
    await until("ten are delivered", () => second.drain.cursor === 10n);
    await Promise.all([second.stop(), receiver.stop()]);
    expect(receiver.received.map(({ body }) => body["candid"]).sort()).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
  });

  test("the last delivery's place is written, however many end at once and in whatever order", async () => {
    for (const order of ["oldest first", "newest first"]) {
      await using under = await openTestStore();
      await under.add(...matches(3));
      const ends: (() => void)[] = [];
      const sink: Sink = {
        ...hook("hook", "http://127.0.0.1:9"),
        takes: "matches",
        concurrency: 64,
        deliver: () => new Promise((resolve) => ends.push(resolve)),
      };
      const { stop, drain } = await startDrain({ store: slowly(under.store) }, sink);
      await until("all are under way", () => ends.length === 3);
      for (const end of order === "oldest first" ? ends : ends.reverse()) end();
      await until("the place is known", () => drain.cursor === 3n, 2000);
      expect(await readCursor(under.store, "hook")).toBe(3n);
      await stop();
    }
  });

  test("a place that cannot be written is told, and written when the store is back", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver();
    let isAway = false;
    const store = storeWith(under.store, {
      async replace(...change) {
        if (isAway) throw new Error("the store is away");
        return under.store.replace(...change);
      },
    });
    const { stop, drain } = await startDrain({ store }, hook("hook", receiver.url));
    isAway = true;
    await under.add(...matches(2));
    await until("all are delivered", () => receiver.accepted().length === 2);
    await until("it is told", () => drain.problem?.includes("the store is away") === true);
    expect(drain.cursor).toBe(0n);
    isAway = false;
    await until("the place is written", () => drain.cursor === 2n, 2000);
    expect(drain.problem).toBeUndefined();
    await Promise.all([stop(), receiver.stop()]);
  });

  test("an outbox that cannot be read is told, and read when the store is back", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver();
    await under.add(...matches(2));
    let isAway = true;
    const store = storeWith(under.store, {
      find(request) {
        if (isAway) throw new Error("the store is away");
        return under.store.find(request);
      },
    });
    const { stop, drain } = await startDrain({ store }, hook("hook", receiver.url));
    await until("it is told", () => drain.problem?.includes("the store is away") === true);
    isAway = false;
    await until("all are delivered", () => drain.cursor === 2n, 2000);
    expect(drain.problem).toBeUndefined();
    await Promise.all([stop(), receiver.stop()]);
  });

  test("what comes before its place is known is not delivered from the beginning", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver();
    await under.add(...matches(5));
    await writeCursor(under.store, "hook", 4n);
    const drain = new Drain(
      hook("hook", receiver.url),
      under.store,
      { ...DRAIN_DEFAULTS, ...QUICK },
      () => {},
    );
    const starting = drain.start("oldest");
    drain.wake();
    await starting;
    await until("all are delivered", () => drain.cursor === 5n);
    await Promise.all([drain.stop(), receiver.stop()]);
    expect(receiver.received.map(({ body }) => body["candid"])).toEqual([4]);
  });

  test("holds a bounded number of entries, however many wait", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver(() => new Response("down", { status: 503 }));
    const many = Array.from({ length: 1000 }, (_, n) => matchFor(BigInt(n), `object ${n}`));
    await under.add(...many);
    const { stop, drain } = await startDrain(under, hook("hook", receiver.url), { window: 50 });
    await until("it was tried", () => receiver.received.length > 3);
    expect(drain.held).toBeGreaterThan(40);
    expect(drain.held).toBeLessThanOrEqual(100);
    receiver.behave(() => new Response("ok"));
    await until("all are delivered", () => drain.cursor === 1000n);
    expect(drain.held).toBe(0);
    await Promise.all([stop(), receiver.stop()]);
  });

  test("passes over what is not for the sink", async () => {
    await using under = await openTestStore();
    const receiver = startReceiver();
    await under.add(
      matchFor(1n, "a", { filter_id: 1 }),
      matchFor(2n, "a", { filter_id: 2 }),
      matchFor(3n, "a", { filter_id: 1 }),
    );
    const { stop, drain } = await startDrain(under, hook("hook", receiver.url, { filters: [2] }));
    await until("all are passed", () => drain.cursor === 3n);
    await Promise.all([stop(), receiver.stop()]);
    expect(receiver.received.map(({ body }) => body["candid"])).toEqual([2]);
  });
});

describe("outbox pages", () => {
  test("do not tear an alert's matches apart", async () => {
    await using under = await openTestStore();
    const filters = Array.from({ length: 7 }, (_, n) => n + 1);
    for (const candid of [1n, 2n, 3n]) {
      await under.add(...filters.map((filter_id) => matchFor(candid, "a", { filter_id })));
    }
    for (const limit of [1, 2, 5, 7, 10, 100]) {
      let after = 0n;
      const sizes: number[] = [];
      for (;;) {
        const page = await readOutbox(under.store, after, limit);
        const last = page.at(-1);
        if (last === undefined) break;
        sizes.push(page.length);
        after = last.seq;
      }
      expect(sizes.every((size) => size % 7 === 0)).toBe(true);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(21);
    }
  });

  test("are removed when they are old and every sink has them", async () => {
    await using under = await openTestStore();
    await under.add(...matches(10));
    await writeCursor(under.store, "slow", 4n);
    const cursors = [10n, (await readCursor(under.store, "slow")) ?? 0n];
    expect(await pruneOutbox(under.store, new Date(Date.now() - 60_000), cursors)).toBe(0);
    expect(await pruneOutbox(under.store, new Date(Date.now() + 60_000), cursors)).toBe(4);
    expect((await readOutbox(under.store, 0n, 100)).map(({ seq }) => seq)).toEqual([5n, 6n, 7n, 8n, 9n, 10n]);
  });
});
