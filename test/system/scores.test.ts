/** Networks in the built executable: scores in answers, what is told of networks that do not work, both runtimes. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Encoder, openContainer } from "../../src/avro/index.ts";
import { simulate } from "../../src/sources/simulator/index.ts";
import { Client, until } from "../support/client.ts";
import { type Finished, runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { realModels } from "../support/models.ts";
import { logarithmOfFeatures, meanOfTriplet } from "../support/onnx.ts";
import { hasRealPackets } from "../support/served.ts";
import { sharedPath } from "../support/shared.ts";
import { flat } from "../support/stamps.ts";
import { storedDocuments } from "../support/stored.ts";

setDefaultTimeout(60_000);

const ALERTS = 12;
const folder = temporaryFolder();
const night = join(folder.path, "night.tar.gz");
const cache = join(folder.path, "cache");

beforeAll(async () => {
  const simulate = ["simulate", "--out", night, "--alerts", String(ALERTS), "--seed", "7"];
  expect((await runExecutable(simulate)).code).toBe(0);
  writeFileSync(join(folder.path, "mean.onnx"), meanOfTriplet());
  writeFileSync(join(folder.path, "bright.onnx"), logarithmOfFeatures(1));
  writeFileSync(join(folder.path, "broken.onnx"), "no network");
});

afterAll(() => folder[Symbol.dispose]());

const MODELS = {
  bright: { file: "bright.onnx", survey: "ZTF", version: "1", inputs: ["features"], features: ["magpsf"] },
  mean: {
    file: "mean.onnx",
    survey: "ztf",
    version: "2",
    inputs: ["triplet"],
    when: { "candidate.magpsf": { $lt: 19 }, "classifications.bright": { $gt: 0 } },
  },
};

/** A data folder beside its configuration, and a command in it. */
function setUp(name: string, models: object) {
  const config = join(folder.path, `${name}.json`);
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ models }));
  const dataDir = join(folder.path, name);
  const run = (words: readonly string[], env = { XDG_CACHE_HOME: cache }): Promise<Finished> =>
    runExecutable([...words, "--config", config, "--data-dir", dataDir], { cwd: folder.path, env });
  return { config, dataDir, run };
}

/** The last line of JSON. */
function summary({ stdout }: Finished): { scores: Record<string, Record<string, number>> } {
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

describe("alerts", () => {
  test("are stored with their scores, counted, and nothing else is left in the cache", async () => {
    const { dataDir, run } = setUp("native", MODELS);
    const ingested = await run(["ingest", "--json", night]);
    expect(ingested).toMatchObject({ code: 0 });
    const alerts = await storedDocuments(dataDir, "ZTF_alerts");
    expect(alerts).toHaveLength(ALERTS);
    let selected = 0;
    for (const { candidate, classifications } of alerts) {
      const { magpsf } = candidate as { magpsf: number };
      expect(classifications).toMatchObject({
        bright: expect.closeTo(Math.log(magpsf), 5),
        bright_version: "1",
      });
      expect("mean" in (classifications as object)).toBe(magpsf < 19);
      if (magpsf < 19) selected++;
    }
    expect(selected).toBeGreaterThan(0);
    expect(selected).toBeLessThan(ALERTS);
    expect(summary(ingested).scores).toEqual({
      bright: { scored: ALERTS },
      mean: { scored: selected, "not selected": ALERTS - selected },
    });
    // The native library, and nothing that it would write by itself.
    if (process.platform === "linux" && ["x64", "arm64"].includes(process.arch)) {
      expect(readdirSync(cache)).toEqual(["kowalski"]);
    }
  });

  test("have the same scores where the native library cannot be unpacked, which is said", async () => {
    const { dataDir, run } = setUp("wasm", MODELS);
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, "cache"), "in the way");
    const env = { XDG_CACHE_HOME: "/dev/null" };
    const { code, stderr, stdout } = await run(["ingest", night], env);
    expect(code).toBe(0);
    expect(stderr).toContain("the ONNX Runtime as WebAssembly, several times slower than the native one: ");
    expect(stdout).toMatch(/^scores +bright: 12 scored$/m);
    const native = await storedDocuments(join(folder.path, "native"), "ZTF_alerts");
    for (const [index, { classifications }] of (await storedDocuments(dataDir, "ZTF_alerts")).entries()) {
      const expected = Object.entries((native[index]?.["classifications"] ?? {}) as object);
      const close = expected.map(([name, value]) => [
        name,
        typeof value === "number" ? expect.closeTo(value, 5) : value,
      ]);
      expect(classifications).toEqual(Object.fromEntries(close));
    }
    const checked = await run(["check"], env);
    expect(checked.stdout).toMatch(
      /^ok +models\.bright +1, ZTF, features; by the ONNX Runtime as WebAssembly/m,
    );
  });
});

