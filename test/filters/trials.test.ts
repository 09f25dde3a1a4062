/** Filters tried on stored alerts, looked at before they are switched on, and filled in: over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AlertRecord } from "../../src/store/index.ts";
import { type Answer, openTestApi, type Scenario, scenarios, type TestApi } from "../support/api.ts";
import { alertWith } from "./support.ts";

/** Two nights: 2023-01-24 with 60 alerts and 2023-01-25 with 40; drb rises from 0 to 1 within each. */
const FIRST_NIGHT = 2459968.7;
const HISTORY = [FIRST_NIGHT - 2, FIRST_NIGHT - 1, FIRST_NIGHT + 0.5].map((jd, n) => ({
  jd,
  programid: 1 + (n % 2),
}));

function night(count: number, jd: number, first: bigint): AlertRecord[] {
  return Array.from({ length: count }, (_, n) =>
    alertWith(first + BigInt(n), `ZTF23obj${n}`, jd + n / 10_000, {
      drb: n / count,
      programid: n % 10 === 9 ? 2 : 1,
      prv: HISTORY.filter((row) => row.jd < jd),
      fp: n === 0 ? [{ jd: jd - 3, programid: 1, procstatus: "0" }] : [],
    }),
  );
}

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({
    alerts: [...night(60, FIRST_NIGHT, 2n ** 60n), ...night(40, FIRST_NIGHT + 1, 2n ** 61n)],
  });
  await api.accounts.edit("ada", { groups: [10] });
  await api.accounts.edit("bea", { groups: [10] });
});
afterAll(() => api.close());

const above = (drb: number) => [
  { $match: { "candidate.drb": { $gte: drb } } },
  { $project: { annotations: { drb: "$candidate.drb", rows: { $size: "$prv_candidates" } } } },
];
const filter = (filter_id: number, pipeline: unknown, rest: Record<string, unknown> = {}) => ({
  group_id: 10,
  filter_id,
  catalog: "ZTF_alerts",
  permissions: [1, 2],
  pipeline,
  ...rest,
});
interface Tried {
  readonly seen: number;
  readonly passed: number;
  readonly errors: number;
  readonly data: readonly { readonly objectId: string; readonly annotations: Record<string, unknown> }[];
  readonly explain: readonly {
    stage: string;
    documentsIn: number;
    documentsOut: number;
    conditions?: unknown[];
  }[];
  readonly failures: readonly unknown[];
}
const tried = ({ text }: Answer) => JSON.parse(text) as Tried;

const post = (name: string, body: unknown, status: number, has: (string | RegExp)[]): Scenario => ({
  name,
  ask: "POST /api/filters",
  body,
  status,
  has,
});

describe("saving and switching on", () => {
  scenarios(
    () => api,
    [
      post("a selective filter", filter(1, above(0.9)), 200, [
        /pipeline works: the newest alert, \d{19}, passes/,
      ]),
      post(
        "one that fails on the newest alert",
        filter(2, [{ $match: { $expr: { $gt: [{ $size: "$fp_hists" }, 0] } } }]),
        400,
        ["pipeline[0].$match", "$size"],
      ),
      post(
        "an autosave pipeline that fails",
        filter(2, above(0.9), {
          autosave: { pipeline: [{ $match: { $expr: { $gt: [{ $size: "$fp_hists" }, 0] } } }] },
        }),
        400,
        ["autosave.pipeline[0]"],
      ),
      post("one that selects too much", filter(3, above(0.5)), 400, [
        "filter 3 selects 20 of 40 alerts (50 %) of the night 20230125, more than 1 %",
      ]),
      { name: "is not saved", ask: "GET /api/filters/3", status: 404 },
      post("the same switched off", filter(3, above(0.5), { active: false }), 200, ["saved"]),
      {
        name: "and on",
        ask: "PATCH /api/filters",
        body: { filter_id: 3, active: true },
        status: 400,
        has: ["selects 20 of 40 alerts"],
      },
      {
        name: "and on by a user who overrides",
        as: "ada",
        ask: "PATCH /api/filters",
        body: { filter_id: 3, active: true, override: true },
        status: 403,
        has: ["only administrators may override"],
      },
      {
        name: "and on by an administrator who overrides",
        ask: "PATCH /api/filters",
        body: { filter_id: 3, active: true, override: true },
        status: 200,
        has: ['"active":true'],
      },
      {
        name: "what is on already is not looked at again",
        ask: "PATCH /api/filters",
        body: { filter_id: 3, update_annotations: true },
        status: 200,
      },
      {
        name: "wider permissions are",
        ask: "PATCH /api/filters",
        body: { filter_id: 3, permissions: [1, 2, 3] },
        status: 400,
        has: ["selects 20 of 40"],
      },
      post("a new version of a filter that is on", filter(1, above(0.2)), 400, ["selects 32 of 40"]),
    ],
  );
});

