/** `kowalski ingest http://…`: nightly archives from a server that is not always kind. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { executable, runExecutable } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { realPackets, tarGzOf } from "../support/packets.ts";
import { sharedDir } from "../support/shared.ts";
import { storedCounts, storedDocuments } from "../support/stored.ts";

// Each starts the executable a few times, perhaps on a busy machine.
setDefaultTimeout(60_000);

const hasPackets = sharedDir() !== undefined;
if (!hasPackets) process.stderr.write("skipped: downloads (no ../shared beside this checkout)\n");

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newFolder(): string {
  const folder = temporaryFolder();
  cleanups.push(() => folder[Symbol.dispose]());
  return folder.path;
}

/** A server of one archive that cuts each answer after `cutAfter` bytes, as often as `cuts` says. */
class Depot {
  readonly ranges: (string | undefined)[] = [];
  readonly authorizations: (string | undefined)[] = [];
  sent = 0;
  etag = '"first"';
  cuts = 0;
  cutAfter = Number.POSITIVE_INFINITY;
  takesRanges = true;
  credentials: string | undefined;
  /** Milliseconds between pieces of an answer. */
  slowness = 0;
  #server: Server | undefined;
  url = "";

  constructor(public body: Uint8Array) {}

  async start(): Promise<this> {
    const server = createServer((request, response) => void this.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    this.url = `http://127.0.0.1:${address.port}/ztf_public_20231012.tar.gz`;
    this.#server = server;
    cleanups.push(() => this.stop());
    return this;
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization, range } = request.headers;
    this.ranges.push(range);
    this.authorizations.push(authorization);
    const wanted = this.credentials;
    if (wanted !== undefined && authorization !== `Basic ${Buffer.from(wanted).toString("base64")}`) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="depot"' }).end();
      return;
    }
    if (!request.url?.startsWith("/ztf_public")) {
      response.writeHead(404).end();
      return;
    }
    const resumes = this.takesRanges && range !== undefined && request.headers["if-range"] === this.etag;
    const start = resumes ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0;
    const rest = this.body.subarray(start);
    response.writeHead(resumes ? 206 : 200, {
      etag: this.etag,
      "content-length": rest.length,
      ...(resumes ? { "content-range": `bytes ${start}-${this.body.length - 1}/${this.body.length}` } : {}),
    });
    const cut = this.cuts-- > 0 ? Math.min(this.cutAfter, rest.length) : rest.length;
    for (let at = 0; at < cut; at += 50_000) {
      const piece = rest.subarray(at, Math.min(cut, at + 50_000));
      this.sent += piece.length;
      await new Promise<void>((resolve) => response.write(piece, () => resolve()));
      if (this.slowness > 0) await Bun.sleep(this.slowness);
    }
    if (cut < rest.length) response.destroy();
    else response.end();
  }
}

async function night(): Promise<Depot> {
  return new Depot(await tarGzOf(realPackets())).start();
}

const ingest = (dataDir: string, ...words: string[]) =>
  runExecutable(["ingest", "--data-dir", dataDir, ...words]);

async function expectWholeNight(dataDir: string): Promise<void> {
  expect(await storedCounts(dataDir)).toMatchObject({ ZTF_alerts: 24, dead_letters: 0 });
  // What was downloaded is gone once it is stored.
  expect(readdirSync(join(dataDir, "downloads"))).toEqual([]);
}

describe.if(hasPackets)("ingest from an address", () => {
  test("asks with user name and password, from flags, the address, or the secrets", async () => {
    const depot = await night();
    depot.credentials = "user:pa:ss";
    const dataDir = newFolder();
    const refused = await ingest(dataDir, depot.url, "--username", "user", "--password", "wrong");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("the server answers 401: check the user name and password");
    const byFlags = await ingest(dataDir, depot.url, "--username", "user", "--password", "pa:ss");
    expect(byFlags.code).toBe(0);
    await expectWholeNight(dataDir);
    const byAddress = newFolder();
    depot.credentials = "user:se:cret";
    const address = depot.url.replace("http://", "http://user:se%3Acret@");
    const told = await ingest(byAddress, address, "--json", "--log-level", "debug");
    expect(told.code).toBe(0);
    // The password is nowhere kept or told.
    expect(told.stdout + told.stderr).not.toMatch(/cret|user/);
    expect((await storedDocuments(byAddress, "sources"))[0]?.["_id"]).toBe(depot.url);
    depot.credentials = "user:pa:ss";
    const bySecrets = newFolder();
    const secrets = join(bySecrets, "my-secrets.json");
    writeFileSync(secrets, JSON.stringify({ ztf_depot: { username: "user", password: "pa:ss" } }), {
      mode: 0o600,
    });
    expect((await ingest(bySecrets, depot.url, "--secrets", secrets)).code).toBe(0);
  });

  test("goes on where the connection broke", async () => {
    const depot = await night();
    depot.cuts = 3;
    depot.cutAfter = 400_000;
    const dataDir = newFolder();
    expect((await ingest(dataDir, depot.url)).code).toBe(0);
    await expectWholeNight(dataDir);
    expect(depot.ranges.length).toBe(4);
    expect(depot.ranges.slice(1).every((range) => range !== undefined)).toBe(true);
    // Little is sent twice: what was on its way when the connection broke.
    expect(depot.sent).toBeLessThan(depot.body.length * 1.5);
  });

  test("begins anew where the server cannot go on, or has another file by now", async () => {
    const stubborn = await night();
    stubborn.takesRanges = false;
    stubborn.cuts = 1;
    stubborn.cutAfter = 400_000;
    const first = newFolder();
    expect((await ingest(first, stubborn.url)).code).toBe(0);
    await expectWholeNight(first);

    const changed = await night();
    changed.cuts = 1;
    changed.cutAfter = 400_000;
    const second = newFolder();
    const running = ingest(second, changed.url);
    while (changed.ranges.length < 1) await Bun.sleep(5);
    changed.etag = '"second"';
    changed.body = await tarGzOf(realPackets().reverse());
    expect((await running).code).toBe(0);
    await expectWholeNight(second);
  });

  test("a killed download is resumed by the next run", async () => {
    const depot = await night();
    depot.slowness = 50;
    const dataDir = newFolder();
    const words = ["ingest", "--data-dir", dataDir, depot.url];
    const child = Bun.spawn([await executable(), ...words], { stdout: "ignore", stderr: "ignore" });
    while (depot.sent < 400_000) await Bun.sleep(5);
    child.kill("SIGKILL");
    await child.exited;
    depot.slowness = 0;
    expect((await ingest(dataDir, depot.url)).code).toBe(0);
    await expectWholeNight(dataDir);
    expect(Number(/\d+/.exec(depot.ranges[1] ?? "")?.[0] ?? 0)).toBeGreaterThan(100_000);
  });

  test("an address without an archive fails with a word", async () => {
    const depot = await night();
    const { code, stderr } = await ingest(newFolder(), new URL("/elsewhere.tar.gz", depot.url).href);
    expect(code).toBe(1);
    expect(stderr).toContain("/elsewhere.tar.gz: the server answers 404");
    depot.body = new TextEncoder().encode("<html>no archive</html>");
    const page = await ingest(newFolder(), depot.url);
    expect(page.code).toBe(1);
    expect(page.stderr).toContain("torn or no archive");
    expect(page.stderr).toContain(depot.url);
  });
});
