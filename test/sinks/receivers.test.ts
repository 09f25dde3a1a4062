/** What webhooks and files receive, and what a configuration of sinks is refused for. */
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Double } from "bson";
import { ConfigError, type SinkConfig, schema } from "../../src/config/index.ts";
import { sink as sinkKind } from "../../src/config/sinks.ts";
import { type Match, outboxEntryOf } from "../../src/filters/index.ts";
import { nightFile, openFileSink } from "../../src/sinks/file.ts";
import { retryAfterOf } from "../../src/sinks/http.ts";
import type { OutboxItem } from "../../src/sinks/outbox.ts";
import { openSinks } from "../../src/sinks/registry.ts";
import type { Delivery } from "../../src/sinks/sink.ts";
import { openWebhook } from "../../src/sinks/webhook.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startReceiver } from "../support/receiver.ts";
import { matchFor } from "./support.ts";

const never = new AbortController().signal;
const ALL = { filters: [], groups: [] };

function deliveryOf(match: Match): Delivery {
  const { id, survey, candid, objectId } = outboxEntryOf(match);
  const item: OutboxItem = { id, seq: 1n, survey, candid, objectId, createdAt: new Date(), match };
  return { survey, candid, objectId, items: [item] };
}

const MATCH = matchFor(1127561440015015001n, "ZTF20aahgyet", {
  filter_id: 7,
  group_id: 3,
  annotations: {
    drb: 0.99,
    exact: 2n ** 60n,
    whole: new Double(30),
    none: Number.NaN,
    at: new Date(1_700_000_000_000),
    list: [1, { deep: null }],
  },
});

describe("webhook", () => {
  test("gets plain JSON with exact integers, the key and a signature it can check", async () => {
    const receiver = startReceiver();
    const sink = openWebhook({
      name: "hook",
      url: receiver.url,
      secret: "s3cret",
      timeoutMs: 1000,
      concurrency: 1,
      choice: ALL,
      userAgent: "Kowalski v1",
    });
    await sink.deliver(deliveryOf(MATCH), never);
    const [got] = receiver.received;
    await receiver.stop();
    expect(got?.text).toContain('"candid":1127561440015015001,');
    expect(got?.text).toContain('"exact":1152921504606846976');
    expect(got?.body).toMatchObject({
      id: "ZTF/1127561440015015001/3/7",
      survey: "ZTF",
      objectId: "ZTF20aahgyet",
      filter: "3/7",
      filter_id: 7,
      group_id: 3,
      fid: "aaaaaa",
      passed_at: "2023-11-14T22:13:20.000Z",
      backfill: false,
      annotations: {
        drb: 0.99,
        whole: 30,
        none: null,
        at: "2023-11-14T22:13:20.000Z",
        list: [1, { deep: null }],
      },
    });
    expect(got?.key).toBe("ZTF/1127561440015015001/3/7");
    const [, seconds, mac] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(got?.headers.get("x-kowalski-signature") ?? "") ?? [];
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(5);
    expect(mac).toBe(createHmac("sha256", "s3cret").update(`${seconds}.${got?.text}`).digest("hex"));
  });

  test("is told apart: refused for good, or to be tried again", async () => {
    const receiver = startReceiver();
    const url = receiver.url;
    const sink = openWebhook({
      name: "h",
      url,
      timeoutMs: 1000,
      concurrency: 1,
      choice: ALL,
      userAgent: "K",
    });
    const errorFor = async (status: number, headers: Record<string, string> = {}) => {
      receiver.behave(() => new Response("why", { status, headers }));
      return sink.deliver(deliveryOf(MATCH), never).then(
        () => "none",
        (error: Error) => error.name,
      );
    };
    expect(await errorFor(204)).toBe("none");
    for (const status of [400, 409, 413, 422]) expect(await errorFor(status)).toBe("RefusedError");
    for (const status of [401, 404, 408, 429, 500, 503])
      expect(await errorFor(status)).toBe("UnavailableError");
    expect(await errorFor(302, { location: "http://example.org/" })).toBe("UnavailableError");
    await receiver.stop();
  });

  test("Retry-After is read as seconds and as a date", () => {
    const read = (value: string) => retryAfterOf(new Headers({ "retry-after": value }));
    expect(read("3")).toBe(3000);
    expect(read("soon")).toBeUndefined();
    const date = new Date(Date.now() + 60_000).toUTCString();
    expect(Math.abs((read(date) ?? 0) - 60_000)).toBeLessThan(2000);
  });
});

describe("file", () => {
  test("gets a line per match in a file per night", async () => {
    using folder = temporaryFolder();
    const sink = openFileSink({ name: "file", path: join(folder.path, "matches"), choice: ALL });
    const nights = [2460229.9, 2460230.9, 2460229.95, 2460240.6, 2460250.6, 2460260.6, 2460229.97];
    await Promise.all(
      nights.map((jd, n) => sink.deliver(deliveryOf(matchFor(BigInt(n), "a", { jd })), never)),
    );
    await sink.close();
    const files = readdirSync(join(folder.path, "matches")).sort();
    expect(files).toContain("matches-20231012.jsonl");
    expect(files).toHaveLength(5);
    const lines = readFileSync(join(folder.path, "matches", "matches-20231012.jsonl"), "utf8")
      .trim()
      .split("\n");
    expect(lines.map((line) => (JSON.parse(line) as Match).jd)).toEqual([2460229.9, 2460229.95, 2460229.97]);
  });

  test("a line that a killed process left unfinished is taken away", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, nightFile(MATCH.jd));
    for (const [before, kept] of [
      ['{"a":1}\n{"torn', 1],
      ['{"torn', 0],
      [`{"a":1}\n{"torn":"${"x".repeat(200_000)}`, 1],
      ['{"a":1}\n', 1],
    ] as const) {
      writeFileSync(file, before);
      const sink = openFileSink({ name: "file", path: folder.path, choice: ALL });
      await sink.deliver(deliveryOf(MATCH), never);
      await sink.close();
      const lines = readFileSync(file, "utf8").trim().split("\n");
      expect(lines).toHaveLength(kept + 1);
      for (const line of lines) JSON.parse(line);
    }
  });

  test("says before the start when its folder cannot be written", async () => {
    using folder = temporaryFolder();
    const check = (path: string) => openFileSink({ name: "f", path, choice: ALL }).check(never);
    expect(await check(join(folder.path, "a", "b"))).toContain("will be made");
    expect(await check(folder.path)).toBe(folder.path);
  });
});

describe("configuration of sinks", () => {
  const open = (...sinks: Partial<SinkConfig>[]) => {
    const config = {
      sinks: sinks.map((sink) => ({ ...sinkKind.default, ...sink })),
      skyportal: schema.fields.skyportal.default,
      kafka: schema.fields.kafka.default,
    };
    openSinks({ config });
  };
  const errorOf = (...sinks: Partial<SinkConfig>[]) => {
    try {
      open(...sinks);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    return "none";
  };

  test("names the key that is wrong", () => {
    expect(errorOf({ type: "webhook" })).toContain("sinks[0].url");
    expect(errorOf({ type: "webhook", url: "ftp://x" })).toContain("http://");
    expect(errorOf({ type: "file" })).toContain("sinks[0].path");
    expect(errorOf({ type: "kafka" })).toContain("kafka.bootstrap.servers");
    expect(errorOf({ type: "skyportal" })).toContain("skyportal.host");
    const hook = { type: "webhook", url: "http://127.0.0.1/" } as const;
    expect(errorOf(hook, hook)).toContain("sinks[1].name");
    expect(errorOf(hook, { ...hook, name: "second" })).toBe("none");
  });
});
