/** `/`, `/health`, `/ready`, `/metrics`, `/docs`, and what every address does alike: methods, limits, faults. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { toHttpError } from "../../src/api/errors.ts";
import { StoreError } from "../../src/store/index.ts";
import { openTestApi, scenarios, type TestApi } from "../support/api.ts";

const MAX_BODY = 64 * 1024;
let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({ server: { max_body_bytes: MAX_BODY } });
  await api.store.insert(
    "numbers",
    Array.from({ length: 20_000 }, (_, n) => ({ _id: n, text: `number ${n}` })),
  );
});
afterAll(() => api.close());

describe("service", () => {
  scenarios(
    () => api,
    [
      { name: "greeting", as: "nobody", ask: "GET /", status: 200, has: ["greetings from Kowalski!"] },
      {
        name: "greeting with a token",
        as: "ada",
        ask: "GET /",
        status: 200,
        has: ["greetings from Kowalski!"],
      },
      { name: "alive", as: "nobody", ask: "GET /health", status: 200, has: ["alive"] },
      { name: "ready", as: "nobody", ask: "GET /ready", status: 200, has: ["ready"] },
      {
        name: "metrics by route, not by address",
        as: "nobody",
        ask: "GET /metrics",
        status: 200,
        has: [/kowalski_http_request_seconds_count\{method="GET",route="\/health",status="200"\} \d/],
      },
    ],
  );
});

describe("documentation", () => {
  const page = {
    as: "nobody" as const,
    status: 200,
    has: [/<script src="\/docs\/assets\/swagger-ui-bundle.js">/],
    hasNot: ["http://", "https://"],
  };
  scenarios(
    () => api,
    [
      { name: "page", ask: "GET /docs", ...page },
      { name: "page with a slash", ask: "GET /docs/", ...page },
      { name: "page where clients of the original look", ask: "GET /docs/api/", ...page },
      { name: "description", as: "nobody", ask: "GET /docs/json", status: 200, has: ['"/api/queries"'] },
      {
        name: "description where clients of the original look",
        as: "nobody",
        ask: "GET /docs/api/swagger.json",
        status: 200,
        has: ['"/api/queries"'],
      },
      ...["swagger-ui.css", "swagger-ui-bundle.js", "start.js", "icon.png"].map((name) => ({
        name: "asset",
        as: "nobody" as const,
        ask: `GET /docs/assets/${name}`,
        status: 200,
      })),
      {
        name: "no asset",
        as: "nobody",
        ask: "GET /docs/assets/constructor",
        status: 404,
        has: ["Not Found"],
      },
    ],
  );

  test("lets the page load nothing from elsewhere", async () => {
    const { headers } = await api.ask("nobody", "GET", "/docs");
    expect(headers.get("content-security-policy")).toStartWith("default-src 'none'");
    expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
  });
});

describe("methods", () => {
  scenarios(
    () => api,
    [
      { name: "unknown address", ask: "GET /nope", status: 404, has: ["Not Found: /nope; see /docs"] },
      {
        name: "another method",
        ask: "GET /api/auth",
        status: 405,
        has: ["GET is not possible here; there is POST"],
      },
      { name: "another method, deeper", ask: "POST /api/users/ada", status: 405, has: ["GET, PUT, DELETE"] },
      { name: "slash at the end", as: "nobody", ask: "GET /health/", status: 200 },
    ],
  );

  test("405 and OPTIONS tell what there is", async () => {
    const wrong = await api.ask("admin", "DELETE", "/api/users");
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, POST, HEAD, OPTIONS"]);
    const options = await api.ask("nobody", "OPTIONS", "/api/auth");
    expect([options.status, options.headers.get("allow"), options.text]).toEqual([204, "POST, OPTIONS", ""]);
    expect(options.headers.get("access-control-allow-origin")).toBeNull();
    expect((await api.ask("nobody", "OPTIONS", "/nope")).status).toBe(404);
  });

  test("HEAD answers as GET does, without the body", async () => {
    for (const path of ["/", "/health", "/docs", "/nope", "/api/users"]) {
      const [head, get] = [await api.ask("nobody", "HEAD", path), await api.ask("nobody", "GET", path)];
      expect([path, head.status, head.text]).toEqual([path, get.status, ""]);
    }
  });
});

describe("limits of a body", () => {
  const query = (filter: string) => `{"query_type":"find","query":{"catalog":"numbers","filter":${filter}}}`;
  const nested = (depth: number) => query(`${'{"$and":['.repeat(depth)}{"_id":1}${"]}".repeat(depth)}`);
  scenarios(
    () => api,
    [
      {
        name: "as large as allowed",
        ask: "POST /api/queries",
        body: query(`{"text":"${"x".repeat(MAX_BODY - 100)}"}`),
        status: 200,
      },
      {
        name: "larger",
        ask: "POST /api/queries",
        body: query(`{"text":"${"x".repeat(MAX_BODY)}"}`),
        status: 413,
        has: [`larger than ${MAX_BODY} bytes`],
      },
      {
        name: "larger, before login",
        as: "nobody",
        ask: "POST /api/auth",
        body: "x".repeat(MAX_BODY + 1),
        status: 413,
      },
      { name: "deep", ask: "POST /api/queries", body: nested(40), status: 200 },
      {
        name: "deeper",
        ask: "POST /api/queries",
        body: nested(60),
        status: 400,
        has: ["nests deeper than 100 levels"],
      },
      {
        name: "as deep as it is long",
        ask: "POST /api/queries",
        body: "[".repeat(MAX_BODY - 1),
        status: 400,
        has: ["nests deeper"],
      },
      { name: "no text", ask: "POST /api/queries", body: undefined, status: 400, has: ["no body"] },
    ],
  );

  test("a larger one is refused without a length too, and without being read whole", async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1024;
        controller.enqueue(new Uint8Array(1024).fill(32));
      },
    });
    const headers = { authorization: api.tokens.get("ada") ?? "" };
    const answer = await fetch(`${api.url}/api/queries`, { method: "POST", body: endless, headers }).catch(
      () => undefined,
    );
    if (answer !== undefined) expect(answer.status).toBe(413);
    expect(sent).toBeLessThan(100 * MAX_BODY);
    expect((await api.ask("nobody", "GET", "/health")).status).toBe(200);
  });

  test("bytes that are no UTF-8 are refused", async () => {
    const headers = { authorization: api.tokens.get("ada") ?? "" };
    const body = new Uint8Array([123, 34, 255, 34, 125]);
    const answer = await fetch(`${api.url}/api/queries`, { method: "POST", body, headers });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("not UTF-8")]);
  });
});

describe("time limit", () => {
  const scan = { catalog: "numbers", filter: { text: { $regex: "no such number" } } };
  scenarios(
    () => api,
    [
      {
        name: "find",
        ask: "POST /api/queries",
        body: { query_type: "find", query: scan, kwargs: { max_time_ms: 1 } },
        status: 504,
        has: ["time limit of 1 ms"],
      },
      {
        name: "count",
        ask: "POST /api/queries",
        body: { query_type: "count_documents", query: scan, kwargs: { max_time_ms: "1" } },
        status: 504,
      },
      {
        name: "one of several",
        ask: "POST /api/queries",
        body: { queries: [{ query_type: "find", query: scan, kwargs: { max_time_ms: 1 } }] },
        status: 200,
        has: ['"code":504'],
      },
    ],
  );

  test("an answer that exceeds it half-way is broken off, not ended", async () => {
    const small = await openTestApi();
    try {
      const padding = "x".repeat(4000);
      await small.store.insert(
        "large",
        Array.from({ length: 4000 }, (_, n) => ({ _id: n, padding })),
      );
      const body = JSON.stringify({
        query_type: "find",
        query: { catalog: "large", filter: {} },
        kwargs: { max_time_ms: 500 },
      });
      const { text, closed } = await readSlowly(small, body, 1000);
      expect(closed).toBe(true);
      expect(text).toStartWith("HTTP/1.1 200 OK");
      expect(text).not.toContain("]}\r\n0\r\n");
      expect(small.log.join("\n")).toContain("answer broken off");
    } finally {
      await small.close();
    }
  });
});

test("a query that fails after its first documents answers as one that fails at once", async () => {
  const small = await openTestApi();
  try {
    await small.store.insert(
      "rows",
      Array.from({ length: 500 }, (_, n) => ({ _id: n, divisor: n === 499 ? 0 : 1 })),
    );
    const answer = await small.ask("admin", "POST", "/api/queries", {
      query_type: "aggregate",
      query: { catalog: "rows", pipeline: [{ $project: { share: { $divide: ["$_id", "$divisor"] } } }] },
    });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining("zero")]);
    expect(small.log.join("\n")).not.toContain("answer broken off");
  } finally {
    await small.close();
  }
});

/** Sends a query, reads a first piece, stops reading for a while, and reads the rest until the end. */
function readSlowly(
  opened: TestApi,
  body: string,
  pauseMs: number,
): Promise<{ text: string; closed: boolean }> {
  const { hostname, port } = new URL(opened.url);
  const head = [
    "POST /api/queries HTTP/1.1",
    "Host: test",
    `Authorization: ${opened.tokens.get("admin")}`,
    `Content-Length: ${body.length}`,
  ];
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let text = "";
    let paused = false;
    const finish = (closed: boolean) => {
      resolve({ text, closed });
      socket.destroy();
    };
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (text.endsWith("\r\n0\r\n\r\n")) finish(false);
      if (paused) return;
      paused = true;
      socket.pause();
      setTimeout(() => socket.resume(), pauseMs);
    });
    socket.on("error", () => finish(true));
    socket.on("close", () => finish(true));
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  });
}