const CASE = { catalog: "ZTF_alerts", pipeline: above(0.5), permissions: [1, 2] };
const test_ = (
  name: string,
  body: unknown,
  status: number,
  has: (string | RegExp)[] = [],
  effect?: (answer: Answer) => void,
): Scenario => ({
  name,
  ask: "POST /api/filters/test",
  body,
  status,
  has,
  ...(effect === undefined ? {} : { effect: (_: TestApi, answer: Answer) => effect(answer) }),
});

describe("trying a pipeline that is not saved", () => {
  scenarios(
    () => api,
    [
      test_(
        "on a range of dates",
        { ...CASE, start_date: "2023-01-24", end_date: "2023-01-25T00:00:00Z" },
        200,
        ["30 of 60 alerts pass"],
        (answer) => {
          const { explain, data } = tried(answer);
          expect(
            explain.map(({ stage, documentsIn, documentsOut }) => [stage, documentsIn, documentsOut]),
          ).toEqual([
            ["$match", 60, 30],
            ["$project", 30, 30],
          ]);
          expect(data).toHaveLength(30);
          // Rows of the second night are the future here.
          expect(data[0]).toMatchObject({ objectId: "ZTF23obj30", annotations: { drb: 0.5, rows: 2 } });
        },
      ),
      test_(
        "on Julian dates",
        { ...CASE, start_date: FIRST_NIGHT + 1, end_date: FIRST_NIGHT + 1.5 },
        200,
        ["20 of 40 alerts pass"],
        (answer) => expect(tried(answer).data[0]?.annotations["rows"]).toBe(3),
      ),
      test_("on the newest ones", { ...CASE, last: 10 }, 200, ["10 of 10 alerts pass"]),
      test_("on objects", { ...CASE, object_ids: ["ZTF23obj39", "ZTF23obj1"] }, 200, ["2 of 4 alerts pass"]),
      test_("on a window without alerts", { ...CASE, start_date: 2455000.5, end_date: 2455001 }, 200, [
        "0 of 0 alerts pass",
      ]),
      test_(
        "with few rows in the answer",
        { ...CASE, last: 100, limit: 3 },
        200,
        ["50 of 100 alerts pass"],
        (answer) => expect(tried(answer).data).toHaveLength(3),
      ),
      test_("with fewer permissions", { ...CASE, permissions: [1], last: 100 }, 200, [
        "45 of 90 alerts pass",
      ]),
      test_(
        "one that fails on some",
        { ...CASE, last: 100, pipeline: [{ $match: { $expr: { $gt: [{ $size: "$fp_hists" }, 0] } } }] },
        200,
        ["2 of 100 alerts pass"],
        (answer) => {
          const { errors, failures } = tried(answer);
          expect({ errors, failures: failures.length }).toEqual({ errors: 98, failures: 10 });
        },
      ),
      test_(
        "a group keeps to its own alert",
        { ...CASE, last: 100, pipeline: [{ $group: { _id: null, n: { $sum: 1 } } }, { $match: { n: 1 } }] },
        200,
        ["100 of 100 alerts pass"],
      ),
      test_("nothing to run on", CASE, 400, [
        "At least one of object_ids, start_date, or end_date is required",
      ]),
      test_("no objects", { ...CASE, object_ids: [] }, 400, ["object_ids: expected at least one"]),
      test_("objects of another type", { ...CASE, object_ids: "ZTF23obj1" }, 400, [
        "object_ids must be a list if provided",
      ]),
      test_("too many objects", { ...CASE, object_ids: Array.from({ length: 1001 }, String) }, 400, [
        "object_ids list must have 1000 or fewer elements",
      ]),
      test_("half a range", { ...CASE, start_date: 2459968 }, 400, [
        "start_date and end_date must both be provided",
      ]),
      test_("no date", { ...CASE, start_date: "yesterday", end_date: "today" }, 400, [
        "start_date: expected a Julian date",
      ]),
      test_("too long", { ...CASE, last: 1, max_time_ms: 3_000_001 }, 400, [
        "max_time_ms must be less than 5 minutes (in ms: 300000)",
      ]),
      test_("a forbidden stage", { ...CASE, last: 1, pipeline: [{ $lookup: {} }] }, 400, [
        "forbidden stages: $lookup",
      ]),
      {
        ...test_("more than one may see", { ...CASE, last: 1 }, 403, ["you may not see program 2"]),
        as: "bea",
      },
      {
        ...test_("what one may see, unless told", { ...CASE, permissions: undefined, last: 100 }, 200, [
          "of 90 alerts",
        ]),
        as: "bea",
      },
      { ...test_("by nobody", { ...CASE, last: 1 }, 401), as: "nobody" },
      {
        name: "a saved one",
        ask: "POST /api/filters/1/test",
        body: { last: 40 },
        status: 200,
        has: ["4 of 40 alerts pass"],
      },
      {
        name: "a saved one sees no more than who asks",
        as: "bea",
        ask: "POST /api/filters/1/test",
        body: { last: 40 },
        status: 200,
        has: ["of 40 alerts pass"],
        hasNot: ["ZTF23obj39"],
      },
      {
        name: "a version that is none",
        ask: "POST /api/filters/1/test",
        body: { last: 1, filter_version: "x" },
        status: 400,
        has: ["Filter version x not found"],
      },
      {
        name: "a filter that is none",
        ask: "POST /api/filters/77/test",
        body: { last: 1 },
        status: 404,
        has: ["Filter id 77 not found"],
      },
    ],
  );

  test("tells its progress line by line to who asks for that", async () => {
    const answer = await api.ask(
      "ada",
      "POST",
      "/api/filters/test",
      { ...CASE, last: 100, limit: 2 },
      { accept: "application/x-ndjson" },
    );
    const events = answer.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string });
    expect(events.map(({ event }) => event).sort()).toEqual(["progress", "row", "row", "summary"]);
    expect(events.at(-1)).toMatchObject({ event: "summary", seen: 100, passed: 50, explain: [{}, {}] });
  });
});

