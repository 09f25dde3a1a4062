/** The README's path for researchers and filter authors, typed as it stands there. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, executable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { blocks, page } from "../support/pages.ts";

// The executable is built at first use, and other work may share the cores.
setDefaultTimeout(120_000);

const README = page("README.md");
const steps = [
  ...blocks(README, "sh", "For researchers", "For filter authors"),
  ...blocks(README, "sh", "For filter authors", "For operators"),
];

/** Sources that nobody but the reader has. */
const ELSEWHERE = /^kowalski ingest (\.\.\/data|https:|night\.tar\.gz --cutouts)/;

test("the README's lines work when they are typed one after the other", async () => {
  using folder = temporaryFolder();
  const bin = join(folder.path, "bin");
  mkdirSync(bin);
  symlinkSync(await executable(), join(bin, "kowalski"));
  const run = async (script: string) => {
    const shell = Bun.spawn(["bash", "-eu"], {
      cwd: folder.path,
      env: cleanEnvironment({ PATH: `${bin}:${process.env["PATH"]}` }),
      stdin: Buffer.from(script),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err, code] = await Promise.all([
      new Response(shell.stdout).text(),
      new Response(shell.stderr).text(),
      shell.exited,
    ]);
    expect(code, err).toBe(0);
    return out;
  };
  const lines = steps.join("\n").split("\n");
  const serve = lines.indexOf("kowalski serve");
  expect(serve).toBeGreaterThan(0);
  const before = lines.slice(0, serve).filter((line) => !ELSEWHERE.test(line));
  expect(await run(before.join("\n"))).toContain("stored      1000 alerts");
  const server = await startServe(join(folder.path, "kowalski-data"));
  const after = lines
    .slice(serve + 1)
    .join("\n")
    .replaceAll("http://127.0.0.1:4000", server.url);
  const said = await run(after);
  expect(said).not.toContain('"status":"error"');
  expect(said).toMatch(/"data":\["ZTF_alerts_cutouts"/);
  expect(said).toMatch(/"message":"ZTF alert \d{19}"/);
  expect(said).toMatch(/[1-9]\d* of 1000 alerts pass/);
  expect(said).toContain("stored      1000 alerts");
  expect(said).toMatch(/[1-3] matches of filter id 1/);
  expect(said).toContain("Updated filter id 1");
  expect(await server.stop()).toBe(0);
});
