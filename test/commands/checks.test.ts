/** The checks of `kowalski check` that need nothing to be there. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { checks } from "../../src/commands/checks.ts";
import { loadConfig } from "../../src/config/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startRegistry } from "../support/registry.ts";

/** Runs one check of a configuration. */
async function check(name: string, yaml: string, timeoutMs: number, testCluster = false): Promise<string> {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, "config.yaml"), yaml);
  const found = checks(loadConfig({ cwd: folder.path, env: {} }), { testCluster }).find(
    (one) => one.name === name,
  );
  if (found === undefined) throw new Error(`no check is named ${name}`);
  return found.run(AbortSignal.timeout(timeoutMs), timeoutMs);
}

/** A server that takes connections and keeps silent; its port. */
async function silentServer(): Promise<{ port: number } & Disposable> {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, [Symbol.dispose]: () => void server.close() };
}

describe("a source that reads topics", () => {
  test("says that no brokers are configured", async () => {
    await expect(check("sources[0]", "sources: [{topics: [ztf]}]", 1000)).rejects.toThrow(
      "kafka.bootstrap.servers: not set",
    );
  });

  test("says that a broker does not answer, within the time limit", async () => {
    using silent = await silentServer();
    const yaml = `kafka: {bootstrap.servers: "127.0.0.1:${silent.port}"}\nsources: [{topics: [ztf]}]`;
    const began = performance.now();
    await expect(check("sources[0]", yaml, 300)).rejects.toThrow(`127.0.0.1:${silent.port}: no answer`);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

test("with --test, a source's topics are those of the test cluster", async () => {
  using silent = await silentServer();
  const yaml = `kafka: {bootstrap.test.servers: "127.0.0.1:${silent.port}"}\nsources: [{topics: [ztf]}]`;
  await expect(check("sources[0]", yaml, 300, true)).rejects.toThrow(`127.0.0.1:${silent.port}: no answer`);
  await expect(check("sources[0]", "sources: [{topics: [ztf]}]", 300, true)).rejects.toThrow(
    "kafka.bootstrap.test.servers: not set",
  );
});

describe("a schema registry", () => {
  const name = "kafka.schema_registry_url";
  const yamlOf = (url: string, password = "secret") =>
    `kafka: {schema_registry_url: "${url}", schema_registry_username: reader, schema_registry_password: ${password}}`;

  test("that answers, whatever it knows, is well", async () => {
    const registry = startRegistry([], "reader:secret");
    expect(await check(name, yamlOf(registry.url), 2000)).toBe(`${new URL(registry.url).host} answers`);
    registry.schemas.set(1, '"string"');
    expect(await check(name, yamlOf(registry.url), 2000)).toBe(`${new URL(registry.url).host} answers`);
    await registry.stop();
  });

  test("that is away, silent, elsewhere or closed to us is not", async () => {
    const registry = startRegistry([], "reader:secret");
    await expect(check(name, yamlOf(registry.url, "wrong"), 2000)).rejects.toThrow(
      "status 401: check kafka.schema_registry_username",
    );
    await expect(check(name, yamlOf(`${registry.url}/elsewhere`), 2000)).rejects.toThrow(
      "status 404: check kafka.schema_registry_url",
    );
    await registry.stop();
    await expect(check(name, yamlOf(registry.url), 2000)).rejects.toThrow(new URL(registry.url).host);
    using silent = await silentServer();
    await expect(check(name, yamlOf(`http://127.0.0.1:${silent.port}`), 300)).rejects.toThrow(
      `127.0.0.1:${silent.port}: no answer`,
    );
  });
});

describe("a folder of schemas", () => {
  const name = "kafka.schemas_folder";

  test("is told with what it holds", async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, "5.avsc"), '"string"');
    writeFileSync(join(folder.path, "README"), "schemas by number");
    expect(await check(name, `kafka: {schemas_folder: ${folder.path}}`, 1000)).toBe(
      `${folder.path}, 1 schema`,
    );
  });

  test("that is missing, no folder, empty or broken is named", async () => {
    using folder = temporaryFolder();
    const at = (path: string) => check(name, `kafka: {schemas_folder: ${path}}`, 1000);
    await expect(at("/does/not/exist")).rejects.toThrow("/does/not/exist: there is no such folder");
    await expect(at(folder.path)).rejects.toThrow(`${folder.path}: no schema in it is named by its number`);
    const broken = join(folder.path, "5.avsc");
    writeFileSync(broken, "{");
    await expect(at(broken)).rejects.toThrow(`${broken}: there is no such folder`);
    await expect(at(folder.path)).rejects.toThrow(`${broken}: `);
  });
});

test.each(["store", "catalogues"])(
  "%s: says that MongoDB does not answer, within the time limit",
  async (name) => {
    using silent = await silentServer();
    const began = performance.now();
    await expect(check(name, `store: mongodb://127.0.0.1:${silent.port}`, 300)).rejects.toThrow("MongoDB");
    expect(performance.now() - began).toBeLessThan(5000);
  },
);
