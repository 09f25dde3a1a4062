/** `POST /api/queries`: each type, its options, what it refuses and in which words. */
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
      ztfAlert(FIRST + 3n, "ZTF19abzrhgq", { drb: 0.1, jd: 2460004.5, programid: 3, ra: 10 }),
      ztfAlert(5n, "ZTF18small", {
        fields: { seen_at: new Date("2024-05-01T12:00:00Z"), bytes: new Uint8Array([1]) },
      }),
    ],
  });
  await api.store.insert("catalog", [{ _id: 1, big: 2n ** 53n + 1n }]);
});
afterAll(() => api.close());

const CANDIDS = { _id: 0, candid: 1 };

/** A scenario of a query on ZTF_alerts. */
function ask(
  name: string,
  query: object,
  rest: Partial<Scenario> & { type?: string; kwargs?: unknown } = {},
): Scenario {
  const { type = "find", kwargs, ...others } = rest;
  return {
    name,
    ask: "POST /api/queries",
    body: {
      query_type: type,
      query: { catalog: "ZTF_alerts", ...query },
      ...(kwargs === undefined ? {} : { kwargs }),
    },
    status: 200,
    ...others,
  };
}

const candids = (...offsets: number[]) =>
  `[${offsets.map((offset) => `{"candid":${FIRST + BigInt(offset)}}`).join(",")}]`;

