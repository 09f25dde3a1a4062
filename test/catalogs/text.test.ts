/** CSV, TSV and ECSV: what is found out, what is told, and what is bad. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Double } from "bson";
import fc from "fast-check";
import Papa from "papaparse";
import { TableError } from "../../src/catalogs/index.ts";
import type { TableOptions } from "../../src/catalogs/table.ts";
import { temporaryFolder } from "../support/folders.ts";
import { skipOrFail } from "../support/services.ts";
import { byName, readTable, runScript, tablesPython, told } from "./support.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

async function read(text: string | Uint8Array, options: TableOptions = {}, name = "table.csv", skip = 0) {
  const path = join(folder.path, name);
  await Bun.write(path, text);
  return readTable(path, options, skip);
}

async function objects(text: string | Uint8Array, options: TableOptions = {}, name?: string) {
  const table = await read(text, options, name);
  expect(table.bad).toEqual([]);
  return table.rows.map((row) => byName(table, row));
}

describe("types of columns", () => {
  test("are the narrowest that all values have", async () => {
    const text =
      "i,big,f,mixed,b,s,zip,none\n-1,9007199254740993,1.5,1,true,a b,007,\n2,5,-3e2,x,False,,010,\n";
    expect(await objects(text)).toEqual([
      {
        i: "i-1",
        big: "i9007199254740993",
        f: "f3ff8000000000000",
        mixed: "s1",
        b: true,
        s: "sa b",
        zip: "s007",
        none: null,
      },
      { i: "i2", big: "i5", f: "fc072c00000000000", mixed: "sx", b: false, s: null, zip: "s010", none: null },
    ]);
  });

  test("integers among doubles are doubles, doubles among integers are found late", async () => {
    expect(await objects("x\n1\n2.5\n")).toEqual([{ x: "f3ff0000000000000" }, { x: "f4004000000000000" }]);
    const late = await objects(`n,x\n${"1,1\n".repeat(5000)}1,2.5\n`);
    expect(late.at(-1)).toEqual({ n: "i1", x: "f4004000000000000" });
  });

  test("texts for no value leave it out; others can be named", async () => {
    const text = "x,s\nNaN,NA\n--,null\n-999,x\n1,y\n";
    expect(await objects(text, { nulls: ["-999"] })).toEqual([
      { x: null, s: "sNA" },
      { x: null, s: null },
      { x: null, s: "sx" },
      { x: "i1", s: "sy" },
    ]);
  });

  test("can be told", async () => {
    const options = { types: { id: "string", x: "float" } } as const;
    expect(await objects("id,x\n12,3\n", options)).toEqual([{ id: "s12", x: "f4008000000000000" }]);
    const table = await read("id,x\n12,abc\n", options);
    expect(table.bad).toEqual([{ place: 2, reason: 'column x: expected a number, found "abc"' }]);
  });

  /** A column of so many cells, `every` first, with others put at their places. */
  const column = (count: number, every: (i: number) => string, others: Record<number, string>) =>
    `x,n\n${Array.from({ length: count }, (_, i) => `${others[i] ?? every(i)},${i}`).join("\n")}\n`;

  test("a column of numbers stays one when a few cells are none: their rows are bad, and it is said", async () => {
    for (const [count, others] of [
      [20, { 7: "abc" }],
      [300, { 7: "abc", 150: "1.2.3", 299: "true" }],
      [5000, { 7: "abc", 4000: "y" }],
    ] as const) {
      const { rows, bad, notes } = await read(column(count, (i) => `${i}.5`, others));
      expect(bad.map(({ place }) => place)).toEqual(Object.keys(others).map((i) => Number(i) + 2));
      expect(bad[0]?.reason).toBe('column x: expected a number, found "abc"');
      expect(told(rows[8]?.[0])).toBe(told(new Double(8.5)));
      expect(notes).toEqual([
        expect.stringMatching(/^column x is read as numbers, though line 9 has "abc"( and \d+ more .*)?: --/),
      ]);
      expect(notes[0]).toContain("x:string");
    }
    const whole = await read(column(100, String, { 99: "abc" }));
    expect([told(whole.rows[5]?.[0]), whole.rows[99]]).toEqual(["i5", undefined]);
  });

  test("a column with more than a few texts is one of texts; it is said when most are numbers", async () => {
    for (const [count, others, isSaid] of [
      [19, { 7: "abc" }, true],
      [100, { 7: "abc", 8: "abd" }, true],
      [20, Object.fromEntries(Array.from({ length: 11 }, (_, i) => [i, "abc"])), false],
      [300, { 7: "007" }, false],
      [300, { 7: "007", 8: "abc" }, false],
      [300, { 7: "9".repeat(25) }, false],
    ] as const) {
      const { rows, bad, notes } = await read(column(count, String, others));
      expect(bad).toEqual([]);
      expect(rows.every((row) => typeof row?.[0] === "string")).toBe(true);
      expect(notes).toHaveLength(isSaid ? 1 : 0);
      if (isSaid) expect(notes[0]).toContain('column x is read as text, for line 9 has "abc"');
    }
    const asked = await read(column(300, String, { 7: "abc" }), { types: { x: "string" } });
    expect([asked.bad, asked.notes]).toEqual([[], []]);
    const left = await read(column(300, String, { 7: "abc" }), { nulls: ["abc"] });
    expect([left.bad, left.notes, left.rows[7]?.[0]]).toEqual([[], [], undefined]);
  });

  test("numbers of every notation", async () => {
    const text = "x\n+1\n1.\n.5\n1e-3\n1D2\ninf\n-Infinity\n";
    const table = await read(text);
    expect(table.rows.map((row) => Number(row?.[0]))).toEqual([1, 1, 0.5, 0.001, 100, Infinity, -Infinity]);
  });
});

