/** `kowalski serve` and its data folder: watched sources, stops, neighbours, and folders it must refuse. */
import { Database } from "bun:sqlite";
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Client, until } from "../support/client.ts";
import { type RunningServe, runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Copier, type NamedPacket, realPackets, tarGzOf } from "../support/packets.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";
import { storedCounts } from "../support/stored.ts";

// Each starts the executable a few times, perhaps on a busy machine.
setDefaultTimeout(60_000);

const hasPackets = sharedDir() !== undefined;
if (!hasPackets) process.stderr.write("skipped: serve with sources (no ../shared beside this checkout)\n");

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newFolder(): string {
  const folder = temporaryFolder();
  cleanups.push(() => folder[Symbol.dispose]());
  return folder.path;
}

async function serve(dataDir: string, ...words: string[]): Promise<RunningServe> {
  const server = await startServe(dataDir, { words });
  cleanups.push(() => server.kill());
  return server;
}

/** Writes a configuration with these sources and answers the flags that name it. */
function withSources(...sources: object[]): string[] {
  const file = join(newFolder(), "config.yaml");
  writeFileSync(file, JSON.stringify({ sources, ingest: { batch_packets: 50 } }));
  return ["--config", file];
}

/** Puts packets into a folder at once, as a download or a move does. */
function arrive(folder: string, packets: readonly NamedPacket[]): void {
  const apart = mkdtempSync(join(dirname(folder), "arriving-"));
  for (const { name, bytes } of packets) {
    writeFileSync(join(apart, name), bytes);
    renameSync(join(apart, name), join(folder, name));
  }
  rmSync(apart, { recursive: true });
}

describe.if(hasPackets)("a watched folder", () => {
  test("is read as files come, and not again after a restart", async () => {
    const dataDir = newFolder();
    const watched = join(newFolder(), "watched");
    mkdirSync(watched);
    const packets = realPackets();
    arrive(watched, packets.slice(0, 5));
    const flags = withSources({ path: watched, watch: true });
    const server = await serve(dataDir, ...flags);
    const client = await Client.ofAdministrator(server.url, dataDir);
    await until("the first files are stored", async () => (await client.count("ZTF_alerts")) === 5);
    arrive(watched, packets.slice(5, 10));
    await until("new files are stored", async () => (await client.count("ZTF_alerts")) === 10);
    // A folder that is moved in brings files that are older than those read before.
    const night = join(dirname(watched), "night");
    mkdirSync(night);
    for (const { name, bytes } of packets.slice(10, 15)) writeFileSync(join(night, name), bytes);
    writeFileSync(join(night, "more.tar.gz"), await tarGzOf(packets.slice(15, 20)));
    arrive(watched, packets.slice(20, 22));
    await until("they are stored", async () => (await client.count("ZTF_alerts")) === 12);
    renameSync(night, join(watched, "night"));
    await until("a moved folder is stored", async () => (await client.count("ZTF_alerts")) === 22);
    expect(await server.stop()).toBe(0);

    arrive(watched, packets.slice(22));
    const again = await serve(dataDir, ...flags);
    await until("the rest is stored, and nothing is read twice", () => hasStored(again, 2));
    expect(await countIn(again, dataDir, "ZTF_alerts")).toBe(24);
    expect(await again.stop()).toBe(0);
  });

  test("that is not there yet is waited for, and the server says so", async () => {
    const dataDir = newFolder();
    const watched = join(newFolder(), "later");
    const server = await serve(dataDir, ...withSources({ path: watched, watch: true }));
    await until("it is reported", async () => {
      const ready = await fetch(`${server.url}/ready`);
      return ready.status === 503 && (await ready.text()).includes("no such file or folder");
    });
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    mkdirSync(watched);
    arrive(watched, realPackets().slice(0, 3));
    await until("it is read", () => hasStored(server, 3));
    await until("it is ready", async () => (await fetch(`${server.url}/ready`)).status === 200);
  });
});

/** Whether the broker says that it stored so many alerts since its start, and read none twice. */
async function hasStored(server: RunningServe, stored: number): Promise<boolean> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const value = (outcome: string) =>
    Number(new RegExp(`^kowalski_packets\\{outcome="${outcome}"\\} (\\d+)$`, "m").exec(metrics)?.[1]);
  return value("stored") === stored && value("duplicate") === 0;
}

/** Counts a collection as the administrator. */
async function countIn(server: RunningServe, dataDir: string, catalog: string): Promise<number> {
  return (await Client.ofAdministrator(server.url, dataDir)).count(catalog);
}