describe("find", () => {
  scenarios(
    () => api,
    [
      ask(
        "by score",
        { filter: { "candidate.drb": { $gt: 0.9 } }, projection: CANDIDS },
        { as: "ada", kwargs: { sort: { candid: 1 } }, data: candids(0, 2) },
      ),
      {
        ...ask("by a candid beyond 2^53, exactly", {}),
        body: `{"query_type":"find","query":{"catalog":"ZTF_alerts","filter":{"candid":${FIRST}},"projection":{"_id":1,"candid":1}}}`,
        data: `[{"_id":${FIRST},"candid":${FIRST}}]`,
      },
      {
        ...ask("its neighbour that a double cannot tell apart", {}),
        body: `{"query_type":"count_documents","query":{"catalog":"ZTF_alerts","filter":{"candid":${FIRST + 64n}}}}`,
        data: "0",
      },
      ask("nothing", { filter: { candid: -1 } }, { data: "[]" }),
      ask("in a catalogue that is not there", { catalog: "nope", filter: {} }, { data: "[]" }),
      ask(
        "with blanks around the name",
        { catalog: " ZTF_alerts ", filter: { candid: 5 }, projection: CANDIDS },
        { data: '[{"candid":5}]' },
      ),
      ask(
        "all types as extended JSON, doubles with their point",
        {
          filter: { candid: 5 },
          projection: { seen_at: 1, bytes: 1, "candidate.exptime": 1, "candidate.rb": 1, _id: 0 },
        },
        {
          data: '[{"candidate":{"exptime":30.0,"rb":null},"seen_at":{"$date":"2024-05-01T12:00:00Z"},"bytes":{"$binary":{"base64":"AQ==","subType":"00"}}}]'.replace(
            '"subType":"0"',
            '"subType":"00"',
          ),
        },
      ),
      ask(
        "dates from extended JSON",
        { filter: { seen_at: { $lt: { $date: "2024-06-01T00:00:00Z" } } }, projection: CANDIDS },
        { data: '[{"candid":5}]' },
      ),
      ask(
        "int64 from extended JSON",
        { filter: { candid: { $numberLong: String(FIRST) } }, projection: CANDIDS },
        { data: candids(0) },
      ),
      ask(
        "unknown fields",
        { filter: { candid: 5 }, projection: CANDIDS, colour: "red" },
        { kwargs: { shape: "round" }, data: '[{"candid":5}]' },
      ),
      ask(
        "limit",
        { filter: {}, projection: CANDIDS },
        { kwargs: { limit: 1, sort: [["candidate.jd", -1]] }, data: candids(3) },
      ),
      ask(
        "a negative limit",
        { filter: {}, projection: CANDIDS },
        { kwargs: { limit: -2, sort: [["candidate.jd", -1]] }, data: candids(3, 2) },
      ),
      ask(
        "limit as text",
        { filter: {}, projection: CANDIDS },
        { kwargs: { limit: "1", sort: { "candidate.jd": -1 } }, data: candids(3) },
      ),
      ask(
        "skip, and sort as pairs",
        { filter: {}, projection: CANDIDS },
        { kwargs: { skip: 2, limit: 2, sort: [["candidate.jd", 1]] }, data: candids(1, 2) },
      ),
      ask(
        "sort as an object",
        { filter: {}, projection: CANDIDS },
        {
          kwargs: { limit: 2, sort: { objectId: 1, candid: -1 } },
          data: `[{"candid":5},${candids(3).slice(1)}`,
        },
      ),
      ask(
        "sort as text",
        { filter: {}, projection: CANDIDS },
        { kwargs: { limit: 1, sort: "[('candidate.jd', -1)]" }, data: candids(3) },
      ),
      ask(
        "hint by name",
        { filter: { objectId: "ZTF20aahgyet" }, projection: CANDIDS },
        { kwargs: { hint: "objectId", sort: { candid: 1 } }, data: candids(0, 1) },
      ),
      ask(
        "hint by keys",
        { filter: { objectId: "ZTF20aahgyet" }, projection: CANDIDS },
        { kwargs: { hint: { objectId: -1 }, sort: { candid: 1 } }, data: candids(0, 1) },
      ),
      ask(
        "comment and time limit",
        { filter: { candid: 5 }, projection: CANDIDS },
        { kwargs: { comment: "why", max_time_ms: 1000 }, data: '[{"candid":5}]' },
      ),
      ask(
        "kwargs null",
        { filter: { candid: 5 }, projection: CANDIDS },
        { kwargs: null, data: '[{"candid":5}]' },
      ),
      ask(
        "filter and projection as JSON text",
        { filter: `{"candid": ${FIRST}, "candidate.rb": null}`, projection: '{"_id": 0, "candid": true}' },
        { data: candids(0) },
      ),
      ask(
        "and as Python literals",
        {
          filter: `{'candid': {'$in': [${FIRST}, 7L]}}`.replace("7L", "7"),
          projection: "{'_id': False, 'candid': True,}",
        },
        { data: candids(0) },
      ),
      ask(
        "a position, nearest first",
        {
          filter: {
            "coordinates.radec_geojson": {
              $nearSphere: {
                $geometry: { type: "Point", coordinates: [150.25 - 180, 2.5] },
                $maxDistance: 1000,
              },
            },
          },
          projection: CANDIDS,
        },
        { kwargs: { limit: 1 }, has: ['"candid":'] },
      ),
      ask(
        "cutouts never come along",
        { filter: { candid: 5 } },
        { has: ["ZTF18small"], hasNot: ["cutoutScience"] },
      ),
    ],
  );
});

describe("find_one and counts", () => {
  scenarios(
    () => api,
    [
      ask(
        "one, projected and sorted",
        { filter: {}, projection: CANDIDS },
        {
          type: "find_one",
          kwargs: { sort: [["candidate.jd", -1]], skip: 1 },
          data: `{"candid":${FIRST + 2n}}`,
        },
      ),
      ask("none: no data", { filter: { candid: -1 } }, { type: "find_one", data: "(no data)" }),
      ask("count", { filter: { "candidate.drb": { $gt: 0.9 } } }, { type: "count_documents", data: "2" }),
      ask("count all", { filter: {} }, { type: "count_documents", data: "5" }),
      ask(
        "count with limit and skip",
        { filter: {} },
        { type: "count_documents", kwargs: { skip: 2, limit: 2 }, data: "2" },
      ),
      ask(
        "count from a list of pairs ignores sort",
        { filter: {} },
        { type: "count_documents", kwargs: { sort: [["candid", 1]] }, data: "5" },
      ),
      ask("estimate", {}, { type: "estimated_document_count", data: "5" }),
      ask("estimate of nothing", { catalog: "nope" }, { type: "estimated_document_count", data: "0" }),
    ],
  );
});

