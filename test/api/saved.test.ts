/** Saved queries: run in the background, answered later, kept for their owner, across restarts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SavedQueries } from "../../src/api/queries/saved.ts";
import { createLog } from "../../src/telemetry/index.ts";
import {
  type Answer,
  dataText,
  openTestApi,
  scenarios,
  type TestApi,
  type Who,
  ztfAlert,
} from "../support/api.ts";

const CANDID = 1127561440015015001n;
const MAX_SAVED = 200_000;
let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({
    alerts: [ztfAlert(CANDID, "ZTF20aahgyet"), ztfAlert(CANDID + 1n, "ZTF20aaelulu", { programid: 2 })],
    queries: { max_saved_bytes: MAX_SAVED },
  });
  const text = "x".repeat(1000);
  await api.store.insert(
    "rows",
    Array.from({ length: 1000 }, (_, n) => ({ _id: n, text })),
  );
});
afterAll(() => api.close());

const find = (filter: unknown, kwargs: object = {}, catalog = "ZTF_alerts") => ({
  query_type: "find",
  query: { catalog, filter, projection: { _id: 0, candid: 1 } },
  kwargs: { save: true, ...kwargs },
});

/** Saves a query and answers its id. */
async function save(who: Who, body: object): Promise<string> {
  const answer = await api.ask(who, "POST", "/api/queries", body);
  expect([answer.status, answer.text]).toEqual([200, expect.stringContaining("query enqueued")]);
  return (JSON.parse(answer.text) as { query_id: string }).query_id;
}

/** The answer about a query once it has ended. */
async function ended(who: Who, id: string, part = ""): Promise<Answer> {
  for (let waited = 0; waited < 20_000; waited += 20) {
    const state = await api.ask(who, "GET", `/api/queries/${id}?part=task`);
    if (/"state":"(done|failed)"/.test(state.text)) break;
    await Bun.sleep(20);
  }
  return api.ask(who, "GET", `/api/queries/${id}${part}`);
}

