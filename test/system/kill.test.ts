/**
 * `kill -9` at random moments of an ingest, restarted until it is done, leaves the same documents and matches as
 * one undisturbed run. KOWALSKI_KILL_PACKETS=20000 makes it the long one, KOWALSKI_KILL_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, executable, runExecutable } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { logarithmOfFeatures } from "../support/onnx.ts";
import { randomNumbers } from "../support/random.ts";
import { differences, storedDigests, storedDocuments, storedMatches } from "../support/stored.ts";

const PACKETS = Number(process.env["KOWALSKI_KILL_PACKETS"] ?? 3000);
const SEED = Number(process.env["KOWALSKI_KILL_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** What a match tells depends on the history that was known at its alert, whichever batch that came in. */
const FILTER = [
  { $match: { "candidate.rb": { $gt: 0.5 } } },
  { $match: { $expr: { $gt: [{ $size: { $ifNull: ["$prv_candidates", []] } }, 0] } } },
  {
    $project: {
      annotations: {
        previous: { $size: "$prv_candidates" },
        last: { $max: "$prv_candidates.jd" },
        forced: { $sum: "$fp_hists.alert_mag" },
        score: "$classifications.brightness",
        near: { $first: "$cross_matches.Grid._id" },
      },
    },
  },
];
/** Longest time that a process lives before it is killed, milliseconds. */
const LONGEST_LIFE_MS = 1500;
/** After so many kills a run is left alone, so that the test ends. */
const MOST_KILLS = PACKETS / 200;
const TIMEOUT_MS = 60_000 + PACKETS * 60;

const folder = temporaryFolder();
const archive = join(folder.path, "sim.tar.gz");
/** Every object has a point of the grid near, and the nearest two are kept; every alert has a score. */
const MATCHED = {
  models: {
    brightness: {
      file: join(folder.path, "brightness.onnx"),
      survey: "ZTF",
      version: "1",
      inputs: ["features"],
      features: ["magpsf"],
    },
  },
  cross_matches: { ZTF: { Grid: { radius_arcsec: 10_800, limit: 2, projection: { _id: 1 } } } },
};
const matched = join(folder.path, "matched.yaml");
let undisturbed: Map<string, string> = new Map();
let matches: Map<string, string> = new Map();

beforeAll(async () => {
  process.stderr.write(`kill -9: ${PACKETS} packets, KOWALSKI_KILL_SEED=${SEED}\n`);
  const words = ["simulate", "--out", archive, "--alerts", String(PACKETS), "--nights", "10"];
  const options = { timeoutMs: TIMEOUT_MS };
  writeFileSync(MATCHED.models.brightness.file, logarithmOfFeatures(1));
  writeFileSync(matched, JSON.stringify(MATCHED));
  expect((await runExecutable([...words, "--seed", String(SEED)], options)).code).toBe(0);
  const dataDir = await withFilter(join(folder.path, "undisturbed"));
  const ingest = ["ingest", "--data-dir", dataDir, "--config", matched, archive];
  expect((await runExecutable(ingest, options)).code).toBe(0);
  undisturbed = await storedDigests(dataDir);
  matches = await storedMatches(dataDir);
}, TIMEOUT_MS);

afterAll(() => folder[Symbol.dispose]());

/** A catalogue with a row every three degrees. */
function grid(): string {
  const rows = Array.from({ length: 120 * 59 }, (_, n) => `${(n % 120) * 3},${Math.floor(n / 120) * 3 - 87}`);
  return ["ra,dec", ...rows].join("\n");
}

/** A data folder with an active filter and a catalogue. */
async function withFilter(dataDir: string): Promise<string> {
  mkdirSync(dataDir);
  const rows = join(folder.path, "grid.csv");
  writeFileSync(rows, grid());
  const load = await runExecutable(["catalog", "load", rows, "--name", "Grid", "--data-dir", dataDir]);
  if (load.code !== 0) throw new Error(load.stderr);
  const file = join(folder.path, "filter.json");
  writeFileSync(file, JSON.stringify(FILTER));
  const words = ["filter", "add", file, "--id", "1", "--group", "1", "--permissions", "1,2,3"];
  const { code, stderr } = await runExecutable([...words, "--data-dir", dataDir]);
  if (code !== 0) throw new Error(stderr);
  return dataDir;
}

