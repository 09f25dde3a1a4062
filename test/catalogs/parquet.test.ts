/** Parquet files as pyarrow writes them, and what cannot be read. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { TableError } from "../../src/catalogs/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { skipOrFail } from "../support/services.ts";
import { byName, readTable, runScript, tablesPython } from "./support.ts";

const python = await tablesPython();
const without = skipOrFail("Python with pyarrow", typeof python === "string", String(python));
const WAYS = ["none", "snappy", "gzip", "brotli", "zstd", "lz4", "v2", "plain"];

describe.skipIf(without)("Parquet files of pyarrow", async () => {
  const folder = temporaryFolder();
  afterAll(() => folder[Symbol.dispose]());
  if (typeof python === "string") await runScript(python, "make-parquet.py", folder.path);
  const path = (name: string) => join(folder.path, name);

  test.each([
    ...WAYS.map((way) => ["flat", way] as const),
    ["flat", "encodings"],
    ...WAYS.map((way) => ["nested", way] as const),
  ])("%s, %s: every value is the one that was written", async (kind, way) => {
    const wanted = (await Bun.file(path(`${kind}.json`)).json()) as Record<string, unknown>[];
    const table = await readTable(path(`${kind}-${way}.parquet`));
    expect(table.rows.map((row) => byName(table, row))).toEqual(wanted);
  });

  test("64-bit integers stay wide, doubles stay doubles", async () => {
    const { names, rows } = await readTable(path("flat-zstd.parquet"));
    const cell = (name: string, row: number) => rows[row]?.[names.indexOf(name)];
    expect(typeof (cell("i64", 1) ?? cell("i64", 2))).toBe("bigint");
    expect(typeof cell("u16", 1)).toBe("number");
    expect(cell("f8", 1)).toHaveProperty("value", 3);
  });

  test("rows can be skipped, also across row groups", async () => {
    for (const kind of ["flat", "nested"]) {
      const whole = await readTable(path(`${kind}-snappy.parquet`));
      for (const skip of [1, 170, 499]) {
        const rest = await readTable(path(`${kind}-snappy.parquet`), {}, skip);
        expect(rest.rows).toEqual(whole.rows.slice(skip));
      }
    }
  });

  test("a file that is cut off is refused with a word", async () => {
    const bytes = await Bun.file(path("flat-zstd.parquet")).bytes();
    for (const end of [4, 100, bytes.length - 1]) {
      await Bun.write(path("cut.parquet"), bytes.slice(0, end));
      const error = await readTable(path("cut.parquet")).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TableError);
      expect(String(error)).toContain("damaged");
    }
  });
});
