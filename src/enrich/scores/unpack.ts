/** Puts files of the executable where the system's loader finds them. */
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { PackedFile } from "./runtime-files.ts";

/** Folders to try in turn: the user's cache, and one in the data folder. */
export function cacheFolders(dataDir: string, env: Readonly<Record<string, string | undefined>>): string[] {
  const cache = env["XDG_CACHE_HOME"];
  const users = cache === undefined || cache === "" ? join(homedir(), ".cache") : cache;
  return [join(users, "kowalski"), join(dataDir, "cache")];
}

/**
 * Unpacks files into a folder of their own below `cache`, readable for this user only, and answers that folder.
 * A file that is there is kept when its bytes are right, and replaced in one step when not, so that other
 * processes may do the same at the same time. Throws when the folder cannot be used.
 */
export function unpack(files: readonly PackedFile[], cache: string): string {
  const content = new Bun.CryptoHasher("sha256");
  for (const { name, sha256 } of files) content.update(`${name} ${sha256}\n`);
  const folder = join(cache, `onnxruntime-${content.digest("hex").slice(0, 16)}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  makePrivate(folder);
  for (const file of files) if (!isRight(join(folder, file.name), file.sha256)) write(file, folder);
  return folder;
}

/** What is loaded must not be another user's to write. */
function makePrivate(folder: string): void {
  const stat = lstatSync(folder);
  if (!stat.isDirectory()) throw new Error(`${folder} is not a folder`);
  if (process.getuid !== undefined && stat.uid !== process.getuid()) {
    throw new Error(`${folder} belongs to another user`);
  }
  if ((stat.mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

function isRight(path: string, sha256: string): boolean {
  try {
    return lstatSync(path).isFile() && hashOf(readFileSync(path)) === sha256;
  } catch {
    return false;
  }
}

function write({ name, sha256, path }: PackedFile, folder: string): void {
  const bytes = Bun.zstdDecompressSync(readFileSync(path));
  if (hashOf(bytes) !== sha256) throw new Error(`${name} is damaged inside the executable`);
  const partial = join(folder, `.${name}-${process.pid}-${crypto.randomUUID()}`);
  try {
    writeFileSync(partial, bytes, { mode: 0o600, flag: "wx" });
    renameSync(partial, join(folder, name));
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

function hashOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