/** Starts the executable again and again, killing it at random moments; resolves with the number of kills. */
async function runKilled(words: readonly string[], isDone: () => Promise<boolean>): Promise<number> {
  const random = randomNumbers(SEED);
  for (let kills = 0; ; kills++) {
    const child = Bun.spawn([await executable(), ...words], {
      cwd: folder.path,
      env: cleanEnvironment(),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    if (kills < MOST_KILLS) {
      await Promise.race([child.exited, Bun.sleep(50 + random() * LONGEST_LIFE_MS)]);
    } else {
      while (child.exitCode === null && !(await isDone())) await Bun.sleep(100);
    }
    const ended = child.exitCode;
    child.kill("SIGKILL");
    await child.exited;
    if (ended !== null && ended !== 0) throw new Error(`${words[0]} ended with ${ended}`);
    if (ended === 0 || (await isDone())) return kills;
  }
}

async function isRead(dataDir: string): Promise<boolean> {
  const [source] = await storedDocuments(dataDir, "sources").catch(() => []);
  return source?.["done"] === true;
}

describe("kill -9", () => {
  test("the undisturbed run stored every packet", () => {
    const alerts = [...undisturbed.keys()].filter((key) => key.startsWith("ZTF_alerts/"));
    expect(alerts).toHaveLength(PACKETS);
    expect([...undisturbed.keys()].filter((key) => key.startsWith("ZTF_alerts_cutouts/"))).toHaveLength(
      PACKETS,
    );
    expect(matches.size).toBeGreaterThan(PACKETS / 20);
    expect(matches.size).toBeLessThan(PACKETS);
  });

  test("the undisturbed run scored every alert", async () => {
    const dataDir = join(folder.path, "undisturbed");
    const filter = { "classifications.brightness": { $not: { $gt: 2 } } };
    expect(await storedDocuments(dataDir, "ZTF_alerts", filter)).toEqual([]);
  });

  test("the undisturbed run matched every object with the catalogue", async () => {
    const dataDir = join(folder.path, "undisturbed");
    const filter = { "cross_matches.Grid.0._id": { $exists: false } };
    expect(await storedDocuments(dataDir, "ZTF_alerts_aux", filter)).toEqual([]);
  });

  test(
    "ingest ends with the same documents",
    async () => {
      const dataDir = await withFilter(join(folder.path, "ingest"));
      const words = ["ingest", "--data-dir", dataDir, "--config", matched, "--batch", "100", archive];
      const kills = await runKilled(words, () => isRead(dataDir));
      expect(differences(undisturbed, await storedDigests(dataDir))).toEqual([]);
      expect(differences(matches, await storedMatches(dataDir))).toEqual([]);
      expect(kills).toBeGreaterThan(2);
    },
    TIMEOUT_MS,
  );

  test(
    "serve ends with the same documents",
    async () => {
      const dataDir = await withFilter(join(folder.path, "serve"));
      const config = join(folder.path, "config.yaml");
      const settings = { ...MATCHED, sources: [{ path: archive }], ingest: { batch_packets: 100 } };
      writeFileSync(config, JSON.stringify(settings));
      const words = ["serve", "--config", config, "--data-dir", dataDir, "--port", "0"];
      const kills = await runKilled(words, () => isRead(dataDir));
      expect(differences(undisturbed, await storedDigests(dataDir))).toEqual([]);
      expect(differences(matches, await storedMatches(dataDir))).toEqual([]);
      expect(kills).toBeGreaterThan(2);
    },
    TIMEOUT_MS,
  );
});
