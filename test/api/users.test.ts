/** `/api/users`: the contract, line by line. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ADMIN_PASSWORD, openTestApi, scenarios, type TestApi, USERS } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());

/** The status of a login with these credentials. */
async function login(username: string, password: string): Promise<number> {
  return (await api.ask("nobody", "POST", "/api/auth", { username, password })).status;
}

const add = (name: string, body: unknown, status: number, has: (string | RegExp)[]) => ({
  name,
  ask: "POST /api/users",
  body,
  status,
  has,
});

describe("adding", () => {
  scenarios(
    () => api,
    [
      {
        ...add("a user", { username: "cleo", password: "a b c", email: "cleo@example.org" }, 200, [
          '"message":"added user cleo"',
        ]),
        hasNot: ["a b c", "argon2"],
        effect: async () => expect(await login("cleo", "a b c")).toBe(200),
      },
      add(
        "with permissions and groups",
        { username: "dora", password: "x", permissions: { ztf: [1, 2] }, groups: [3] },
        200,
        ["added user dora"],
      ),
      add("unknown fields", { username: "emil", password: "x", verbose: true }, 200, ["added user emil"]),
      add("one who is there", { username: "cleo", password: "other" }, 409, ["user cleo exists already"]),
      add("the administrator again", { username: "admin", password: "other" }, 409, ["admin exists already"]),
      add("without password", { username: "fred" }, 400, ["username and password must be set"]),
      add("without name", { password: "x" }, 400, ["username and password must be set"]),
      add("empty password", { username: "fred", password: "" }, 400, ["password"]),
      add("name of another type", { username: 7, password: "x" }, 400, ["username: expected a string"]),
      add("name that is no name", { username: "../x", password: "x" }, 400, [
        "username: expected 1 to 64 letters",
      ]),
      add("wrong permissions", { username: "fred", password: "x", permissions: [1] }, 400, [
        "permissions: expected",
      ]),
      add("wrong ids", { username: "fred", password: "x", permissions: { ZTF: ["1"] } }, 400, [
        "permissions.ZTF: expected a list of whole numbers",
      ]),
      add("wrong groups", { username: "fred", password: "x", groups: 3 }, 400, ["groups: expected a list"]),
      add("wrong email", { username: "fred", password: "x", email: 1 }, 400, ["email: expected a string"]),
      {
        ...add("by a user", { username: "fred", password: "x" }, 403, ["admin rights required"]),
        as: "ada" as const,
      },
      {
        ...add("by nobody", { username: "fred", password: "x" }, 401, ["missing token"]),
        as: "nobody" as const,
      },
      {
        name: "nothing of that was added",
        ask: "GET /api/users/fred",
        status: 404,
        has: ["user fred not found"],
      },
    ],
  );
});

describe("reading", () => {
  scenarios(
    () => api,
    [
      {
        name: "all",
        ask: "GET /api/users",
        status: 200,
        has: [
          /"username":"ada".*"username":"admin".*"username":"bea".*"username":"cleo"/,
          '"administrator":true',
        ],
        hasNot: ["password", "argon2"],
      },
      { name: "all, by a user", as: "ada", ask: "GET /api/users", status: 403, hasNot: ["cleo"] },
      { name: "all, by nobody", as: "nobody", ask: "GET /api/users", status: 401, hasNot: ["cleo"] },
      {
        name: "one",
        ask: "GET /api/users/dora",
        status: 200,
        has: ['"permissions":{"ZTF":[1,2]}', '"groups":[3]', '"email":null', '"last_modified":{"$date":"20'],
        hasNot: ["password", "argon2"],
      },
      {
        name: "oneself",
        as: "bea",
        ask: "GET /api/users/bea",
        status: 200,
        has: ['"permissions":{"ZTF":[1]}'],
      },
      { name: "another", as: "bea", ask: "GET /api/users/ada", status: 403 },
      { name: "another who is not there", as: "bea", ask: "GET /api/users/eve", status: 403 },
    ],
  );
});

