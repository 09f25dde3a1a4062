/** Prints start to first HTTP answer, idle memory and size of the executable: `bun bench/startup.ts [STARTS]`. */
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { executable } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";

const STARTS = Number(process.argv[2] ?? 10);
const IDLE_MS = 3000;
const GIVE_UP_MS = 20_000;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no free port");
  return address.port;
}

/** Resident memory in MB, from /proc; NaN where there is none. */
function residentMegabytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** Milliseconds from the start of the process to its first answer, and MB when it has been idle. */
async function start(
  file: string,
  folder: string,
  idle: boolean,
): Promise<{ ms: number; megabytes: number }> {
  const port = await freePort();
  const began = performance.now();
  const words = [file, "serve", "--data-dir", folder, "--port", String(port)];
  const child = Bun.spawn(words, { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  try {
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
      if (answer?.ok === true) break;
      if (performance.now() - began > GIVE_UP_MS) throw new Error("no answer");
      await Bun.sleep(2);
    }
    const ms = performance.now() - began;
    if (idle) await Bun.sleep(IDLE_MS);
    return { ms, megabytes: residentMegabytes(child.pid) };
  } finally {
    child.kill("SIGTERM");
    await child.exited;
  }
}

const file = await executable();
using folder = temporaryFolder();
const first = await start(file, folder.path, false);
const times: number[] = [];
for (let i = 0; i < STARTS; i++) times.push((await start(file, folder.path, false)).ms);
times.sort((a, b) => a - b);
const { megabytes } = await start(file, folder.path, true);
console.log(`executable:                ${(statSync(file).size / 1e6).toFixed(1)} MB`);
console.log(`first start, empty folder: ${first.ms.toFixed(0)} ms to the first answer`);
console.log(
  `later starts (${STARTS}):         median ${(times[Math.floor(times.length / 2)] ?? 0).toFixed(0)} ms, slowest ${(times.at(-1) ?? 0).toFixed(0)} ms`,
);
console.log(`idle after ${IDLE_MS / 1000} s:            ${megabytes.toFixed(0)} MB resident`);
