/**
 * Decoding of packets on one core, beside fastavro on the same packets: `bun bench/decode.ts [PACKETS]`.
 *
 * Both read every record of every packet from memory, schema included, as packets come from Kafka. fastavro
 * is set up in `.cache/fastavro` at the first run, where Python and its package index are to be had.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openContainer } from "../src/avro/index.ts";
import { runExecutable } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";

const PACKETS = Number(process.argv[2] ?? 500);
const ROUNDS = 3;
const CACHE = join(import.meta.dir, "..", ".cache");

const FASTAVRO = `
import io, pathlib, sys, time, fastavro
packets = [path.read_bytes() for path in sorted(pathlib.Path(sys.argv[1]).glob("*.avro"))]
began = time.perf_counter()
records = 0
for packet in packets:
    for record in fastavro.reader(io.BytesIO(packet)):
        records += 1
print(records / (time.perf_counter() - began), fastavro.__version__)
`;

/** A Python with fastavro, set up when it is not there; undefined where that is not possible. */
function fastavroPython(): string | undefined {
  const folder = join(CACHE, "fastavro");
  const python = join(folder, "bin", "python");
  const works = () => Bun.spawnSync([python, "-c", "import fastavro"], { stderr: "ignore" }).exitCode === 0;
  if (existsSync(python) && works()) return python;
  const system = Bun.which("python3");
  if (system === null) return undefined;
  mkdirSync(CACHE, { recursive: true });
  Bun.spawnSync([system, "-m", "venv", folder]);
  if (!existsSync(python)) return undefined;
  Bun.spawnSync([python, "-m", "pip", "install", "--quiet", "fastavro"], { stderr: "inherit" });
  return works() ? python : undefined;
}

/** Packets a second. */
function ours(packets: readonly Uint8Array[]): number {
  const began = performance.now();
  let records = 0;
  for (const packet of packets) for (const _ of openContainer(packet).records()) records++;
  return (1000 * records) / (performance.now() - began);
}

function theirs(python: string, folder: string): { rate: number; version: string } {
  const { stdout } = Bun.spawnSync([python, "-c", FASTAVRO, folder]);
  const [rate, version = "?"] = stdout.toString().trim().split(" ");
  return { rate: Number(rate), version };
}

using folder = temporaryFolder();
const simulated = join(folder.path, "packets");
const words = ["simulate", "--out", simulated, "--alerts", String(PACKETS), "--nights", "10"];
const { code, stderr } = await runExecutable(words);
if (code !== 0) throw new Error(stderr);
const names = readdirSync(simulated, { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".avro"),
);
const packets = names.map((name) => new Uint8Array(readFileSync(join(simulated, name))));
const megabytes = packets.reduce((sum, { length }) => sum + length, 0) / 1e6;
console.log(`${packets.length} packets, ${megabytes.toFixed(1)} MB`);
// Compiled and warm, as in a broker that runs for months.
ours(packets);
const python = fastavroPython();
if (python === undefined) console.log("fastavro: not here (no python3, or no package index)");
let best = 0;
let bestOther = 0;
for (let round = 0; round < ROUNDS; round++) {
  const rate = ours(packets);
  best = Math.max(best, rate);
  let line = `kowalski ${Math.round(rate)} packets/s`;
  if (python !== undefined) {
    const other = theirs(python, simulated);
    bestOther = Math.max(bestOther, other.rate);
    line += `, fastavro ${other.version} ${Math.round(other.rate)} packets/s`;
  }
  console.log(line);
}
if (bestOther > 0)
  console.log(`best against best: ${(best / bestOther).toFixed(1)} times fastavro (budget 8)`);