describe("changing", () => {
  const put = (name: string, who: string, body: unknown, status: number, has: (string | RegExp)[] = []) => ({
    name,
    ask: `PUT /api/users/${who}`,
    body,
    status,
    has,
  });
  scenarios(
    () => api,
    [
      {
        ...put("a password by its documented call", "cleo", { password: "new one" }, 200, [
          "edited user cleo",
        ]),
        effect: async () => {
          expect(await login("cleo", "a b c")).toBe(401);
          expect(await login("cleo", "new one")).toBe(200);
        },
      },
      put("a password with the name repeated", "cleo", { username: "cleo", password: "newer" }, 200),
      put("permissions", "cleo", { permissions: { ZTF: [1] } }, 200),
      {
        ...put("nothing", "cleo", {}, 200),
        effect: async () => {
          expect(await login("cleo", "newer")).toBe(200);
          expect((await api.ask("admin", "GET", "/api/users/cleo")).text).toContain(
            '"permissions":{"ZTF":[1]}',
          );
        },
      },
      {
        ...put("a name", "cleo", { username: "cleopatra" }, 200),
        effect: async () => {
          expect(await login("cleo", "newer")).toBe(401);
          expect(await login("cleopatra", "newer")).toBe(200);
          expect((await api.ask("admin", "GET", "/api/users/cleo")).status).toBe(404);
          expect((await api.ask("admin", "GET", "/api/users/cleopatra")).text).toContain("cleo@example.org");
        },
      },
      {
        ...put("a name to one that is there", "cleopatra", { username: "dora" }, 409, [
          "dora exists already",
        ]),
        effect: async () => expect(await login("cleopatra", "newer")).toBe(200),
      },
      put("a name to no name", "cleopatra", { username: "a b" }, 400, ["username: expected"]),
      put("a user who is not there", "eve", { password: "x" }, 404, ["user eve not found"]),
      put("an empty password", "cleopatra", { password: "" }, 400, ["missing password"]),
      put("the administrator's name", "admin", { username: "root" }, 400, ["cannot rename the superuser!"]),
      {
        ...put("the administrator's email, without a name", "admin", { email: "a@example.org" }, 200),
        effect: async () => expect(await login("admin", ADMIN_PASSWORD)).toBe(200),
      },
      { ...put("another", "bea", { password: "x", current_password: USERS.ada }, 403), as: "ada" as const },
      {
        ...put("the administrator", "admin", { password: "x", current_password: "x" }, 403),
        as: "ada" as const,
      },
      { ...put("one's own permissions", "bea", { permissions: {} }, 403), as: "bea" as const },
      {
        ...put(
          "one's own name",
          "bea",
          { username: "ada2", current_password: USERS.bea, password: "x" },
          403,
        ),
        as: "bea" as const,
      },
      {
        ...put("one's own password without the current one", "ada", { password: "x" }, 400, [
          "current_password",
        ]),
        as: "ada" as const,
      },
      {
        ...put("one's own password with a wrong one", "ada", { password: "x", current_password: "y" }, 403, [
          "current_password is wrong",
        ]),
        as: "ada" as const,
      },
      {
        ...put("one's own password", "ada", { password: "ada's new", current_password: USERS.ada }, 200),
        as: "ada" as const,
        effect: async () => {
          expect(await login("ada", USERS.ada)).toBe(401);
          expect(await login("ada", "ada's new")).toBe(200);
          expect((await api.ask("ada", "GET", "/api/users/ada")).status).toBe(401);
        },
      },
    ],
  );
});

describe("removing", () => {
  const remove = (name: string, who: string, status: number, has: string[]) => ({
    name,
    ask: `DELETE /api/users/${who}`,
    status,
    has,
  });
  scenarios(
    () => api,
    [
      { ...remove("by a user", "dora", 403, ["admin rights required"]), as: "bea" as const },
      { ...remove("by nobody", "dora", 401, ["missing token"]), as: "nobody" as const },
      remove("the administrator", "admin", 400, ["cannot remove the superuser!"]),
      {
        ...remove("a user", "dora", 200, ["removed user dora"]),
        effect: async () => expect(await login("dora", "x")).toBe(401),
      },
      remove("one who is gone", "dora", 404, ["user dora not found"]),
    ],
  );
});

test("a user called like a part of every object is none", async () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    expect((await api.ask("admin", "GET", `/api/users/${name}`)).status).toBe(404);
  }
});
