/**
 * Answers while packets are ingested at full speed and a scan runs: all of them right. How quickly they come
 * is for `bench/latency.ts`; here they only must not wait for the ingest.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, until } from "../support/client.ts";
import { type RunningServe, runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";

setDefaultTimeout(120_000);

const STORED_BEFORE = 200;
const PACKETS = 1000;
/** No answer may take this long: a batch or the whole ingest would. */
const LONGEST_MS = 5000;

const folder = temporaryFolder();
const dataDir = join(folder.path, "data");
const watched = join(dataDir, "watched");
const archives = ["first", "second", "third"].map((name) => join(folder.path, `${name}.tar.gz`));
let server: RunningServe | undefined;
let client: Client | undefined;

beforeAll(async () => {
  mkdirSync(watched, { recursive: true });
  for (const [n, archive] of archives.entries()) {
    const alerts = String(n === 0 ? STORED_BEFORE : PACKETS);
    const words = ["simulate", "--out", archive, "--alerts", alerts, "--start", `202${n}-01-01`];
    expect((await runExecutable(words)).code).toBe(0);
  }
  expect((await runExecutable(["ingest", "--data-dir", dataDir, archives[0] ?? ""])).code).toBe(0);
  const config = join(folder.path, "config.yaml");
  writeFileSync(config, JSON.stringify({ sources: [{ path: watched, watch: true }] }));
  server = await startServe(dataDir, { words: ["--config", config] });
  client = await Client.ofAdministrator(server.url, dataDir);
});

afterAll(async () => {
  await server?.stop();
  folder[Symbol.dispose]();
});

/** Asks and asks until `work` is done; answers how many asked and the longest time, milliseconds. */
async function askDuring(work: Promise<unknown>): Promise<{ asked: number; longest: number }> {
  let done = false;
  const end = work.finally(() => {
    done = true;
  });
  let asked = 0;
  let longest = 0;
  const ask = async (check: () => Promise<void>) => {
    while (!done) {
      const began = performance.now();
      await check();
      longest = Math.max(longest, performance.now() - began);
      asked++;
      await Bun.sleep(20);
    }
  };
  const query = (type: string, filter: object) =>
    client?.query(type, { catalog: "ZTF_alerts", filter, projection: { objectId: 1 } });
  const [known] = ((await query("find", {})) ?? []) as { objectId: string }[];
  const objectId = known?.objectId ?? "";
  await Promise.all([
    end,
    ask(async () => expect((await fetch(`${server?.url}/health`)).status).toBe(200)),
    ask(async () => {
      const found = (await query("find", { objectId })) as { objectId: string }[];
      expect(found.length).toBeGreaterThan(0);
      expect(found.every((document) => document.objectId === objectId)).toBe(true);
    }),
    ask(async () => {
      expect(await query("count_documents", { "candidate.magpsf": { $gt: 99 } })).toBe(0);
    }),
  ]);
  return { asked, longest };
}

describe("answers during ingest", () => {
  test("inside serve", async () => {
    const before = (await client?.count("ZTF_alerts")) ?? 0;
    renameSync(archives[1] ?? "", join(watched, "night.tar.gz"));
    const stored = until(
      "all are stored",
      async () => (await client?.count("ZTF_alerts")) === before + PACKETS,
      100_000,
    );
    const { asked, longest } = await askDuring(stored);
    expect(asked).toBeGreaterThan(20);
    expect(longest).toBeLessThan(LONGEST_MS);
  });

  test("beside serve", async () => {
    const before = (await client?.count("ZTF_alerts")) ?? 0;
    const words = ["ingest", "--data-dir", dataDir, archives[2] ?? ""];
    const ingest = runExecutable(words, { timeoutMs: 100_000 });
    const { asked, longest } = await askDuring(ingest);
    expect((await ingest).code).toBe(0);
    expect(asked).toBeGreaterThan(20);
    expect(longest).toBeLessThan(LONGEST_MS);
    expect(await client?.count("ZTF_alerts")).toBe(before + PACKETS);
  });
});
