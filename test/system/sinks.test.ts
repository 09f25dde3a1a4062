/**
 * `kill -9` at random moments while matches are delivered to a flaky webhook and a flaky SkyPortal: every match
 * arrives at least once, none is lost, each object's matches come in their order, and what comes twice has the
 * same key. KOWALSKI_KILL_SEED repeats a run.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Document } from "../../src/query/index.ts";
import { Client, until } from "../support/client.ts";
import { type RunningServe, runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { randomNumbers } from "../support/random.ts";
import { startReceiver } from "../support/receiver.ts";
import { FakeSkyPortal } from "../support/skyportal.ts";
import { storedCounts, storedDocuments } from "../support/stored.ts";

// The executable is built at first use, and other work may share the cores.
setDefaultTimeout(240_000);

const SEED = Number(process.env["KOWALSKI_KILL_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const PACKETS = 100;
const KILLS = 4;
/** How long a process lives before it is killed, milliseconds. */
const SHORTEST_LIFE_MS = 300;
const LONGEST_LIFE_MS = 1500;

const FILTER = {
  group_id: 2,
  filter_id: 2,
  catalog: "ZTF_alerts",
  permissions: [1, 2, 3],
  autosave: { active: true, comment: "saved by bot" },
  pipeline: [
    { $match: { "candidate.rb": { $gt: 0.3 }, "candidate.magpsf": { $lt: 18.5 } } },
    { $project: { annotations: { magnitude: "$candidate.magpsf" } } },
  ],
};

async function saveFilter(dataDir: string): Promise<void> {
  const server = await startServe(dataDir);
  const { url, token } = await Client.ofAdministrator(server.url, dataDir);
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/api/filters`, { method: "POST", headers, body: JSON.stringify(FILTER) });
  expect(answer.status).toBe(200);
  await server.stop();
}

/** The figure of a metric, by its name with labels. */
async function metric(server: RunningServe, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split("\n").find((found) => found.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1));
}

test("nothing is lost, whatever is killed and whoever fails", async () => {
  process.stderr.write(`kill -9 of sinks: KOWALSKI_KILL_SEED=${SEED}\n`);
  const random = randomNumbers(SEED);
  using folder = temporaryFolder();
  const dataDir = join(folder.path, "data");
  const packets = join(folder.path, "night.tar");
  const simulated = [
    "simulate",
    "--out",
    packets,
    "--alerts",
    String(PACKETS),
    "--nights",
    "3",
    "--seed",
    "7",
  ];
  expect((await runExecutable(simulated)).code).toBe(0);
  const receiver = startReceiver(() =>
    random() < 0.2 ? new Response("oops", { status: 500 }) : new Response("ok"),
  );
  const portal = new FakeSkyPortal();
  portal.makeTrouble(() => {
    const chance = random();
    if (chance < 0.02) return new Response("down", { status: 503 });
    if (chance < 0.03) return new Response("slowly", { status: 429, headers: { "retry-after": "0" } });
    return chance < 0.05 ? "lost" : undefined;
  });
  const config = {
    sources: [{ path: packets }],
    ingest: { batch_packets: 10 },
    sinks: [
      { type: "webhook", url: receiver.url, from: "oldest" },
      { type: "skyportal", from: "oldest" },
      { type: "file", path: join(folder.path, "matches"), from: "oldest" },
    ],
    skyportal: { protocol: "http", host: "127.0.0.1", port: portal.port, token: "tok" },
  };
  const file = join(folder.path, "config.yaml");
  writeFileSync(file, JSON.stringify(config));
  mkdirSync(dataDir);
  await saveFilter(dataDir);
  const words = ["--config", file];
  for (let kill = 0; kill < KILLS; kill++) {
    const server = await startServe(dataDir, { words });
    await Bun.sleep(SHORTEST_LIFE_MS + random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS));
    await server.kill();
  }
  const server = await startServe(dataDir, { words });
  await until(
    "all is delivered",
    async () => {
      const left = await Promise.all(
        ["webhook", "skyportal", "file"].map((sink) =>
          metric(server, `kowalski_sink_backlog{sink="${sink}"}`),
        ),
      );
      const { ZTF_alerts: stored } = await storedCounts(dataDir);
      return stored === PACKETS && left.every((entries) => entries === 0);
    },
    180_000,
  );
  expect(await server.stop()).toBe(0);
  await Promise.all([receiver.stop(), portal.stop()]);

  const alerts = await storedDocuments(dataDir, "ZTF_alerts", FILTER.pipeline[0]?.["$match"] as Document);
  const entries = (await storedDocuments(dataDir, "outbox", { kind: "match" })).sort((a, b) =>
    Number((a["seq"] as bigint) - (b["seq"] as bigint)),
  );
  const ids = entries.map(({ _id }) => String(_id));
  expect(ids.length).toBeGreaterThan(10);
  expect(new Set(entries.map(({ candid }) => candid))).toEqual(new Set(alerts.map(({ candid }) => candid)));
  expect(await storedDocuments(dataDir, "sink_failures", {})).toEqual([]);

  const accepted = receiver.accepted();
  process.stderr.write(
    `${ids.length} matches; webhook: ${receiver.received.length} requests, ${accepted.length} accepted; ` +
      `SkyPortal: ${portal.calls.length} calls\n`,
  );
  expect(new Set(accepted.map(({ key }) => key))).toEqual(new Set(ids));
  for (const { key, body } of receiver.received) expect(body["id"]).toBe(key);
  expectInOrder(
    entries,
    accepted.map(({ key }) => key),
  );

  const lines = readdirSync(join(folder.path, "matches")).flatMap((name) =>
    readFileSync(join(folder.path, "matches", name), "utf8")
      .trim()
      .split("\n"),
  );
  const written = lines.map((line) => (JSON.parse(line) as { id: string }).id);
  expect(new Set(written)).toEqual(new Set(ids));

  expect(portal.violations).toEqual([]);
  const posted = portal.candidates.map(
    ({ id, passing_alert_id }) => `${String(id)} ${String(passing_alert_id)}`,
  );
  // The recorder reads candids as doubles: they are compared as such.
  const wanted = entries.map(({ objectId, candid }) => `${String(objectId)} ${Number(candid)}`);
  expect(new Set(posted)).toEqual(new Set(wanted));
  for (const { objectId } of entries) {
    const own = (list: readonly string[]) => [
      ...new Set(list.filter((text) => text.startsWith(`${String(objectId)} `))),
    ];
    expect(own(posted)).toEqual(own(wanted));
    expect(portal.sources.get(String(objectId))).toEqual(new Set([2]));
    expect(portal.comments.some(({ obj_id }) => obj_id === objectId)).toBe(true);
    expect(
      new Set(portal.thumbnails.flatMap(({ obj_id, ttype }) => (obj_id === objectId ? [ttype] : []))),
    ).toEqual(new Set(["new", "ref", "sub"]));
  }
});

/** Of each object, what arrived for the first time came in the order of the outbox. */
function expectInOrder(entries: readonly Document[], arrived: readonly string[]): void {
  const first = [...new Set(arrived)];
  for (const [, own] of Map.groupBy(entries, ({ objectId }) => String(objectId))) {
    const ids = own.map(({ _id }) => String(_id));
    expect(first.filter((id) => ids.includes(id))).toEqual(ids);
  }
}
