/** Filters through the executable: on the command line, and on real packets as they are ingested. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Document, parseJson } from "../../src/query/index.ts";
import { surveyByName, upstreamStages } from "../../src/surveys/index.ts";
import { Client } from "../support/client.ts";
import { runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";
import { storedDocuments } from "../support/stored.ts";

setDefaultTimeout(120_000);

/** Deep-learning score above 0.9, and no galaxy of a catalogue beside it. */
const EXAMPLE = [
  { $match: { "candidate.drb": { $gt: 0.9 }, "cross_matches.CLU_20190625.0": { $exists: false } } },
  {
    $project: { objectId: 1, annotations: { drb: "$candidate.drb", history: { $size: "$prv_candidates" } } },
  },
];

/** Runs a verb on a data folder; throws what it says when it fails. */
async function kowalski(dataDir: string, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runExecutable([...words, "--data-dir", dataDir]);
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

const lines = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => parseJson(line) as Document);

describe.skipIf(sharedDir() === undefined)("real packets", () => {
  test("the example filter matches on ingest what upstream and user stages select", async () => {
    using folder = temporaryFolder();
    const server = await startServe(folder.path);
    const client = await Client.ofAdministrator(server.url, folder.path);
    const headers = { authorization: `Bearer ${client.token}` };
    const body = { group_id: 1, filter_id: 1, catalog: "ZTF_alerts", permissions: [1], pipeline: EXAMPLE };
    const saved = await fetch(`${client.url}/api/filters`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    expect(await saved.text()).toMatch(/No documents in ZTF_alerts collection.*saved new filter version/);
    await kowalski(folder.path, "ingest", sharedPath("data", "ztf"));

    const answer = await fetch(`${client.url}/api/filters/1/matches?limit=1000`, { headers });
    const { data } = parseJson(await answer.text()) as { data: Document[] };
    const found = data.map(({ candid, annotations }) => ({ candid, annotations }));
    const ztf = surveyByName("ZTF");
    const pipeline = [...(ztf === undefined ? [] : upstreamStages(ztf, [1])), ...EXAMPLE];
    const query = { query_type: "aggregate", query: { catalog: "ZTF_alerts", pipeline } };
    const asked = await fetch(`${client.url}/api/queries`, {
      method: "POST",
      headers,
      body: JSON.stringify(query),
    });
    const { data: selected } = parseJson(await asked.text()) as { data: Document[] };
    const expected = selected.map(({ _id, annotations }) => ({ candid: _id, annotations }));
    const byCandid = (a: Document, b: Document) => (String(a["candid"]) < String(b["candid"]) ? -1 : 1);
    expect(found.sort(byCandid)).toEqual(expected.sort(byCandid));
    expect(found.length).toBeGreaterThan(20);

    const reports = await fetch(`${client.url}/api/filters/reports`, { headers });
    const told = parseJson(await reports.text()) as { data: Document[] };
    const passed = told.data.map((report) => Number(report["passed"])).reduce((sum, count) => sum + count, 0);
    expect(passed).toBe(found.length);
    expect(await server.stop()).toBe(0);
  });
});

describe("image stamps", () => {
  test("of matched alerts only, where that is asked for", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    const packets = join(folder.path, "night.tar");
    await runExecutable(["simulate", "--out", packets, "--alerts", "120"]);
    const file = join(folder.path, "filter.json");
    writeFileSync(file, JSON.stringify([{ $match: { "candidate.fid": 1 } }]));
    await kowalski(dataDir, "filter", "add", file, "--id", "1", "--group", "1", "--permissions", "1,2,3");
    await kowalski(dataDir, "ingest", packets, "--cutouts", "matched", "--batch", "50");
    const stamps = await storedDocuments(dataDir, "ZTF_alerts_cutouts");
    const matched = await storedDocuments(dataDir, "ZTF_alerts", { "candidate.fid": 1 });
    const idsOf = (documents: readonly Document[]) => documents.map(({ _id }) => String(_id)).sort();
    expect(idsOf(stamps)).toEqual(idsOf(matched));
    expect(stamps.length).toBeGreaterThan(10);
    expect(stamps.length).toBeLessThan(110);
    expect(stamps[0]).toHaveProperty("cutoutScience.stampData");
  });
});

describe("kowalski filter", () => {
  test("tries, makes, lists, shows, switches and backfills", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    const packets = join(folder.path, "night.tar");
    await runExecutable(["simulate", "--out", packets, "--alerts", "400", "--no-cutouts"]);
    await kowalski(dataDir, "ingest", packets);
    const file = join(folder.path, "filter.json");
    writeFileSync(file, JSON.stringify([{ $match: { "candidate.magpsf": { $gt: 0 } } }]));

    const tried = lines(
      await kowalski(dataDir, "filter", "test", file, "--last", "100", "--rows", "2", "--json"),
    );
    expect(tried.map(({ event }) => event)).toEqual(["row", "row", "summary"]);
    expect(tried.at(-1)).toMatchObject({ seen: 100, passed: 100, errors: 0 });
    expect(await kowalski(dataDir, "filter", "test", file, "--last", "100")).toMatch(
      /pipeline\[0\]\.\$match\s+100\s+100[\s\S]*100 of 100 alerts pass/,
    );

    const add = ["filter", "add", file, "--id", "7", "--group", "1", "--permissions", "1,2,3"];
    const refused = await runExecutable([...add, "--data-dir", dataDir]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/selects 400 of 400 alerts \(100 %\) of the night \d{8}, more than 1 %/);
    expect(await kowalski(dataDir, ...add, "--off")).toContain("which is off");
    expect(await kowalski(dataDir, "filter", "on", "7", "--override")).toContain("Filter 1/7 is on");
    expect(lines(await kowalski(dataDir, "filter", "list", "--json"))).toMatchObject([
      { group: 1, filter: 7, state: "on", permissions: "1,2,3", versions: 1 },
    ]);
    expect(await kowalski(dataDir, "filter", "show", "7")).toContain(
      '{"$match":{"candidate.magpsf":{"$gt":0}}}',
    );
    expect(await kowalski(dataDir, "filter", "off", "7")).toContain("Filter 1/7 is off");

    const backfill = ["filter", "backfill", "7"];
    expect(lines(await kowalski(dataDir, ...backfill, "--last", "100", "--json"))).toMatchObject([
      { event: "summary", filter: "1/7", seen: 100, passed: 100, errors: 0, delivered: 100 },
    ]);
    expect(await kowalski(dataDir, ...backfill, "--last", "150")).toContain(
      "150 of 150 alerts pass filter 1/7, 0 errors; 50 matches are new",
    );
    const matches = await storedDocuments(dataDir, "outbox");
    expect(matches).toHaveLength(150);
    expect(matches.every(({ document }) => (document as Document)["backfill"] === true)).toBe(true);

    for (const [words, code, says] of [
      [["filter", "show", "8"], 1, "Filter id 8 not found"],
      [["filter", "show", "x"], 2, "ID: expected the number of a filter"],
      [["filter", "test", file], 2, "on which alerts?"],
      [["filter", "backfill", "7"], 2, "on which alerts?"],
      [["filter", "backfill", file, "--last", "1"], 2, "ID: expected the number of a filter"],
      [["filter", "test", "missing.json", "--last", "1"], 1, "there is no such file"],
      [["filter", "test", file, "--last", "1", "--permissions", "all"], 2, "--permissions: expected numbers"],
    ] as const) {
      const result = await runExecutable([...words, "--data-dir", dataDir]);
      expect(`${result.code} ${result.stderr}`).toStartWith(`${code} `);
      expect(result.stderr).toContain(says);
    }
  });
});
