/**
 * Schemas of messages in Confluent's framing, by their number in a schema registry. Each is asked for once: it is
 * kept in memory and on disk, and a folder of schemas serves where there is no registry. Interface of the registry:
 * https://docs.confluent.io/platform/current/schema-registry/develop/api.html
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KafkaLog } from "./client.ts";

export interface RegistrySettings {
  /** http(s) address of the registry. */
  readonly url?: string;
  readonly username?: string;
  readonly password?: string;
  /** Where schemas of the registry are kept. */
  readonly cacheFolder: string;
  /** A folder with schemas by number, `5.avsc`, that is looked into first. */
  readonly folder?: string;
}

/** A schema, or why there is none. */
export type FoundSchema = { readonly schema: string } | { readonly unknown: string };

export interface RegistryOptions {
  readonly log?: KafkaLog;
  readonly firstWaitMs?: number;
  /** How long a number stays unknown, milliseconds: a schema may be registered later. */
  readonly forgetMs?: number;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const TIMEOUT_MS = 10_000;
const FORGET_MS = 60_000;
/** Garbage that looks like frames must not fill memory with numbers. */
const MOST_UNKNOWN = 1000;
/** The number of a schema that is asked for only to see whether there is an answer. */
const ANY_ID = 1;
/** The registry's own code for a number that it does not know. */
const SCHEMA_NOT_FOUND = 40_403;

/** The registry does not answer, or not with a schema: it may later. */
class RegistryError extends Error {
  override readonly name = "RegistryError";
}

export class SchemaRegistry {
  readonly #known = new Map<number, Promise<FoundSchema>>();
  readonly #unknown = new Map<number, { readonly found: FoundSchema; readonly until: number }>();
  readonly #cache: string | undefined;
  readonly #log: KafkaLog;

  constructor(
    readonly settings: RegistrySettings,
    readonly options: RegistryOptions = {},
  ) {
    this.#log = options.log ?? (() => {});
    const { url, cacheFolder } = settings;
    // Numbers mean something in one registry only.
    if (url !== undefined) this.#cache = join(cacheFolder, new URL(url).host.replaceAll(/[^\w.-]/g, "_"));
  }

  /**
   * The schema of this number. Waits, and says so in the log, for as long as the registry does not answer; rejects
   * when `signal` aborts.
   */
  async schema(id: number, signal: AbortSignal): Promise<FoundSchema> {
    const unknown = this.#unknown.get(id);
    if (unknown !== undefined && unknown.until > Date.now()) return unknown.found;
    const asked = this.#known.get(id) ?? this.#find(id, signal);
    this.#known.set(id, asked);
    try {
      const found = await asked;
      if ("unknown" in found) this.#forgetLater(id, found);
      return found;
    } catch (error) {
      this.#known.delete(id);
      throw error;
    }
  }

  /**
   * Asks once, as for a message's schema; resolves with what to tell when the registry answers, whether it knows the
   * schema or not. Rejects with what is wrong.
   */
  async check(signal: AbortSignal): Promise<string> {
    const { url } = this.settings;
    if (url === undefined)
      throw new RegistryError("no registry is configured: set kafka.schema_registry_url");
    const { host } = new URL(url);
    try {
      await this.#ask(url, ANY_ID, signal);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new RegistryError(`${host}: ${signal.aborted ? "no answer" : reason}`);
    }
    return `${host} answers`;
  }

  #forgetLater(id: number, found: FoundSchema): void {
    this.#known.delete(id);
    if (this.#unknown.size >= MOST_UNKNOWN) this.#unknown.clear();
    this.#unknown.set(id, { found, until: Date.now() + (this.options.forgetMs ?? FORGET_MS) });
  }

  async #find(id: number, signal: AbortSignal): Promise<FoundSchema> {
    const { url, folder } = this.settings;
    const kept = schemaIn(folder, id) ?? schemaIn(this.#cache, id);
    if (kept !== undefined) return { schema: kept };
    if (url === undefined) {
      const where = folder === undefined ? "" : `, and ${folder} has no ${id}.avsc`;
      return {
        unknown: `the message's schema has the number ${id}, but no registry is configured (kafka.schema_registry_url)${where}`,
      };
    }
    for (let wait = this.options.firstWaitMs ?? FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, 2 * wait)) {
      signal.throwIfAborted();
      try {
        const found = await this.#ask(url, id, signal);
        if ("schema" in found) this.#keep(id, found.schema);
        return found;
      } catch (error) {
        signal.throwIfAborted();
        const reason = error instanceof Error ? error.message : String(error);
        this.#log(
          "warn",
          `the schema registry ${new URL(url).host} gave no schema ${id}: ${reason}; its packets wait, next try in ${wait / 1000} s`,
        );
        await pause(wait, signal);
      }
    }
  }

  async #ask(url: string, id: number, signal: AbortSignal): Promise<FoundSchema> {
    const { username, password } = this.settings;
    const headers: Record<string, string> = {
      accept: "application/vnd.schemaregistry.v1+json, application/json",
    };
    if (username !== undefined) {
      headers["authorization"] = `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}`;
    }
    const address = `${url.replace(/\/+$/, "")}/schemas/ids/${id}`;
    const answer = await fetch(address, {
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const text = await answer.text();
    const body = jsonOf(text);
    if (answer.status === 404 && body["error_code"] === SCHEMA_NOT_FOUND) {
      return { unknown: `the registry knows no schema of number ${id}` };
    }
    if (!answer.ok) throw new RegistryError(`status ${answer.status}${hintOf(answer.status)}`);
    const { schema, schemaType = "AVRO", references = [] } = body;
    if (typeof schema !== "string")
      throw new RegistryError("the answer has no schema: is the address right?");
    if (schemaType !== "AVRO") return { unknown: `schema ${id} is ${String(schemaType)}: expected AVRO` };
    if (Array.isArray(references) && references.length > 0) {
      return {
        unknown: `schema ${id} refers to other schemas: put the whole of it into kafka.schemas_folder`,
      };
    }
    return { schema };
  }

  #keep(id: number, schema: string): void {
    if (this.#cache === undefined) return;
    try {
      mkdirSync(this.#cache, { recursive: true });
      const temporary = join(this.#cache, `${id}.${process.pid}.new`);
      writeFileSync(temporary, schema);
      renameSync(temporary, join(this.#cache, `${id}.avsc`));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log("warn", `schema ${id} is not kept on disk: ${reason}`);
    }
  }
}

function hintOf(status: number): string {
  if (status === 401 || status === 403) {
    return ": check kafka.schema_registry_username and kafka.schema_registry_password";
  }
  return status === 404 ? ": check kafka.schema_registry_url" : "";
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function schemaIn(folder: string | undefined, id: number): string | undefined {
  if (folder === undefined) return undefined;
  try {
    return readFileSync(join(folder, `${id}.avsc`), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
