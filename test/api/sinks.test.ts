/** `/api/sinks`: what the administrator is told, and nobody else. */
import { afterAll, beforeAll, describe } from "bun:test";
import { openTestApi, scenarios, type TestApi } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  await api.store.insert("outbox_state", [{ _id: "sequence", last: 9n }]);
  await api.store.insert("sink_cursors", [{ _id: "hook", seq: 4n, updated_at: new Date(0) }]);
  await api.store.insert("sink_failures", [
    { _id: "hook/ZTF/1/1/1", sink: "hook", candid: 1n, reason: "422 no such group", failed_at: new Date(1) },
    { _id: "file/ZTF/2/1/1", sink: "file", candid: 2n, reason: "disk", failed_at: new Date(2) },
  ]);
});
afterAll(() => api.close());

describe("sinks", () => {
  scenarios(
    () => api,
    [
      {
        name: "where each stands",
        ask: "GET /api/sinks",
        status: 200,
        has: ['"sink":"hook","backlog":5,"delivered_through":4'],
      },
      { name: "is for administrators", as: "ada", ask: "GET /api/sinks", status: 403 },
      { name: "failures", ask: "GET /api/sinks/failures", status: 200, has: ["no such group", "disk"] },
      {
        name: "failures of one sink",
        ask: "GET /api/sinks/failures?sink=hook",
        status: 200,
        has: ["no such group"],
        hasNot: ["disk"],
      },
      { name: "a wrong limit", ask: "GET /api/sinks/failures?limit=0", status: 400, has: ["limit"] },
      { name: "failures are for administrators", as: "ada", ask: "GET /api/sinks/failures", status: 403 },
      {
        name: "retry of some",
        ask: "POST /api/sinks/failures/retry",
        body: { ids: ["hook/ZTF/1/1/1", "nothing"] },
        status: 200,
        has: ['"asked":1'],
      },
      {
        name: "retry with a wrong list",
        ask: "POST /api/sinks/failures/retry",
        body: { ids: "all" },
        status: 400,
        has: ["ids"],
      },
      {
        name: "retry is for administrators",
        as: "ada",
        ask: "POST /api/sinks/failures/retry",
        body: {},
        status: 403,
      },
    ],
  );
});
