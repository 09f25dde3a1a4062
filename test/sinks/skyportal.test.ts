/** Reporting to SkyPortal: the calls, their order and bodies, for real packets, through every kind of trouble. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { openContainer } from "../../src/avro/index.ts";
import type { Followup, Match } from "../../src/filters/index.ts";
import type { Document } from "../../src/query/index.ts";
import { DRAIN_DEFAULTS, Drain, type DrainEvent } from "../../src/sinks/drain.ts";
import { openSkyPortal } from "../../src/sinks/skyportal/sink.ts";
import { embeddedEncoder, openEmbeddedWriter } from "../../src/store/index.ts";
import { surveyByName } from "../../src/surveys/index.ts";
import { matchBatch } from "../support/matches.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";
import { FakeSkyPortal } from "../support/skyportal.ts";
import { matchFor, openTestStore, type TestStore, until } from "./support.ts";

const OBJECT = "ZTF23abjjncz";
const CANDID = 2475433850315015008n;
const PASSED_AT = new Date("2023-10-12T10:26:03.512Z");

const FOLLOWUP: Followup = {
  allocation_id: 3,
  payload: { observation_type: "IFU", priority: 2 },
  comment: "fu!",
  priority: { key: "priority", value: 2, order: "asc" },
  target_group_ids: [4],
  ignore_allocation_ids: [8],
  not_if_tns_reported: 24,
  radius: 1,
  validity_days: 3,
  implements_update: true,
};

const FIRST = matchFor(CANDID, OBJECT, {
  filter_id: 1,
  group_id: 1,
  annotations: { author: "dd", mean_rb: null },
  passed_at: PASSED_AT,
});
const SECOND = matchFor(CANDID, OBJECT, {
  filter_id: 2,
  group_id: 2,
  annotations: { author: "dd", mean_rb: null },
  update_annotations: true,
  autosave: { comment: "saved by bot", ignore_group_ids: [5], saver_id: 11 },
  auto_followup: FOLLOWUP,
  passed_at: PASSED_AT,
});

/** The packets of the shared night by candid. */
function realPacket(file: string): Document {
  const [record] = openContainer(readFileSync(sharedPath("data", "ztf", "20231012", file))).records();
  return record as Document;
}

/** Stores a packet's alert with its matches, as the broker does. */
async function store(under: TestStore, packet: Document, matches: readonly Match[]): Promise<void> {
  const alert = embeddedEncoder().encode(ztf().map(packet));
  const writer = await openEmbeddedWriter({ dataDir: under.dataDir, followReported: true });
  await writer.write({ ...matchBatch(matches), alerts: [alert] });
  await writer.close();
}

function ztf() {
  const survey = surveyByName("ZTF");
  if (survey === undefined) throw new Error("ZTF is no survey");
  return survey;
}