describe.if(hasPackets)("sources that end", () => {
  test("are read once, also over restarts, and what is new in them is read", async () => {
    const dataDir = newFolder();
    const folder = newFolder();
    const packets = realPackets();
    arrive(folder, packets.slice(0, 10));
    const flags = withSources({ path: folder });
    for (const [stored, total] of [
      [10, 10],
      [0, 10],
      [14, 24],
    ] as const) {
      if (total === 24) arrive(folder, packets.slice(10));
      const server = await serve(dataDir, ...flags);
      // Time enough to read ten packets again, if it did.
      if (stored === 0) await Bun.sleep(500);
      await until(`${stored} are stored`, () => hasStored(server, stored));
      expect(await server.stop()).toBe(0);
      expect((await storedCounts(dataDir))["ZTF_alerts"]).toBe(total);
    }
  });

  test("SIGTERM in the middle of one ends in time and loses nothing", async () => {
    const dataDir = newFolder();
    const folder = newFolder();
    const packets = new Copier(realPackets()[0]?.bytes ?? new Uint8Array()).packets(1500);
    writeFileSync(join(folder, "night.tar.gz"), await tarGzOf(packets));
    const flags = withSources({ path: folder });
    const server = await serve(dataDir, ...flags);
    await until("some are stored", async () => ((await storedCounts(dataDir))["ZTF_alerts"] ?? 0) > 0);
    const began = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    const stored = (await storedCounts(dataDir))["ZTF_alerts"] ?? 0;
    expect(stored).toBeLessThan(1500);
    const again = await serve(dataDir, ...flags);
    await until("the rest is stored, and nothing is read twice", () => hasStored(again, 1500 - stored));
    expect(await countIn(again, dataDir, "ZTF_alerts")).toBe(1500);
  });
});

describe("neighbours on one folder", () => {
  test.if(hasPackets)(
    "serve notices what ingest and user beside it change",
    async () => {
      const dataDir = newFolder();
      const server = await serve(dataDir);
      const client = await Client.ofAdministrator(server.url, dataDir);
      expect(await client.count("ZTF_alerts")).toBe(0);
      const source = sharedPath("data", "ztf");
      expect((await runExecutable(["ingest", "--data-dir", dataDir, source])).code).toBe(0);
      expect(await client.count("ZTF_alerts")).toBe(24);
      const made = await runExecutable(["user", "add", "ada", "--json", "--data-dir", dataDir]);
      expect(made.code).toBe(0);
      const { password } = JSON.parse(made.stdout) as { password: string };
      const ada = await Client.login(server.url, "ada", password);
      expect(await ada.count("ZTF_alerts")).toBe(24);
      expect((await runExecutable(["user", "remove", "ada", "--data-dir", dataDir])).code).toBe(0);
      await until("the removed user is kept out", async () =>
        ada.count("ZTF_alerts").then(
          () => false,
          (error: Error) => /40[13]/.test(error.message),
        ),
      );
    },
    30_000,
  );

  test("a second serve is refused, and the first goes on", async () => {
    const dataDir = newFolder();
    const server = await serve(dataDir);
    const second = await runExecutable(["serve", "--data-dir", dataDir, "--port", "0"]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('another "kowalski serve" is running');
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    // A killed server leaves the folder free.
    await server.kill();
    const next = await serve(dataDir);
    expect((await fetch(`${next.url}/health`)).status).toBe(200);
  });
});

describe("data folders that cannot be used", () => {
  const refused = async (dataDir: string, message: string) => {
    const { code, stderr, stdout } = await runExecutable(["serve", "--data-dir", dataDir, "--port", "0"]);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).not.toContain("listening");
    expect(code).toBe(1);
  };

  test("a newer format, and a file that is no database", async () => {
    const newer = newFolder();
    const database = new Database(join(newer, "kowalski.db"), { create: true });
    database.run("PRAGMA user_version = 99");
    database.close();
    await refused(newer, "was written by a newer version of Kowalski");
    const damaged = newFolder();
    writeFileSync(join(damaged, "kowalski.db"), "no database at all ".repeat(1000));
    await refused(damaged, "is damaged or no Kowalski database");
  });

  test("one that another process holds locked", async () => {
    const dataDir = newFolder();
    const server = await serve(dataDir);
    await server.stop();
    const database = new Database(join(dataDir, "kowalski.db"));
    database.run("BEGIN IMMEDIATE");
    await refused(dataDir, "is locked by another process");
    database.close();
  });

  test.if(process.getuid?.() === 0 && process.platform === "linux")("a read-only one", async () => {
    const disk = newFolder();
    if (Bun.spawnSync(["mount", "-t", "tmpfs", "tmpfs", disk]).exitCode !== 0) {
      process.stderr.write("skipped: a read-only folder (no file system can be mounted here)\n");
      return;
    }
    try {
      // Also one with the log of a server that was killed, which SQLite can read without writing.
      for (const end of ["stop", "kill"] as const) {
        Bun.spawnSync(["mount", "-o", "remount,rw", disk]);
        const server = await serve(disk);
        await server[end]();
        Bun.spawnSync(["mount", "-o", "remount,ro", disk]);
        await refused(disk, "data folder");
        await refused(join(disk, "new"), "may not be written");
      }
    } finally {
      // Lazily: threads of stores that were closed may still hold files for a moment.
      Bun.spawnSync(["umount", "--lazy", disk]);
    }
  });

  test("an address that is taken", async () => {
    const server = await serve(newFolder());
    const { port } = new URL(server.url);
    const { code, stderr } = await runExecutable(["serve", "--data-dir", newFolder(), "--port", port]);
    expect(code).toBe(1);
    expect(stderr).toContain(port);
  });
});
