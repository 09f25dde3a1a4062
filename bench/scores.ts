/**
 * Prints how many alerts a core scores with braai and the five ACAI networks, stamps and features prepared from the
 * real packets: native, as WebAssembly, and with a condition before them: `bun bench/scores.ts`.
 *
 * With `--whole [PACKETS]` the whole way instead (read, decode, score, 25 filters, store) of simulated nights by the
 * executable, on the embedded store and on a mongod on the same machine. A broker runs for months: it is measured from
 * the point on where the first packets, which pay for the start and the compilation of the code, are stored. The filters
 * are copies of one, which are run once for all, or differ in a number, which are not.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { chooseRuntime, type RuntimeChoice, Scorer } from "../src/enrich/scores/index.ts";
import type { FilterDocument } from "../src/filters/index.ts";
import { printJson } from "../src/query/index.ts";
import { openStore, type StoreSettings } from "../src/store/index.ts";
import { historyPasses } from "../test/query/filters/history-passes.ts";
import { cleanEnvironment, executable, runExecutable } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";
import { realModelSettings, realModels } from "../test/support/models.ts";
import { type TestMongod, testDatabaseName, testReplicaSet } from "../test/support/mongod.ts";
import { realRecords } from "../test/support/packets.ts";
import { sharedDir } from "../test/support/shared.ts";

const WHEN = { "candidate.drb": { $gt: 0.3 } };
const FILTERS = 25;
const PACKETS = 20_000;
/** Packets and nights before those that are measured. */
const FIRST = { packets: 10_000, nights: 5, start: "2024-01-01" };
const ROUNDS = 3;
const ROUND_MS = 2000;
const LONG_MS = 600_000;

/** Alerts a second of CPU, the best of a few rounds, and the share of alerts that the condition selects. */
async function perCore(runtime: RuntimeChoice, when?: object): Promise<{ rate: number; selected: number }> {
  const models = realModelSettings(when === undefined ? {} : { when: { ...when } });
  const scorer = await Scorer.open({ runtime, models });
  const records = realRecords();
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage();
    const elapsed = () => {
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1e6;
    };
    let alerts = 0;
    do {
      await scorer.score(records);
      alerts += records.length;
    } while (elapsed() < ROUND_MS / 1000);
    best = Math.max(best, alerts / elapsed());
  }
  const { scored = 0, "not selected": left = 0 } = scorer.tally.take().counts["braai"] ?? {};
  await scorer.close();
  return { rate: best, selected: scored / (scored + left) };
}

async function printPerCore(): Promise<void> {
  const native = await chooseRuntime([]);
  const web: RuntimeChoice = { kind: "webassembly", why: "measured" };
  const rows: [string, RuntimeChoice, object?][] = [
    ["WebAssembly", web],
    ["WebAssembly, when drb > 0.3", web, WHEN],
  ];
  if (native.kind === "native") {
    rows.unshift(["native", native], ["native, when drb > 0.3", native, WHEN]);
  } else console.log(`no native runtime here: ${native.why}`);
  for (const [name, runtime, when] of rows) {
    const { rate, selected } = await perCore(runtime, when);
    const share = when === undefined ? "" : ` (${Math.round(100 * selected)} % of the alerts are scored)`;
    console.log(`${name.padEnd(28)} ${Math.round(rate).toString().padStart(6)} alerts/s per core${share}`);
  }
  console.log("budget: 900 alerts/s per core, native, all six networks on every alert");
}

/** The text of the pipeline; with a number, one that looks back by so many thousandths of a day more. */
function pipelineText(number: number): string {
  const text = printJson([...historyPasses.pipeline]);
  if (number === 0) return text;
  const changed = text.replace('"$candidate.jd",100]', `"$candidate.jd",${100 + number / 1000}]`);
  if (changed === text) throw new Error("the filter does not look back by 100 days any more");
  return changed;
}

function filter(number: number, differs: boolean): FilterDocument {
  const now = new Date();
  return {
    _id: `1/${number}`,
    filter_id: number,
    group_id: 1,
    catalog: "ZTF_alerts",
    permissions: [1, 2, 3],
    active: true,
    autosave: false,
    auto_followup: {},
    update_annotations: false,
    active_fid: "aaaaaa",
    fv: [{ fid: "aaaaaa", pipeline: pipelineText(differs ? number : 0), created_at: now }],
    created_at: now,
    last_modified: now,
  };
}

/** How the image and the unit for systemd set the allocator (docs/deployment.md). */
const ALLOCATOR = { MIMALLOC_PURGE_DELAY: "100" };

