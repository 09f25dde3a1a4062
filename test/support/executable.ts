/** The built executable for system tests: built once, again when a source is newer, and started with care. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";

const ROOT = join(import.meta.dir, "..", "..");
const EXECUTABLE = join(ROOT, "dist", "kowalski");

let ready: Promise<string> | undefined;

/** Path of an executable that is up to date with the sources. */
export function executable(): Promise<string> {
  ready ??= isCurrent() ? Promise.resolve(EXECUTABLE) : build(EXECUTABLE).then(() => EXECUTABLE);
  return ready;
}

/** Whether `dist/kowalski` is newer than everything that goes into it. */
export function isCurrent(): boolean {
  if (!existsSync(EXECUTABLE)) return false;
  const built = statSync(EXECUTABLE).mtimeMs;
  const inputs = [
    ...new Bun.Glob("src/**/*").scanSync({ cwd: ROOT }),
    "package.json",
    "bun.lock",
    "scripts/build.ts",
    "scripts/runtime-files.ts",
  ];
  return inputs.every((path) => statSync(join(ROOT, path)).mtimeMs <= built);
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is killed. */
  readonly timeoutMs?: number;
}

/** The environment without this machine's own settings of Kowalski. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith("KOWALSKI_"),
  );
  // Libraries are unpacked into the tests' own cache.
  return { ...Object.fromEntries(own), XDG_CACHE_HOME: join(ROOT, ".cache"), ...extra };
}

/** Runs a command of the executable to its end. */
export async function runExecutable(words: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = Bun.spawn([await executable(), ...words], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: cleanEnvironment(options.env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs ?? 60_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

export interface RunningServe {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly pid: number;
  /** What it wrote so far, stdout and stderr. */
  output(): string;
  /** SIGTERM and the exit code; killed when it takes longer than `timeoutMs`. */
  stop(timeoutMs?: number): Promise<number>;
  kill(): Promise<void>;
}

/** Starts `serve` (or another verb that keeps serving) on a free port; resolves once it tells its address. */
export async function startServe(
  dataDir: string,
  options: RunOptions & { verb?: string; words?: readonly string[] } = {},
): Promise<RunningServe> {
  const words = [options.verb ?? "serve", "--data-dir", dataDir, "--port", "0", ...(options.words ?? [])];
  const child = Bun.spawn([await executable(), ...words], {
    cwd: options.cwd ?? dataDir,
    env: cleanEnvironment(options.env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let text = "";
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  };
  const reading = Promise.all([collect(child.stdout), collect(child.stderr)]);
  const kill = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  const deadline = Date.now() + (options.timeoutMs ?? 30_000);
  for (;;) {
    const url =
      /"url":"(http:\/\/[^"]+)"/.exec(text)?.[1] ??
      /(?:listening on|Serving at) (http:\/\/\S+?)[,\s]/.exec(text)?.[1];
    if (url !== undefined) {
      const stop = async (timeoutMs = 15_000) => {
        child.kill("SIGTERM");
        const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
        const code = await child.exited;
        clearTimeout(timer);
        await reading;
        return code;
      };
      return { url, pid: child.pid, output: () => text, stop, kill };
    }
    if (child.exitCode !== null || Date.now() > deadline) {
      await kill();
      throw new Error(`${words.join(" ")} told no address (exit code ${child.exitCode}):\n${text}`);
    }
    await Bun.sleep(10);
  }
}