describe("files", () => {
  test("quotes, line breaks within them, CRLF and a byte order mark", async () => {
    const text = '\ufeffid,name\r\n1,"a ""b"", c"\r\n2,"two\r\nlines"\r\n\r\n3,x\r\n';
    const table = await read(text);
    expect(table.rows.map((row) => row?.[1])).toEqual(['a "b", c', "two\r\nlines", "x"]);
    expect(table.places).toEqual([2, 3, 6]);
  });

  test("tabs, semicolons and bars are found, others told", async () => {
    for (const [name, mark] of [
      ["t.tsv", "\t"],
      ["t.csv", ";"],
      ["t.csv", "|"],
    ] as const) {
      expect(await objects(`a${mark}b\n1${mark}2,5\n`, {}, name)).toEqual([{ a: "i1", b: "s2,5" }]);
    }
    expect(await objects("a:b\n1:2\n", { delimiter: ":" })).toEqual([{ a: "i1", b: "i2" }]);
  });

  test("comments above the header, a header in a comment, no header", async () => {
    expect(await objects("# made today\n#\na,b\n1,2\n")).toEqual([{ a: "i1", b: "i2" }]);
    expect(await objects("# a,b\n1,2\n")).toEqual([{ a: "i1", b: "i2" }]);
    expect(await objects("1,2\n3,4\n", { header: ["a", "b"] })).toHaveLength(2);
  });

  test("gzipped, without a last line break, with nothing but a header", async () => {
    expect(await objects(gzipSync("a,b\n1,2"), {}, "t.csv.gz")).toEqual([{ a: "i1", b: "i2" }]);
    expect(await objects("a,b\n")).toEqual([]);
  });

  test("of columns with one name the later ones get a number, and it is said", async () => {
    const table = await read("a,b,a,a_2,a,\n1,2,3,4,5,6\n");
    expect(table.names).toEqual(["a", "b", "a_3", "a_2", "a_4", ""]);
    expect(table.rows[0]?.map(told)).toEqual(["i1", "i2", "i3", "i4", "i5", "i6"]);
    expect(table.notes).toEqual([
      'the header names the column "a" again: column 3 is called "a_3"',
      'the header names the column "a" again: column 5 is called "a_4"',
    ]);
  });

  test("rows that are not in UTF-8 are bad, a header that is not is told", async () => {
    const latin = (text: string) => Buffer.from(text, "latin1");
    const table = await read(latin("x,name\n1,caf\u00e9\n2,ok\n"));
    expect(table.bad).toEqual([
      { place: 2, reason: expect.stringContaining('column name: "caf\ufffd" is not in UTF-8') },
    ]);
    expect(table.rows[1]?.map(told)).toEqual(["i2", "sok"]);
    expect((await read("x,name\n1,caf\u00e9\n")).bad).toEqual([]);
    const header = await read(latin("x,\u00b0\n1,2\n"));
    expect([header.bad, header.rows.length]).toEqual([[], 1]);
    expect(header.notes).toEqual([expect.stringContaining('the header is not in UTF-8: "\ufffd"')]);
  });

  test("rows with other fields than the header are bad, with their lines", async () => {
    const { bad, rows } = await read('a,b\n1,2\n3\n"x\ny",4,5\n6,7\n');
    expect(bad).toEqual([
      { place: 3, reason: "expected 2 fields, found 1" },
      { place: 4, reason: "expected 2 fields, found 3" },
    ]);
    expect(rows.map((row) => row !== undefined)).toEqual([true, false, false, true]);
  });

  test.each([
    ["", "no header"],
    ["\0\u0001\u0002binary\n", "no FITS, Parquet or text file"],
    [`a,b\n1,"${"x".repeat(17 * 1024 * 1024)}`, "quote that is not closed"],
    ["x".repeat(17 * 1024 * 1024), "no text file"],
    ["# %ECSV 1.0\n# ---\n# delimiter: ','\na\n", "datatype"],
    ["# %ECSV 1.0\n# ---\n# {{{\na\n", "ECSV header"],
    [gzipSync("a,b\n1,2\n".repeat(10_000)).subarray(0, 60), "damaged"],
  ])("what is no table is refused with a word (%#)", async (text, word) => {
    const error = await read(text).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TableError);
    expect(String(error)).toContain(word);
  });

  test("long files in pieces give what they give at once, from any row on", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.array(fc.oneof(fc.string(), fc.constant('"\r\n,'), fc.constant("x".repeat(900))), {
            minLength: 3,
            maxLength: 3,
          }),
          {
            minLength: 1,
            maxLength: 40,
          },
        ),
        fc.integer({ min: 1, max: 100 }),
        fc.nat(30),
        async (rows, times, skip) => {
          const all = Array.from({ length: times }, () => rows)
            .flat()
            .map((row, i) => [`n${i}`, ...row]);
          const types = { a: "string", b: "string", c: "string", id: "string" } as const;
          const text = Papa.unparse([["id", "a", "b", "c"], ...all], { newline: "\n" });
          const table = await read(text, { types, delimiter: "," }, "long.csv", skip);
          expect(table.bad).toEqual([]);
          expect(table.rows.map((row) => row?.[0])).toEqual(all.slice(skip).map(([id]) => id));
          const ends = table.places.map((line) => text.split("\n", line - 1).join("\n").length);
          const last = ends.length - 1;
          if (last >= 0) expect(text.slice((ends[last] ?? 0) + 1)).toStartWith(`n${all.length - 1},`);
        },
      ),
      { numRuns: 20 },
    );
  });
});

const python = await tablesPython();
const without = skipOrFail("Python with astropy", typeof python === "string", String(python));

describe.skipIf(without)("ECSV files of astropy", async () => {
  if (typeof python === "string") await runScript(python, "make-ecsv.py", folder.path);

  test.each(["comma", "space"])("%s: values, types and units are those that were written", async (kind) => {
    const wanted = (await Bun.file(join(folder.path, "ecsv.json")).json()) as Record<string, unknown>[];
    const table = await readTable(join(folder.path, `${kind}.ecsv`));
    expect(table.bad).toEqual([]);
    expect(table.rows.map((row) => byName(table, row))).toEqual(wanted);
    expect(table.units[table.names.indexOf("ra")]).toBe("deg");
  });
});
