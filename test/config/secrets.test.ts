import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  ensureSecrets,
  loadConfig,
  newSecrets,
  readableByOthers,
  schema,
  writeSecrets,
} from "../../src/config/index.ts";
import { temporaryFolder } from "../support/folders.ts";

test("the first start writes strong secrets that only their owner can read, the second finds them", () => {
  using folder = temporaryFolder();
  const options = { cwd: folder.path, env: {} };
  const first = ensureSecrets(loadConfig(options));
  const file = join(folder.path, "kowalski-data", "secrets.json");
  expect(first.created).toBe(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readableByOthers(file)).toBe(false);
  expect(first.config.server.admin_password.length).toBeGreaterThanOrEqual(32);
  expect(first.config.server.jwt_secret.length).toBeGreaterThanOrEqual(64);
  expect(first.secretValues).toContain(first.config.server.jwt_secret);

  const second = ensureSecrets(loadConfig(options));
  expect(second.created).toBeUndefined();
  expect(second.config.server).toEqual(first.config.server);
});

test("only what is missing is made, and what the file holds already stays", () => {
  using folder = temporaryFolder();
  const options = { cwd: folder.path, env: {}, flags: { dataDir: "." } };
  const file = join(folder.path, "secrets.json");
  const mine = { server: { admin_password: "chosen by hand" }, skyportal: { token: "a token" } };
  writeFileSync(file, JSON.stringify(mine), { mode: 0o600 });
  const { config, created } = ensureSecrets(loadConfig(options));
  expect(created).toBe(file);
  expect(config.server.admin_password).toBe("chosen by hand");
  const written = JSON.parse(readFileSync(file, "utf8"));
  expect(written).toMatchObject(mine);
  expect(written.server.jwt_secret).toBe(config.server.jwt_secret);
});

test("two sets of secrets have nothing in common", () => {
  const [a, b] = [newSecrets(), newSecrets()];
  expect(a.server.admin_password).not.toBe(b.server.admin_password);
  expect(a.server.jwt_secret).not.toBe(b.server.jwt_secret);
});

test("an existing file is not overwritten unasked", () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "secrets.json");
  writeSecrets(file, newSecrets(), { overwrite: false });
  expect(() => writeSecrets(file, newSecrets(), { overwrite: false })).toThrow("exists already");
});

test("secrets.example.json fits the schema and names every block of accounts", () => {
  const example = JSON.parse(readFileSync(join(import.meta.dir, "..", "..", "secrets.example.json"), "utf8"));
  const notes: string[] = [];
  schema.readPartial(example, { path: "", origin: "example", note: (text) => notes.push(text) });
  expect(Object.keys(example)).toEqual(["server", "database", "kafka", "skyportal", "ztf_depot", "ztf_ops"]);
  expect(notes).toEqual([]);
});
