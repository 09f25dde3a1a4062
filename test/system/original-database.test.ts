/**
 * A database that the original filled, as the executable uses it: what reads and scores stored alerts works as on one
 * of ours, and what would add alerts says at once why it does not.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { Client } from "../support/client.ts";
import { runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testDatabaseName, testReplicaSet } from "../support/mongod.ts";
import { meanOfTriplet } from "../support/onnx.ts";
import { copyAsOriginal } from "../support/original.ts";
import { skipOrFail } from "../support/services.ts";

const ALERTS = 30;
const PASSWORD = "observatory";
const HISTORY = [
  { $match: { "prv_candidates.0": { $exists: true } } },
  {
    $project: {
      _id: 0,
      annotations: { rows: { $size: "$prv_candidates" }, stamps: { $type: "$cutoutScience" } },
    },
  },
];

const folder = temporaryFolder();
const set = await testReplicaSet();
const skip = skipOrFail("a replica set", typeof set !== "string", String(set));

function address(): string {
  if (typeof set === "string") return "";
  const url = new URL(set.url);
  url.pathname = `/${testDatabaseName()}`;
  return url.href;
}

describe.skipIf(skip)("a database that the original filled", () => {
  const [own, original] = [address(), address()];
  const archive = join(folder.path, "alerts.tar.gz");
  const pipeline = join(folder.path, "history.json");
  let folders = 0;

  /** Options that name a fresh folder with a configuration, and a store. */
  const optionsOf = (store: string, config: object = {}) => {
    const dataDir = join(folder.path, String(folders++));
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, "config.yaml"), JSON.stringify(config));
    writeFileSync(join(dataDir, "secrets.json"), JSON.stringify({ server: { admin_password: PASSWORD } }), {
      mode: 0o600,
    });
    return ["--data-dir", dataDir, "--config", join(dataDir, "config.yaml"), "--store", store];
  };

  beforeAll(async () => {
    await runExecutable(["simulate", "--out", archive, "--alerts", String(ALERTS), "--seed", "5"]);
    writeFileSync(pipeline, JSON.stringify(HISTORY));
    const { code, stderr } = await runExecutable(["ingest", archive, ...optionsOf(own)]);
    expect(`${code} ${stderr}`).toStartWith("0 ");
    await copyAsOriginal(own, original);
  }, 180_000);

  afterAll(async () => {
    for (const url of [own, original]) {
      await using client = new MongoClient(url);
      await client.db().dropDatabase();
    }
    folder[Symbol.dispose]();
  });

  test("tries filters that read the history as one of ours does", async () => {
    const words = [
      "filter",
      "test",
      pipeline,
      "--last",
      "1000",
      "--permissions",
      "1,2,3",
      "--rows",
      "1000",
      "--json",
    ];
    const results = await Promise.all(
      [own, original].map((store) => runExecutable([...words, ...optionsOf(store)])),
    );
    const [ours, theirs] = results.map(({ code, stdout }) => ({
      code,
      rows: stdout
        .split("\n")
        .filter((line) => line.includes('"event":"row"'))
        .toSorted(),
      counts: /"seen":\d+,"passed":\d+,"errors":\d+/.exec(stdout)?.[0],
    }));
    expect(theirs?.counts).toMatch(/"seen":30,"passed":[1-9]\d*,"errors":0/);
    expect(theirs?.rows[0]).toContain('"stamps":"missing"');
    expect(theirs).toEqual(ours);
  }, 60_000);

  test("scores its alerts from the stamps in them", async () => {
    const file = join(folder.path, "mean.onnx");
    writeFileSync(file, meanOfTriplet());
    const models = { mean: { file, survey: "ZTF", version: "1", inputs: ["triplet"] } };
    const results = await Promise.all(
      [own, original].map((store) => runExecutable(["score", "--json", ...optionsOf(store, { models })])),
    );
    const [ours, theirs] = results.map(({ code, stdout }) => `${code} ${stdout.split("\n").at(-2)}`);
    expect(theirs).toContain(`"alerts":${ALERTS},"changed":${ALERTS}`);
    expect(theirs).toBe(ours ?? "");
    const scores = async (url: string) => {
      await using client = new MongoClient(url);
      const found = client
        .db()
        .collection("ZTF_alerts")
        .find({}, { sort: { candid: 1 } });
      return (await found.toArray()).map(({ candid, classifications }) => [String(candid), classifications]);
    };
    expect(await scores(original)).toEqual(await scores(own));
  }, 60_000);

  test("serves its stamps, alerts and objects", async () => {
    const [dataDir = "", ...words] = optionsOf(original).slice(1);
    const serve = await startServe(dataDir, { words, timeoutMs: 60_000 });
    const { token } = await Client.login(serve.url, "admin", PASSWORD);
    const get = (path: string) => fetch(`${serve.url}${path}`, { headers: { authorization: token } });
    await using mongo = new MongoClient(original, { promoteLongs: false });
    const alert = await mongo.db().collection("ZTF_alerts").findOne();
    const candid = String(alert?.["candid"]);
    for (const what of ["science/png", "triplet/png", "difference/fits"]) {
      const answer = await get(`/api/cutouts/ztf/${candid}/${what}`);
      expect([what, answer.status]).toEqual([what, 200]);
      expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(1000);
    }
    const object = await get(`/api/objects/ztf/${String(alert?.["objectId"])}`);
    expect(object.status).toBe(200);
    expect(await serve.stop()).toBe(0);
  }, 120_000);

  test("matches its objects with catalogues again", async () => {
    const csv = join(folder.path, "stars.csv");
    await using mongo = new MongoClient(original, { promoteLongs: false });
    const alert = await mongo.db().collection("ZTF_alerts").findOne();
    const { ra, dec } = (alert?.["candidate"] ?? {}) as { ra?: number; dec?: number };
    writeFileSync(csv, `name,ra,dec\nhere,${ra},${dec}\n`);
    const options = optionsOf(original, { cross_matches: { ZTF: { stars: { radius_arcsec: 3 } } } });
    const load = ["catalog", "load", csv, "--name", "stars", "--ra", "ra", "--dec", "dec"];
    const loaded = await runExecutable([...load, ...options]);
    expect(`${loaded.code} ${loaded.stderr}`).toStartWith("0 ");
    const matched = await runExecutable(["catalog", "match", "stars", ...options]);
    expect(`${matched.code} ${matched.stderr}`).toStartWith("0 ");
    const aux = await mongo.db().collection("ZTF_alerts_aux").findOne({ _id: alert?.["objectId"] });
    expect(aux?.["cross_matches"]?.["stars"]).toEqual([expect.objectContaining({ name: "here" })]);
  }, 60_000);

  test("takes no alerts: check tells, ingest and serve end at once and say why", async () => {
    const checked = await runExecutable(["check", ...optionsOf(original)]);
    expect(checked.stdout).toMatch(/^ok +store .*ZTF_alerts_aux filled by another system/m);
    const ingest = await runExecutable(["ingest", archive, ...optionsOf(original)], { timeoutMs: 30_000 });
    expect([ingest.code, ingest.stderr]).toEqual([1, expect.stringContaining("another system")]);
    expect(ingest.stderr.match(/another system/g)).toHaveLength(1);
    const sources = [{ path: archive }];
    const serve = ["serve", "--port", "0", ...optionsOf(original, { sources })];
    const served = await runExecutable(serve, { timeoutMs: 30_000 });
    expect([served.code, served.stdout]).toEqual([1, expect.stringContaining("another system")]);
  }, 90_000);
});
