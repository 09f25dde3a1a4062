/** Schemas by their number: from a registry that may be away, from disk, from a folder. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SchemaRegistry } from "../../src/kafka/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const SCHEMA = '{"type":"record","name":"alert","fields":[]}';
const never = new AbortController().signal;
const started: TestRegistry[] = [];
const start = (...given: Parameters<typeof startRegistry>) => {
  const registry = startRegistry(...given);
  started.push(registry);
  return registry;
};
afterEach(async () => {
  for (const registry of started.splice(0)) await registry.stop();
});

describe("a schema registry", () => {
  test("is asked once for a schema, which is then kept on disk", async () => {
    using folder = temporaryFolder();
    const server = start([[5, SCHEMA]]);
    const settings = { url: `${server.url}/`, cacheFolder: folder.path };
    const registry = new SchemaRegistry(settings);
    const both = await Promise.all([registry.schema(5, never), registry.schema(5, never)]);
    expect(both).toEqual([{ schema: SCHEMA }, { schema: SCHEMA }]);
    expect(server.asked).toEqual(["/schemas/ids/5"]);
    await server.stop();
    expect(await new SchemaRegistry(settings).schema(5, never)).toEqual({ schema: SCHEMA });
  });

  test("that does not know a number is not asked for it again and again", async () => {
    using folder = temporaryFolder();
    const server = start([]);
    const registry = new SchemaRegistry({ url: server.url, cacheFolder: folder.path }, { forgetMs: 200 });
    const unknown = { unknown: "the registry knows no schema of number 9" };
    for (let i = 0; i < 3; i++) expect(await registry.schema(9, never)).toEqual(unknown);
    expect(server.asked.length).toBe(1);
    server.schemas.set(9, SCHEMA);
    await Bun.sleep(250);
    expect(await registry.schema(9, never)).toEqual({ schema: SCHEMA });
  });

  test("that does not answer is waited for, and the log says so", async () => {
    using folder = temporaryFolder();
    const server = start([[5, SCHEMA]], "kowalski:secret");
    const logged: string[] = [];
    const options = { firstWaitMs: 30, log: (_: string, message: string) => void logged.push(message) };
    const account = { username: "kowalski", password: "secret" };
    const registry = new SchemaRegistry({ url: server.url, cacheFolder: folder.path, ...account }, options);
    server.fail = 503;
    const asking = registry.schema(5, never);
    while (server.asked.length < 2) await Bun.sleep(5);
    server.fail = undefined;
    expect(await asking).toEqual({ schema: SCHEMA });
    expect(logged[0]).toMatch(/gave no schema 5: status 503; its packets wait, next try in 0.03 s/);
  });

  test("that refuses the account, or is none, is told as what it is", async () => {
    using folder = temporaryFolder();
    const server = start([[5, SCHEMA]], "kowalski:secret");
    for (const [url, reason] of [
      [server.url, /status 401: check kafka.schema_registry_username/],
      ["http://127.0.0.1:1", /gave no schema 5: .*(connect|refused)/i],
    ] as const) {
      const stop = new AbortController();
      const logged: string[] = [];
      const log = (_: string, message: string) => {
        logged.push(message);
        stop.abort();
      };
      const registry = new SchemaRegistry({ url, cacheFolder: folder.path }, { log, firstWaitMs: 10 });
      expect(await registry.schema(5, stop.signal).catch((error: unknown) => error)).toBe(stop.signal.reason);
      expect(logged.join()).toMatch(reason);
    }
  });
});

test("a folder of schemas serves where there is no registry", async () => {
  using folder = temporaryFolder();
  const schemas = join(folder.path, "offline");
  mkdirSync(schemas);
  writeFileSync(join(schemas, "703.avsc"), SCHEMA);
  const registry = new SchemaRegistry({ cacheFolder: folder.path, folder: schemas });
  expect(await registry.schema(703, never)).toEqual({ schema: SCHEMA });
  expect(await registry.schema(704, never)).toEqual({
    unknown: `the message's schema has the number 704, but no registry is configured (kafka.schema_registry_url), and ${schemas} has no 704.avsc`,
  });
});
