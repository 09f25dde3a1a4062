/** The connection to a deployment: what kind it is decides how safely is written. */
import { type Db, MongoClient, type MongoClientOptions } from "mongodb";
import { StoreError } from "../store.ts";
import { storeError } from "./errors.ts";
import { WRITE_OPTIONS } from "./values.ts";

export interface MongoOptions {
  /** `mongodb://…` or `mongodb+srv://…`; a database in it is used, else `kowalski`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
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

/** Connects. Throws `StoreError` when the deployment cannot be reached or is not safe enough. */
export async function connect(options: MongoOptions): Promise<Connection> {
  const { username, password } = options;
  const settings: MongoClientOptions = {
    ...WRITE_OPTIONS,
    useBigInt64: true,
    appName: "kowalski",
    serverSelectionTimeoutMS: options.selectionTimeoutMs ?? 10_000,
    compressors: ["none"],
    ...(username === undefined || username === ""
      ? {}
      : { auth: { username, ...(password === undefined ? {} : { password }) } }),
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

function databaseName(url: string): string {
  const name = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1];
  return name === undefined ? DEFAULT_DATABASE : decodeURIComponent(name);
}
