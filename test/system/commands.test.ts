/** `secrets`, `user` and `check` as a user runs them, through the built executable. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  cleanEnvironment,
  executable,
  type RunningServe,
  runExecutable,
  startServe,
} from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";

describe("kowalski secrets new", () => {
  test("prints strong secrets, another set each time", async () => {
    const [one, other] = await Promise.all([
      runExecutable(["secrets", "new"]),
      runExecutable(["secrets", "new"]),
    ]);
    const read = (text: string) => (JSON.parse(text) as { server: Record<string, string> }).server;
    expect(read(one.stdout)["admin_password"]).toMatch(/^[\w-]{32}$/);
    expect(read(one.stdout)["jwt_secret"]).toMatch(/^[\w-]{64}$/);
    expect(read(one.stdout)["admin_password"]).not.toBe(read(other.stdout)["admin_password"]);
  });

  test("writes a file that only its owner reads, and never over one", async () => {
    using folder = temporaryFolder();
    const out = join(folder.path, "secrets.json");
    const written = await runExecutable(["secrets", "new", "--out", out, "--username", "root"]);
    expect([written.code, statSync(out).mode & 0o777]).toEqual([0, 0o600]);
    expect(written.stdout).not.toContain("admin_password");
    const before = readFileSync(out, "utf8");
    expect(before).toContain('"admin_username": "root"');
    const again = await runExecutable(["secrets", "new", "--out", out]);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("exists already")]);
    expect(readFileSync(out, "utf8")).toBe(before);
  });
});

describe("kowalski user", () => {
  const folder = temporaryFolder();
  const dataDir = folder.path;
  let serve: RunningServe;
  beforeAll(async () => {
    serve = await startServe(dataDir);
  }, 60_000);
  afterAll(async () => {
    await serve.stop();
    folder[Symbol.dispose]();
  });

  const user = (...words: string[]) => runExecutable(["user", ...words, "--data-dir", dataDir]);
  async function userWithPassword(password: string, ...words: string[]): Promise<number> {
    const child = Bun.spawn(
      [await executable(), "user", ...words, "--password-stdin", "--data-dir", dataDir],
      {
        env: cleanEnvironment(),
        stdin: new Blob([`${password}\n`]),
        stdout: "ignore",
        stderr: "inherit",
      },
    );
    return child.exited;
  }
  async function login(username: string, password: string): Promise<{ status: number; token?: string }> {
    const body = JSON.stringify({ username, password });
    const answer = await fetch(`${serve.url}/api/auth`, { method: "POST", body });
    return { ...((await answer.json()) as { token?: string }), status: answer.status };
  }

  test("adds, lists, changes and removes users beside a running server, which notices", async () => {
    const added = await user("add", "ada", "--programids", "1,2", "--email", "ada@example.org", "--json");
    const { password } = JSON.parse(added.stdout) as { password: string };
    expect(password).toMatch(/^[\w-]{32}$/);
    const { status, token } = await login("ada", password);
    expect(status).toBe(200);
    const list = await user("list");
    expect(list.stdout).toMatch(/^ada +ada@example\.org +\{"ZTF":\[1,2\]\} +user /m);
    expect(list.stdout).toMatch(/^admin .* administrator /m);
    expect(list.stdout).not.toContain("argon2");
    expect(await userWithPassword("ada's own", "password", "ada")).toBe(0);
    expect((await login("ada", password)).status).toBe(401);
    expect((await login("ada", "ada's own")).status).toBe(200);
    // The token of before ends too, within the second in which the server looks.
    const headers = { authorization: String(token) };
    const ask = async () => (await fetch(`${serve.url}/api/users/ada`, { headers })).status;
    for (let waited = 0; (await ask()) === 200 && waited < 5000; waited += 50) await Bun.sleep(50);
    expect(await ask()).toBe(401);
    expect((await user("permissions", "ada", "--programids", "1")).code).toBe(0);
    expect((await user("list")).stdout).toMatch(/^ada .*\{"ZTF":\[1\]\}/m);
    expect((await user("remove", "ada")).code).toBe(0);
    expect((await login("ada", "ada's own")).status).toBe(401);
  });

  test("says what is wrong and how to mend it", async () => {
    const failures: [words: string[], code: number, message: string][] = [
      [["add", "admin"], 1, "user admin exists already"],
      [["add", "../x"], 1, "username: expected 1 to 64 letters"],
      [["add"], 2, "USERNAME is missing"],
      [["add", "bea", "--programids", "one"], 2, "--programids: expected numbers such as 1,2"],
      [["password", "admin"], 1, "server.admin_password of the secrets"],
      [["password", "eve"], 1, "user eve not found"],
      [["remove", "admin"], 1, "cannot remove the superuser!"],
      [["remove", "eve"], 1, "user eve not found"],
      [["lst"], 2, "did you mean list?"],
    ];
    for (const [words, code, message] of failures) {
      const { code: got, stderr } = await user(...words);
      expect([words, got, stderr]).toEqual([words, code, expect.stringContaining(message)]);
    }
  });
});

describe("kowalski check", () => {
  test("tells of a fresh folder that all is well, and changes nothing", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    const { code, stdout } = await runExecutable(["check", "--data-dir", dataDir], {
      cwd: folder.path,
      env: { KOWALSKI_SERVER__PORT: "0" },
    });
    expect(stdout).not.toContain("FAIL");
    expect(code).toBe(0);
    for (const part of ["config", "secrets", "clock", "data folder", "store", "address"]) {
      expect(stdout).toMatch(new RegExp(`^ok {4}${part} `, "m"));
    }
    expect(() => statSync(dataDir)).toThrow();
  });

  test("finds secrets that others may read, sources that are not there, and goes on", async () => {
    using folder = temporaryFolder();
    const secrets = join(folder.path, "secrets.json");
    writeFileSync(secrets, '{"server": {"admin_password": "for everybody to see"}}');
    chmodSync(secrets, 0o644);
    writeFileSync(join(folder.path, "config.yaml"), "sources:\n  - path: nowhere\n");
    const env = { KOWALSKI_SERVER__PORT: "0" };
    const { code, stdout } = await runExecutable(["check", "--data-dir", "d", "--json"], {
      cwd: folder.path,
      env,
    });
    expect(code).toBe(1);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { check: string; ok: boolean; detail: string });
    const failed = lines.filter(({ ok }) => !ok).map(({ check, detail }) => `${check}: ${detail}`);
    expect(failed).toEqual([
      expect.stringContaining("chmod 600"),
      expect.stringMatching(/^sources\[0\]: .*nowhere: there is no such file or folder/),
    ]);
    expect(stdout).not.toContain("for everybody to see");
  });

  test("asks a server for its health, as a container does", async () => {
    using folder = temporaryFolder();
    const serve = await startServe(folder.path);
    const up = await runExecutable(["check", "--health", serve.url]);
    expect([up.code, up.stdout]).toEqual([0, `${serve.url}/health: 200\n`]);
    expect(await serve.stop()).toBe(0);
    const down = await runExecutable(["check", "--health", serve.url]);
    expect([down.code, down.stderr]).toEqual([1, expect.stringContaining("no answer")]);
    expect((await runExecutable(["check", "--health", "127.0.0.1"])).code).toBe(2);
  });

  test("a wrong key is named with the nearest right one", async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, "config.yaml"), "server:\n  prot: 4000\n");
    const { code, stderr } = await runExecutable(["check"], { cwd: folder.path });
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("server.prot: there is no such key, did you mean port?"),
    ]);
  });
});
