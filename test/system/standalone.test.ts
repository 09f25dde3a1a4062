/** A MongoDB server without replication: refused, or accepted with a word on what that loses. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testDatabaseName, testMongod } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";

const folder = temporaryFolder();
const mongod = await testMongod();
const skip = skipOrFail("a MongoDB server", typeof mongod !== "string", String(mongod));

describe.skipIf(skip)("a MongoDB server without replication", () => {
  const url = new URL(typeof mongod === "string" ? "mongodb://nowhere" : mongod.url);
  url.pathname = `/${testDatabaseName()}`;
  let folders = 0;
  const optionsOf = (isAccepted: boolean) => {
    const dataDir = join(folder.path, String(folders++));
    mkdirSync(dataDir);
    const config = join(dataDir, "config.yaml");
    writeFileSync(config, JSON.stringify({ database: { allow_standalone: isAccepted } }));
    return [dataDir, "--config", config, "--store", url.href] as const;
  };

  afterAll(async () => {
    await using client = new MongoClient(url.href);
    await client.db().dropDatabase();
    folder[Symbol.dispose]();
  });

  test("is refused with the remedy", async () => {
    const { code, stdout } = await runExecutable(["check", "--data-dir", ...optionsOf(false)]);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^FAIL +store .*database\.allow_standalone/m)]);
  }, 60_000);

  test("accepted, check, ingest and serve say once what can be lost", async () => {
    const checked = await runExecutable(["check", "--data-dir", ...optionsOf(true)]);
    expect(checked.stdout).toMatch(/^ok +store .*standalone server .*half written/m);
    const archive = join(folder.path, "few.tar.gz");
    await runExecutable(["simulate", "--out", archive, "--alerts", "3", "--seed", "6"]);
    const ingested = await runExecutable(["ingest", archive, "--data-dir", ...optionsOf(true)]);
    expect(ingested.code).toBe(0);
    expect(ingested.stderr.match(/half written/g)).toHaveLength(1);
    const [dataDir, ...words] = optionsOf(true);
    const serve = await startServe(dataDir, { words, timeoutMs: 60_000 });
    await serve.stop();
    expect(serve.output().match(/"level":"?(warn|40)"?.*half written/g)).toHaveLength(1);
  }, 120_000);
});
