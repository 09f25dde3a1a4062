/** Lets only one `serve` run on a data folder; the lock ends with the process, however it ends. */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../store.ts";
import { beginWriting, isBusy, openDatabase, storeError } from "./database.ts";

/** A connection that nobody holds is closed by the garbage collector, and its lock with it. */
const held = new Set<Database>();

/** How long a start waits for a moment in which the database can be written, milliseconds. */
const LONGEST_WAIT_MS = 3000;

/**
 * Takes the folder for this process; answers a function that gives it back. Throws `StoreError` when
 * another process has it, or when its database cannot be written.
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
    if (!isBusy(error)) throw storeError(error, dataDir);
    throw new StoreError(
      `another "kowalski serve" is running on the data folder ${dataDir}: stop it, or give this one a folder of its own with --data-dir`,
    );
  }
  try {
    tryToWrite(dataDir);
  } catch (error) {
    lock.close();
    throw storeError(error, dataDir);
  }
  held.add(lock);
  return () => {
    held.delete(lock);
    lock.close();
  };
}

/** What would fail at the first write fails here, before anything is promised. */
function tryToWrite(dataDir: string): void {
  const database = openDatabase({ dataDir });
  try {
    database.run("PRAGMA busy_timeout = 0");
    beginWriting(database, LONGEST_WAIT_MS);
    database.run("ROLLBACK");
  } finally {
    database.close();
  }
}
