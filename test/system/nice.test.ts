/** A process that was started nice, by a user who may not take that back. */
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, executable } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";

const NOBODY = 65534;

test.skipIf(process.getuid?.() !== 0)(
  "works for a user without rights, started nice",
  async () => {
    using folder = temporaryFolder();
    chmodSync(folder.path, 0o777);
    const dataDir = join(folder.path, "data");
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o777);
    const command = `exec nice -n 15 "$0" demo --once --port 0 --data-dir "$1"`;
    const words = [
      "setpriv",
      `--reuid=${NOBODY}`,
      `--regid=${NOBODY}`,
      "--clear-groups",
      "sh",
      "-c",
      command,
    ];
    const child = Bun.spawn([...words, await executable(), dataDir], {
      cwd: dataDir,
      env: cleanEnvironment(),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: 100_000,
    });
    const [out, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect(`${await child.exited} ${errors}`).toStartWith("0 ");
    expect(`${out}${errors}`).toContain("stored      1000 alerts");
    expect(`${out}${errors}`).not.toContain("EACCES");
  },
  120_000,
);
