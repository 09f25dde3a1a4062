/** The container image as far as it can be checked without an engine: its build stage, step by step, in a folder. */
import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { cleanEnvironment } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";

const ROOT = join(import.meta.dir, "..", "..");

/** The instructions of the first stage, in order. */
function buildStage(): string[] {
  const lines = readFileSync(join(ROOT, "Dockerfile"), "utf8").split("\n");
  const first = lines.findIndex((line) => line.startsWith("FROM "));
  const next = lines.findIndex((line, index) => index > first && line.startsWith("FROM "));
  return lines.slice(first + 1, next).filter((line) => /^(COPY|RUN) /.test(line));
}

/** `COPY source… destination` from the checkout into a folder. */
function copy(words: readonly string[], folder: string): void {
  const destination = join(folder, words.at(-1) ?? ".");
  for (const source of words.slice(0, -1)) {
    const into = (words.at(-1) ?? "").endsWith("/") ? join(destination, basename(source)) : destination;
    mkdirSync(dirname(into), { recursive: true });
    cpSync(join(ROOT, source), into, { recursive: true });
  }
}

async function run(command: string, folder: string): Promise<void> {
  const path = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`;
  const child = Bun.spawn(["sh", "-c", command], {
    cwd: folder,
    env: { ...cleanEnvironment({ KOWALSKI_COMMIT: "container" }), PATH: path },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`${command}:\n${out}\n${errors.slice(0, 2000)}`);
}

test("what the Dockerfile copies is sent to the engine", () => {
  const sent = readFileSync(join(ROOT, ".dockerignore"), "utf8")
    .split("\n")
    .flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
  const copied = buildStage().flatMap((step) => {
    const [kind, ...words] = step.split(/\s+/);
    return kind === "COPY" ? words.slice(0, -1) : [];
  });
  expect(copied.length).toBeGreaterThan(4);
  for (const path of copied) expect(sent).toContain(path);
});

test("what the Dockerfile copies is enough to build the executable", async () => {
  using folder = temporaryFolder();
  const steps = buildStage();
  expect(steps.length).toBeGreaterThan(4);
  for (const step of steps) {
    const [kind, ...words] = step.split(/\s+/);
    if (kind === "COPY") copy(words, folder.path);
    else await run(words.join(" "), folder.path);
  }
  for (const copied of readFileSync(join(ROOT, "Dockerfile"), "utf8").matchAll(
    /^COPY --from=build .*\/build\/(\S+) /gm,
  )) {
    expect([copied[1], existsSync(join(folder.path, copied[1] ?? ""))]).toEqual([copied[1], true]);
  }
  const version = Bun.spawnSync([join(folder.path, "dist", "kowalski"), "version", "--json"]);
  expect(JSON.parse(version.stdout.toString())).toMatchObject({ commit: "container" });
}, 120_000);
