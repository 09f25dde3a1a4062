/** Checks everything: types, style, build, tests. The last line is `N passed, N failed, N skipped`. */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const REPORT = join(ROOT, ".cache", `tests-${process.pid}.xml`);
/** A test that hangs, not one on a busy machine: milliseconds. */
const TEST_TIMEOUT_MS = 60_000;

interface Part {
  readonly name: string;
  readonly passed: boolean;
}

/** Runs a part with its output shown; a failure does not keep the others from running. */
async function runPart(name: string, words: readonly string[]): Promise<Part> {
  console.log(`== ${name}`);
  const started = performance.now();
  const child = Bun.spawn([process.execPath, ...words], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    env: { ...process.env, FORCE_COLOR: "0" },
  });
  const code = await child.exited;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`== ${name}: ${code === 0 ? "passed" : `FAILED (exit code ${code})`} in ${seconds} s\n`);
  return { name, passed: code === 0 };
}

interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The totals of bun's JUnit report, or `undefined` when the run ended before it was written. */
function readTotals(): Totals | undefined {
  if (!existsSync(REPORT)) return undefined;
  const head = /<testsuites\b[^>]*>/.exec(readFileSync(REPORT, "utf8"))?.[0];
  if (head === undefined) return undefined;
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  const skipped = count("skipped");
  return { passed: count("tests") - failed - skipped, failed, skipped };
}

async function main(): Promise<number> {
  const parts = [await runPart("dependencies", ["install", "--frozen-lockfile"])];
  parts.push(await runPart("types", ["run", "--silent", "typecheck"]));
  parts.push(await runPart("style", ["run", "--silent", "lint"]));
  parts.push(await runPart("build", ["scripts/build.ts"]));
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  const tests = await runPart("tests", [
    "test",
    `--timeout=${TEST_TIMEOUT_MS}`,
    "--reporter=junit",
    `--reporter-outfile=${REPORT}`,
  ]);
  const totals = readTotals() ?? { passed: 0, failed: 0, skipped: 0 };
  rmSync(REPORT, { force: true });
  for (const part of [...parts, tests]) console.log(`${part.passed ? "passed" : "FAILED"}: ${part.name}`);
  // A part that failed, or a test run that ended badly without a failed test, counts as one failure each.
  const failedParts = parts.filter((part) => !part.passed).length;
  const broken = !tests.passed && totals.failed === 0 ? 1 : 0;
  const failed = totals.failed + failedParts + broken;
  const passed = totals.passed + parts.length - failedParts;
  console.log(`${passed} passed, ${failed} failed, ${totals.skipped} skipped`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
