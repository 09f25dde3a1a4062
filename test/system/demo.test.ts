/** `kowalski demo` as a user runs it: what it prints works when it is pasted. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { type RunningServe, runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";

// The executable is built at first use, and other work may share the cores.
setDefaultTimeout(120_000);

const hasPackets = sharedDir() !== undefined;
if (!hasPackets) process.stderr.write("skipped: demo of real packets (no ../shared beside this checkout)\n");

/** The demo's output once it serves. */
async function whenServing(demo: RunningServe): Promise<string> {
  while (!demo.output().includes("until Ctrl-C")) await Bun.sleep(20);
  return demo.output();
}

/** Runs lines in a shell as if they were pasted; what each command printed. */
async function paste(lines: readonly string[]): Promise<string[]> {
  const script = lines.flatMap((line) => [line, "echo"]).join("\n");
  const shell = Bun.spawn(["bash"], { stdin: Buffer.from(script), stdout: "pipe", stderr: "pipe" });
  const text = await new Response(shell.stdout).text();
  return text.split("\n").filter((line) => line !== "");
}

function pastedLines(output: string): string[] {
  return output.split("\n").filter((line) => /^(TOKEN=|curl )/.test(line));
}

describe("kowalski demo", () => {
  test("serves a simulated night, and its lines work when pasted", async () => {
    using folder = temporaryFolder();
    const demo = await startServe(folder.path, { verb: "demo", words: ["--alerts", "120"] });
    const output = await whenServing(demo);
    expect(output).toContain("stored      120 alerts");
    const lines = pastedLines(output);
    expect(lines.length).toBe(6);
    const [found, alert, object, matches, trial] = await paste(lines);
    expect(output).toContain(found ?? "nothing");
    const candid = /"candid":(\d+)/.exec(found ?? "")?.[1];
    expect(candid).toMatch(/^\d{19}$/);
    expect(alert).toContain(`"candid":${candid}`);
    expect(object).toContain('"prv_candidates"');
    expect(trial).toContain('"explain":[{"stage":"$match"');
    expect(output).toContain(matches ?? "nothing");
    expect(matches).toContain('"annotations":{"magnitude":');
    for (const answer of [found, alert, object, matches, trial])
      expect(answer).toContain('"status":"success"');
    expect(await demo.stop()).toBe(0);
  });

  test("leaves nothing behind when it had a folder of its own", async () => {
    const { code, stdout } = await runExecutable(["demo", "--once", "--port", "0", "--alerts", "50"]);
    expect(code).toBe(0);
    const folder = /^Data folder (.+)$/m.exec(stdout)?.[1];
    expect(folder).toBeDefined();
    expect(existsSync(folder ?? "")).toBe(false);
    expect(existsSync(/ to (.+), [\d.]+ MB/.exec(stdout)?.[1] ?? "")).toBe(false);
  });

  test.skipIf(!hasPackets)("takes the packets that it is given", async () => {
    const words = ["demo", "--once", "--port", "0", sharedPath("data", "ztf")];
    const { code, stdout } = await runExecutable(words);
    expect(code).toBe(0);
    expect(stdout).toContain("stored      24 alerts");
    expect(pastedLines(stdout).length).toBe(6);
  });

  test("tells machines what it serves", async () => {
    const { stdout } = await runExecutable(["demo", "--json", "--once", "--port", "0", "--alerts", "50"]);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.map(({ event }) => event)).toEqual(["summary", "summary", "serving"]);
    expect(events.at(-1)).toMatchObject({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
  });
});
