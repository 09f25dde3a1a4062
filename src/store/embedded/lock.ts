/** Lets only one `serve` run on a data folder; the lock ends with the process, however it ends. */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../store.ts";
import { storeError } from "./database.ts";

/**
 * Takes the folder for this process; answers a function that gives it back. Throws `StoreError` when
 * another process has it.
 */
export function lockServe(dataDir: string): () => void {
  let lock: Database;
  try {
    mkdirSync(dataDir, { recursive: true });
    lock = new Database(join(dataDir, "serve.lock"), { create: true, readwrite: true });
  } catch (error) {
    throw storeError(error, dataDir);
  }
  try {
    lock.run("PRAGMA busy_timeout = 0");
    lock.run("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!code.startsWith("SQLITE_BUSY")) throw storeError(error, dataDir);
    throw new StoreError(
      `another "kowalski serve" is running on the data folder ${dataDir}: stop it, or give this one a folder of its own with --data-dir`,
    );
  }
  return () => lock.close();
}
