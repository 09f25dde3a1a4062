/** `kowalski ingest` as a user runs it, through the built executable. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executable, runExecutable } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Copier, realPackets, tarGzOf, tarOf } from "../support/packets.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";
import { storedCounts, storedDocuments } from "../support/stored.ts";

// Each starts the executable a few times, perhaps on a busy machine.
setDefaultTimeout(60_000);

const hasPackets = sharedDir() !== undefined;
if (!hasPackets)
  process.stderr.write("skipped: ingest of real packets (no ../shared beside this checkout)\n");

const folders: Disposable[] = [];

function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder.path;
}

afterEach(() => {
  for (const folder of folders.splice(0)) folder[Symbol.dispose]();
});

interface Summary {
  readonly packets: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  readonly reasons: Record<string, number>;
  readonly code: number;
  readonly stderr: string;
}

/** Runs `ingest --json` and reads its summary. */
async function ingest(dataDir: string, ...words: string[]): Promise<Summary> {
  const { code, stdout, stderr } = await runExecutable(["ingest", "--json", "--data-dir", dataDir, ...words]);
  const last = stdout.trim().split("\n").at(-1) ?? "";
  if (last === "") throw new Error(`no summary:\n${stderr}`);
  return { ...(JSON.parse(last) as Omit<Summary, "code" | "stderr">), code, stderr };
}

