/** `aggregate` over HTTP: what it answers, what it refuses at any nesting, whose data it keeps from whom. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openTestApi, type Scenario, scenarios, type TestApi, ztfAlert } from "../support/api.ts";

const FIRST = 1127561440015015001n;
let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({
    alerts: [
      ztfAlert(FIRST, "ZTF20aahgyet", { drb: 0.99, jd: 2460001.5 }),
      ztfAlert(FIRST + 1n, "ZTF20aahgyet", { drb: 0.4, jd: 2460002.5 }),
      ztfAlert(FIRST + 2n, "ZTF20aaelulu", { drb: 0.95, jd: 2460003.5, programid: 2 }),
    ],
  });
  await api.store.insert(
    "rows",
    Array.from({ length: 3000 }, (_, n) => ({ _id: n, group: n % 7, text: `row ${n}` })),
  );
});
afterAll(() => api.close());

function pipeline(
  name: string,
  stages: unknown,
  rest: Partial<Scenario> & { kwargs?: unknown; catalog?: string } = {},
): Scenario {
  const { kwargs, catalog = "ZTF_alerts", ...others } = rest;
  return {
    name,
    ask: "POST /api/queries",
    body: {
      query_type: "aggregate",
      query: { catalog, pipeline: stages },
      ...(kwargs === undefined ? {} : { kwargs }),
    },
    status: 200,
    ...others,
  };
}

describe("answers", () => {
  const newest = [{ $sort: { "candidate.jd": -1 } }, { $limit: 1 }, { $project: { _id: 0, candid: 1 } }];
  const group = [{ $group: { _id: "$group", n: { $sum: 1 } } }, { $sort: { _id: 1 } }, { $limit: 2 }];
  scenarios(
    () => api,
    [
      pipeline("stages", newest, { as: "ada", data: `[{"candid":${FIRST + 2n}}]` }),
      pipeline("stages as JSON text", JSON.stringify(newest), { data: `[{"candid":${FIRST + 2n}}]` }),
      pipeline("stages as Python literals", "[{'$match': {'candidate.rb': None}}, {'$count': 'n'}]", {
        data: '[{"n":3}]',
      }),
      pipeline("groups", group, { catalog: "rows", data: '[{"_id":0,"n":429},{"_id":1,"n":429}]' }),
      pipeline("no stages: all", [], {
        catalog: "rows",
        kwargs: { batchSize: 10, allowDiskUse: true, hint: "_id_" },
        has: ['"row 2999"'],
      }),
      pipeline("nothing", [{ $match: { candid: -1 } }], { data: "[]" }),
      pipeline("of a catalogue that is not there", newest, { catalog: "nope", data: "[]" }),
      pipeline(
        "an explanation",
        [{ $match: { candid: { $numberLong: `${FIRST}` } } }, { $project: { candid: 1 } }],
        {
          kwargs: { explain: true },
          has: ['"index":"candid"', '"documentsExamined":1', '"stage":"$match"'],
        },
      ),
      {
        ...pipeline("an explanation of a find", []),
        body: {
          query_type: "find",
          query: { catalog: "ZTF_alerts", filter: { objectId: "ZTF20aahgyet" } },
          kwargs: { explain: true },
        },
        data: '{"index":"objectId","documentsExamined":2,"documentsReturned":2}',
      },
    ],
  );
});

describe("what is wrong is named", () => {
  scenarios(
    () => api,
    [
      pipeline("stage", [{ $match: {} }, { $matc: {} }], {
        status: 400,
        has: ["query.pipeline[1]", "$matc", "$match"],
      }),
      pipeline("operator", [{ $match: { "candidate.drb": { $gtt: 1 } } }], {
        status: 400,
        has: ["query.pipeline[0].$match.candidate.drb.$gtt: unknown operator, did you mean $gt?"],
      }),
      pipeline("no pipeline", undefined, { status: 400, has: ["query.pipeline: expected a list of stages"] }),
      pipeline("stage of another type", [{ $match: {} }, 3], {
        status: 400,
        has: ["query.pipeline: expected a list of stages"],
      }),
      pipeline("broken text", "[{'$match': ", { status: 400, has: ["query.pipeline: neither JSON"] }),
      pipeline("batch size", [], { kwargs: { batchSize: -1 }, status: 400, has: ["kwargs.batchSize"] }),
      pipeline("disk use", [], {
        kwargs: { allowDiskUse: "yes" },
        status: 400,
        has: ["kwargs.allowDiskUse: expected true or false"],
      }),
      pipeline("hint", [], { kwargs: { hint: "nope" }, status: 400, has: ["hint"] }),
      pipeline("at run time", [{ $project: { x: { $divide: [1, "$group"] } } }], {
        catalog: "rows",
        status: 400,
        has: ["$divide"],
      }),
      pipeline(
        "a document too large to be written out",
        [
          {
            $project: {
              x: { $map: { input: { $range: [0, 1_000_000] }, in: { $range: [0, 1_000_000] } } },
            },
          },
        ],
        { catalog: "rows", status: 400, has: ["larger than 256 MB"] },
      ),
      pipeline("time limit", [{ $match: { text: { $regex: "no such row" } } }], {
        catalog: "rows",
        kwargs: { max_time_ms: 1 },
        status: 504,
        has: ["time limit of 1 ms"],
      }),
    ],
  );
});

describe("what is closed", () => {
  const inFacet = (stage: object) => [{ $facet: { all: [{ $match: {} }], inner: [stage] } }];
  const lookup = (from: string) => ({ $lookup: { from, localField: "_id", foreignField: "_id", as: "x" } });
  const graph = (from: string) => ({
    $graphLookup: { from, startWith: "$_id", connectFromField: "_id", connectToField: "_id", as: "x" },
  });
  const inLookup = (stage: object) => [{ $lookup: { from: "rows", pipeline: [stage], as: "x" } }];
  const all = (from: string, ...stages: object[]) => ({ $lookup: { from, pipeline: stages, as: "x" } });
  const one = { $limit: 1 };
  /** Joins with alerts and histories, and how many public rows each shows. */
  const ofBea: [name: string, stages: object[], publicRows: number][] = [
    ["alerts", [one, all("ZTF_alerts")], 2],
    ["alerts in a facet", [one, { $facet: { f: [all("ZTF_alerts", { $sort: { candid: 1 } })] } }], 2],
    ["alerts in a join", [one, all("rows", { $limit: 1 }, all("ZTF_alerts"))], 2],
    [
      "alerts that follow each other",
      [
        one,
        { $addFields: { start: 1 } },
        {
          $graphLookup: {
            from: "ZTF_alerts",
            startWith: "$start",
            connectFromField: "candidate.fid",
            connectToField: "candidate.fid",
            as: "x",
          },
        },
      ],
      2,
    ],
    ["histories", [one, { $lookup: { ...all("ZTF_alerts_aux").$lookup, as: "h" } }, all("ZTF_alerts")], 4],
  ];
  const refused = (name: string, stages: object[], as: Scenario["as"] = "ada", catalog = "rows") =>
    pipeline(name, stages, { as: as ?? "ada", catalog, status: 400, hasNot: ["argon2"] });
  const closed = (name: string, stages: object[], as: Scenario["as"] = "ada", catalog = "rows") =>
    pipeline(name, stages, { as: as ?? "ada", catalog, status: 403, hasNot: ["argon2", "2460003"] });
  scenarios(
    () => api,
    [
      refused("$out", [{ $out: "mine" }], "admin"),
      refused("$merge", [{ $merge: { into: "rows" } }], "admin"),
      refused("$out in a facet", inFacet({ $out: "mine" }), "admin"),
      closed("the parts of a view", [], "ada", "ZTF_alerts_aux.chunks"),
      closed("the parts of a view, in a join", [lookup("ZTF_alerts_aux.objects")]),
      closed("the server's own", [], "ada", "system.users"),
      pipeline("explain, by one who may not see all alerts", [{ $match: {} }], {
        as: "bea",
        catalog: "ZTF_alerts",
        kwargs: { explain: true },
        status: 403,
        hasNot: ["documentsExamined"],
      }),
      refused("$unionWith, by a user", [{ $unionWith: "ZTF_alerts" }]),
      refused("$unionWith in a facet, by a user", inFacet({ $unionWith: "users" })),
      refused("$unionWith in a lookup, by a user", inLookup({ $unionWith: { coll: "users", pipeline: [] } })),
      closed("users", [], "ada", "users"),
      closed("users with blanks", [], "ada", " users"),
      closed("users by $lookup", [lookup("users")]),
      closed("users by $lookup in a facet", inFacet(lookup("users"))),
      closed("users by $lookup in a $lookup", inLookup(lookup("users"))),
      closed("users by $graphLookup", [graph("users")]),
      closed("users by $graphLookup in a facet", inFacet(graph("users"))),
      closed("dead letters by $lookup", [lookup("dead_letters")]),
      closed("stamps by $lookup", [lookup("ZTF_alerts_cutouts")], "bea"),
      closed("stamps by $lookup in a facet", inFacet(lookup("ZTF_alerts_cutouts")), "bea"),
      closed("history by $graphLookup", [graph("ZTF_alerts_aux")], "bea"),
      ...ofBea.map(([name, stages, programids]) =>
        pipeline(`of ${name} only public rows`, stages, {
          as: "bea",
          catalog: "rows",
          has: ["2460002.5"],
          hasNot: ["2460003.5", '"programid":2', "ZTF20aaelulu"],
          effect: (_, { text }) => expect(text.match(/"programid":1/g)).toHaveLength(programids),
        }),
      ),
      ...ofBea.map(([name, stages]) =>
        pipeline(`of ${name} all rows, unrestricted`, stages, {
          as: "ada",
          catalog: "rows",
          has: ["2460003.5", '"programid":2'],
        }),
      ),
      pipeline("a join that is open", [{ $limit: 1 }, lookup("rows"), { $project: { _id: 1, "x._id": 1 } }], {
        as: "bea",
        catalog: "rows",
        data: '[{"_id":0,"x":[{"_id":0}]}]',
      }),
      pipeline(
        "history, unrestricted",
        [
          { $limit: 1 },
          { $lookup: { from: "ZTF_alerts_aux", localField: "objectId", foreignField: "_id", as: "aux" } },
          { $unwind: "$aux" },
        ],
        {
          as: "ada",
          has: ['"prv_candidates":['],
        },
      ),
      pipeline("$unionWith, by the administrator", [{ $unionWith: "rows" }, { $count: "n" }], {
        data: '[{"n":3003}]',
      }),
      closed("proprietary history", [], "bea", "ZTF_alerts_aux"),
      pipeline("only public alerts", [{ $count: "n" }], { as: "bea", data: '[{"n":2}]' }),
      pipeline("not in a facet", [{ $facet: { all: [{ $count: "n" }] } }], {
        as: "bea",
        data: '[{"all":[{"n":2}]}]',
      }),
      pipeline("all of them, unrestricted", [{ $count: "n" }], { as: "ada", data: '[{"n":3}]' }),
    ],
  );

  test("nothing was written", async () => {
    expect(await api.store.collectionNames()).not.toContain("mine");
    expect(await api.store.estimatedCount("rows")).toBe(3000);
  });
});
