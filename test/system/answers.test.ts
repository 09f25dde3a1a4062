/** Large answers of the executable take no memory, and saved queries outlive it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openEmbeddedStore } from "../../src/store/index.ts";
import { type RunningServe, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";

const ROWS = 30_000;
const ROW_BYTES = 3000;
const folder = temporaryFolder();
let serve: RunningServe;
let token: string;

beforeAll(async () => {
  const store = await openEmbeddedStore({ dataDir: folder.path });
  const text = "x".repeat(ROW_BYTES);
  for (let from = 0; from < ROWS; from += 2000) {
    await store.insert(
      "rows",
      Array.from({ length: 2000 }, (_, n) => ({ _id: from + n, text })),
    );
  }
  await store.close();
  serve = await startServe(folder.path);
  const { server } = JSON.parse(readFileSync(join(folder.path, "secrets.json"), "utf8")) as {
    server: { admin_username: string; admin_password: string };
  };
  const login = { username: server.admin_username, password: server.admin_password };
  const answer = await fetch(`${serve.url}/api/auth`, { method: "POST", body: JSON.stringify(login) });
  token = ((await answer.json()) as { token: string }).token;
}, 120_000);
afterAll(async () => {
  await serve.stop();
  folder[Symbol.dispose]();
});

const ask = (path: string, body?: object) =>
  fetch(serve.url + path, {
    headers: { authorization: token },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });

/** Resident memory of the server, megabytes. */
function residentMB(): number {
  const status = readFileSync(`/proc/${serve.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1000;
}

const queries = {
  find: { query_type: "find", query: { catalog: "rows", filter: {} } },
  aggregate: {
    query_type: "aggregate",
    query: { catalog: "rows", pipeline: [{ $match: { _id: { $gte: 0 } } }] },
  },
};

for (const [name, query] of Object.entries(queries)) {
  test.if(existsSync("/proc/self/status"))(
    `a ${name} of ${(ROWS * ROW_BYTES) / 1e6} MB is streamed, also to a reader who is slow`,
    async () => {
      const { body } = await ask("/api/queries", query);
      const reader = body?.getReader();
      await reader?.read();
      const before = residentMB();
      // Time enough to read it all, for a server that does not wait.
      await Bun.sleep(1500);
      expect(residentMB() - before).toBeLessThan(45);
      let bytes = 0;
      let end = "";
      for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
        bytes += next.value.length;
        // The last part may be a single character.
        end = (end + new TextDecoder().decode(next.value.subarray(-10))).slice(-10);
      }
      expect(bytes).toBeGreaterThan(ROWS * ROW_BYTES * 0.99);
      expect(end).toEndWith("}]}");
    },
  );
}

test("a saved query whose server is killed is answered by the next", async () => {
  const count = {
    query_type: "count_documents",
    query: { catalog: "rows", filter: { text: { $regex: "x$" } } },
    kwargs: { save: true },
  };
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) {
    const answer = (await (await ask("/api/queries", count)).json()) as { query_id: string };
    ids.push(answer.query_id);
  }
  await serve.kill();
  serve = await startServe(folder.path);
  for (const id of ids) {
    let text = "";
    for (let waited = 0; waited < 30_000; waited += 100) {
      text = await (await ask(`/api/queries/${id}?part=result`)).text();
      if (!text.includes("not finished yet")) break;
      await Bun.sleep(100);
    }
    expect(text).toBe(`{"status":"success","message":"Successfully executed query","data":${ROWS}}`);
  }
}, 60_000);
