/** Makes strong secrets, writes them where only their owner can read them, and fills those that are missing. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ConfigError } from "./kinds.ts";
import { generatedSecretsFile, type LoadedConfig, secretValuesOf } from "./load.ts";

/** 32 characters of 192 random bits that need no quoting in a shell or an address. */
export function randomPassword(): string {
  return randomBytes(24).toString("base64url");
}

/** A key for signing tokens: 384 random bits. */
export function randomKey(): string {
  return randomBytes(48).toString("base64url");
}

export interface NewSecrets {
  readonly server: {
    readonly admin_username: string;
    readonly admin_password: string;
    readonly jwt_secret: string;
  };
}

/** A complete set for a new installation. */
export function newSecrets(adminUsername = "admin"): NewSecrets {
  return {
    server: { admin_username: adminUsername, admin_password: randomPassword(), jwt_secret: randomKey() },
  };
}

/** Writes a secrets file with mode 0600, whole or not at all; `overwrite: false` refuses an existing one. */
export function writeSecrets(file: string, secrets: object, options: { overwrite: boolean }): void {
  mkdirSync(dirname(file), { recursive: true });
  const text = `${JSON.stringify(secrets, null, 2)}\n`;
  if (!options.overwrite) {
    try {
      writeFileSync(file, text, { mode: 0o600, flag: "wx" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      throw new ConfigError("", "exists already; remove it first, or write elsewhere with --out", file);
    }
    return;
  }
  const temporary = `${file}.${process.pid}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, file);
}

/** Whether others than the owner may read a file; always false where modes mean nothing. */
export function readableByOthers(file: string): boolean {
  return process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0;
}

/**
 * Fills a missing administrator password and token key with random ones, which are kept in the data folder
 * and found there by later starts. `created` names the file when something was written.
 */
export function ensureSecrets(loaded: LoadedConfig): LoadedConfig & { readonly created?: string } {
  const { server } = loaded.config;
  const missing = {
    ...(server.admin_password === "" ? { admin_password: randomPassword() } : {}),
    ...(server.jwt_secret === "" ? { jwt_secret: randomKey() } : {}),
  };
  if (Object.keys(missing).length === 0) return loaded;
  const file = generatedSecretsFile(loaded.config.data_dir);
  const known = existing(file);
  writeSecrets(
    file,
    { ...known, server: { admin_username: server.admin_username, ...known.server, ...missing } },
    { overwrite: true },
  );
  const config = { ...loaded.config, server: { ...server, ...missing } };
  return {
    ...loaded,
    config,
    secretsFiles: [...new Set([file, ...loaded.secretsFiles])],
    secretValues: secretValuesOf(config),
    created: file,
  };
}

/** What the file holds already; loading has checked it, so a missing file is the only expected failure. */
function existing(file: string): { server?: Record<string, unknown> } {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as { server?: Record<string, unknown> };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}