interface Run {
  /** The configuration. */
  readonly file: string;
  /** Whether the filters differ. */
  readonly differs: boolean;
}

/** What `kowalski ingest` takes for archives, with 25 filters. */
async function ingest(
  archives: readonly string[],
  dataDir: string,
  settings: StoreSettings,
  { file: config, differs }: Run,
): Promise<{ seconds: number; cpuMs: number }> {
  const store = await openStore(settings, { readers: 1 });
  await store.insert(
    "filters",
    Array.from({ length: FILTERS }, (_, number) => filter(number + 1, differs)),
  );
  await store.close();
  const words = ["ingest", "--json", "--data-dir", dataDir, "--config", config];
  if (settings.kind === "mongo") words.push("--store", settings.url);
  const child = Bun.spawn([await executable(), ...words, ...archives], {
    env: cleanEnvironment(ALLOCATOR),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const stderr = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(stderr);
  const finished = stderr.split("\n").find((line) => line.includes('"event":"finished"')) ?? "";
  const { seconds } = JSON.parse(finished) as { seconds: number };
  return { seconds, cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000 };
}

async function simulate(out: string, { packets, nights, start }: typeof FIRST): Promise<void> {
  const words = ["simulate", "--out", out, "--alerts", String(packets), "--nights", String(nights)];
  const { code, stderr } = await runExecutable([...words, "--start", start], { timeoutMs: LONG_MS });
  if (code !== 0) throw new Error(stderr);
}

async function printWholeWay(packets: number): Promise<void> {
  using folder = temporaryFolder();
  const [first, archive] = [join(folder.path, "first.tar"), join(folder.path, "nights.tar")];
  await simulate(first, FIRST);
  await simulate(archive, { packets, nights: 10, start: "2024-01-06" });
  const six = { models: realModels() };
  const some = Object.entries(six.models).map(([name, model]) => [name, { ...model, when: WHEN }] as const);
  const configs: [name: string, config: object, differs: boolean][] = [
    ["no networks", {}, false],
    ["six networks", six, false],
    ["six networks when drb > 0.3", { models: Object.fromEntries(some) }, false],
    ["six networks, filters differ", six, true],
  ];
  const set = await testReplicaSet();
  if (typeof set === "string") console.log(`no MongoDB here: ${set}`);
  console.log(
    `${packets} simulated packets behind the first ${FIRST.packets}, ${FILTERS} filters, all cores`,
  );
  for (const kind of typeof set === "string" ? ["embedded"] : ["embedded", "mongo"]) {
    for (const [n, [name, config, differs]] of configs.entries()) {
      const file = join(folder.path, `config-${n}.yaml`);
      writeFileSync(file, JSON.stringify(config));
      const run = async (archives: readonly string[]) => {
        const dataDir = mkdtempSync(join(folder.path, `${kind}-`));
        const settings = settingsOf(set, dataDir, kind === "mongo");
        const cost = await ingest(archives, dataDir, settings, { file, differs });
        if (settings.kind === "mongo") await dropDatabase(settings.url);
        rmSync(dataDir, { recursive: true });
        return cost;
      };
      const start = await run([first]);
      const both = await run([first, archive]);
      const rate = Math.round(packets / (both.seconds - start.seconds));
      const cpuMs = (both.cpuMs - start.cpuMs) / packets;
      console.log(
        `${kind.padEnd(9)} ${name.padEnd(28)} ${rate.toString().padStart(6)} alerts/s, ${cpuMs.toFixed(2)} ms CPU an alert`,
      );
    }
  }
  console.log(
    "budget with six networks on every alert: 1,000 alerts/s embedded, 400 on a mongod that shares the cores",
  );
}

/** A store that nothing is in yet. */
function settingsOf(set: TestMongod | string, dataDir: string, isMongo: boolean): StoreSettings {
  if (!isMongo || typeof set === "string") return { kind: "embedded", dataDir };
  const { href: url } = new URL(`/${testDatabaseName()}${new URL(set.url).search}`, set.url);
  return { kind: "mongo", url };
}

async function dropDatabase(url: string): Promise<void> {
  const client = new MongoClient(url);
  await client.db().dropDatabase();
  await client.close();
}

if (sharedDir() === undefined) {
  console.log("the networks are not beside this checkout: nothing to measure");
} else if (process.argv.includes("--whole")) {
  await printWholeWay(Number(process.argv[process.argv.indexOf("--whole") + 1] ?? PACKETS));
} else await printPerCore();
