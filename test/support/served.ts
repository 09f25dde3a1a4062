/** The executable serving a folder with the real packets in it, for tests that ask it as a client would. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type RunningServe, runExecutable, startServe } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import { sharedDir, sharedPath } from "./shared.ts";

/** Whether the real packets are beside this checkout; says so on stderr where not. */
export function hasRealPackets(what: string): boolean {
  if (sharedDir() !== undefined) return true;
  process.stderr.write(`skipped: ${what} (no ../shared beside this checkout)\n`);
  return false;
}

export interface Served extends RunningServe {
  readonly dataDir: string;
  readonly username: string;
  readonly password: string;
  /** Stops the server and removes the folder. */
  close(): Promise<void>;
}

/** A first start without any file, with the 24 ZTF packets ingested beside it. */
export async function serveRealPackets(): Promise<Served> {
  const folder = temporaryFolder();
  const serve = await startServe(folder.path);
  const close = async () => {
    await serve.stop();
    folder[Symbol.dispose]();
  };
  const ingest = await runExecutable(["ingest", "--data-dir", folder.path, sharedPath("data", "ztf")]);
  if (ingest.code !== 0) {
    await close();
    throw new Error(`ingest ended with ${ingest.code}: ${ingest.stderr}`);
  }
  const { server } = JSON.parse(readFileSync(join(folder.path, "secrets.json"), "utf8")) as {
    server: { admin_username: string; admin_password: string };
  };
  return {
    ...serve,
    dataDir: folder.path,
    username: server.admin_username,
    password: server.admin_password,
    close,
  };
}

/** The token of the administrator. */
export async function adminToken({ url, username, password }: Served): Promise<string> {
  const answer = await fetch(`${url}/api/auth`, {
    method: "POST",
    body: JSON.stringify({ username, password }),
  });
  return ((await answer.json()) as { token: string }).token;
}
