/** Logins are limited per user and per address. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { LoginAttempts } from "../../src/api/attempts.ts";
import { openTestApi, type TestApi, USERS } from "../support/api.ts";

describe("counting", () => {
  const fail = async () => undefined;
  const succeed = async () => "ok";

  test("ten failures of a user close the account for five minutes, from everywhere", async () => {
    let now = 0;
    const attempts = new LoginAttempts(() => now);
    for (let n = 0; n < 10; n++)
      expect(await attempts.try("ada", `10.0.0.${n}`, fail)).toEqual({ failed: true });
    expect(await attempts.try("ada", "10.9.9.9", succeed)).toEqual({ waitSeconds: 300 });
    expect(await attempts.try("bea", "10.9.9.9", succeed)).toEqual({ value: "ok" });
    now = 299_000;
    expect(await attempts.try("ada", "10.9.9.9", succeed)).toEqual({ waitSeconds: 1 });
    now = 300_000;
    expect(await attempts.try("ada", "10.9.9.9", succeed)).toEqual({ value: "ok" });
  });

  test("fifty failures of an address close it, whoever it says to be", async () => {
    const attempts = new LoginAttempts(() => 0);
    for (let n = 0; n < 50; n++) await attempts.try(`user${n}`, "10.0.0.1", fail);
    expect(await attempts.try("ada", "10.0.0.1", succeed)).toEqual({ waitSeconds: 300 });
    expect(await attempts.try("ada", "10.0.0.2", succeed)).toEqual({ value: "ok" });
  });

  test("a success forgives the user's failures and not the address's", async () => {
    const attempts = new LoginAttempts(() => 0);
    for (let n = 0; n < 50; n++) {
      if (n % 9 === 8) expect(await attempts.try("ada", "10.0.0.1", succeed)).toEqual({ value: "ok" });
      await attempts.try("ada", "10.0.0.1", fail);
    }
    expect(await attempts.try("bea", "10.0.0.1", succeed)).toEqual({ waitSeconds: 300 });
  });

  test("many at once get no more tries than one after the other, and right ones all get in", async () => {
    const attempts = new LoginAttempts(() => 0);
    let tried = 0;
    const slowFail = async () => {
      tried++;
      await Bun.sleep(1);
      return undefined;
    };
    const wrong = await Promise.all(
      Array.from({ length: 40 }, (_, n) => attempts.try("ada", `10.0.0.${n}`, slowFail)),
    );
    expect(tried).toBe(10);
    expect(wrong.filter((result) => "waitSeconds" in result)).toHaveLength(30);
    const slowSuccess = async () => {
      await Bun.sleep(1);
      return "ok";
    };
    const right = await Promise.all(
      Array.from({ length: 40 }, () => attempts.try("bea", "10.0.1.1", slowSuccess)),
    );
    expect(right.filter((result) => "value" in result)).toHaveLength(40);
  });

  test("an attempt that breaks is not a failed one", async () => {
    const attempts = new LoginAttempts(() => 0);
    const broken = async (): Promise<undefined> => {
      throw new Error("the store is away");
    };
    for (let n = 0; n < 20; n++) {
      expect(await attempts.try("ada", "10.0.0.1", broken).catch((error: Error) => error.message)).toBe(
        "the store is away",
      );
    }
    expect(await attempts.try("ada", "10.0.0.1", succeed)).toEqual({ value: "ok" });
  });
});

describe("over HTTP", () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await openTestApi({ server: { trusted_proxies: ["127.0.0.1"] } });
  });
  afterAll(() => api.close());

  test("the eleventh wrong password is 429 with Retry-After, then so is the right one; others get in", async () => {
    const login = (username: string, password: string, address: string) =>
      api.ask("nobody", "POST", "/api/auth", { username, password }, { "x-forwarded-for": address });
    const wrong = await Promise.all(
      Array.from({ length: 12 }, (_, n) => login("bea", `wrong ${n}`, `10.1.0.${n}`)),
    );
    expect(wrong.map(({ status }) => status).sort()).toEqual([...Array(10).fill(401), 429, 429]);
    const right = await login("bea", USERS.bea, "10.1.1.1");
    expect(right.status).toBe(429);
    expect(Number(right.headers.get("retry-after"))).toBeWithin(290, 301);
    expect(right.text).toMatch(/too many failed logins: try again in \d+ seconds/);
    expect((await login("ada", USERS.ada, "10.1.1.1")).status).toBe(200);
    // What was given before the limit goes on being good.
    expect((await api.ask("bea", "GET", "/api/users/bea")).status).toBe(200);
  });
});