describe("stamps that cannot be used", () => {
  /** What is in the place of the template of the n-th alert, and what is counted. */
  const broken: [Uint8Array | undefined, string][] = [
    [new Uint8Array(), "template stamp unreadable"],
    [new TextEncoder().encode("not gzip"), "template stamp unreadable"],
    [Bun.gzipSync("not FITS"), "template stamp unreadable"],
    [flat(63, 63, 1).subarray(0, 100), "template stamp unreadable"],
    [flat(63, 63, Number.NaN), "template stamp blank"],
    [flat(63, 63, Number.POSITIVE_INFINITY), "template stamp not finite"],
    [flat(64, 64, 1), "template stamp larger than 63 × 63"],
    [undefined, "no template stamp"],
    [flat(20, 30, 1), "scored"],
  ];

  test("leave out the scores that need them, counted, and every alert is stored", async () => {
    const [packet] = simulate({ alerts: 1, seed: 3 });
    const container = openContainer(packet?.bytes ?? new Uint8Array());
    const [record] = [...container.records()];
    const encoder = new Encoder(Buffer.from(container.schema).toString());
    const alerts = broken.map(([stampData], n) => ({
      ...record,
      candid: BigInt(n + 1),
      cutoutTemplate: stampData === undefined ? null : { fileName: "t.fits.gz", stampData },
    }));
    const file = join(folder.path, "broken-stamps.avro");
    writeFileSync(file, encoder.container(alerts));
    const { mean } = MODELS;
    const { dataDir, run } = setUp("stamps", { bright: MODELS.bright, mean: { ...mean, when: {} } });
    const ingested = await run(["ingest", "--json", file]);
    expect(ingested).toMatchObject({ code: 0 });
    const counts: Record<string, number> = {};
    for (const [, outcome] of broken) counts[outcome] = (counts[outcome] ?? 0) + 1;
    const { scores } = summary(ingested);
    expect(scores).toEqual({ bright: { scored: broken.length }, mean: counts });
    const stored = await storedDocuments(dataDir, "ZTF_alerts", {
      "classifications.mean": { $exists: true },
    });
    expect(stored.map(({ candid }) => candid)).toEqual([BigInt(broken.length)]);
    expect(await storedDocuments(dataDir, "ZTF_alerts")).toHaveLength(broken.length);
  });
});

describe("kowalski score", () => {
  test("scores what is stored as ingest does, and changes nothing the second time", async () => {
    const { dataDir, run } = setUp("later", {});
    expect(await run(["ingest", night])).toMatchObject({ code: 0 });
    const unscored = await run(["score"]);
    expect(unscored).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no networks are configured"),
    });
    const later = setUp("later", MODELS);
    const first = await later.run(["score", "--json", "--missing"]);
    expect(first).toMatchObject({ code: 0 });
    expect(summary(first)).toMatchObject({
      alerts: ALERTS,
      changed: ALERTS,
      scores: { bright: { scored: ALERTS } },
    });
    const classifications = async (folder: string) =>
      (await storedDocuments(folder, "ZTF_alerts")).map((alert) => alert["classifications"]);
    expect(await classifications(dataDir)).toEqual(await classifications(join(folder.path, "native")));
    const second = await later.run(["score"]);
    expect(second.stdout).toMatch(/^changed +0 alerts$/m);
    expect(second.stdout).toMatch(/^scores +bright: 12 scored$/m);
  });

  test("only with one network, and says which there are not", async () => {
    const { run } = setUp("later", MODELS);
    const one = await run([
      "score",
      "--json",
      "--model",
      "bright",
      "--filter",
      '{"candidate.magpsf": {"$lt": 0}}',
    ]);
    expect(summary(one)).toMatchObject({ alerts: 0, changed: 0, scores: {} });
    expect(await run(["score", "--model", "dark"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("there is no network dark"),
    });
    expect(await run(["score", "--filter", "[1]"])).toMatchObject({ code: 2 });
    expect(await run(["score", "--survey", "ZTV"])).toMatchObject({ code: 2 });
    expect(await run(["score", "--from", "yesterday"])).toMatchObject({ code: 1 });
  });
});

