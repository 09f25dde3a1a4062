/** `kowalski catalog` as a user runs it: beside a server, killed in the middle, with what it says. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  cleanEnvironment,
  executable,
  type RunningServe,
  runExecutable,
  startServe,
} from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { storedDocuments, withStore } from "../support/stored.ts";

const ROWS = 40_000;
const folder = temporaryFolder();
const dataDir = join(folder.path, "data");
const stars = join(folder.path, "stars.csv");
const fewer = join(folder.path, "fewer.csv");
let serve: RunningServe;

function rowsFrom(seed: number, count: number): string {
  const row = (i: number) => `${i},${(i * 7.25 + seed) % 360},${((i * 3.17) % 180) - 90},${(i % 100) / 7}\n`;
  return `id,ra,dec,mag\n${Array.from({ length: count }, (_, i) => row(i)).join("")}`;
}

const catalog = (...words: string[]) => runExecutable(["catalog", ...words, "--data-dir", dataDir]);

function count(collection: string): Promise<number> {
  return withStore(dataDir, (store) => store.count({ collection, filter: {}, maxTimeMs: 60_000 }));
}

beforeAll(async () => {
  mkdirSync(dataDir);
  writeFileSync(stars, rowsFrom(0, ROWS));
  writeFileSync(fewer, rowsFrom(5, 100));
  serve = await startServe(dataDir);
}, 120_000);

afterAll(async () => {
  await serve.stop();
  folder[Symbol.dispose]();
});

describe("kowalski catalog", () => {
  test("loads beside a server, lists, describes, indexes and removes", async () => {
    const loaded = await catalog("load", fewer, "--name", "few", "--id", "id");
    expect(loaded.stderr).toContain("100 rows");
    expect([loaded.code, loaded.stdout]).toEqual([0, "read       100 rows\nstored     100 in few\n"]);
    const asked = await runExecutable([
      ...["query", "find", "few", "--filter", '{"_id": 7}', "--url", serve.url, "--data-dir", dataDir],
    ]);
    expect(asked.stdout).toContain('"ra": 55.75');
    expect((await catalog("list")).stdout).toMatch(/^few +100 +0 +1 +20/m);
    expect((await catalog("index", "few", "mag")).stdout).toBe("Made the index mag\n");
    expect((await catalog("index", "few", "mgg")).stderr).toContain(
      "mgg: the first rows have no such field, did you mean mag?",
    );
    const { stdout } = await catalog("info", "few");
    expect(stdout).toContain("indexes  _id_, radec, mag, mgg");
    expect(stdout).toContain("fields   _id, id, ra, dec, mag, coordinates");
    const described = JSON.parse((await catalog("info", "few", "--json")).stdout);
    expect(described).toMatchObject({ name: "few", documents: 100, loaded: { files: [fewer] } });
    expect((await catalog("drop", "few")).code).toBe(0);
    expect((await catalog("info", "few")).code).toBe(1);
  }, 60_000);

  test("killed at any moment it goes on, and the old catalogue is there until it is done", async () => {
    expect((await catalog("load", fewer, "--name", "stars", "--id", "id")).code).toBe(0);
    const words = [
      "catalog",
      "load",
      stars,
      "--name",
      "stars",
      "--id",
      "id",
      "--replace",
      "--data-dir",
      dataDir,
    ];
    for (let kills = 0; kills < 3; kills++) {
      const child = Bun.spawn([await executable(), ...words], {
        env: cleanEnvironment(),
        stdout: "ignore",
        stderr: "ignore",
      });
      await untilLoading(kills * 8000 + 2000);
      child.kill("SIGKILL");
      await child.exited;
      expect(await count("stars")).toBe(100);
    }
    const { code, stdout, stderr } = await runExecutable(words);
    expect(stderr).toContain("an interrupted load goes on behind");
    expect([code, stdout]).toEqual([0, `read       ${ROWS} rows\nstored     ${ROWS} in stars\n`]);
    expect(await count("stars")).toBe(ROWS);
    const [last] = await storedDocuments(dataDir, "stars", { _id: ROWS - 1 });
    expect(last?.["ra"]).toBeCloseTo(((ROWS - 1) * 7.25) % 360, 9);
  }, 120_000);

  /** Waits until the load has written so many rows. */
  async function untilLoading(rows: number): Promise<void> {
    for (;;) {
      const [load] = await storedDocuments(dataDir, "catalog_loads", { _id: "stars" });
      const progress = load?.["progress"] as { rows?: number } | undefined;
      if ((progress?.rows ?? 0) >= rows) return;
      await Bun.sleep(5);
    }
  }

  test("says what is wrong", async () => {
    const bad = join(folder.path, "bad.csv");
    writeFileSync(bad, "ra,dec\n1,2\n3,99\n4\n");
    const listed = join(folder.path, "listed.csv");
    const { code, stdout, stderr } = await catalog("load", bad, "--name", "bad", "--bad-rows", listed);
    expect([code, stdout]).toEqual([0, "read       3 rows\nstored     1 in bad\nbad        2\n"]);
    expect(stderr).toContain(`${bad}: line 3: declination 99: expected -90 <= dec <= 90 degrees`);
    expect(await Bun.file(listed).text()).toBe(
      `file,line,reason\n${bad},3,declination 99: expected -90 <= dec <= 90 degrees\n${bad},4,"expected 2 fields, found 1"\n`,
    );
    for (const [words, exit, word] of [
      [["load", bad, "--name", "bad"], 1, "--replace or --append"],
      [["load", bad, "--name", "b", "--max-bad-rows", "1"], 1, "more than 1 rows cannot be loaded"],
      [["load", bad], 2, "--name is missing"],
      [["load", bad, "--name", "users"], 2, "Kowalski's own"],
      [["load", bad, "--name", "a b"], 2, "no name of a catalogue"],
      [["load", bad, "--name", "b", "--units", "miles"], 2, "expected auto, deg"],
      [["load", join(folder.path, "none"), "--name", "b"], 1, "there is no such file"],
      [["drop", "users"], 2, "a collection of Kowalski's own"],
      [["drop", "../x"], 2, "no name of a catalogue"],
      [["index", "nowhere", "x"], 1, "there is no catalogue nowhere"],
    ] as const) {
      const answer = await catalog(...words);
      expect([answer.code, answer.stderr]).toEqual([exit, expect.stringContaining(word)]);
      // Nothing was read that another load could go on behind.
      expect(answer.stderr).not.toContain("goes on");
    }
    const cut = join(folder.path, "cut.csv.gz");
    const rows = Array.from({ length: 30_000 }, (_, i) => `${i / 100},${Math.sin(i) * 90}`).join("\n");
    const packed = gzipSync(`ra,dec\n${rows}\n`);
    writeFileSync(cut, packed.subarray(0, packed.length - 1000));
    expect((await catalog("load", cut, "--name", "cut")).stderr).toContain(
      "what was read is kept: the same command goes on from there",
    );
    writeFileSync(bad, Buffer.from("ra,dec,name,name\n1,2,caf\u00e9,x\n3,4,y,z\n", "latin1"));
    const twice = await catalog("load", bad, "--name", "twice");
    expect([twice.code, twice.stdout]).toEqual([
      0,
      "read       2 rows\nstored     1 in twice\nbad        1\n",
    ]);
    expect(twice.stderr).toContain(
      `${bad}: the header names the column "name" again: column 4 is called "name_2"`,
    );
    expect(twice.stderr).toContain(`${bad}: line 2: column name: "caf\ufffd" is not in UTF-8`);
    for (const [text, word] of [
      ["ra,dec\n1,99\n400,2\n", `none of the 2 rows could be stored: ${bad}, line 2: declination 99`],
      ["ra,dec\n", `${bad}: it has no rows`],
    ] as const) {
      writeFileSync(bad, text);
      const failed = await catalog("load", bad, "--name", "bad", "--replace");
      expect([failed.code, failed.stdout, failed.stderr]).toEqual([1, "", expect.stringContaining(word)]);
      expect(await count("bad")).toBe(1);
    }
  }, 60_000);
});
