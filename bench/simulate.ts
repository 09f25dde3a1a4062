/** Prints how fast packets are simulated, on one core: `bun bench/simulate.ts [PACKETS]`. */
import { join } from "node:path";
import {
  openOutput,
  type SimulationOptions,
  simulate,
  simulateRecords,
} from "../src/sources/simulator/index.ts";
import { temporaryFolder } from "../test/support/folders.ts";

const PACKETS = Number(process.argv[2] ?? 8000);

async function timed(name: string, work: () => Promise<number> | number): Promise<void> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const bytes = await work();
  const seconds = (performance.now() - began) / 1000;
  const used = process.cpuUsage(cpu);
  const cpuSeconds = (used.user + used.system) / 1e6;
  console.log(
    `${name.padEnd(34)} ${(PACKETS / seconds).toFixed(0).padStart(6)} packets/s, ` +
      `${(PACKETS / cpuSeconds).toFixed(0).padStart(6)} per second of CPU, ${(bytes / PACKETS / 1000).toFixed(1)} kB each`,
  );
}

using folder = temporaryFolder();

async function toFile(name: string, options: SimulationOptions): Promise<number> {
  const output = await openOutput(join(folder.path, name), true);
  for (const packet of simulate(options)) await output.write(packet);
  await output.finish();
  return output.bytes;
}

const options = { alerts: PACKETS };
const plain = { ...options, cutouts: false };
for (const packet of simulate({ alerts: 500 })) void packet;
await timed("records", () => {
  for (const record of simulateRecords(options)) void record;
  return 0;
});
await timed("packets", () => {
  let bytes = 0;
  for (const packet of simulate(options)) bytes += packet.bytes.length;
  return bytes;
});
await timed("to a .tar.gz", () => toFile("a.tar.gz", options));
await timed("to a .tar", () => toFile("a.tar", options));
await timed("to a .tar.gz, without cutouts", () => toFile("b.tar.gz", plain));
console.log(`resident at the end: ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
