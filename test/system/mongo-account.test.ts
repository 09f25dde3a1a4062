/**
 * A MongoDB server that asks for TLS, an account and perhaps a certificate: `secrets.json` names them, and what is
 * wrong is said by its field.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSigned } from "../support/certificates.ts";
import { Client, until } from "../support/client.ts";
import { runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { type SecuredMongod, startSecuredMongod } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";

const PASSWORD = "observatory";
const ALERTS = 20;

const folder = temporaryFolder();
const mongo = await startSecuredMongod();
const strict = await startSecuredMongod({ asksForCertificates: true });
const skip = skipOrFail("a MongoDB server with an account", typeof mongo !== "string", String(mongo));
const skipStrict = skipOrFail("a MongoDB server with TLS", typeof strict !== "string", String(strict));
let folders = 0;

afterAll(async () => {
  for (const server of [mongo, strict]) if (typeof server !== "string") await server.stop();
  folder[Symbol.dispose]();
});

/** Options that name a folder with these secrets, and the server as the store. */
function optionsOf(server: SecuredMongod | string, block: object): string[] {
  const { url, database } = typeof server === "string" ? { url: "", database: "" } : server;
  const dataDir = join(folder.path, String(folders++));
  mkdirSync(dataDir);
  const secrets = { server: { admin_password: PASSWORD }, database: block };
  writeFileSync(join(dataDir, "secrets.json"), JSON.stringify(secrets), { mode: 0o600 });
  // The server is found or not at once.
  const store = url.replace("/?", `/${database}?serverSelectionTimeoutMS=2000&`);
  return ["--data-dir", dataDir, "--secrets", join(dataDir, "secrets.json"), "--store", store];
}

/** The `database` block by which the server is reached. */
function blockOf(server: SecuredMongod | string) {
  if (typeof server === "string")
    return { username: "", password: "", auth_source: "", tls: true, tls_ca: "" };
  const { username, password, ca } = server;
  return { username, password, auth_source: "admin", tls: true, tls_ca: ca };
}

/** What `kowalski check` says of the store, and the exit code. */
async function checkStore(options: readonly string[]): Promise<readonly [code: number, line: string]> {
  const { code, stdout, stderr } = await runExecutable(["check", ...options]);
  const line = stdout.split("\n").find((each) => /^(ok|FAIL) +store/.test(each));
  return [code, line ?? stderr];
}

describe.skipIf(skip)("a MongoDB server that asks for TLS and an account", () => {
  const good = blockOf(mongo);
  const { password, tls_ca: ca } = good;
  const options = (block: object) => optionsOf(mongo, block);

  test("is checked, fed and asked", async () => {
    const words = options(good);
    const checked = await runExecutable(["check", "--json", ...words]);
    const [, detail] = /"check":"store","ok":true,"detail":"([^"]*)"/.exec(checked.stdout) ?? [];
    expect([checked.stdout, detail]).toEqual([
      expect.any(String),
      expect.stringMatching(/^mongo, replica set/),
    ]);
    const archive = join(folder.path, "sim.tar.gz");
    await runExecutable(["simulate", "--out", archive, "--alerts", String(ALERTS), "--seed", "3"]);
    const ingested = await runExecutable(["ingest", archive, ...words]);
    expect([ingested.code, ingested.stderr]).toEqual([0, expect.any(String)]);
    const serve = await startServe(words[1] ?? "", { words: words.slice(2), timeoutMs: 60_000 });
    const client = await Client.login(serve.url, "admin", PASSWORD);
    await until("all is there", async () => (await client.count("ZTF_alerts")) === ALERTS);
    expect(await serve.stop()).toBe(0);
    expect(serve.output()).not.toContain(password);
  }, 120_000);

  test("what is wrong is said by its field", async () => {
    const other = join(folder.path, "other");
    mkdirSync(other);
    const { certificate: stranger } = await selfSigned(other);
    const { tls: _, tls_ca: _ca, ...plain } = good;
    const cases: readonly (readonly [block: object, words: readonly string[]])[] = [
      [{ ...good, password: "wrong" }, ["refuses the account", "database.username and database.password"]],
      [{ tls: true, tls_ca: ca }, ["refuses the account", "database.username and database.password"]],
      [{ ...good, tls_ca: stranger }, ["certificate", "database.tls_ca"]],
      [{ ...plain, tls: true }, ["certificate", "database.tls_ca"]],
      [{ ...good, tls_ca: join(folder.path, "nothing.pem") }, ["database.tls_ca", "ENOENT"]],
      [plain, ["database.tls"]],
    ];
    const answers = await Promise.all(cases.map(([block]) => checkStore(options(block))));
    for (const [index, [code, line]] of answers.entries()) {
      expect([code, line]).toEqual([1, expect.stringMatching(/^FAIL/)]);
      for (const word of cases[index]?.[1] ?? []) expect(line).toContain(word);
      expect(line).not.toContain(password);
    }
    const ingested = await runExecutable(["ingest", folder.path, ...options({ ...good, password: "wrong" })]);
    expect([ingested.code, ingested.stderr]).toEqual([1, expect.stringContaining("database.password")]);
  }, 120_000);
});

describe.skipIf(skipStrict)("a MongoDB server that asks for certificates of its clients", () => {
  const without = blockOf(strict);
  const own = typeof strict === "string" ? "" : strict.certificateKey;
  const good = { ...without, tls_certificate_key: own };

  test("is checked and fed with one", async () => {
    const [, line] = await checkStore(optionsOf(strict, good));
    expect(line).toMatch(/^ok +store +mongo, replica set/);
    const archive = join(folder.path, "certified.tar.gz");
    await runExecutable(["simulate", "--out", archive, "--alerts", String(ALERTS), "--seed", "4"]);
    const { code, stdout, stderr } = await runExecutable(["ingest", archive, ...optionsOf(strict, good)]);
    expect([code, stdout + stderr]).toEqual([
      0,
      expect.stringMatching(new RegExp(`stored +${ALERTS} alerts`)),
    ]);
  }, 120_000);

  test("says where to put it, without one", async () => {
    const [code, line] = await checkStore(optionsOf(strict, without));
    expect([code, line]).toEqual([1, expect.stringMatching(/^FAIL.*database\.tls_certificate_key/)]);
  }, 60_000);
});