describe("a saved query", () => {
  test("is answered with its id, then with its state, then with its result", async () => {
    const id = await save("ada", find({ candid: { $numberLong: `${CANDID}` } }));
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    const { status, text } = await ended("ada", id);
    expect(status).toBe(200);
    expect(text).toContain(`"query_id":"${id}","user":"ada","state":"done"`);
    expect(text).toContain('"task":{"query_type":"find","query":{"catalog":"ZTF_alerts"');
    expect(text).toEndWith(`"result":[{"candid":${CANDID}}]}}`);
    const lifetime = /"created_at":\{"\$date":"([^"]+)"\}.*"expires_at":\{"\$date":"([^"]+)"\}/.exec(text);
    expect(Date.parse(lifetime?.[2] ?? "") - Date.parse(lifetime?.[1] ?? "")).toBe(5 * 86_400_000);
    const result = await api.ask("ada", "GET", `/api/queries/${id}?part=result`);
    expect(result.text).toBe(
      `{"status":"success","message":"Successfully executed query","data":[{"candid":${CANDID}}]}`,
    );
    expect(dataText((await api.ask("ada", "GET", `/api/queries/${id}?part=task`)).text)).not.toContain(
      '"result"',
    );
  });

  test("of a count, of nothing, of one document that is not there", async () => {
    const count = await save("ada", { ...find({}), query_type: "count_documents" });
    expect((await ended("ada", count, "?part=result")).text).toEndWith('"data":2}');
    const nothing = await save("ada", find({ candid: -1 }));
    expect((await ended("ada", nothing, "?part=result")).text).toEndWith('"data":[]}');
    const none = await save("ada", { ...find({ candid: -1 }), query_type: "find_one" });
    expect((await ended("ada", none, "?part=result")).text).toBe(
      '{"status":"success","message":"Successfully executed query"}',
    );
    expect((await ended("ada", none)).text).toEndWith("}}");
  });

  test("sees what its owner may see", async () => {
    const id = await save("bea", find({}));
    expect((await ended("bea", id, "?part=result")).text).toEndWith(`"data":[{"candid":${CANDID}}]}`);
    const closed = await save("bea", find({}, {}, "users"));
    const failed = await ended("bea", closed);
    expect([failed.status, failed.text]).toEqual([200, expect.stringContaining('"state":"failed"')]);
    expect(failed.text).toContain("Protected collection");
    expect((await ended("bea", closed, "?part=result")).status).toBe(403);
  });

  test("is not shown to an owner who may see less by now", async () => {
    const id = await save("bea", find({}));
    await ended("bea", id);
    const path = `/api/queries/${id}`;
    const permit = (programs: readonly number[]) =>
      api.ask("admin", "PUT", "/api/users/bea", { permissions: { ZTF: programs } });
    await permit([1, 2]);
    expect((await api.ask("bea", "GET", path)).status).toBe(200);
    await permit([2]);
    for (const part of ["", "?part=result"]) {
      const { status, text } = await api.ask("bea", "GET", path + part);
      expect([status, text]).toEqual([403, expect.stringContaining("run it again")]);
    }
    expect((await api.ask("bea", "GET", `${path}?part=task`)).status).toBe(200);
    await permit([1]);
    expect((await api.ask("bea", "GET", path)).status).toBe(200);
  });

  test("keeps a large answer in parts, and refuses one that is too large with how to page", async () => {
    const whole = {
      query_type: "find",
      query: { catalog: "rows", filter: { _id: { $lt: 150 } } },
      kwargs: { save: true },
    };
    const { text } = await ended("ada", await save("ada", whole), "?part=result");
    expect((JSON.parse(text) as { data: unknown[] }).data).toHaveLength(150);
    const tooLarge = { ...whole, query: { catalog: "rows", filter: {} } };
    const failed = await ended("ada", await save("ada", tooLarge), "?part=result");
    expect(failed.status).toBe(413);
    expect(failed.text).toContain(`larger than ${MAX_SAVED} bytes`);
    expect(failed.text).toContain("kwargs.limit");
  });

  test("that is repeated under the client's own id is one query; another's id is taken", async () => {
    const own = { _id: "abcdefghijklmnop0123456789abcdef" };
    expect(await save("ada", find({}, own))).toBe(own._id);
    expect(await save("ada", find({}, own))).toBe(own._id);
    const taken = await api.ask("bea", "POST", "/api/queries", find({}, own));
    expect(taken.status).toBe(409);
    const list = await api.ask("ada", "GET", "/api/queries");
    expect(list.text.split(own._id)).toHaveLength(2);
  });

  test("in one of several at once", async () => {
    const answer = await api.ask("ada", "POST", "/api/queries", {
      queries: [find({}), { ...find({}), kwargs: {} }],
    });
    const id = /"query_id":"([^"]+)"/.exec(answer.text)?.[1] ?? "";
    expect((await ended("ada", id)).text).toContain('"state":"done"');
  });

  test("is its owner's and the administrator's, and goes when it is removed", async () => {
    const id = await save("ada", find({}));
    await ended("ada", id);
    for (const method of ["GET", "DELETE"])
      expect((await api.ask("bea", method, `/api/queries/${id}`)).status).toBe(404);
    expect((await api.ask("bea", "GET", "/api/queries")).text).not.toContain(id);
    expect((await api.ask("admin", "GET", `/api/queries/${id}`)).status).toBe(200);
    expect((await api.ask("ada", "DELETE", `/api/queries/${id}`)).text).toContain(`removed query ${id}`);
    expect((await api.ask("ada", "GET", `/api/queries/${id}`)).status).toBe(404);
    const left = { collection: "saved_answers", filter: { part_of: id }, maxTimeMs: 1000 };
    expect(await api.store.count(left)).toBe(0);
  });

  test("can be removed with all others of the same user", async () => {
    const ofAda = await save("ada", find({}));
    const ofBea = await save("bea", find({}));
    await ended("ada", ofAda);
    expect((await api.ask("ada", "DELETE", "/api/queries/all")).text).toMatch(/removed \d+ queries/);
    expect(dataText((await api.ask("ada", "GET", "/api/queries")).text)).toBe("[]");
    expect((await ended("bea", ofBea)).status).toBe(200);
  });
});

describe("what is wrong is named", () => {
  scenarios(
    () => api,
    [
      {
        name: "save of another type",
        as: "ada",
        ask: "POST /api/queries",
        body: find({}, { save: "yes" }),
        status: 400,
        has: ["kwargs.save: expected true or false"],
      },
      {
        name: "id that is none",
        as: "ada",
        ask: "POST /api/queries",
        body: find({}, { _id: "a/b" }),
        status: 400,
        has: ["kwargs._id"],
      },
      {
        name: "days",
        as: "ada",
        ask: "POST /api/queries",
        body: find({}, { query_expiration_interval: 0 }),
        status: 400,
        has: ["kwargs.query_expiration_interval"],
      },
      {
        name: "type",
        as: "ada",
        ask: "POST /api/queries",
        body: { query_type: "fnd", kwargs: { save: true } },
        status: 400,
        has: ["query_type"],
      },
      {
        name: "not there",
        as: "ada",
        ask: "GET /api/queries/nope",
        status: 404,
        has: ["query nope not found: answers are kept for 5 days"],
      },
      { name: "part", as: "ada", ask: "GET /api/queries/nope?part=half", status: 404 },
      { name: "nobody asks", as: "nobody", ask: "GET /api/queries/nope", status: 401 },
      { name: "nobody lists", as: "nobody", ask: "GET /api/queries", status: 401 },
      {
        name: "the collection of answers is closed",
        as: "ada",
        ask: "POST /api/queries",
        body: { query_type: "find", query: { catalog: "saved_answers", filter: {} } },
        status: 403,
      },
    ],
  );
});

