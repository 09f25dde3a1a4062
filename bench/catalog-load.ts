/**
 * How fast catalogues are loaded: `bun bench/catalog-load.ts [ROWS]` (default 1 million), of twelve columns, as CSV, FITS
 * and Parquet, into the embedded store, with the executable as users have it.
 *
 * For each format: rows per second and per second of CPU, the largest resident size, and the same of a Python process that
 * only reads the file into memory, with Astropy or PyArrow. The store is written, its index of positions made.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, executable } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";
import { watchMemory } from "../test/support/memory.ts";
import { pythonWith } from "../test/support/python.ts";

const ROWS = Number(process.argv[2] ?? 1_000_000);

const MAKE = `
import sys
import numpy as np, pyarrow as pa, pyarrow.csv as pc, pyarrow.parquet as pq
from astropy.io import fits
folder, rows = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(8)
PART = 1_000_000
writers = None
form = [("id","K"),("ra","D"),("dec","D"),("parallax","D"),("pmra","D"),("pmdec","D"),("g","E"),("bp","E"),("rp","E"),("class","8A"),("variable","L"),("z","D")]
parts = []
for start in range(0, rows, PART):
    n = min(PART, rows - start)
    z = np.where(rng.random(n) < 0.5, np.nan, rng.random(n))
    columns = {
        "id": np.arange(start, start + n) + 4_000_000_000_000,
        "ra": rng.random(n) * 360, "dec": np.degrees(np.arcsin(rng.random(n) * 2 - 1)),
        "parallax": rng.normal(size=n), "pmra": rng.normal(size=n), "pmdec": rng.normal(size=n),
        "g": (rng.random(n) * 20).astype("f4"), "bp": (rng.random(n) * 20).astype("f4"), "rp": (rng.random(n) * 20).astype("f4"),
        "class": np.array(["STAR", "GALAXY", "QSO", "UNSURE"])[rng.integers(0, 4, n)],
        "variable": rng.random(n) < 0.1, "z": z,
    }
    table = pa.table(columns).set_column(11, "z", pa.array(z, mask=np.isnan(z)))
    if writers is None:
        writers = pc.CSVWriter(folder + "/t.csv", table.schema), pq.ParquetWriter(folder + "/t.parquet", table.schema)
        dtype = np.dtype([(name, {"K": ">i8", "D": ">f8", "E": ">f4", "8A": "S8", "L": "u1"}[code]) for name, code in form])
        header = fits.BinTableHDU.from_columns([fits.Column(name, code) for name, code in form], nrows=0).header
        header["NAXIS2"] = rows
        out = open(folder + "/t.fits", "wb")
        out.write(fits.PrimaryHDU().header.tostring().encode()); out.write(header.tostring().encode())
    for writer in writers: writer.write_table(table)
    block = np.zeros(n, dtype)
    for name, code in form:
        block[name] = np.where(columns[name], ord("T"), ord("F")) if code == "L" else columns[name]
    out.write(block.tobytes())
for writer in writers: writer.close()
out.write(b"\\0" * (-(dtype.itemsize * rows) % 2880)); out.close()
`;

/** Reads a file as those who use it in Python do; each column is touched. */
const READERS: Readonly<Record<string, readonly (readonly [name: string, code: string])[]>> = {
  csv: [
    ["pyarrow.csv", "import pyarrow.csv as c; t = c.read_csv(path); assert t.num_rows"],
    [
      "astropy.io.ascii",
      "from astropy.table import Table; t = Table.read(path, format='ascii.csv'); assert len(t)",
    ],
  ],
  fits: [
    ["astropy.io.fits", "from astropy.table import Table; t = Table.read(path, memmap=False); assert len(t)"],
  ],
  parquet: [["pyarrow.parquet", "import pyarrow.parquet as q; t = q.read_table(path); assert t.num_rows"]],
};

interface Run {
  readonly seconds: number;
  readonly cpu: number;
  readonly megabytes: number;
}

async function measured(words: readonly string[]): Promise<Run> {
  const began = performance.now();
  const child = Bun.spawn([...words], { env: cleanEnvironment(), stdout: "ignore", stderr: "pipe" });
  const memory = watchMemory(child.pid);
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  const megabytes = memory.stop();
  const seconds = (performance.now() - began) / 1000;
  if (code !== 0)
    throw new Error(`${words.slice(0, 3).join(" ")} ended with ${code}: ${errors.slice(-1000)}`);
  const { user = 0n, system = 0n } = child.resourceUsage()?.cpuTime ?? {};
  return { seconds, cpu: (Number(user) + Number(system)) / 1e6, megabytes };
}

function told(name: string, { seconds, cpu, megabytes }: Run): void {
  const rate = (time: number) =>
    Math.round(ROWS / time)
      .toLocaleString("en")
      .padStart(11);
  console.log(
    `  ${name.padEnd(18)} ${seconds.toFixed(1).padStart(7)} s ${rate(seconds)} rows/s ${rate(cpu)} rows per second of CPU, ${megabytes.toFixed(0)} MB`,
  );
}

const python = await pythonWith("tables", ["astropy==8.0.2", "numpy==2.4.6", "pyarrow==26.0.1"]);
if (python instanceof Error) throw python;
using folder = temporaryFolder();
await measured([python, "-c", MAKE, folder.path, String(ROWS)]);
console.log(`${ROWS.toLocaleString("en")} rows of 12 columns`);
for (const [format, readers] of Object.entries(READERS)) {
  const path = join(folder.path, `t.${format}`);
  const dataDir = join(folder.path, `data-${format}`);
  console.log(`${format}, ${(statSync(path).size / 1e6).toFixed(0)} MB`);
  const load = [
    await executable(),
    "catalog",
    "load",
    path,
    "--name",
    "stars",
    "--id",
    "id",
    "--data-dir",
    dataDir,
  ];
  const ours = await measured(load);
  told("kowalski", ours);
  const stored = statSync(join(dataDir, "kowalski.db")).size;
  for (const [name, code] of readers) {
    const theirs = await measured([python, "-c", `import sys; path = sys.argv[1]; ${code}`, path]);
    told(`${name} reads`, theirs);
    console.log(`    kowalski takes ${(ours.seconds / theirs.seconds).toFixed(1)} x the time`);
  }
  console.log(`    stored: ${(stored / 1e6).toFixed(0)} MB, ${Math.round(stored / ROWS)} bytes a row`);
  await Bun.$`rm -rf ${dataDir}`;
}
