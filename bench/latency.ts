/**
 * How quickly a server answers while packets are ingested at full speed, inside `serve` and by an `ingest`
 * beside it, without and with a heavy scan: `bun bench/latency.ts [PACKETS [PHASE]]` (default 20000, all phases).
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../test/support/client.ts";
import { executable, runExecutable, startServe } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";

const PACKETS = Number(process.argv[2] ?? 20_000);
const STORED_BEFORE = 2000;
const PACE_MS = 20;
const LONG_MS = 600_000;

interface Phase {
  readonly name: string;
  readonly where: "inside" | "beside" | "nowhere";
  readonly scans: boolean;
}

const PHASES: readonly Phase[] = [
  { name: "idle", where: "nowhere", scans: false },
  { name: "heavy scan", where: "nowhere", scans: true },
  { name: "ingest in serve", where: "inside", scans: false },
  { name: "ingest in serve, heavy scan", where: "inside", scans: true },
  { name: "ingest beside", where: "beside", scans: false },
  { name: "ingest beside, heavy scan", where: "beside", scans: true },
];

/** Times of one kind of request, milliseconds. */
class Times {
  readonly #times: number[] = [];

  async measure(work: () => Promise<unknown>): Promise<void> {
    const began = performance.now();
    await work();
    this.#times.push(performance.now() - began);
  }

  toString(): string {
    const sorted = this.#times.sort((a, b) => a - b);
    const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN).toFixed(1);
    return `p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)} ms (${sorted.length})`;
  }
}

/** Calls `work` over and over until the signal aborts, at most every `paceMs`. */
async function repeat(signal: AbortSignal, paceMs: number, work: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    const next = Bun.sleep(paceMs);
    await work();
    await next;
  }
}

/** Tells whether a command that should have worked did. */
async function must(words: readonly string[]): Promise<void> {
  const { code, stderr } = await runExecutable(words, { timeoutMs: LONG_MS });
  if (code !== 0) throw new Error(`${words[0]} ended with ${code}: ${stderr}`);
}

async function runPhase({ name, where, scans }: Phase, folder: string, night: string, first: string) {
  const dataDir = join(folder, "data", name.replaceAll(/\W+/g, "-"));
  const watched = join(dataDir, "watched");
  mkdirSync(watched, { recursive: true });
  await must(["ingest", "--data-dir", dataDir, first]);
  const config = join(dataDir, "config.yaml");
  writeFileSync(config, JSON.stringify({ sources: [{ path: watched, watch: true }] }));
  const server = await startServe(dataDir, { words: ["--config", config] });
  try {
    const client = await Client.ofAdministrator(server.url, dataDir);
    const objects = (await client.query(
      "find",
      { catalog: "ZTF_alerts", filter: {}, projection: { _id: 0, objectId: 1 } },
      { limit: STORED_BEFORE },
    )) as { objectId: string }[];
    const health = new Times();
    const find = new Times();
    const end = new AbortController();
    const loops = [
      repeat(end.signal, PACE_MS, () =>
        health.measure(async () => (await fetch(`${server.url}/health`)).text()),
      ),
      repeat(end.signal, PACE_MS, () => {
        const objectId = objects[Math.floor(Math.random() * objects.length)]?.objectId;
        return find.measure(() => client.query("find", { catalog: "ZTF_alerts", filter: { objectId } }));
      }),
    ];
    let scanned = 0;
    if (scans) {
      loops.push(
        repeat(end.signal, 0, async () => {
          const filter = { "candidate.magpsf": { $gt: 99 }, "candidate.fid": { $mod: [2, 1] } };
          await client.count("ZTF_alerts", filter);
          scanned++;
        }),
      );
    }
    const began = performance.now();
    if (where === "beside") await must(["ingest", "--data-dir", dataDir, night]);
    else if (where === "nowhere") await Bun.sleep(5000);
    else {
      renameSync(night, join(watched, "night.tar.gz"));
      while ((await client.count("ZTF_alerts")) < STORED_BEFORE + PACKETS) await Bun.sleep(200);
      renameSync(join(watched, "night.tar.gz"), night);
    }
    const seconds = (performance.now() - began) / 1000;
    end.abort();
    await Promise.all(loops);
    const rate = where === "nowhere" ? "" : `, ${Math.round(PACKETS / seconds)} packets/s`;
    console.log(`${name}${rate}${scans ? `, ${scanned} scans` : ""}`);
    console.log(`  /health           ${health}`);
    console.log(`  find by objectId  ${find}`);
  } finally {
    await server.stop();
  }
}

using folder = temporaryFolder();
const first = join(folder.path, "first.tar.gz");
const night = join(folder.path, "night.tar.gz");
await executable();
await must(["simulate", "--out", first, "--alerts", String(STORED_BEFORE), "--start", "2023-01-01"]);
await must(["simulate", "--out", night, "--alerts", String(PACKETS), "--start", "2024-01-01"]);
const wanted = PHASES.filter(({ name }) => name.startsWith(process.argv[3] ?? ""));
for (const phase of wanted) await runPhase(phase, folder.path, night, first);
