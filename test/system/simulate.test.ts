/** `kowalski simulate` as a user runs it, through the built executable, and what `ingest` makes of it. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, executable, runExecutable } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { storedCounts } from "../support/stored.ts";

// The executable is built at first use, and other work may share the cores.
setDefaultTimeout(120_000);

const folders: Disposable[] = [];

function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder.path;
}

afterEach(() => {
  for (const folder of folders.splice(0)) folder[Symbol.dispose]();
});

function lastJson(stdout: string): Record<string, unknown> {
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
}

describe("kowalski simulate", () => {
  test.each(["night.tar.gz", "night.tgz", "night.tar", "night"])(
    "writes %s, which ingest stores",
    async (name) => {
      const folder = newFolder();
      const out = join(folder, name);
      const made = await runExecutable([
        "simulate",
        "--json",
        "--out",
        out,
        "--alerts",
        "300",
        "--nights",
        "3",
      ]);
      expect(made.code).toBe(0);
      const summary = lastJson(made.stdout);
      expect(summary).toMatchObject({ event: "summary", out, packets: 300, nights: 3 });
      const kinds = Object.values(summary["kinds"] as Record<string, number>);
      expect(kinds.reduce((sum, count) => sum + count, 0)).toBe(300);
      if (name !== "night") expect(summary["bytes"]).toBe(statSync(out).size);
      expect(readdirSync(folder)).toEqual([name]);
      const dataDir = newFolder();
      const stored = await runExecutable(["ingest", "--json", "--data-dir", dataDir, out]);
      expect(stored.code).toBe(0);
      expect(lastJson(stored.stdout)).toMatchObject({
        packets: 300,
        stored: 300,
        duplicates: 0,
        deadLetters: 0,
      });
      const counts = await storedCounts(dataDir);
      expect(counts).toMatchObject({ ZTF_alerts: 300, ZTF_alerts_cutouts: 300, dead_letters: 0 });
      // Objects come again.
      expect(counts["ZTF_alerts_aux"]).toBeLessThan(300);
    },
  );

  test("writes the same bytes for the same seed, and others from another night on", async () => {
    const folder = newFolder();
    const write = async (name: string, ...words: string[]) => {
      const out = join(folder, name);
      expect((await runExecutable(["simulate", "--out", out, "--alerts", "50", ...words])).code).toBe(0);
      return Bun.hash(readFileSync(out));
    };
    const first = await write("a.tar.gz");
    expect(await write("b.tar.gz", "--seed", "1")).toBe(first);
    expect(await write("c.tar.gz", "--seed", "2")).not.toBe(first);
    await write("d.tar.gz", "--start", "2024-01-02");
    const stored = await runExecutable([
      "ingest",
      "--json",
      "--data-dir",
      newFolder(),
      join(folder, "a.tar.gz"),
      join(folder, "d.tar.gz"),
    ]);
    expect(lastJson(stored.stdout)).toMatchObject({ packets: 100, stored: 100, duplicates: 0 });
  });

  test("leaves the images out when told so", async () => {
    const out = join(newFolder(), "night.tar.gz");
    await runExecutable(["simulate", "--out", out, "--alerts", "50", "--no-cutouts"]);
    const dataDir = newFolder();
    await runExecutable(["ingest", "--data-dir", dataDir, out]);
    expect(await storedCounts(dataDir)).toMatchObject({ ZTF_alerts: 50, ZTF_alerts_cutouts: 0 });
  });

  test("replaces nothing without --force, and with it only packets", async () => {
    const folder = newFolder();
    const archive = join(folder, "night.tar");
    const packets = join(folder, "packets");
    const simulate = (out: string, ...words: string[]) =>
      runExecutable(["simulate", "--out", out, "--alerts", "5", ...words]);
    for (const out of [archive, packets]) {
      expect((await simulate(out)).code).toBe(0);
      const again = await simulate(out);
      expect(again.code).toBe(1);
      expect(again.stderr).toContain(`${out} exists: take another name, or --force to replace it`);
      expect((await simulate(out, "--force", "--seed", "2")).code).toBe(0);
    }
    writeFileSync(join(packets, "thesis.tex"), "");
    const refused = await simulate(packets, "--force");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("holds more than packets");
    expect(readdirSync(packets)).toContain("thesis.tex");
    mkdirSync(join(folder, "odd.tar"));
    expect((await simulate(join(folder, "odd.tar"), "--force")).stderr).toContain("is a folder");
  });

  test.each([
    [[], "--out is missing"],
    [["--out", "x.tar", "--alerts", "0"], "--alerts"],
    [["--out", "x.tar", "--start", "2024-02-30"], "--start: expected a date"],
    [["--out", "x.tar", "--nights", "2000"], "--nights: 2000 nights need at least 2000 alerts"],
  ])("refuses %j", async (words, message) => {
    const folder = newFolder();
    const { code, stderr } = await runExecutable(["simulate", ...words], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("an odd ending and a folder that cannot be made are told", async () => {
    const folder = newFolder();
    const odd = await runExecutable(["simulate", "--out", join(folder, "night.zip")]);
    expect(odd.code).toBe(1);
    expect(odd.stderr).toContain("ends in .tar or .tar.gz");
    writeFileSync(join(folder, "file"), "");
    const below = await runExecutable(["simulate", "--out", join(folder, "file", "night.tar")]);
    expect(below.code).toBe(1);
    expect(below.stderr).toStartWith("kowalski: --out ");
  });

  test.each(["SIGKILL", "SIGTERM"] as const)(
    "stopped by %s leaves nothing that looks whole",
    async (signal) => {
      const folder = newFolder();
      const words = ["simulate", "--out", join(folder, "night.tar.gz"), "--alerts", "100000"];
      const child = Bun.spawn([await executable(), ...words], {
        env: cleanEnvironment(),
        stdout: "ignore",
        stderr: "ignore",
      });
      const partial = join(folder, "night.tar.gz.partial");
      while (!existsSync(partial) || statSync(partial).size < 3e6) await Bun.sleep(5);
      child.kill(signal);
      const code = await child.exited;
      expect(readdirSync(folder)).toEqual(signal === "SIGKILL" ? ["night.tar.gz.partial"] : []);
      if (signal === "SIGTERM") expect(code).toBe(1);
      const read = await runExecutable(["ingest", "--json", "--data-dir", newFolder(), folder]);
      expect(lastJson(read.stdout)).toMatchObject({ packets: 0, stored: 0 });
      // What is left of a run is in nobody's way.
      expect((await runExecutable(["simulate", "--out", words[2] ?? "", "--alerts", "5"])).code).toBe(0);
      expect(readdirSync(folder)).toEqual(["night.tar.gz"]);
    },
  );
});