describe.skipIf(sharedDir() === undefined)("SkyPortal", () => {
  let under: TestStore;
  let portal: FakeSkyPortal;
  let running: { drain: Drain; events: DrainEvent[] }[] = [];
  let packet: Document;

  beforeAll(() => {
    packet = realPacket(`${CANDID}.avro`);
  });
  beforeEach(async () => {
    under = await openTestStore();
    portal = new FakeSkyPortal();
  });
  afterEach(async () => {
    await Promise.all(running.map(({ drain }) => drain.stop()));
    running = [];
    await portal.stop();
    await under[Symbol.asyncDispose]();
  });
  afterAll(() => expect(running).toEqual([]));

  const copy = () => structuredClone(packet);
  /** The object's next alert, three days later. */
  const later = (candid: bigint, days = 3): Document => {
    const next = copy();
    const candidate = next["candidate"] as Document;
    return {
      ...next,
      candid,
      candidate: { ...candidate, jd: Number(candidate["jd"]) + days, magpsf: 18.25, pid: candid },
      fp_hists: [],
    };
  };

  async function start(more: { timeoutMs?: number } = {}) {
    const sink = openSkyPortal({
      name: "skyportal",
      address: portal.address,
      token: "tok",
      userAgent: "Kowalski v1",
      timeoutMs: more.timeoutMs ?? 5000,
      concurrency: 2,
      choice: { filters: [], groups: [] },
      store: under.store,
    });
    const events: DrainEvent[] = [];
    const options = { ...DRAIN_DEFAULTS, firstWaitMs: 2, longestWaitMs: 20 };
    const drain = new Drain(sink, under.store, options, (event) => events.push(event));
    await drain.start("oldest");
    running.push({ drain, events });
    return { drain, events };
  }

  const doneThrough = (drain: Drain, seq: bigint) =>
    until(`entry ${seq} is done`, () => {
      drain.wake();
      return drain.cursor >= seq;
    });

  test("makes the known calls for a new object, in their order and with their bodies", async () => {
    await store(under, copy(), [FIRST, SECOND]);
    const { drain } = await start();
    await doneThrough(drain, 2n);
    expect(portal.violations).toEqual([]);
    const expected = recorded().slice(0, 19);
    expect(portal.calls.map(({ method, path }) => `${method} ${path.replace(OBJECT, ":id")}`)).toEqual(
      expected.map(({ m, p }) => `${m} ${p.replace("ZTF23abjjnqk", ":id")}`),
    );
    portal.calls.forEach((call, n) => {
      const body = expected[n]?.body ?? undefined;
      compareBodies(`${call.method} ${call.path}`, call.body, body);
      expect(call.headers.get("authorization")).toBe("token tok");
    });
  });

  test("sends photometry with the known fluxes", async () => {
    await store(under, copy(), [FIRST]);
    const { drain } = await start();
    await doneThrough(drain, 1n);
    const [put, forced] = portal.calls.filter(({ path }) => path.startsWith("/api/photometry"));
    const golden = JSON.parse(readFileSync(sharedPath("reference", "golden.json"), "utf8")) as {
      photometry: Record<string, { n: number; n_det: number; first: Record<string, number | null>[] }>;
    };
    const known = golden.photometry[`ztf/${CANDID}`];
    const flux = put?.body?.["flux"] as (number | null)[];
    expect(flux.length).toBe(known?.n ?? 0);
    expect(flux.filter((value) => value !== null).length).toBe(known?.n_det ?? 0);
    const fluxerr = put?.body?.["fluxerr"] as number[];
    known?.first.forEach((row, n) => {
      expect(Math.abs((fluxerr[n] ?? 0) / Number(row["fluxerr"]) - 1)).toBeLessThan(1e-6);
    });
    expect(new Set(forced?.body?.["origin"] as string[])).toEqual(new Set(["alert_fp"]));
    expect(forced?.body?.["mjd"]).not.toHaveLength(0);
  });

  test("of an object it knows sends what is new only", async () => {
    await store(under, copy(), [FIRST, SECOND]);
    const { drain } = await start();
    await doneThrough(drain, 2n);
    const before = portal.calls.length;
    const next = later(9n);
    const match = { ...SECOND, candid: 9n, annotations: { author: "dd", mean_rb: 0.9 } };
    await store(under, next, [{ ...FIRST, candid: 9n }, match]);
    await doneThrough(drain, 4n);
    // Recorded for a known object, but for photometry that is there already: the original sends it again.
    expect(
      portal.calls.slice(before).map(({ method, path }) => `${method} ${path.replace(OBJECT, ":id")}`),
    ).toEqual([
      "HEAD /api/candidates/:id",
      "HEAD /api/sources/:id",
      "POST /api/candidates",
      "GET /api/sources/:id/annotations",
      "PUT /api/sources/:id/annotations/2",
      "GET /api/sources/:id/groups",
      "PUT /api/photometry",
      "GET /api/followup_request?sourceID=:id",
    ]);
    const put = portal.calls.findLast(({ path }) => path === "/api/photometry");
    expect(put?.body?.["mjd"]).toHaveLength(1);
    expect(portal.annotations.map(({ data }) => data)).toEqual([FIRST.annotations, match.annotations]);
    expect(portal.violations).toEqual([]);
  });

  test("of a reported object that nothing passes sends photometry, of others nothing", async () => {
    await store(under, copy(), [FIRST]);
    const { drain } = await start();
    await doneThrough(drain, 1n);
    const before = portal.calls.length;
    await store(under, later(9n), []);
    await store(under, realPacket("2475433850015015022.avro"), []);
    await doneThrough(drain, 2n);
    expect(portal.calls.slice(before).map(({ method, path }) => `${method} ${path}`)).toEqual([
      "PUT /api/photometry",
    ]);
  });

  test("saves only to groups that do not have the object, and honours what they ignore", async () => {
    const ignoring = { ...FIRST, autosave: { ignore_group_ids: [2], comment: "mine" } };
    portal.candidates.push({ id: OBJECT, filter_ids: [1] });
    portal.sources.set(OBJECT, new Set([2]));
    await store(under, copy(), [ignoring, SECOND]);
    const { drain } = await start();
    await doneThrough(drain, 2n);
    const saves = portal.calls.filter(({ method, path }) => method === "POST" && path === "/api/sources");
    expect(saves.map(({ body }) => body)).toEqual([
      { id: OBJECT, group_ids: [1], origin: "Kowalski", ignore_if_in_group_ids: { "1": [2] } },
    ]);
    expect([...(portal.sources.get(OBJECT) ?? [])]).toEqual([2]);
    // Not saved: not commented. The request of group 2, whose source it is, stands.
    expect(portal.comments.map(({ text }) => text)).toEqual(["fu! (priority: 2.0)"]);
    expect(portal.violations).toEqual([]);
  });

  test("a better priority updates the request that waits, a worse one leaves it", async () => {
    await store(under, copy(), [FIRST, SECOND]);
    const { drain } = await start();
    await doneThrough(drain, 2n);
    const withPriority = (candid: bigint, value: number): Match => ({
      ...SECOND,
      candid,
      auto_followup: {
        ...FOLLOWUP,
        payload: { observation_type: "IFU", priority: value },
        priority: { key: "priority", value, order: "asc" },
      },
    });
    await store(under, later(9n), [withPriority(9n, 1)]);
    await doneThrough(drain, 3n);
    expect(portal.followups.map(({ payload }) => (payload as Document)["priority"])).toEqual([2]);
    await store(under, later(10n, 4), [withPriority(10n, 4)]);
    await doneThrough(drain, 4n);
    expect(portal.followups.map(({ payload }) => (payload as Document)["priority"])).toEqual([4]);
    const put = portal.calls.find(
      ({ method, path }) => method === "PUT" && path === "/api/followup_request/1",
    );
    expect(put?.body).toMatchObject({
      obj_id: OBJECT,
      allocation_id: 3,
      payload: { observation_type: "IFU" },
    });
    expect(portal.comments.map(({ text }) => text)).toEqual(["saved by bot", "fu! (priority: 2.0)"]);
  });

  test("what SkyPortal refuses is kept with the reason, and the rest is reported", async () => {
    const unknown = { ...FIRST, filter: "77/7", group_id: 77, filter_id: 7 };
    await store(under, copy(), [unknown, SECOND]);
    portal.makeTrouble(({ path }) =>
      path === "/api/thumbnail"
        ? Response.json({ status: "error", message: "no space" }, { status: 400 })
        : undefined,
    );
    const { drain, events } = await start();
    await doneThrough(drain, 2n);
    const reasons = events.flatMap((event) => (event.type === "refused" ? [event.reason] : []));
    expect(reasons.join()).toContain("no group 77");
    expect(reasons.join()).toContain("no space");
    expect(portal.candidates.map(({ filter_ids }) => filter_ids)).toEqual([[2]]);
    expect(portal.followups.length).toBe(1);
    const kept = await under.store.findOne({ collection: "sink_failures", filter: {}, maxTimeMs: 1000 });
    expect(kept).toMatchObject({ sink: "skyportal", objectId: OBJECT, filters: ["77/7", "2/2"] });
  });

  test("whatever call fails, all is reported, and what must not come twice comes once", async () => {
    const troubles = [
      () => Response.json({ status: "error", message: "bug" }, { status: 500 }),
      () => new Response("later", { status: 429, headers: { "retry-after": "0.01" } }),
      () => "lost" as const,
    ];
    await store(under, copy(), [FIRST, SECOND]);
    const failed = new Set<string>();
    let turn = 0;
    // Each call fails at its first attempt, in a different way each time; comments and requests are not lost.
    portal.makeTrouble(({ method, path }) => {
      const call = `${method} ${path}`;
      if (failed.has(call)) return undefined;
      failed.add(call);
      if (path === "/api/streams") return "hang";
      const isOnce = /comments|followup_request|thumbnail/.test(path);
      return troubles[turn++ % (isOnce ? 2 : 3)]?.();
    });
    const { drain } = await start({ timeoutMs: 1000 });
    await doneThrough(drain, 2n);
    expect(portal.violations).toEqual([]);
    expect(portal.candidates.length).toBe(1);
    expect(portal.annotations.length).toBe(2);
    expect(portal.thumbnails.map(({ ttype }) => ttype)).toEqual(["new", "ref", "sub"]);
    expect([...(portal.sources.get(OBJECT) ?? [])]).toEqual([2]);
    expect(portal.comments.map(({ text }) => text)).toEqual(["saved by bot", "fu! (priority: 2.0)"]);
    expect(portal.followups.length).toBe(1);
    const keys = new Set(portal.calls.flatMap(({ headers }) => headers.get("idempotency-key") ?? []));
    expect([...keys]).toEqual([`ZTF/${CANDID}/1/1`]);
  });

  test("a wrong token refuses nothing: matches wait", async () => {
    await store(under, copy(), [FIRST]);
    portal.makeTrouble(() => Response.json({ status: "error", message: "bad token" }, { status: 401 }));
    const { drain, events } = await start();
    await until("it was tried", () => portal.calls.length > 5);
    expect(events.every(({ type }) => type === "failed")).toBe(true);
    expect(drain.problem).toContain("401");
    portal.makeTrouble(() => undefined);
    await doneThrough(drain, 1n);
    expect(portal.candidates.length).toBe(1);
  });
});

