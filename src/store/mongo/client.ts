/** The connection to a deployment: what kind it is decides how safely is written. */
import { readFileSync } from "node:fs";
import { type Db, MongoClient, type MongoClientOptions } from "mongodb";
import { StoreError } from "../store.ts";
import { storeError } from "./errors.ts";
import { WRITE_OPTIONS } from "./values.ts";

export interface MongoOptions {
  /** `mongodb://…` or `mongodb+srv://…`; a database in it is used, else `kowalski`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Database of the account, where the address does not tell it. */
  readonly authSource?: string;
  /** Encrypts connections; the files that follow do so too. */
  readonly tls?: boolean;
  /** File (PEM) of the certificates that vouch for the servers'. */
  readonly tlsCa?: string;
  /** File (PEM) of our own certificate and its key. */
  readonly tlsCertificateKey?: string;
  /** Accepts a server without replication, whose writes are not atomic across documents. */
  readonly allowStandalone?: boolean;
  /** How long a server is looked for, milliseconds. */
  readonly selectionTimeoutMs?: number;
}

export interface Connection {
  readonly client: MongoClient;
  readonly db: Db;
  /** Whether several documents can be written in one transaction. */
  readonly hasTransactions: boolean;
}

const DEFAULT_DATABASE = "kowalski";

/** What a server without replication loses, where it is accepted. */
export const STANDALONE_LOSES =
  "a crash can leave a batch half written, so that queries see some of an alert (its history, its cutouts, its match) " +
  "without the rest, until the batch is written again, which the next start does; nothing takes over while the " +
  "server is away, and other hosts' writes are noticed up to a second later";

/** Connects. Throws `StoreError` when the deployment cannot be reached or is not safe enough. */
export async function connect(options: MongoOptions): Promise<Connection> {
  const { username, password, authSource } = options;
  const settings: MongoClientOptions = {
    ...WRITE_OPTIONS,
    useBigInt64: true,
    appName: "kowalski",
    // What the address says stands.
    ...(/[?&]serverSelectionTimeoutMS=/i.test(options.url)
      ? {}
      : { serverSelectionTimeoutMS: options.selectionTimeoutMs ?? 10_000 }),
    compressors: ["none"],
    ...(username === undefined || username === ""
      ? {}
      : { auth: { username, ...(password === undefined ? {} : { password }) } }),
    ...(authSource === undefined || authSource === "" ? {} : { authSource }),
    ...tlsOptions(options),
  };
  let client: MongoClient | undefined;
  try {
    client = new MongoClient(options.url, settings);
    const hello = await client.db("admin").command({ hello: 1 });
    // A router of a sharded cluster says `isdbgrid`; a member of a replica set tells the set's name.
    const hasTransactions = hello["setName"] !== undefined || hello["msg"] === "isdbgrid";
    if (!hasTransactions && options.allowStandalone !== true) {
      throw new StoreError(
        "this MongoDB server is not part of a replica set, so a crash can leave a batch half written: start it as a " +
          "replica set (one member is enough), or accept the risk with database.allow_standalone: true",
      );
    }
    return { client, db: client.db(databaseName(options.url)), hasTransactions };
  } catch (error) {
    await client?.close();
    throw storeError(error);
  }
}

/** Throws `StoreError` for a file that cannot be read: the driver would look for the server again and again. */
function tlsOptions({ tls, tlsCa, tlsCertificateKey }: MongoOptions): MongoClientOptions {
  const ca = readable("database.tls_ca", tlsCa);
  const own = readable("database.tls_certificate_key", tlsCertificateKey);
  if (tls !== true && ca === undefined && own === undefined) return {};
  return {
    tls: true,
    ...(ca === undefined ? {} : { tlsCAFile: ca }),
    ...(own === undefined ? {} : { tlsCertificateKeyFile: own }),
  };
}

function readable(field: string, file: string | undefined): string | undefined {
  if (file === undefined || file === "") return undefined;
  try {
    readFileSync(file);
    return file;
  } catch (error) {
    throw new StoreError(`${field}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function databaseName(url: string): string {
  const name = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1];
  return name === undefined ? DEFAULT_DATABASE : decodeURIComponent(name);
}