describe("backfill and matches", () => {
  scenarios(
    () => api,
    [
      { name: "nothing at first", ask: "GET /api/filters/1/matches", status: 200, data: "[]" },
      {
        name: "a night",
        ask: "POST /api/filters/1/backfill",
        body: { start_date: "2023-01-24", end_date: "2023-01-25" },
        status: 200,
        has: ["6 of 60 alerts pass, 6 are new"],
      },
      {
        name: "both nights",
        ask: "POST /api/filters/1/backfill",
        body: { start_date: "2023-01-24", end_date: "2023-01-26" },
        status: 200,
        has: ["10 of 100 alerts pass, 4 are new", '"delivered":4'],
      },
      {
        name: "nothing to run on",
        ask: "POST /api/filters/1/backfill",
        body: {},
        status: 400,
        has: ["At least one of"],
      },
    ],
  );

  test("matches are listed in pages, newest first, each once", async () => {
    const seen: string[] = [];
    let before = "";
    for (;;) {
      const { text } = await api.ask("ada", "GET", `/api/filters/1/matches?limit=4${before}`);
      const { data, next } = JSON.parse(text) as {
        data: { objectId: string; backfill: boolean; jd: number }[];
        next: number | null;
      };
      expect(data.every(({ backfill }) => backfill)).toBe(true);
      seen.push(...data.map(({ objectId, jd }) => `${objectId}@${jd}`));
      if (next === null) break;
      before = `&before=${next}`;
    }
    expect(seen).toHaveLength(10);
    expect(new Set(seen).size).toBe(10);
    expect(seen[0]).toStartWith("ZTF23obj39@");
  });

  scenarios(
    () => api,
    [
      {
        name: "matches of programs that one may not see",
        as: "bea",
        ask: "GET /api/filters/1/matches",
        status: 200,
        data: "[]",
      },
      {
        name: "a wrong page",
        ask: "GET /api/filters/1/matches?limit=0",
        status: 400,
        has: ["limit: expected"],
      },
      {
        name: "a wrong place",
        ask: "GET /api/filters/1/matches?before=x",
        status: 400,
        has: ["before: expected"],
      },
      { name: "reports, while nothing ran", ask: "GET /api/filters/reports", status: 200, data: "[]" },
    ],
  );
});
