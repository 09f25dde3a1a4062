/** Servers of tests as processes: they end with the test process, however that ends. */
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

/** Runs a command to its end, with `input` on its stdin. Throws with the last it wrote to stderr when it fails. */
export async function run(command: readonly string[], timeoutMs: number, input?: string): Promise<void> {
  const child = Bun.spawn([...command], {
    stdin: input === undefined ? "ignore" : new TextEncoder().encode(input),
    stdout: "ignore",
    stderr: "pipe",
    timeout: timeoutMs,
  });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0)
    throw new Error(`${command.slice(0, 4).join(" ")} ended with ${code}: ${errors.trim().slice(-300)}`);
}

/** What a program prints, given this on its standard input. Throws what it said on stderr when it fails. */
export async function printed(words: readonly string[], input = ""): Promise<string> {
  const child = Bun.spawn([...words], { stdin: new Blob([input]), stdout: "pipe", stderr: "pipe" });
  const [text, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(errors);
  return text;
}

/** A port of loopback that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}

/** A server whose data are in a folder of its own. */
export class ServerProcess {
  #shell: Bun.Subprocess<"pipe", "ignore", "ignore"> | undefined;

  /** Begins the command; what it writes is added to `log` in the folder. */
  constructor(
    readonly command: readonly string[],
    readonly folder: string,
  ) {
    this.start();
  }

  start(): void {
    // The shell waits on a pipe that closes when this process ends, even by `kill -9`; then it cleans up. A word
    // before that keeps the folder.
    const script =
      'folder=$1; shift; "$@" >>"$folder/log" 2>&1 & ' +
      'read -r keep; kill -9 $!; wait; [ -n "$keep" ] || rm -rf "$folder"';
    this.#shell = Bun.spawn(["sh", "-c", script, "sh", this.folder, ...this.command], {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "ignore",
    });
    this.#shell.unref();
  }

  /** Ends it at once, as `kill -9` does; its data stay for another `start`. */
  async kill(): Promise<void> {
    const shell = this.#shell;
    if (shell === undefined) return;
    this.#shell = undefined;
    shell.stdin.write("keep\n");
    await shell.stdin.end();
    await shell.exited;
  }

  /** Ends it and removes its folder. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What it wrote. */
  async log(): Promise<string> {
    return Bun.file(join(this.folder, "log")).text();
  }
}