describe("info", () => {
  const info = (name: string, query: object, rest: Partial<Scenario> = {}): Scenario =>
    ask(name, { catalog: undefined, ...query }, { type: "info", ...rest } as Partial<Scenario>);
  scenarios(
    () => api,
    [
      info(
        "names, newest first, no system collections",
        { command: "catalog_names" },
        { as: "ada", data: '["catalog","ZTF_alerts_cutouts","ZTF_alerts_aux","ZTF_alerts"]' },
      ),
      info(
        "of a catalogue",
        { command: "catalog_info", catalog: "ZTF_alerts" },
        { as: "ada", has: ['"ns":"ZTF_alerts"', '"count":5'] },
      ),
      info("of one that is not there", { command: "catalog_info", catalog: "nope" }, { has: ['"count":0'] }),
      info(
        "indexes",
        { command: "index_info", catalog: "ZTF_alerts" },
        { has: ['"candid":{"v":2,"key":[["candid",-1]],"unique":true}', '"2dsphere"'] },
      ),
      info("the database", { command: "db_info" }, { as: "ada", has: ['"objects":'] }),
      info(
        "counts only what the user may see",
        { command: "catalog_info", catalog: "ZTF_alerts" },
        { as: "bea", has: ['"count":3,'] },
      ),
      info(
        "nor what lies beside it",
        { command: "catalog_info", catalog: "ZTF_alerts_aux" },
        { as: "bea", status: 403 },
      ),
      info("nor the database", { command: "db_info" }, { as: "bea", status: 403, has: ["may not see"] }),
      info(
        "a command that is not there",
        { command: "catalog_name" },
        { status: 400, has: ["query.command: expected one of catalog_names, catalog_info"] },
      ),
      info("a command of every object", { command: "constructor" }, { status: 400 }),
      info("no catalogue", { command: "catalog_info" }, { status: 400, has: ["query.catalog"] }),
      info(
        "of the users, by a user",
        { command: "catalog_info", catalog: "users" },
        { as: "ada", status: 403, has: ["Protected collection"] },
      ),
      info(
        "indexes of the users, by a user",
        { command: "index_info", catalog: " users " },
        { as: "ada", status: 403 },
      ),
    ],
  );
});

describe("explain", () => {
  const around = { object_coordinates: { radec: "1 2", cone_search_radius: 1 }, catalogs: { catalog: {} } };
  test.each([
    ["cone_search", around],
    ["near", { radec: "1 2", catalogs: { catalog: {} } }],
    ["skymap", { skymap: { localization_name: "a", dateobs: "2024-01-01" } }],
    ["find_one", {}],
    ["count_documents", {}],
    ["drop", { catalog: "catalog" }],
  ])("is refused by %s, with what has it", async (query_type, query) => {
    const body = { query_type, query: { catalog: "ZTF_alerts", ...query }, kwargs: { explain: true } };
    const { status, text } = await api.ask("admin", "POST", "/api/queries", body);
    expect([status, JSON.parse(text).message]).toEqual([
      400,
      expect.stringContaining(
        `kwargs.explain: ${query_type} does not tell how it is served; find and aggregate do`,
      ),
    ]);
  });

  test("that is false is as none", async () => {
    const body = {
      query_type: "near",
      query: { radec: "1 2", catalogs: { catalog: {} } },
      kwargs: { explain: false },
    };
    expect((await api.ask("admin", "POST", "/api/queries", body)).status).toBe(200);
  });
});

