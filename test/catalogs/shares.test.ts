/** Files that several threads read: each its blocks of rows, together all of them, in the order of one. */
import { beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  type CatalogSpec,
  type FoundBadRow,
  type LoadTotals,
  loadCatalog,
} from "../../src/catalogs/index.ts";
import { openTable } from "../../src/catalogs/open.ts";
import { threadsOf } from "../../src/catalogs/readers.ts";
import { BLOCK_ROWS, rowsOfShare, type Share } from "../../src/catalogs/table.ts";
import type { Document } from "../../src/query/index.ts";
import { openStore } from "../../src/store/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { skipOrFail } from "../support/services.ts";
import { tablesPython } from "./support.ts";

const ROWS = 3 * BLOCK_ROWS + 1234;
const python = await tablesPython();
const withoutPython = skipOrFail("astropy and pyarrow", typeof python === "string", String(python));

/** Rows with some that are bad, and a text between quotes that has several lines. */
function csvText(rows: number, name = "name"): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const ra = i % 997 === 5 ? "x" : (i % 3600) / 10;
    return `${i},${ra},${(i % 1790) / 10 - 89},${i % 1500 === 7 ? `"of two\nlines"` : `${name} ${i}`}`;
  });
  return `id,ra,dec,name\n${lines.join("\n")}\n`;
}

/** Rows of a share by their number, with what was told of them. */
async function read(path: string, skip: number, share?: Share): Promise<Map<number, string>> {
  const table = await openTable(path, { types: { ra: "float" } });
  const found = new Map<number, string>();
  try {
    for await (const { first, rows, places, bad } of table.read(skip, new Set(table.columns.keys()), share)) {
      const reasons = new Map(bad.map(({ place, reason }) => [place, reason]));
      rows.forEach((cells, i) => {
        const place = places?.[i] ?? first + i;
        expect(found.has(first + i)).toBe(false);
        found.set(
          first + i,
          `${place} ${cells === undefined ? reasons.get(place) : cells.map(String).join("|")}`,
        );
      });
    }
  } finally {
    await table.close();
  }
  return found;
}

const MAKE = `
import sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from astropy.table import Table
path, rows = sys.argv[1], int(sys.argv[2])
columns = {"id": np.arange(rows), "ra": np.arange(rows) % 3600 / 10, "name": np.array([f"name {i}" for i in range(rows)])}
Table(columns).write(path + "/t.fits")
pq.write_table(pa.table(columns), path + "/t.parquet", row_group_size=3333)
`;

describe("shares of a file", () => {
  using folder = temporaryFolder();
  const pathOf = (name: string) => join(folder.path, name);
  const formats = ["t.csv", "t.csv.gz", ...(withoutPython ? [] : ["t.fits", "t.parquet"])];

  beforeAll(async () => {
    await Bun.write(pathOf("t.csv"), csvText(ROWS));
    await Bun.write(pathOf("t.csv.gz"), gzipSync(csvText(ROWS)));
    if (typeof python !== "string") return;
    const child = Bun.spawn([python, "-c", MAKE, folder.path, String(ROWS)], { stderr: "inherit" });
    expect(await child.exited).toBe(0);
  });

  test.each(formats)("of %s are all of its rows together, each once", async (name) => {
    for (const [of, skip] of [
      [2, 0],
      [3, 2500],
      [5, ROWS - 1],
    ] as const) {
      const whole = await read(pathOf(name), skip);
      expect(whole.size).toBe(ROWS - skip);
      const shares = await Promise.all(
        Array.from({ length: of }, (_, index) => read(pathOf(name), skip, { index, of })),
      );
      const rows = shares.flatMap((share) => [...share]).toSorted(([a], [b]) => a - b);
      expect(rows).toEqual([...whole]);
      for (const [index, share] of shares.entries())
        for (const row of share.keys()) expect(Math.floor((row - 1) / BLOCK_ROWS) % of).toBe(index);
    }
  });
});

test("what is to be said of a file is said by the first of the threads that read it", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "odd.csv");
  await Bun.write(path, csvText(2 * BLOCK_ROWS));
  const notesOf = async (share?: Share) => {
    const table = await openTable(path, {});
    const notes: string[] = [];
    for await (const piece of table.read(0, new Set([0, 1]), share)) notes.push(...(piece.notes ?? []));
    await table.close();
    return notes;
  };
  const [first] = await notesOf();
  expect(first).toContain('column ra is read as numbers, though line 7 has "x"');
  expect(await notesOf({ index: 0, of: 2 })).toEqual([first ?? ""]);
  expect(await notesOf({ index: 1, of: 2 })).toEqual([]);
});