describe("a network that does not work", () => {
  const broken = { ...MODELS, mean: { ...MODELS.mean, file: "broken.onnx" } };
  const missing = { ...MODELS, mean: { ...MODELS.mean, file: "nowhere.onnx" } };

  test.each([
    ["broken", broken, "models.mean: file: not a network that can be run"],
    ["missing", missing, "models.mean: file: nowhere.onnx cannot be read"],
    ["stranger", { mean: { ...MODELS.mean, survey: "ZTV" } }, "models.mean: survey: there is no survey ZTV"],
    ["useless", { mean: { ...MODELS.mean, features: ["ra"] } }, "models.mean: features: are named, but"],
    ["when", { mean: { ...MODELS.mean, when: { a: { $gtt: 1 } } } }, "models.mean: when.a.$gtt"],
  ])("%s ends the start with its name", async (name, models, message) => {
    const { run } = setUp(name, models);
    const ingested = await run(["ingest", night]);
    expect(ingested).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
    const served = await run(["serve", "--port", "0"]);
    expect(served).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  });

  test("is told as well where networks run as WebAssembly", async () => {
    const { dataDir, run } = setUp("broken-wasm", broken);
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, "cache"), "in the way");
    expect(await run(["ingest", night], { XDG_CACHE_HOME: "/dev/null" })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("models.mean: file: not a network that can be run"),
    });
  });

  test("fails its own check, and no other", async () => {
    const { run } = setUp("checked", broken);
    const { code, stdout } = await run(["check"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL +models\.mean +models\.mean: file: not a network/m);
    expect(stdout).toMatch(/^ok +models\.bright +1, ZTF, features; by /m);
  });
});

describe.if(hasRealPackets("scores by the real networks in the executable"))("real packets", () => {
  test("the query of classifications.braai answers the alerts that the reference has above 0.9", async () => {
    const { config, dataDir } = setUp("real", realModels());
    mkdirSync(dataDir);
    const serve = await startServe(dataDir, {
      words: ["--config", config],
      env: { KOWALSKI_SOURCES: JSON.stringify([{ path: sharedPath("data", "ztf") }]) },
    });
    try {
      const client = await Client.ofAdministrator(serve.url, dataDir);
      await until("the packets are stored", async () => (await client.count("ZTF_alerts")) === 24);
      const answer = await fetch(`${serve.url}/api/queries`, {
        method: "POST",
        headers: { authorization: `Bearer ${client.token}` },
        body: JSON.stringify({
          query_type: "find",
          query: {
            catalog: "ZTF_alerts",
            filter: { "classifications.braai": { $gt: 0.9 } },
            projection: { _id: 0, candid: 1, "classifications.braai": 1 },
          },
        }),
      });
      const candids = [...(await answer.text()).matchAll(/"candid":(\d+)/g)].map(([, candid]) => candid);
      const reference = JSON.parse(readFileSync(sharedPath("reference", "scores.json"), "utf8")) as Record<
        string,
        { braai: number }
      >;
      const expected = Object.keys(reference).filter((candid) => (reference[candid]?.braai ?? 0) > 0.9);
      expect(candids.sort()).toEqual(expected.sort());
      await until("the metrics tell of all scores", async () =>
        (await (await fetch(`${serve.url}/metrics`)).text()).includes(
          'kowalski_scores{model="acai_b",outcome="scored"} 24',
        ),
      );
      const ready = await (await fetch(`${serve.url}/ready`)).text();
      expect(ready).toContain("alerts are scored with braai d6_m9");
    } finally {
      await serve.stop();
    }
  });
});
