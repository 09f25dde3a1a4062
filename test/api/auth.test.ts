/** `POST /api/auth`, tokens, and who is let in with which. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import {
  ADMIN_PASSWORD,
  JWT_SECRET,
  openTestApi,
  scenarios,
  type TestApi,
  tokenOf,
  USERS,
} from "../support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());

const QUERY = { query_type: "info", query: { command: "catalog_names" } };

describe("login", () => {
  const auth = (name: string, body: unknown, status: number, has: (string | RegExp)[]) => ({
    name,
    as: "nobody" as const,
    ask: "POST /api/auth",
    body,
    status,
    has,
  });
  scenarios(
    () => api,
    [
      {
        ...auth("right", { username: "admin", password: ADMIN_PASSWORD }, 200, ['"token":"eyJ']),
        hasNot: [ADMIN_PASSWORD],
      },
      auth("unknown fields", { username: "ada", password: USERS.ada, "penquins.__version__": "2.4.2" }, 200, [
        '"token":"eyJ',
      ]),
      {
        ...auth("as a form", `username=ada&password=${encodeURIComponent(USERS.ada)}`, 200, ['"token":"eyJ']),
        headers: { "content-type": "application/x-www-form-urlencoded" },
      },
      {
        ...auth("JSON that curl calls a form", { username: "ada", password: USERS.ada }, 200, [
          '"token":"eyJ',
        ]),
        headers: { "content-type": "application/x-www-form-urlencoded" },
      },
      auth("wrong password", { username: "admin", password: "nope" }, 401, ["wrong credentials"]),
      auth("unknown user", { username: "eve", password: "nope" }, 401, ["wrong credentials"]),
      auth("no name", { password: "x" }, 400, ["missing username"]),
      auth("no password", { username: "admin" }, 400, ["missing password"]),
      auth("empty password", { username: "admin", password: "" }, 400, ["missing password"]),
      auth("password of another type", { username: "admin", password: 1 }, 400, [
        "password: expected a string",
      ]),
      auth("name of another type", { username: { $ne: null }, password: "x" }, 400, ["username: expected"]),
      auth("no body", undefined, 400, ["no body"]),
      auth("no JSON", "{username", 400, ["not valid JSON", "line 1, column 2"]),
      auth("a list", [], 400, ["must be a JSON object"]),
    ],
  );
});

/** A token as anyone can write it. */
function forged(header: object, claims: object, key: string, hash = "sha256"): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac(hash, key).update(signed).digest("base64url")}`;
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<
    string,
    unknown
  >;
}

/** The status of a query with this header. */
async function statusWith(authorization: string | undefined): Promise<number> {
  const headers = authorization === undefined ? {} : { authorization };
  return (await api.ask("nobody", "POST", "/api/queries", QUERY, headers)).status;
}

describe("tokens", () => {
  const token = () => api.tokens.get("ada") ?? "";

  test("are accepted bare and as bearer, in any case", async () => {
    for (const header of [token(), `Bearer ${token()}`, `bearer ${token()}`, `BEARER  ${token()} `]) {
      expect([header, await statusWith(header)]).toEqual([header, 200]);
    }
  });

  test("say who, when and until when, and nothing of the password", () => {
    const claims = claimsOf(token());
    expect(claims).toMatchObject({ user_id: "ada" });
    expect(Number(claims["exp"]) - Number(claims["iat"])).toBe(30 * 86400);
    expect(Date.parse(String(claims["created_at"]))).toBeGreaterThan(Date.now() - 600_000);
    expect(JSON.stringify(claims)).not.toContain("argon2");
  });

  test("that are missing, damaged or forged are refused with 401 and a word", async () => {
    const claims = claimsOf(token());
    const [head = "", body = "", signature = ""] = token().split(".");
    const admin = Buffer.from(JSON.stringify({ ...claims, user_id: "admin" })).toString("base64url");
    const hs256 = { alg: "HS256", typ: "JWT" };
    const past = Math.floor(Date.now() / 1000) - 60;
    const refused: Record<string, string | undefined> = {
      none: undefined,
      empty: "",
      "the word alone": "Bearer",
      "no token": "Bearer nonsense",
      basic: `Basic ${Buffer.from("ada:x").toString("base64")}`,
      "without signature": `${head}.${body}.`,
      "signature of another text": `${head}.${admin}.${signature}`,
      "algorithm none": `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`,
      "algorithm none, signed": forged({ alg: "none" }, claims, JWT_SECRET),
      "another algorithm": forged({ alg: "HS512", typ: "JWT" }, claims, JWT_SECRET, "sha512"),
      "another key": forged(hs256, claims, "another key that is long enough to be one"),
      expired: forged(hs256, { ...claims, exp: past }, JWT_SECRET),
      "not yet": forged(hs256, { ...claims, nbf: past + 3600 }, JWT_SECRET),
      "without expiry": forged(hs256, { ...claims, exp: undefined }, JWT_SECRET),
      "a user who is not there": forged(hs256, { ...claims, user_id: "eve" }, JWT_SECRET),
      "without user": forged(hs256, { ...claims, user_id: undefined }, JWT_SECRET),
      "user of another type": forged(hs256, { ...claims, user_id: { $ne: null } }, JWT_SECRET),
      "an older password": forged(hs256, { ...claims, stamp: 1 }, JWT_SECRET),
    };
    const statuses = Object.fromEntries(
      await Promise.all(
        Object.entries(refused).map(async ([name, header]) => [name, await statusWith(header)] as const),
      ),
    );
    expect(statuses).toEqual(Object.fromEntries(Object.keys(refused).map((name) => [name, 401])));
    const answer = await api.ask("nobody", "POST", "/api/queries", QUERY);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(answer.text).toContain("Authorization: Bearer");
  });

  test("made with the right key are accepted: the refusals above are for their reasons", async () => {
    expect(await statusWith(forged({ alg: "HS256" }, claimsOf(token()), JWT_SECRET))).toBe(200);
  });

  test("of a removed user, and from before a change of password, are refused", async () => {
    await api.ask("admin", "POST", "/api/users", { username: "cleo", password: "first" });
    const login = async (password: string) =>
      tokenOf(await api.ask("nobody", "POST", "/api/auth", { username: "cleo", password }));
    const first = await login("first");
    expect(await statusWith(first)).toBe(200);
    await api.ask("admin", "PUT", "/api/users/cleo", { password: "second" });
    expect(await statusWith(first)).toBe(401);
    const second = await login("second");
    expect(await statusWith(second)).toBe(200);
    await api.ask("admin", "DELETE", "/api/users/cleo");
    expect(await statusWith(second)).toBe(401);
    // Who comes later under the same name is another.
    await api.ask("admin", "POST", "/api/users", { username: "cleo", password: "second" });
    expect(await statusWith(second)).toBe(401);
    await api.ask("admin", "DELETE", "/api/users/cleo");
  });

  test("of a user whom another process removes are refused within a second or so", async () => {
    await api.ask("admin", "POST", "/api/users", { username: "dora", password: "first" });
    const token = tokenOf(
      await api.ask("nobody", "POST", "/api/auth", { username: "dora", password: "first" }),
    );
    expect(await statusWith(token)).toBe(200);
    await api.accounts.remove("dora");
    const deadline = Date.now() + 3000;
    while ((await statusWith(token)) === 200 && Date.now() < deadline) await Bun.sleep(50);
    expect(await statusWith(token)).toBe(401);
  });
});

describe("passwords", () => {
  test("are stored as argon2id and shown nowhere", async () => {
    const stored = await api.store.findOne({ collection: "users", filter: { _id: "ada" }, maxTimeMs: 1000 });
    expect(String(stored?.["password"])).toStartWith("$argon2id$v=19$m=65536,t=2,p=1$");
    expect(api.log.join("\n")).not.toContain("argon2id");
    for (const password of [ADMIN_PASSWORD, USERS.ada]) expect(api.log.join("\n")).not.toContain(password);
  });

  test("unknown users cost as much time as known ones", async () => {
    const time = async (username: string) => {
      const started = performance.now();
      await api.accounts.verify(username, "wrong");
      return performance.now() - started;
    };
    const known: number[] = [];
    const unknown: number[] = [];
    for (let round = 0; round < 5; round++) {
      known.push(await time("ada"));
      unknown.push(await time(`nobody${round}`));
    }
    // Without a hash to compare with, the answer would come a hundred times faster.
    const ratio = Math.min(...known) / Math.min(...unknown);
    expect(ratio).toBeGreaterThan(0.2);
    expect(ratio).toBeLessThan(5);
  });

  test("are hashed off the thread that answers", async () => {
    const logins = Promise.all([1, 2, 3].map((n) => api.accounts.verify(`none${n}`, "x")));
    let answers = 0;
    let done = false;
    void logins.then(() => {
      done = true;
    });
    while (!done) {
      expect((await api.ask("nobody", "GET", "/health")).status).toBe(200);
      answers++;
    }
    // One, if the thread had hashed them itself.
    expect(answers).toBeGreaterThan(3);
  });
});
