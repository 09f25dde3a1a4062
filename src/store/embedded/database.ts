/** Opens the SQLite file of a data folder: settings, tables, and the check that this version may use it. */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../store.ts";

/** Name of the database file in a data folder. */
export const DATABASE_FILE = "kowalski.db";

/** How long a writer waits for another process's batch, milliseconds. */
const BUSY_TIMEOUT_MS = 30_000;
/** How often a small write looks whether the database is free, milliseconds. */
const LOOK_AGAIN_MS = 1;
/**
 * The write-ahead log is folded into the database when it has grown to this many pages (8 kB each): pages of
 * indexes that many batches touch are then copied once, and the disk is waited for half as often as with 4000.
 */
const CHECKPOINT_PAGES = 8000;

/**
 * Migrations: entry n brings a folder of format n to format n + 1. A folder is always brought to the
 * newest format by the first that opens it for writing.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE collections (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    layout TEXT NOT NULL,
    documents INTEGER NOT NULL DEFAULT 0,
    changes INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE shapes (id INTEGER PRIMARY KEY, fields TEXT NOT NULL UNIQUE);
  `,
  // Positions near the poles have HEALPix cells, as others: nothing to change, but versions before would not find them.
  "SELECT 1",
];

/** The format that this version writes. */
export const FORMAT_VERSION = MIGRATIONS.length;

export interface OpenOptions {
  readonly dataDir: string;
  readonly readonly?: boolean;
}

/**
 * Opens the database of a data folder, made when absent. Throws `StoreError` when the folder cannot be
 * used or was written by a newer version.
 */
export function openDatabase({ dataDir, readonly = false }: OpenOptions): Database {
  const file = join(dataDir, DATABASE_FILE);
  let database: Database;
  try {
    if (!readonly) mkdirSync(dataDir, { recursive: true });
    // A reader opens for writing too, because the write-ahead log asks for it, and is then held to reading.
    database = new Database(file, { create: !readonly, readwrite: true, safeIntegers: true });
    // What is read again and again stays in memory: 32 MB of pages for a writer, which touches the leaves of half a
    // dozen indexes for every alert, 16 MB for a reader.
    database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    database.run(`PRAGMA cache_size = ${readonly ? -16_000 : -32_000}`);
    database.run("PRAGMA temp_store = MEMORY");
    if (readonly) database.run("PRAGMA query_only = ON");
    else {
      database.run("PRAGMA page_size = 8192");
      database.run("PRAGMA journal_mode = WAL");
      database.run("PRAGMA synchronous = NORMAL");
      database.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      database.run("PRAGMA journal_size_limit = 67108864");
    }
  } catch (error) {
    throw storeError(error, dataDir);
  }
  migrate(database, dataDir, readonly);
  return database;
}

function migrate(database: Database, dataDir: string, readonly: boolean): void {
  const found = formatOf(database);
  if (found > FORMAT_VERSION) {
    database.close();
    throw new StoreError(
      `the data folder ${dataDir} was written by a newer version of Kowalski (its format is ${found}, this version ` +
        `knows up to ${FORMAT_VERSION}): use that version, or another folder with --data-dir`,
    );
  }
  if (found === FORMAT_VERSION || readonly) return;
  database
    .transaction(() => {
      // Another process may have migrated between the look above and the lock.
      for (let format = formatOf(database); format < FORMAT_VERSION; format++) {
        database.run(MIGRATIONS[format] ?? "");
        database.run(`PRAGMA user_version = ${format + 1}`);
      }
    })
    .immediate();
}

function formatOf(database: Database): number {
  const row = database.query("PRAGMA user_version").get() as { user_version: bigint };
  return Number(row.user_version);
}

/** Whether an error says that another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}

/**
 * Begins a write transaction on a connection that has no busy timeout of its own. Between two batches of
 * alerts the database is free for a moment only: looking often is what gets a caller its turn. Throws
 * SQLite's busy error after `longestWaitMs`.
 */
export function beginWriting(database: Database, longestWaitMs: number): void {
  const until = performance.now() + longestWaitMs;
  for (;;) {
    try {
      database.run("BEGIN IMMEDIATE");
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > until) throw error;
      Bun.sleepSync(LOOK_AGAIN_MS);
    }
  }
}

/** An error of SQLite or of the file system in the words of a user; other errors pass unchanged. */
export function storeError(error: unknown, dataDir: string): unknown {
  if (!(error instanceof Error)) return error;
  const code = "code" in error ? String(error.code) : "";
  if (code === "SQLITE_FULL" || code === "ENOSPC") {
    return new StoreError(
      `no space left for the data folder ${dataDir}: free some or move it with --data-dir`,
    );
  }
  if (code.startsWith("SQLITE_CANTOPEN") || /^(EACCES|ENOTDIR|EEXIST|ENOENT|EPERM)$/.test(code)) {
    return new StoreError(
      `cannot open the data folder ${dataDir}: ${error.message}; check that it may be written`,
    );
  }
  if (code.startsWith("SQLITE_READONLY") || code === "EROFS") {
    return new StoreError(`the data folder ${dataDir} may not be written: check its owner and permissions`);
  }
  if (code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT")) {
    return new StoreError(
      `${join(dataDir, DATABASE_FILE)} is damaged or no Kowalski database: ${error.message}`,
    );
  }
  if (code.startsWith("SQLITE_IOERR") || code === "EIO" || code === "EFBIG" || code === "EDQUOT") {
    return new StoreError(
      `the disk refuses the data folder ${dataDir} (${code}): look for quotas, limits on file size, and a failing disk`,
    );
  }
  if (isBusy(error)) {
    return new StoreError(`the data folder ${dataDir} is locked by another process that does not let go`);
  }
  return error;
}

/** Folds the write-ahead log into the database as far as others let it, and closes. */
export function closeDatabase(database: Database): void {
  try {
    database.run("PRAGMA busy_timeout = 0");
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // A full disk or another process's lock: the log stays, which is as durable, for whoever opens next.
  }
  database.close();
}