describe("our own faults", () => {
  test("are 500 with a number that is in the log, and nothing of the inside", async () => {
    await api.store.insert("broken", [{ _id: 1, a: 1 }]);
    const database = new Database(join(api.dataDir, "kowalski.db"));
    const { id } = database
      .query<{ id: number }, []>("SELECT id FROM collections WHERE name = 'broken'")
      .get() ?? { id: 0 };
    database.run(`UPDATE c${id} SET doc = 'no document'`);
    database.close();
    const answer = await api.ask("ada", "POST", "/api/queries", {
      query_type: "find",
      query: { catalog: "broken", filter: {} },
    });
    expect(answer.status).toBe(500);
    const { message, id: number } = JSON.parse(answer.text) as { message: string; id: string };
    expect(message).toBe(`internal error ${number}: the log of the server tells more`);
    expect(answer.text).not.toMatch(/JSON|sqlite|\.ts/i);
    const line = api.log.find((entry) => entry.includes(number));
    expect(line).toContain('"level":"error"');
    expect(line).toContain('"path":"/api/queries"');
  });

  test("a store that is away is 503, whatever it says of itself", () => {
    const error = toHttpError(new StoreError("/data/kowalski.db: disk I/O error"));
    expect(error).toMatchObject({ status: 503, headers: { "retry-after": "10" } });
    expect(error?.message).not.toContain("/data");
  });

  test("the log and metrics have the status that was sent", async () => {
    await api.ask("ada", "GET", "/nope/at/all");
    const isLogged = () => api.log.some((line) => line.includes('"path":"/nope/at/all","status":404'));
    // The line is written after the answer.
    for (let waited = 0; !isLogged() && waited < 1000; waited += 10) await Bun.sleep(10);
    expect(isLogged()).toBe(true);
    expect((await api.ask("nobody", "GET", "/metrics")).text).toMatch(/route="unknown",status="404"\} [1-9]/);
  });
});

test("tokens and passwords are nowhere in the log", () => {
  for (const token of api.tokens.values()) expect(api.log.join("\n")).not.toContain(token);
});
