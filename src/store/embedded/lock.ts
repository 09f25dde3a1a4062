/** What only one process does at a time on a data folder; a lock ends with its process, however that ends. */
import { Database } from "bun:sqlite";
import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
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
  const unlock = lockFile(
    dataDir,
    "serve.lock",
    `another "kowalski serve" is running on the data folder ${dataDir}: stop it, or give this one a folder of its own with --data-dir`,
  );
  try {
    tryToWrite(dataDir);
  } catch (error) {
    unlock();
    throw storeError(error, dataDir);
  }
  return unlock;
}

/**
 * Takes a catalogue for a load of this process; answers a function that gives it back. Throws `StoreError`
 * when another process loads it.
 */
export function lockCatalog(dataDir: string, name: string): () => void {
  const reason = `another process is loading ${name}: try again when it is done`;
  return lockFile(dataDir, join("locks", `${name}.lock`), reason);
}

function lockFile(dataDir: string, name: string, refusal: string): () => void {
  const path = join(dataDir, name);
  let lock: Database;
  try {
    mkdirSync(dirname(path), { recursive: true });
    lock = new Database(path, { create: true, readwrite: true });
  } catch (error) {
    throw storeError(error, dataDir);
  }
  try {
    lock.run("PRAGMA busy_timeout = 0");
    lock.run("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw storeError(error, dataDir);
    throw new StoreError(refusal);
  }
  held.add(lock);
  return () => {
    held.delete(lock);
    lock.close();
  };
}

/** What would fail at the first write fails here, before anything is promised. */
function tryToWrite(dataDir: string): void {
  // A log that a killed process left can be opened, and locked, on a file system that is read-only.
  accessSync(dataDir, constants.W_OK);
  const database = openDatabase({ dataDir });
  try {
    database.run("PRAGMA busy_timeout = 0");
    beginWriting(database, LONGEST_WAIT_MS);
    database.run("ROLLBACK");
  } finally {
    database.close();
  }
}
