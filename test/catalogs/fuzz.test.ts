/**
 * Damaged files: whatever is done to a file, it is read as far as it can be or refused with a word, in little
 * time and memory. KOWALSKI_FUZZ_RUNS=5000 makes it the long one, KOWALSKI_FUZZ_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { TableError } from "../../src/catalogs/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { randomNumbers } from "../support/random.ts";
import { skipOrFail } from "../support/services.ts";
import { readTable, runScript, tablesPython } from "./support.ts";

const RUNS = Number(process.env["KOWALSKI_FUZZ_RUNS"] ?? 120);
const SEED = Number(process.env["KOWALSKI_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** One file takes some milliseconds; a machine under load may stall. */
const LONGEST_MS = 20_000;
/** Beyond what the process had: what was read before may not be collected yet. */
const MOST_MEMORY = 1.5e9;

const CSV = Array.from(
  { length: 200 },
  (_, i) => `${i},${i * 1.8},${i / 3 - 30},"name ""${i}""",${i % 2 ? "true" : ""}`,
);
const ECSV =
  "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n# - {name: ra, unit: deg, datatype: float64}\n# - {name: n, datatype: int32}\nra,n\n1.5,2\n2.5,\n";

const folder = temporaryFolder();
const python = await tablesPython();
const without = skipOrFail("Python with astropy and pyarrow", typeof python === "string", String(python));

beforeAll(async () => {
  process.stderr.write(`damaged files: ${RUNS} of each, KOWALSKI_FUZZ_SEED=${SEED}\n`);
  const text = `id,ra,dec,name,flag\n${CSV.join("\n")}\n`;
  await Bun.write(join(folder.path, "plain.csv"), text);
  await Bun.write(join(folder.path, "plain.csv.gz"), gzipSync(text));
  await Bun.write(join(folder.path, "small.ecsv"), ECSV);
  if (typeof python !== "string") return;
  await Promise.all(
    ["make-fits.py", "make-parquet.py"].map((script) => runScript(python, script, folder.path)),
  );
}, 120_000);
afterAll(() => folder[Symbol.dispose]());

/** Some bytes changed, cut out, doubled, or the end cut off; more often where headers are. */
function damaged(bytes: Uint8Array, random: () => number): Uint8Array {
  const at = () =>
    Math.floor(
      (random() < 0.3 ? random() ** 3 : random() < 0.4 ? 1 - random() ** 3 : random()) * bytes.length,
    );
  const kind = random();
  if (kind < 0.1) return bytes.slice(0, at());
  if (kind < 0.2) {
    const [from, to] = [at(), at()].sort((a, b) => a - b) as [number, number];
    return new Uint8Array(Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]));
  }
  if (kind < 0.25) return new Uint8Array(Buffer.concat([bytes.subarray(0, at()), bytes.subarray(at())]));
  const copy = bytes.slice();
  for (let changes = 1 + Math.floor(random() * 6); changes > 0; changes--) {
    const place = at();
    const length = random() < 0.7 ? 1 : 1 + Math.floor(random() * 8);
    const value = random();
    copy.fill(value < 0.2 ? 255 : value < 0.3 ? 0 : Math.floor(random() * 256), place, place + length);
  }
  return copy;
}

/** Digits of a text header changed to other digits: sizes and numbers that are not true. */
function lying(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = bytes.slice();
  const digits = [...copy.keys()].filter((i) => i < 20_000 && (copy[i] ?? 0) >= 48 && (copy[i] ?? 0) <= 57);
  for (let changes = 1 + Math.floor(random() * 3); changes > 0; changes--) {
    const place = digits[Math.floor(random() * digits.length)] ?? 0;
    copy.fill(48 + Math.floor(random() * 10), place, place + 1 + Math.floor(random() * 3));
  }
  return copy;
}

async function check(
  name: string,
  damage: (bytes: Uint8Array, random: () => number) => Uint8Array,
): Promise<void> {
  const whole = await Bun.file(join(folder.path, name)).bytes();
  const random = randomNumbers(SEED);
  const path = join(folder.path, `damaged-${name}`);
  const before = process.memoryUsage.rss();
  let noticed = 0;
  for (let run = 0; run < RUNS; run++) {
    await Bun.write(path, damage(whole, random));
    const began = performance.now();
    try {
      if ((await readTable(path)).bad.length > 0) noticed++;
    } catch (error) {
      if (!(error instanceof TableError)) throw new Error(`run ${run} of ${name}`, { cause: error });
      expect(error.message).toStartWith(`${path}: `);
      noticed++;
    }
    expect(performance.now() - began).toBeLessThan(LONGEST_MS);
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(MOST_MEMORY);
  // Damage that is never noticed is none.
  if (RUNS >= 100) expect(noticed).toBeGreaterThan(0);
}

const TIMEOUT_MS = 60_000 + RUNS * 200;

describe("damaged text files", () => {
  test.each(["plain.csv", "plain.csv.gz", "small.ecsv"])("%s", (name) => check(name, damaged), TIMEOUT_MS);
});

describe.skipIf(without)("damaged binary files", () => {
  test.each(["numbers.fits", "arrays.fits", "arrays.fits.gz", "scaled.fits"])(
    "%s",
    (name) => check(name, damaged),
    TIMEOUT_MS,
  );
  test.each(["numbers.fits", "arrays.fits", "scaled.fits"])(
    "%s with lying headers",
    (name) => check(name, lying),
    TIMEOUT_MS,
  );
  test.each([
    "flat-none",
    "flat-snappy",
    "flat-gzip",
    "flat-brotli",
    "flat-zstd",
    "flat-lz4",
    "flat-encodings",
    "nested-none",
    "nested-v2",
  ])("%s.parquet", (name) => check(`${name}.parquet`, damaged), TIMEOUT_MS);
});