test("rows are dealt in blocks", () => {
  expect([...rowsOfShare(10, 20, undefined)]).toEqual([[10, 20]]);
  expect([...rowsOfShare(20, 20, undefined)]).toEqual([]);
  expect([...rowsOfShare(100, 3 * BLOCK_ROWS + 5, { index: 0, of: 2 })]).toEqual([
    [100, BLOCK_ROWS],
    [2 * BLOCK_ROWS, 3 * BLOCK_ROWS],
  ]);
  expect([...rowsOfShare(100, 200, { index: 1, of: 2 })]).toEqual([]);
});

describe("a load by several threads", () => {
  interface Loaded {
    readonly totals: LoadTotals | undefined;
    readonly documents: readonly Document[];
    readonly bad: readonly FoundBadRow[];
    /** Why loads ended before their end. */
    readonly errors: readonly string[];
  }

  /** Loads with each of these numbers of threads in turn; all but the last one are stopped on the way. */
  async function load(
    files: readonly string[],
    given: Partial<CatalogSpec>,
    ...threads: number[]
  ): Promise<Loaded> {
    using folder = temporaryFolder();
    const settings = { kind: "embedded", dataDir: folder.path } as const;
    const bad: FoundBadRow[] = [];
    const errors: string[] = [];
    let totals: LoadTotals | undefined;
    const spec = { name: "stars", raUnit: "auto", decUnit: "auto", ...given } as const;
    for (const [i, each] of threads.entries()) {
      const stopper = new AbortController();
      const stopAt = i < threads.length - 1 ? 2 * BLOCK_ROWS * (i + 1) : Number.POSITIVE_INFINITY;
      const request = { files, spec, mode: "replace", maxBadRows: 1000 } as const;
      totals = await loadCatalog(request, {
        settings,
        readers: each,
        signal: stopper.signal,
        badRow: (row) => bad.push(row),
        progress: ({ rows }) => {
          if (rows >= stopAt) stopper.abort();
        },
      }).catch((error: Error) => {
        errors.push(`${error.name}: ${error.message}`);
        return undefined;
      });
    }
    const store = await openStore(settings, { readers: 1 });
    const found = store.find({ collection: "stars", filter: {}, maxTimeMs: 60_000 });
    const documents = await Array.fromAsync(found.documents());
    await store.close();
    return { totals, documents, bad, errors };
  }

  test("stores what one does, in its order: bad rows, rows that are there already, loads that were stopped", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "one.csv");
    await Bun.write(path, csvText(9100, "x".repeat(160)).replace("\n42,", "\n4242,"));
    const types = { ra: "float" } as const;
    const one = await load([path], { types }, 1);
    expect(one.totals).toMatchObject({ rows: 9100, duplicates: 0 });
    expect(one.bad.length).toBe(10);
    expect(await load([path], { types }, 3)).toEqual(one);
    const stopped = await load([path], { types }, 3, 1, 2);
    expect(stopped.errors).toEqual(Array(2).fill("LoadStopped: stopped before the end"));
    expect({ ...stopped, errors: one.errors }).toEqual(one);
    // The first of two rows with one _id is kept.
    const byId = await load([path], { types, id: "id" }, 1);
    expect(byId.totals).toMatchObject({ rows: 9100, written: 9089, duplicates: 1 });
    expect(await load([path], { types, id: "id" }, 3)).toEqual(byId);
  }, 240_000);

  test("is shared among large files; small ones have one each", () => {
    const large = 100 * 1024 * 1024;
    using folder = temporaryFolder();
    const [csv = "", parquet = ""] = ["a.csv", "a.parquet"].map((name) => join(folder.path, name));
    writeFileSync(csv, "ra,dec\n");
    const threads = (most: number, left: number, size = large) => threadsOf(csv, size, most, left);
    expect([threads(3, 1), threads(4, 2), threads(3, 50)]).toEqual([3, 2, 1]);
    expect(threads(4, 1, 1000)).toBe(1);
    // Each thread would hold a row group.
    writeFileSync(parquet, "PAR1");
    expect(threadsOf(parquet, large, 4, 1)).toBe(1);
  });

  test("says of a file that cannot be read on what one does", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "cut.csv.gz");
    // Text that hardly shrinks: the file is large enough to be shared.
    const texts = Array.from({ length: 6000 }, (_, i) => `${i},1,2,${randomBytes(200).toString("base64")}`);
    const bytes = gzipSync(`id,ra,dec,name\n${texts.join("\n")}\n`);
    await Bun.write(path, bytes.subarray(0, bytes.length - 1000));
    const one = await load([path], {}, 1);
    expect(one.errors[0]).toStartWith("TableError");
    expect(await load([path], {}, 3)).toEqual(one);
  }, 240_000);
});
