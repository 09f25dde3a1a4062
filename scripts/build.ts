/**
 * Builds the executable: `bun scripts/build.ts [--all]`.
 *
 * `dist/kowalski` for this machine; with `--all` one for each Linux and macOS target, as far as the runtime
 * for that target can be had.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { runtimeFiles } from "./runtime-files.ts";

const ROOT = join(import.meta.dir, "..");
const SOURCES = join(ROOT, "src");
const DIST = join(ROOT, "dist");

export const TARGETS = [
  "bun-linux-x64",
  "bun-linux-arm64",
  "bun-linux-x64-musl",
  "bun-linux-arm64-musl",
  "bun-darwin-x64",
  "bun-darwin-arm64",
] as const;

/** The commit the build is of, with a mark when the sources differ from it. */
async function commit(): Promise<string> {
  const named = process.env["KOWALSKI_COMMIT"];
  if (named !== undefined && named !== "") return named;
  const hash = await git("rev-parse", "--short=12", "HEAD");
  if (hash === undefined) return "unknown";
  const changed = await git("status", "--porcelain", "--untracked-files=no");
  return changed === "" ? hash : `${hash}+changes`;
}

async function git(...words: string[]): Promise<string | undefined> {
  try {
    const child = Bun.spawn(["git", ...words], { cwd: ROOT, stdout: "pipe", stderr: "ignore" });
    const text = await new Response(child.stdout).text();
    return (await child.exited) === 0 ? text.trim() : undefined;
  } catch {
    return undefined;
  }
}

/** main.ts and the files that run on threads of their own, which the executable must carry as entry points. */
function entryPoints(): string[] {
  const threads = [...new Bun.Glob("src/**/*-thread.ts").scanSync({ cwd: ROOT })].sort();
  return ["src/main.ts", ...threads].map((path) => join(ROOT, path));
}

/**
 * Points `new URL("./x-thread.ts", import.meta.url)` at the thread's place inside the executable. A bundled
 * module's `import.meta.url` is that of the bundle, so a path relative to the source file finds nothing there.
 */
const threadAddresses: Bun.BunPlugin = {
  name: "thread addresses",
  setup(build) {
    const pattern = /new URL\(\s*"(\.{1,2}\/[^"]*-thread)\.ts",\s*import\.meta\.url,?\s*\)/g;
    build.onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, async ({ path }) => {
      const contents = (await Bun.file(path).text()).replaceAll(pattern, (_, thread: string) => {
        const inside = relative(SOURCES, join(dirname(path), thread)).replaceAll("\\", "/");
        return `new URL(${JSON.stringify(`file:///$bunfs/root/${inside}.js`)})`;
      });
      return { contents, loader: "ts" };
    });
  },
};

/** Builds one executable, whole or not at all; resolves with its size in bytes. */
export async function build(outfile: string, target?: (typeof TARGETS)[number]): Promise<number> {
  mkdirSync(DIST, { recursive: true });
  const partial = join(DIST, `.building-${process.pid}-${target ?? "native"}`);
  const result = await Bun.build({
    entrypoints: entryPoints(),
    root: SOURCES,
    target: "bun",
    // What threads share is there once, and a command reads only what it uses, as bytecode: half the CPU of a start
    // would go into parsing.
    format: "esm",
    splitting: true,
    bytecode: true,
    // Names are kept, so that the stack of a reported error can be read.
    minify: { syntax: true, whitespace: true, identifiers: false },
    define: { KOWALSKI_COMMIT: JSON.stringify(await commit()), "process.env.NODE_ENV": '"production"' },
    plugins: [runtimeFiles(target, join(DIST, "packed")), threadAddresses],
    compile: { outfile: partial, ...(target === undefined ? {} : { target }) },
    throw: false,
  });
  if (!result.success || !existsSync(partial)) {
    rmSync(partial, { force: true });
    throw new Error(result.logs.map(logLine).join("\n") || "the bundler wrote no executable and no reason");
  }
  renameSync(partial, outfile);
  return statSync(outfile).size;
}

/** A message of the bundler with its place in the sources. */
function logLine({ message, position }: Bun.BuildOutput["logs"][number]): string {
  return position === null ? message : `${position.file}:${position.line}:${position.column}: ${message}`;
}

async function buildAll(): Promise<number> {
  let failed = 0;
  for (const target of TARGETS) {
    const name = target.replace("bun-", "kowalski-");
    try {
      console.log(`${name}: ${megabytes(await build(join(DIST, name), target))}`);
    } catch (error) {
      failed++;
      const reason = error instanceof Error ? error.message : String(error);
      console.log(
        `${name}: not built: ${reason
          .split("\n")
          .filter((line) => line.trim() !== "")
          .slice(-3)
          .join(" ")}`,
      );
    }
  }
  console.log(`${TARGETS.length - failed} of ${TARGETS.length} targets built`);
  return failed === TARGETS.length ? 1 : 0;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

if (import.meta.main) {
  if (process.argv.includes("--all")) {
    process.exitCode = await buildAll();
  } else {
    try {
      const outfile = join(DIST, "kowalski");
      console.log(`dist/kowalski: ${megabytes(await build(outfile))}`);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    }
  }
}
