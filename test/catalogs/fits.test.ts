/** FITS tables as astropy writes and reads them, and damaged ones. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { TableError } from "../../src/catalogs/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { skipOrFail } from "../support/services.ts";
import { byName, readTable, runScript, tablesPython } from "./support.ts";

const python = await tablesPython();
const without = skipOrFail("Python with astropy", typeof python === "string", String(python));

describe.skipIf(without)("FITS tables of astropy", async () => {
  const folder = temporaryFolder();
  afterAll(() => folder[Symbol.dispose]());
  if (typeof python === "string") await runScript(python, "make-fits.py", folder.path);
  const path = (name: string) => join(folder.path, name);

  test.each([
    ["numbers.fits", "numbers.json"],
    ["arrays.fits", "arrays.json"],
    ["arrays.fits.gz", "arrays.json"],
    ["scaled.fits", "scaled.json"],
  ])("%s: every value is the one that astropy reads", async (file, expected) => {
    const wanted = (await Bun.file(path(expected)).json()) as Record<string, unknown>[];
    const table = await readTable(path(file));
    expect(table.bad).toEqual([]);
    expect(table.rows.map((row) => byName(table, row))).toEqual(wanted);
  });

  test("types are those of the columns: 64-bit integers stay wide, doubles stay doubles", async () => {
    const { names, rows } = await readTable(path("numbers.fits"));
    const cell = (name: string) => rows[2]?.[names.indexOf(name)];
    expect(typeof cell("K")).toBe("bigint");
    expect(typeof cell("J")).toBe("number");
    expect(cell("D")).toHaveProperty("value", 3);
  });

  test("units are told, rows can be skipped", async () => {
    const whole = await readTable(path("arrays.fits"));
    expect(whole.units).toContain("deg");
    const rest = await readTable(path("arrays.fits"), {}, 50);
    expect(rest.rows).toEqual(whole.rows.slice(50));
    const packed = await readTable(path("arrays.fits.gz"), {}, 50);
    expect(packed.rows).toEqual(whole.rows.slice(50));
  });

  test("an extension is chosen by number; one that is no table is refused with a word", async () => {
    expect((await readTable(path("arrays.fits"), { hdu: 2 })).rows).toHaveLength(57);
    expect(await messageOf(path("arrays.fits"), { hdu: 1 })).toContain(
      "extension 1 is IMAGE, not a binary table",
    );
    expect(await messageOf(path("arrays.fits"), { hdu: 9 })).toContain(
      "there are: 0 primary, 1 IMAGE, 2 BINTABLE",
    );
  });

  test("a file that is cut off gives its rows and says so", async () => {
    const bytes = await Bun.file(path("numbers.fits")).bytes();
    for (const [end, word] of [
      [bytes.length - 4000, "cut off behind row"],
      [3000, "END"],
      [100, "END"],
    ] as const) {
      await Bun.write(path("cut.fits"), bytes.slice(0, end));
      expect(await messageOf(path("cut.fits"))).toContain(word);
    }
  });
});

async function messageOf(path: string, options = {}): Promise<string> {
  const error = await readTable(path, options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TableError);
  const { message } = error as TableError;
  expect(message).toStartWith(path);
  return message;
}