describe("what is wrong is named", () => {
  scenarios(
    () => api,
    [
      ask(
        "operator",
        { filter: { candid: { $gtt: 1 } } },
        { status: 400, has: ["filter.candid.$gtt: unknown operator, did you mean $gt?"] },
      ),
      ask("no filter", {}, { status: 400, has: ["query.filter: missing"] }),
      ask(
        "filter of another type",
        { filter: [1] },
        { status: 400, has: ["query.filter: expected an object"] },
      ),
      ask(
        "filter as broken text",
        { filter: "{'a': " },
        { status: 400, has: ["query.filter: neither JSON", "nor a Python literal"] },
      ),
      ask("filter that calls", { filter: "__import__('os')" }, { status: 400, has: ["query.filter"] }),
      ask("projection", { filter: {}, projection: { a: 1, b: 0 } }, { status: 400, has: ["projection"] }),
      ask(
        "catalogue",
        { catalog: 7, filter: {} },
        { status: 400, has: ["query.catalog: expected the name"] },
      ),
      ask(
        "limit",
        { filter: {} },
        { kwargs: { limit: 1.5 }, status: 400, has: ["kwargs.limit: expected a whole number"] },
      ),
      ask(
        "skip",
        { filter: {} },
        { kwargs: { skip: -1 }, status: 400, has: ["kwargs.skip: expected 0 or more"] },
      ),
      ask("sort", { filter: {} }, { kwargs: { sort: { candid: 2 } }, status: 400, has: ["kwargs.sort"] }),
      ask(
        "hint",
        { filter: {} },
        {
          kwargs: { hint: "no_such_index" },
          status: 400,
          has: ["hint: no such index of ZTF_alerts; there are: _id_"],
        },
      ),
      ask(
        "hint of another type",
        { filter: {} },
        { kwargs: { hint: 1 }, status: 400, has: ["kwargs.hint: expected"] },
      ),
      ask(
        "time limit",
        { filter: {} },
        { kwargs: { max_time_ms: 0 }, status: 400, has: ["kwargs.max_time_ms: expected an integer >= 1"] },
      ),
      ask("kwargs", { filter: {} }, { kwargs: [1], status: 400, has: ["kwargs: expected an object"] }),
      ask("JavaScript", { filter: { $where: "while(1){}" } }, { status: 400, has: ["$where"] }),
      ask("type", {}, { type: "fnd", status: 400, has: ["query_type: expected one of find, find_one"] }),
      { ...ask("no type", {}), body: { query: {} }, status: 400, has: ["query_type"] },
      {
        ...ask("query of another type", {}),
        body: { query_type: "find", query: "x" },
        status: 400,
        has: ["query: expected an object"],
      },
      {
        ...ask("no JSON", {}),
        body: '{"query_type": find}',
        status: 400,
        has: ["not valid JSON at line 1, column 16"],
      },
      { ...ask("no UTF-8", {}), body: undefined, status: 400, has: ["no body"] },
      { ...ask("nobody asks", { filter: {} }), as: "nobody", status: 401, has: ["missing token"] },
    ],
  );
});

describe("who may see what", () => {
  const all = { filter: {}, projection: CANDIDS };
  scenarios(
    () => api,
    [
      ask("all alerts", all, { as: "ada", type: "count_documents", data: "5" }),
      ask("only public ones", all, { as: "bea", type: "count_documents", data: "3" }),
      ask(
        "not by naming others",
        { filter: { "candidate.programid": { $in: [2, 3] } } },
        { as: "bea", data: "[]" },
      ),
      ask(
        "not by $or",
        { filter: { $or: [{ "candidate.programid": 2 }, { candid: { $gt: 0 } }] } },
        { as: "bea", type: "count_documents", data: "3" },
      ),
      ask(
        "not by $nor",
        { filter: { $nor: [{ candid: 5 }] } },
        { as: "bea", type: "count_documents", data: "2" },
      ),
      ask("nor by estimating", {}, { as: "bea", type: "estimated_document_count", data: "3" }),
      ask(
        "nor by one's candid",
        { filter: { candid: { $numberLong: String(FIRST + 2n) } } },
        { as: "bea", type: "find_one", data: "(no data)" },
      ),
      ask(
        "a position among them",
        {
          filter: {
            "coordinates.radec_geojson": {
              $nearSphere: { $geometry: { type: "Point", coordinates: [150.25 - 180, 2.5] } },
            },
          },
          projection: CANDIDS,
        },
        { as: "bea", has: [`${FIRST}`], hasNot: [`${FIRST + 2n}`] },
      ),
      ask(
        "histories",
        { catalog: "ZTF_alerts_aux", filter: {} },
        { as: "bea", status: 403, has: ["beyond your programs", "/api/objects/ztf"] },
      ),
      ask("cutouts", { catalog: "ZTF_alerts_cutouts", filter: {} }, { as: "bea", status: 403 }),
      ask(
        "histories, unrestricted",
        { catalog: "ZTF_alerts_aux", filter: { _id: "ZTF20aaelulu" }, projection: { _id: 1 } },
        { as: "ada", data: '[{"_id":"ZTF20aaelulu"}]' },
      ),
      ...["users", "filters", "queries", "outbox", "dead_letters", "sources", " users "].flatMap(
        (catalog) => [
          ask(
            `${catalog}, by a user`,
            { catalog, filter: {} },
            { as: "ada", status: 403, has: ["Protected collection"], hasNot: ["argon2"] },
          ),
          ask(
            `count of ${catalog}, by a user`,
            { catalog, filter: {} },
            { as: "ada", type: "count_documents", status: 403 },
          ),
          ask(
            `estimate of ${catalog}, by a user`,
            { catalog },
            { as: "ada", type: "estimated_document_count", status: 403 },
          ),
        ],
      ),
      ask(
        "the users, by the administrator",
        { catalog: "users", filter: {}, projection: { _id: 1 } },
        {
          kwargs: { sort: { _id: 1 } },
          data: '[{"_id":"ada"},{"_id":"admin"},{"_id":"bea"}]',
        },
      ),
    ],
  );
});

