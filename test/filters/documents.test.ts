/** Filters as documents over HTTP: the contract, line by line. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Answer, openTestApi, type Scenario, scenarios, type TestApi } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  await api.accounts.edit("ada", { groups: [10] });
  await api.accounts.edit("bea", { groups: [20] });
});
afterAll(() => api.close());

const PIPELINE = [
  { $match: { "candidate.drb": { $gt: 0.9 }, "cross_matches.CLU_20190625.0": { $exists: false } } },
  { $project: { annotations: { drb: "$candidate.drb" } } },
];
const BASE = { group_id: 10, filter_id: 1, catalog: "ZTF_alerts", permissions: [1, 2], pipeline: PIPELINE };
const AUTOSAVE = { active: true, comment: "interesting", ignore_group_ids: [5], saver_id: 3 };
const FOLLOWUP = {
  pipeline: [{ $match: { "candidate.drb": { $gt: 0.99 } } }],
  allocation_id: 7,
  payload: { priority: 3, observation_type: "IFU" },
  priority_order: "asc",
};

interface Stored {
  readonly active_fid: string;
  readonly fv: readonly { readonly fid: string; readonly pipeline: string }[];
  readonly [field: string]: unknown;
}
const dataOf = (answer: Answer) => (JSON.parse(answer.text) as { data: Stored }).data;
const stored = async (address: string) => dataOf(await api.ask("admin", "GET", `/api/filters/${address}`));

const post = (
  name: string,
  body: Record<string, unknown>,
  status: number,
  has: (string | RegExp)[],
): Scenario => ({ name, ask: "POST /api/filters", body: { ...BASE, ...body }, status, has });
const patch = (
  name: string,
  body: Record<string, unknown>,
  status: number,
  has: (string | RegExp)[],
): Scenario => ({
  name,
  ask: "PATCH /api/filters",
  body: { filter_id: 1, group_id: 10, ...body },
  status,
  has,
});

describe("making filters", () => {
  scenarios(
    () => api,
    [
      {
        ...post("a filter", {}, 200, [/saved new filter version: [a-z0-9]{6}"/, /"fid":"[a-z0-9]{6}"/]),
        effect: async (_, answer) => {
          const filter = await stored("1");
          expect(filter.active_fid).toBe((JSON.parse(answer.text) as { data: { fid: string } }).data.fid);
          expect(JSON.parse(filter.fv[0]?.pipeline ?? "")).toEqual(PIPELINE);
          expect(filter).toMatchObject({
            filter_id: 1,
            group_id: 10,
            catalog: "ZTF_alerts",
            permissions: [1, 2],
            active: true,
            autosave: false,
            auto_followup: {},
            update_annotations: false,
          });
        },
      },
      {
        ...post("a version more, as text", { pipeline: JSON.stringify([{ $match: {} }]) }, 200, ["saved"]),
        effect: async () => {
          const filter = await stored("1");
          expect(filter.fv.map(({ pipeline }) => pipeline)).toEqual([
            JSON.stringify(PIPELINE),
            '[{"$match":{}}]',
          ]);
          expect(filter.active_fid).toBe(filter.fv[1]?.fid ?? "");
          expect(filter["permissions"]).toEqual([1, 2]);
        },
      },
      {
        ...post("a version with other settings", { permissions: [1], autosave: true }, 200, ["saved"]),
        effect: async () => expect(await stored("1")).toMatchObject({ permissions: [1], autosave: true }),
      },
      post("the same number in another group", { group_id: 20 }, 200, ["saved"]),
      post("numbers as text, as some clients send them", { filter_id: "2", group_id: "10" }, 200, ["saved"]),
      post(
        "int64 and dates of extended JSON",
        {
          filter_id: 3,
          pipeline:
            '[{"$match":{"candid":{"$gt":1127561440015015001},"when":{"$lt":{"$date":"2024-01-01T00:00:00Z"}}}}]',
        },
        200,
        ["1127561440015015001"],
      ),
      post("autosave as an object", { filter_id: 4, autosave: AUTOSAVE }, 200, ["saved"]),
      post(
        "autosave with a pipeline",
        {
          filter_id: 5,
          autosave: { comment: "x", pipeline: '[{"$match":{"candidate.drb":{"$gt":0.99}}}]' },
        },
        200,
        ["saved"],
      ),
      post("auto_followup", { filter_id: 6, autosave: AUTOSAVE, auto_followup: FOLLOWUP }, 200, ["saved"]),
      {
        name: "what is left out is filled in",
        ask: "GET /api/filters/6",
        status: 200,
        has: [
          "Retrieved filter id 6",
          '"radius":0.5',
          '"validity_days":7',
          '"implements_update":false',
          '"target_group_ids":[]',
          /"auto_followup":\{"active":true/,
        ],
      },
      post("unknown fields, which clients send", { filter_id: 7, altdata: { a: 1 } }, 200, ["saved"]),
    ],
  );
});

describe("refused", () => {
  const refuse = (name: string, body: Record<string, unknown>, has: (string | RegExp)[]) =>
    post(name, { filter_id: 99, ...body }, 400, has);
  scenarios(
    () => api,
    [
      refuse("no number", { filter_id: undefined }, ["filter_id: missing"]),
      refuse("number 0", { filter_id: 0 }, ["filter_id: expected a whole number of at least 1"]),
      refuse("a fractional number", { filter_id: 1.5 }, ["filter_id: expected a whole number"]),
      refuse("no group", { group_id: undefined }, ["group_id: missing"]),
      refuse("group 0", { group_id: 0 }, ["group_id: expected"]),
      refuse("no catalogue", { catalog: undefined }, ["catalog: expected one of ZTF_alerts"]),
      refuse("a catalogue of no survey", { catalog: "CLU_20190625" }, ["catalog: expected one of"]),
      refuse("permissions that are no list", { permissions: 1 }, ["permissions: expected a list"]),
      refuse("no pipeline", { pipeline: undefined }, ["pipeline: expected a list of stages"]),
      refuse("an empty pipeline", { pipeline: [] }, ["pipeline: expected at least one stage"]),
      refuse("an object for a pipeline", { pipeline: { $match: {} } }, ["pipeline: expected a list"]),
      refuse("text that is no JSON", { pipeline: "[{" }, ["pipeline"]),
      refuse("a stage that is misspelt", { pipeline: [{ $matc: {} }] }, [/pipeline\[0\].*\$match/]),
      refuse("an operator that is misspelt", { pipeline: [{ $match: { "candidate.drb": { $gtt: 0.9 } } }] }, [
        /pipeline\[0\]\.\$match\.candidate\.drb.*\$gtt/,
      ]),
      ...["$lookup", "$graphLookup", "$unionWith", "$out", "$merge", "$geoNear"].map((stage) =>
        refuse(
          `stage ${stage}`,
          { pipeline: [{ $match: {} }, { [stage]: {} }] },
          [`pipeline uses forbidden stages: ${stage.replace("$", "\\$")} at pipeline\\[1\\]`].map(
            (text) => new RegExp(text),
          ),
        ),
      ),
      refuse(
        "a forbidden stage in a facet in a facet",
        {
          pipeline: [{ $facet: { a: [{ $facet: { b: [{ $unionWith: "users" }] } }] } }],
        },
        [/forbidden stages: \$unionWith at pipeline\[0\]\.\$facet\.a\[0\]\.\$facet\.b\[0\]/],
      ),
      refuse(
        "a forbidden stage of autosave",
        {
          autosave: { pipeline: [{ $lookup: { from: "users" } }] },
        },
        [/autosave\.pipeline uses forbidden stages: \$lookup/],
      ),
      refuse(
        "a forbidden stage of auto_followup",
        {
          autosave: true,
          auto_followup: { ...FOLLOWUP, pipeline: [{ $facet: { a: [{ $merge: "x" }] } }] },
        },
        [/auto_followup\.pipeline uses forbidden stages: \$merge/],
      ),
      refuse("an empty pipeline of autosave", { autosave: { pipeline: [] } }, [
        "autosave.pipeline: expected",
      ]),
      refuse("unknown keys of autosave", { autosave: { activ: true } }, [
        "autosave has invalid keys: activ; there are active",
      ]),
      refuse("a wrong type in autosave", { autosave: { saver_id: "me" } }, ["autosave.saver_id: expected"]),
      refuse("autosave of another type", { autosave: "yes" }, ["autosave: expected an object"]),
      refuse("unknown keys of auto_followup", { autosave: true, auto_followup: { ...FOLLOWUP, x: 1 } }, [
        "auto_followup has invalid keys: x",
      ]),
      refuse("auto_followup without autosave", { auto_followup: FOLLOWUP }, [
        "Cannot setup auto_followup without autosave enabled",
      ]),
      refuse(
        "auto_followup with autosave that is off",
        {
          autosave: { ...AUTOSAVE, active: false },
          auto_followup: FOLLOWUP,
        },
        ["Cannot setup auto_followup without autosave enabled"],
      ),
      refuse(
        "auto_followup without pipeline",
        {
          autosave: true,
          auto_followup: { ...FOLLOWUP, pipeline: undefined },
        },
        ["Cannot test auto_followup pipeline: no pipeline specified"],
      ),
      refuse(
        "auto_followup without allocation",
        {
          autosave: true,
          auto_followup: { ...FOLLOWUP, allocation_id: undefined },
        },
        ["auto_followup.allocation_id: missing"],
      ),
      refuse(
        "auto_followup without payload",
        {
          autosave: true,
          auto_followup: { ...FOLLOWUP, payload: undefined },
        },
        ["auto_followup.payload: missing"],
      ),
      refuse(
        "a priority order of its own",
        {
          autosave: true,
          auto_followup: { ...FOLLOWUP, priority_order: "sideways" },
        },
        ["auto_followup.priority_order: expected asc or desc"],
      ),
      refuse(
        "another priority order for the same allocation",
        {
          autosave: true,
          auto_followup: { ...FOLLOWUP, priority_order: "desc" },
        },
        ["existing filters with the same allocation have priority_order set to a different value"],
      ),
      refuse("another catalogue for a known filter", { filter_id: 1, catalog: "PGIR_alerts" }, ["catalog"]),
      {
        name: "nothing of that was saved",
        ask: "GET /api/filters/99?group_id=10",
        status: 404,
        has: ["Filter id 99 not found"],
      },
    ],
  );
});

describe("changing", () => {
  scenarios(
    () => api,
    [
      {
        name: "a number that two groups have",
        ask: "PATCH /api/filters",
        body: { filter_id: 1, active: false },
        status: 409,
        has: ["filter_id 1 exists in groups 10, 20: give group_id too"],
      },
      patch("off", { active: false }, 200, ['"active":false']),
      patch("update_annotations", { update_annotations: true }, 200, ['"update_annotations":true']),
      patch("autosave", { autosave: AUTOSAVE }, 200, ['"comment":"interesting"']),
      patch("permissions", { permissions: [1, 2, 3, 3] }, 200, ['"permissions":[1,2,3]']),
      patch(
        "auto_followup in another order than its allocation's",
        {
          auto_followup: { ...FOLLOWUP, priority_order: "desc" },
        },
        400,
        ["priority_order set to a different value"],
      ),
      patch("auto_followup", { auto_followup: FOLLOWUP }, 200, ['"allocation_id":7']),
      patch("autosave off while there is auto_followup", { autosave: false }, 400, [
        "without autosave enabled",
      ]),
      patch("auto_followup away", { auto_followup: {} }, 200, ['"auto_followup":{}']),
      patch("a version that is none", { active_fid: "xxxxxx" }, 400, [
        "Cannot set active_fid to xxxxxx: filter version fid not in filter.fv",
      ]),
      patch("versions cannot be edited", { fv: [], pipeline: [{ $match: { a: 1 } }] }, 200, ['"pipeline"']),
      patch("a filter that is none", { filter_id: 98 }, 404, ["Filter id 98 not found"]),
      patch("no number", { filter_id: undefined }, 400, ["filter_id: missing"]),
    ],
  );

  test("an earlier version becomes the active one, and all versions stay as they were", async () => {
    const before = await stored("1?group_id=10");
    const [first] = before.fv;
    const answer = await api.ask("admin", "PATCH", "/api/filters", {
      filter_id: 1,
      group_id: 10,
      active_fid: first?.fid,
    });
    const after = dataOf(answer);
    expect(after.active_fid).toBe(first?.fid ?? "");
    expect(after.fv).toEqual(before.fv);
    expect(after.fv).toHaveLength(3);
  });
});

describe("who may", () => {
  scenarios(
    () => api,
    [
      { ...post("a member", { filter_id: 30, permissions: [1, 3] }, 200, ["saved"]), as: "ada" },
      {
        ...post("another group's", { filter_id: 31, group_id: 20 }, 403, ["filters of group 20"]),
        as: "ada",
      },
      {
        ...post("more than one may see", { filter_id: 32, group_id: 20 }, 403, [
          "permissions: you may not see program 2 of ZTF",
        ]),
        as: "bea",
      },
      {
        ...post("what one may see", { filter_id: 32, group_id: 20, permissions: [1] }, 200, ["saved"]),
        as: "bea",
      },
      {
        name: "widening permissions later",
        ask: "PATCH /api/filters",
        as: "bea",
        body: { filter_id: 32, permissions: [1, 2] },
        status: 403,
        has: ["you may not see program 2"],
      },
      {
        name: "reading another group's",
        ask: "GET /api/filters/30",
        as: "bea",
        status: 403,
        has: ["group 10"],
        hasNot: ["pipeline"],
      },
      {
        name: "the own of a number in two groups",
        ask: "GET /api/filters/1",
        as: "ada",
        status: 200,
        has: ['"group_id":10'],
      },
      { name: "removing another group's", ask: "DELETE /api/filters/30", as: "bea", status: 403 },
      { ...patch("changing another group's", { active: false }, 403, ["group 10"]), as: "bea" },
      {
        name: "the list of a member",
        ask: "GET /api/filters",
        as: "bea",
        status: 200,
        has: ['"filter_id":32'],
        hasNot: ['"group_id":10'],
      },
      {
        name: "the list of one group",
        ask: "GET /api/filters?group_id=20",
        status: 200,
        has: ['"group_id":20'],
        hasNot: ['"group_id":10'],
      },
      {
        name: "the list of those that are off",
        ask: "GET /api/filters?active=false",
        status: 200,
        has: ['"filter_id":1'],
        hasNot: ['"filter_id":32'],
      },
      { name: "nobody's list", ask: "GET /api/filters", as: "nobody", status: 401 },
      { name: "nobody's filter", ask: "POST /api/filters", as: "nobody", body: BASE, status: 401 },
    ],
  );
});

describe("removing", () => {
  scenarios(
    () => api,
    [
      {
        name: "a filter",
        ask: "DELETE /api/filters/1?group_id=20",
        status: 200,
        has: ["Removed filter id 1"],
      },
      {
        name: "the same again",
        ask: "DELETE /api/filters/1?group_id=20",
        status: 404,
        has: ["Filter id 1 not found"],
      },
      { name: "the other group's stays", ask: "GET /api/filters/1", status: 200, has: ['"group_id":10'] },
      { name: "what is no number", ask: "DELETE /api/filters/x", status: 400, has: ["filter_id: expected"] },
      post("made anew", { group_id: 20 }, 200, ["saved"]),
    ],
  );
});