describe("across restarts", () => {
  const head = (id: string, rest: object) => ({
    _id: id,
    user: "ada",
    state: "running",
    task: '{"query_type":"count_documents","query":{"catalog":"ZTF_alerts","filter":{}},"kwargs":{}}',
    attempts: 1,
    created_at: new Date(),
    finished_at: null,
    expires_at: new Date(Date.now() + 86_400_000),
    message: null,
    code: null,
    parts: 0,
    ...rest,
  });
  const load = (id: string) =>
    api.store.findOne({ collection: "queries", filter: { _id: id }, maxTimeMs: 1000 });

  test("what was interrupted runs again, what ends the server does not for ever, what expired is gone", async () => {
    await api.store.insert("queries", [
      head("interrupted", {}),
      head("waiting", { state: "queued", attempts: 0 }),
      head("deadly", { attempts: 3 }),
      head("old", { state: "done", expires_at: new Date(Date.now() - 1000), parts: 1 }),
    ]);
    await api.store.insert("saved_answers", [
      { _id: "old/0", part_of: "old", text: "1" },
      { _id: "interrupted/0", part_of: "interrupted", text: "half" },
      { _id: "interrupted/1", part_of: "interrupted", text: " an answer" },
    ]);
    const again = new SavedQueries({
      store: api.store,
      log: createLog({ level: "silent", stream: "stdout" }).log,
      run: async () => ({ message: "done", data: 2, programs: {} }),
      days: 5,
      maxBytes: 1000,
      isShared: false,
    });
    await again.start();
    expect(await load("old")).toBeUndefined();
    for (const id of ["interrupted", "waiting"])
      expect((await ended("ada", id, "?part=result")).text).toEndWith('"data":2}');
    const deadly = await ended("ada", "deadly");
    expect(deadly.text).toContain("the server ended 3 times while this query ran");
    await again.close();
    const parts = await api.store.count({
      collection: "saved_answers",
      filter: { _id: { $in: ["old/0", "interrupted/1"] } },
      maxTimeMs: 1000,
    });
    expect(parts).toBe(0);
  });

  test("what another server of the same store runs is left to it until it says nothing any more", async () => {
    const leaseMs = 300;
    const dead = crypto.randomUUID();
    await api.store.lease("saved_query/elsewhere", dead, 60_000);
    await api.store.lease("saved_query/killed", dead, 2 * leaseMs);
    await api.store.insert("queries", [head("elsewhere", {}), head("killed", {}), head("abandoned", {})]);
    const open = () =>
      new SavedQueries({
        store: api.store,
        log: createLog({ level: "silent", stream: "stdout" }).log,
        run: async () => ({ message: "done", data: 2, programs: {} }),
        days: 5,
        maxBytes: 1000,
        isShared: true,
        leaseMs,
      });
    const others = [open(), open()];
    for (const other of others) await other.start();
    expect((await ended("ada", "abandoned", "?part=result")).text).toEndWith('"data":2}');
    expect(await load("killed")).toMatchObject({ state: "running", attempts: 1 });
    expect((await ended("ada", "killed", "?part=result")).text).toEndWith('"data":2}');
    expect(await load("killed")).toMatchObject({ attempts: 2 });
    for (const other of others) await other.close();
    expect(await load("elsewhere")).toMatchObject({ state: "running", attempts: 1 });
    for (const id of ["elsewhere", "killed"]) await api.store.remove("queries", id);
    const filter = { _id: { $in: ["saved_query/killed", "saved_query/abandoned"] } };
    expect(await api.store.count({ collection: "leases", filter, maxTimeMs: 1000 })).toBe(0);
  });

  test("what runs while the server ends is left to the next one", async () => {
    await api.store.insert("queries", [head("cut", { state: "queued", attempts: 0 })]);
    let begun = () => {};
    const running = new Promise<void>((resolve) => (begun = resolve));
    let fail = () => {};
    const ending = new SavedQueries({
      store: api.store,
      log: createLog({ level: "silent", stream: "stdout" }).log,
      run: () => {
        begun();
        return new Promise((_, reject) => (fail = () => reject(new Error("the store is closed"))));
      },
      days: 5,
      maxBytes: 1000,
      isShared: false,
    });
    await ending.start();
    await running;
    const closed = ending.close();
    fail();
    await closed;
    expect(await load("cut")).toMatchObject({ state: "running", attempts: 1 });
  });
});