describe("drop", () => {
  const drop = (name: string, catalog: unknown, rest: Partial<Scenario> = {}) =>
    ask(name, { catalog }, { type: "drop", ...rest } as Partial<Scenario>);
  scenarios(
    () => api,
    [
      drop("by a user", "catalog", { as: "ada", status: 403, has: ["admin rights required"] }),
      drop("alerts, by a user", "ZTF_alerts", { as: "bea", status: 403 }),
      drop("a system collection, even by the administrator", "users", { status: 403, has: ["users"] }),
      drop("by the administrator", "catalog", {
        data: "(no data)",
        has: ["Successfully dropped collection"],
        effect: async ({ store }) => expect(await store.collectionNames()).not.toContain("catalog"),
      }),
      drop("one that is not there", "catalog", { has: ["Successfully dropped collection"] }),
      drop("no name", "", { status: 400, has: ["query.catalog"] }),
    ],
  );
  test("the alerts are still there", async () =>
    expect(await api.store.estimatedCount("ZTF_alerts")).toBe(5));
});

describe("several at once", () => {
  const count = { query_type: "count_documents", query: { catalog: "ZTF_alerts", filter: {} } };
  const one = {
    query_type: "find",
    query: { catalog: "ZTF_alerts", filter: { candid: 5 }, projection: CANDIDS },
  };
  const many = (name: string, queries: unknown, rest: Partial<Scenario> = {}): Scenario => ({
    name,
    ask: "POST /api/queries",
    body: { queries },
    status: 200,
    ...rest,
  });
  scenarios(
    () => api,
    [
      many("answers in order, each with its own envelope", [count, one, count], {
        data: '[{"status":"success","message":"Successfully executed query","data":5},{"status":"success","message":"Successfully executed query","data":[{"candid":5}]},{"status":"success","message":"Successfully executed query","data":5}]',
      }),
      many(
        "one that fails does not keep the others from answering",
        [count, { query_type: "nope" }, { ...one, query: { catalog: "users", filter: {} } }, one],
        {
          as: "ada",
          has: [
            /"data":5\},\{"status":"error","message":"query_type: expected one of/,
            /"message":"Protected collection[^}]*"code":403/,
            /\{"candid":5\}\]\}\]\}$/,
          ],
        },
      ),
      many("none", [], { data: "[]" }),
      many("no list", { a: 1 }, { status: 400, has: ["queries: expected a list"] }),
      many("something else in the list", [count, 7], {
        status: 400,
        has: ["queries[1]: expected an object"],
      }),
      many("nobody asks", [count], { as: "nobody", status: 401 }),
      many("too many", Array(1001).fill(count), { status: 400, has: ["at most 1000"] }),
    ],
  );
});