describe.if(hasPackets)("ingest of real packets", () => {
  const ztf = () => sharedPath("data", "ztf");

  test("stores 24 alerts of 23 objects, and nothing twice", async () => {
    const dataDir = newFolder();
    const first = await runExecutable(["ingest", "--data-dir", dataDir, ztf()]);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/^read +24 packets$/m);
    expect(first.stdout).toMatch(/^stored +24 alerts$/m);
    expect(first.stdout).toMatch(/^dead letter +0 packets$/m);
    const counts = { ZTF_alerts: 24, ZTF_alerts_aux: 23, ZTF_alerts_cutouts: 24, dead_letters: 0 };
    expect(await storedCounts(dataDir)).toEqual(counts);
    const second = await runExecutable(["ingest", "--data-dir", dataDir, ztf()]);
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(/^stored +0 alerts$/m);
    expect(second.stdout).toMatch(/^duplicate +24 alerts/m);
    expect(await storedCounts(dataDir)).toEqual(counts);
  });

  test("leaves the images out when told so, and closes its log", async () => {
    const dataDir = newFolder();
    const { stored } = await ingest(dataDir, ztf(), "--cutouts", "none");
    expect(stored).toBe(24);
    expect((await storedCounts(dataDir))["ZTF_alerts_cutouts"]).toBe(0);
    expect(statSync(join(dataDir, "kowalski.db-wal"), { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  });

  test("reads a file, archives, and several sources in one run", async () => {
    const packets = realPackets();
    const folder = newFolder();
    const [one] = packets;
    if (one === undefined) throw new Error("no packets");
    writeFileSync(join(folder, one.name), one.bytes);
    writeFileSync(join(folder, "a.tar"), await tarOf(packets.slice(1, 10)));
    writeFileSync(join(folder, "b.tar.gz"), await tarGzOf(packets.slice(10, 20)));
    mkdirSync(join(folder, "below"));
    writeFileSync(join(folder, "below", "c.tgz"), await tarGzOf(packets.slice(20)));
    const apart = newFolder();
    const files = [one.name, "a.tar", "b.tar.gz", "below/c.tgz"].map((name) => join(folder, name));
    expect(await ingest(apart, ...files)).toMatchObject({ packets: 24, stored: 24, deadLetters: 0, code: 0 });
    const together = newFolder();
    expect(await ingest(together, folder)).toMatchObject({
      packets: 24,
      stored: 24,
      deadLetters: 0,
      code: 0,
    });
  });

  test("reads files with several alerts", async () => {
    const folder = newFolder();
    const copier = new Copier(realPackets()[0]?.bytes ?? new Uint8Array());
    for (let i = 0; i < 5; i++) {
      const { name, bytes } = copier.packet(7);
      writeFileSync(join(folder, name), bytes);
    }
    expect(await ingest(newFolder(), folder)).toMatchObject({ packets: 5, stored: 35, deadLetters: 0 });
  });

  test("keeps a torn file as a dead letter, with the alerts before the tear", async () => {
    const folder = newFolder();
    const dataDir = newFolder();
    const copier = new Copier(realPackets()[0]?.bytes ?? new Uint8Array());
    const whole = copier.packet();
    const torn = copier.packet(3);
    writeFileSync(join(folder, "1.avro"), whole.bytes);
    writeFileSync(join(folder, "2.avro"), torn.bytes.subarray(0, torn.bytes.length - 100));
    const summary = await ingest(dataDir, folder);
    expect(summary).toMatchObject({ packets: 2, deadLetters: 1, reasons: { TornFileError: 1 }, code: 0 });
    // The alerts before the tear are good.
    expect(summary.stored).toBe(3);
    const [letter] = await storedDocuments(dataDir, "dead_letters");
    expect(letter).toMatchObject({ reason: "TornFileError", survey: "ZTF", place: "2.avro" });
    expect(Buffer.from(letter?.["bytes"] as Uint8Array).equals(torn.bytes.subarray(0, -100))).toBe(true);
    // Read again, the letter is counted and not kept twice.
    expect(await ingest(dataDir, folder, "--strict")).toMatchObject({ deadLetters: 1, code: 1 });
    expect((await storedCounts(dataDir))["dead_letters"]).toBe(1);
  });

  test("a torn archive fails by itself, and is a dead letter of its folder", async () => {
    const packets = realPackets();
    const folder = newFolder();
    const tar = await tarOf(packets.slice(0, 10));
    writeFileSync(join(folder, "a.tar"), tar.subarray(0, Math.floor(tar.length / 2)));
    writeFileSync(join(folder, "b.tar"), await tarOf(packets.slice(10)));
    const alone = await ingest(newFolder(), join(folder, "a.tar"));
    expect(alone.code).toBe(1);
    expect(alone.stored).toBeGreaterThan(2);
    expect(alone.stderr).toContain("torn or no archive");
    const dataDir = newFolder();
    const all = await ingest(dataDir, folder);
    expect(all).toMatchObject({ stored: alone.stored + 14, reasons: { TornArchiveError: 1 }, code: 0 });
    // Once the archive is whole, the folder is read again.
    writeFileSync(join(folder, "a.tar"), tar);
    const again = await ingest(dataDir, folder);
    expect(again).toMatchObject({ stored: 10 - alone.stored, duplicates: alone.stored + 14, deadLetters: 0 });
  });

  const script = Bun.which("script");
  if (script === null) process.stderr.write("skipped: the progress bar (no script to make a terminal)\n");

  test.if(script !== null)("shows a bar on a terminal, and plain lines elsewhere", async () => {
    const words = [await executable(), "ingest", "--data-dir", newFolder(), ztf()];
    const terminal = Bun.spawnSync([script ?? "", "-qec", words.join(" "), "/dev/null"], {
      env: { ...process.env, COLUMNS: "100" },
      stdin: "ignore",
    });
    expect(terminal.exitCode).toBe(0);
    const shown = terminal.stdout.toString();
    // The last state of the line that is written again and again.
    const bar = shown.split("\r\u001b[2K").at(-1);
    expect(bar).toMatch(/^\[#{24}\] 24 packets, \d+\/s, [\d.]+ MB\/s/);
    expect(shown).toMatch(/stored +24 alerts/);
    const plain = await runExecutable(["ingest", "--data-dir", newFolder(), ztf()]);
    expect(plain.stderr).toMatch(/^24 packets, \d+\/s, [\d.]+ MB\/s$/m);
    expect(plain.stderr + plain.stdout).not.toContain("\u001b");
  });

  test("goes on where an interrupted run stopped", async () => {
    const folder = newFolder();
    const dataDir = newFolder();
    const file = join(folder, "night.tar.gz");
    const packets = new Copier(realPackets()[0]?.bytes ?? new Uint8Array()).packets(1500);
    writeFileSync(file, await tarGzOf(packets));
    const words = ["ingest", "--json", "--data-dir", dataDir, "--batch", "50", file];
    const child = Bun.spawn([await executable(), ...words], { stdout: "pipe", stderr: "ignore" });
    while (((await countOrNone(dataDir)) ?? 0) < 100) await Bun.sleep(10);
    child.kill("SIGTERM");
    const [stdout, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
    expect(code).toBe(1);
    const first = JSON.parse(stdout) as Summary;
    expect(first.stored).toBeLessThan(1500);
    const second = await ingest(dataDir, "--batch", "50", file);
    expect(second).toMatchObject({ stored: 1500 - first.stored, duplicates: 0, code: 0 });
    // Read to its end, it is read again when it is named again, or when its beginning is asked for.
    expect(await ingest(dataDir, file)).toMatchObject({ stored: 0, duplicates: 1500, code: 0 });
  });

  test("after an interruption reads again what has changed", async () => {
    const packets = realPackets();
    const folder = newFolder();
    const dataDir = newFolder();
    // A torn archive as the only source interrupts the run: its position stays.
    const archive = join(folder, "night.tar");
    const tar = await tarOf(packets.slice(0, 10));
    writeFileSync(archive, tar.subarray(0, Math.floor(tar.length / 2)));
    const torn = await ingest(dataDir, archive);
    writeFileSync(archive, await tarOf(packets.slice(5)));
    // Other packets under the same name: none is skipped.
    const other = await ingest(dataDir, archive);
    expect(other.packets).toBe(19);
    expect(other.stored + other.duplicates).toBe(19);
    expect((await storedCounts(dataDir))["ZTF_alerts"]).toBe(torn.stored + other.stored);
  });
});

/** How many alerts are stored; undefined while there is no store yet. */
async function countOrNone(dataDir: string): Promise<number | undefined> {
  if (!readdirSync(dataDir).includes("kowalski.db")) return undefined;
  return (await storedCounts(dataDir))["ZTF_alerts"];
}

describe("ingest that cannot", () => {
  test.each([
    [["ingest"], "SOURCE is missing"],
    [["ingest", "x", "--batch", "0"], "--batch"],
    [["ingest", "x", "--wrokers", "2"], "--workers"],
    [["ingest", "x", "--cutouts", "some"], "all, matched, none"],
  ])("%j is wrong usage", async (words, message) => {
    const { code, stderr } = await runExecutable(words, { cwd: newFolder() });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test("a path that is not there, or holds no packets, fails with a word", async () => {
    const dataDir = newFolder();
    const missing = join(dataDir, "nothing.tar");
    const nothing = await runExecutable(["ingest", "--data-dir", dataDir, missing]);
    expect(nothing.code).toBe(1);
    expect(nothing.stderr).toContain(`${missing}: no such file or folder`);
    const empty = newFolder();
    const without = await runExecutable(["ingest", "--data-dir", dataDir, empty]);
    expect(without.code).toBe(1);
    expect(without.stderr).toContain("no .avro, .tar or .tar.gz file in this folder or below");
    writeFileSync(join(empty, "x.tar.gz"), "this is no archive");
    const garbage = await runExecutable(["ingest", "--data-dir", dataDir, join(empty, "x.tar.gz")]);
    expect(garbage.code).toBe(1);
    expect(garbage.stderr).toContain("torn or no archive");
  });

  test("a data folder that cannot be made fails with a word", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "file"), "");
    const { code, stderr } = await runExecutable(["ingest", "--data-dir", join(folder, "file"), folder]);
    expect(code).toBe(1);
    expect(stderr).toContain("cannot open the data folder");
    expect(stderr.match(/cannot open/g)).toHaveLength(1);
  });
});

describe.if(hasPackets && process.getuid?.() === 0 && process.platform === "linux")("a full disk", () => {
  test("stops ingest with a word, loses nothing, and lets it go on", async () => {
    const disk = newFolder();
    if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk]).exitCode !== 0) {
      process.stderr.write("skipped: a full disk (no file system can be mounted here)\n");
      return;
    }
    try {
      const source = newFolder();
      const copier = new Copier(realPackets()[0]?.bytes ?? new Uint8Array());
      writeFileSync(join(source, "night.tar"), await tarOf(copier.packets(60)));
      const dataDir = join(disk, "data");
      const filler = join(disk, "filler");
      writeFileSync(filler, new Uint8Array(3 * 1024 * 1024));
      const words = ["ingest", "--json", "--data-dir", dataDir, "--batch", "5", join(source, "night.tar")];
      const start = async () => Bun.spawn([await executable(), ...words], { stdout: "pipe", stderr: "pipe" });
      const first = await start();
      await heard(first.stderr, "no space left for the data folder");
      first.kill("SIGTERM");
      expect(await first.exited).toBe(1);
      const kept = (await storedCounts(dataDir))["ZTF_alerts"] ?? 0;
      expect(kept % 5).toBe(0);
      expect(kept).toBeLessThan(60);
      // Space that comes while it waits is used.
      const second = await start();
      const stdout = new Response(second.stdout).text();
      await heard(second.stderr, "no space left for the data folder");
      rmSync(filler);
      Bun.spawnSync(["mount", "-o", "remount,size=64m", disk]);
      expect(await second.exited).toBe(0);
      expect(JSON.parse(await stdout)).toMatchObject({ stored: 60 - kept, duplicates: 0, deadLetters: 0 });
      expect((await storedCounts(dataDir))["ZTF_alerts"]).toBe(60);
    } finally {
      // Lazily: threads of stores that were closed may still hold files for a moment.
      Bun.spawnSync(["umount", "--lazy", disk]);
    }
  });
});

/** Reads a stream until it says this, and on in the background. */
async function heard(stream: ReadableStream<Uint8Array>, words: string): Promise<void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(words)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`ended without "${words}":\n${text}`);
    text += decoder.decode(value, { stream: true });
  }
  const drain = async () => {
    while (!(await reader.read()).done);
  };
  void drain();
}
