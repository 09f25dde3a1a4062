/** `kowalski deadletter`: what an operator does with packets that could not be ingested. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runExecutable } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Copier, realPackets } from "../support/packets.ts";
import { sharedDir } from "../support/shared.ts";
import { storedCounts, storedDocuments, withStore } from "../support/stored.ts";

// Each starts the executable a few times, perhaps on a busy machine.
setDefaultTimeout(60_000);

const hasPackets = sharedDir() !== undefined;
if (!hasPackets) process.stderr.write("skipped: dead letters (no ../shared beside this checkout)\n");

const folders: Disposable[] = [];

function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder.path;
}

afterEach(() => {
  for (const folder of folders.splice(0)) folder[Symbol.dispose]();
});

const deadletter = (dataDir: string, ...words: string[]) =>
  runExecutable(["deadletter", ...words, "--data-dir", dataDir]);

/** A data folder with one alert and three dead letters: torn, garbage, and of a survey nobody knows. */
async function spoiled(): Promise<{ dataDir: string; source: string; torn: Uint8Array }> {
  const dataDir = newFolder();
  const source = join(newFolder(), "packets");
  mkdirSync(source);
  const copier = new Copier(realPackets()[0]?.bytes ?? new Uint8Array());
  const whole = copier.packet();
  const torn = copier.packet(2).bytes.slice(0, -50);
  writeFileSync(join(source, "1 good.avro"), whole.bytes);
  writeFileSync(join(source, "2 torn.avro"), torn);
  writeFileSync(join(source, "3 text.avro"), "hello");
  writeFileSync(join(source, "4 empty.avro"), "");
  expect((await runExecutable(["ingest", "--data-dir", dataDir, source])).code).toBe(0);
  return { dataDir, source, torn };
}

/** The whole id of the letter whose id begins so; behind that it has the hash of its bytes. */
async function idOf(dataDir: string, beginning: string): Promise<string> {
  const ids = (await storedDocuments(dataDir, "dead_letters")).map(({ _id }) => String(_id));
  const found = ids.filter((id) => id.startsWith(beginning));
  expect(found).toHaveLength(1);
  return found[0] ?? "";
}

describe.if(hasPackets)("dead letters", () => {
  test("of a file that is replaced by another bad one are two", async () => {
    using folder = temporaryFolder();
    const source = join(folder.path, "packets");
    mkdirSync(source);
    for (const text of ["hello", "hello again", "hello again"]) {
      writeFileSync(join(source, "a.avro"), text);
      expect((await runExecutable(["ingest", "--data-dir", folder.path, source])).code).toBe(0);
    }
    const letters = await storedDocuments(folder.path, "dead_letters");
    expect(letters.map(({ bytes }) => Buffer.from(bytes as Uint8Array).toString())).toEqual([
      "hello",
      "hello again",
    ]);
  });

  test("are listed and shown, for people and for machines", async () => {
    const { dataDir, source, torn } = await spoiled();
    const list = await deadletter(dataDir, "list");
    expect(list.code).toBe(0);
    expect(list.stdout).toMatch(/TornFileError +2 torn\.avro/);
    expect(list.stdout).toMatch(/WrongMagicError +3 text\.avro/);
    expect(list.stdout).toMatch(/EmptyInputError +4 empty\.avro/);
    expect(list.stdout).toMatch(/^3 dead letters$/m);
    const one = await deadletter(dataDir, "list", "--reason", "TornFileError");
    expect(one.stdout).toMatch(/^1 dead letter$/m);
    const json = await deadletter(dataDir, "list", "--json", "--limit", "2");
    const rows = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string });
    expect(rows).toHaveLength(2);

    const id = await idOf(dataDir, `${source}#2 torn.avro#`);
    const file = join(dataDir, "saved.avro");
    const shown = await deadletter(dataDir, "show", id, "--bytes", file);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain("TornFileError");
    expect(shown.stdout).toContain(String(torn.length));
    expect(readFileSync(file).equals(torn)).toBe(true);
    const shownJson = await deadletter(dataDir, "show", id, "--json");
    expect(JSON.parse(shownJson.stdout)).toMatchObject({ _id: id, survey: "ZTF", bytes: torn.length });
    const unknown = await deadletter(dataDir, "show", "nothing");
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain("no dead letter nothing");
  });

  test("that are still bad stay when they are replayed", async () => {
    const { dataDir } = await spoiled();
    const before = await storedDocuments(dataDir, "dead_letters");
    const replayed = await deadletter(dataDir, "replay", "--all");
    expect(replayed.code).toBe(1);
    expect(replayed.stdout).toContain("0 ingested and removed, 3 still dead");
    expect(replayed.stderr).toContain("TornFileError");
    expect(await storedDocuments(dataDir, "dead_letters")).toEqual(before);
    const nothing = await deadletter(dataDir, "replay");
    expect(nothing.code).toBe(2);
  });

  test("are ingested and removed once what was wrong is gone", async () => {
    const { dataDir, source } = await spoiled();
    // The letter of a packet that an older version could not read: its bytes are good.
    const { bytes } = new Copier(realPackets()[1]?.bytes ?? new Uint8Array(), 1).packet(2);
    const id = await idOf(dataDir, `${source}#3 text.avro#`);
    await withStore(dataDir, async (store) => {
      const letter = await store.findOne({
        collection: "dead_letters",
        filter: { _id: id },
        maxTimeMs: 1000,
      });
      await store.replace("dead_letters", { ...letter, _id: id, bytes });
    });
    const replayed = await deadletter(dataDir, "replay", "--reason", "WrongMagicError", "--json");
    expect(replayed.code).toBe(0);
    expect(JSON.parse(replayed.stdout)).toEqual({ event: "summary", replayed: 1, failed: 0 });
    // One good file, and the two of the letter.
    expect(await storedCounts(dataDir)).toMatchObject({
      ZTF_alerts: 3,
      ZTF_alerts_cutouts: 3,
      dead_letters: 2,
    });
    const again = await deadletter(dataDir, "replay", id);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain(`no dead letter ${id}`);
  });
});