interface Recorded {
  readonly m: string;
  readonly p: string;
  readonly body: Record<string, unknown> | null;
}

function recorded(): Recorded[] {
  const text = readFileSync(sharedPath("reference", "skyportal_calls.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);
}

/** What differs from alert to alert: only its presence and type are compared. */
const OWN = new Set(["id", "obj_id", "ra", "dec", "score", "passing_alert_id", "passed_at", "data"]);

/**
 * The recording is of an alert that is not among the shared ones, so its values are compared by type and the
 * others by value. Differences that are meant: the object's groups to ignore are sent for new objects too, and a
 * group's name is its nickname.
 */
function compareBodies(call: string, found: unknown, expected: Record<string, unknown> | undefined): void {
  if (expected === undefined) {
    expect(found).toBeUndefined();
    return;
  }
  const body = found as Record<string, unknown>;
  const { ignore_if_in_group_ids: ignored, ...others } = body;
  if (ignored !== undefined) expect([call, ignored]).toEqual(["POST /api/sources", { "2": [5] }]);
  expect([call, Object.keys(others)]).toEqual([call, Object.keys(expected)]);
  for (const [field, value] of Object.entries(expected)) {
    const own = others[field];
    if (field === "origin" && String(value).endsWith(":f2")) expect(own).toBe("Group Two:f2");
    else if (field === "payload") expect(shape(own)).toEqual(shape(value));
    else if (
      Array.isArray(value) &&
      typeof value.at(-1) === "string" &&
      /items$/.test(value.at(-1) as string)
    ) {
      expect(new Set((own as unknown[]).map((item) => (item === null ? "number" : typeof item)))).toEqual(
        new Set(value.slice(0, -1).map((item) => (item === null ? "number" : typeof item))),
      );
    } else if (OWN.has(field)) expect(typeof own).toBe(typeof value);
    else expect([call, field, own]).toEqual([call, field, value]);
  }
}

/** A payload with its times as their form. */
function shape(payload: unknown): unknown {
  return JSON.parse(
    JSON.stringify(payload).replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}/g, "time"),
  ) as unknown;
}
