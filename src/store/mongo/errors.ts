/** What the server and the driver report, in the words of the house. */
import { MongoError, MongoNetworkError, MongoServerError, MongoServerSelectionError } from "mongodb";
import { QueryError } from "../../query/index.ts";
import { DuplicateKeyError, StoreError } from "../store.ts";

/** Codes of https://github.com/mongodb/mongo, src/mongo/base/error_codes.yml. */
const DUPLICATE_KEY = 11000;
const MAX_TIME_EXPIRED = 50;
const UNAUTHORIZED = 13;
const AUTHENTICATION_FAILED = 18;
const EXCEEDED_MEMORY = 292;
/**
 * The server goes away, is no longer the one to be asked, lost the cursor, or ended the query for reasons of its own:
 * no fault of the query. Tried again it may well be answered.
 */
const UNAVAILABLE: ReadonlySet<unknown> = new Set(
  Object.values({
    HostUnreachable: 6,
    HostNotFound: 7,
    LockTimeout: 24,
    CursorNotFound: 43,
    StaleShardVersion: 63,
    NetworkTimeout: 89,
    ShutdownInProgress: 91,
    WriteConflict: 112,
    FailedToSatisfyReadPreference: 133,
    ReadConcernMajorityNotAvailableYet: 134,
    StaleEpoch: 150,
    QueryPlanKilled: 175,
    PrimarySteppedDown: 189,
    NetworkInterfaceExceededTimeLimit: 202,
    CursorKilled: 237,
    SnapshotTooOld: 239,
    SnapshotUnavailable: 246,
    // Of something within the server: the query's own limit is MaxTimeMSExpired.
    ExceededTimeLimit: 262,
    ConnectionPoolExpired: 317,
    SocketException: 9001,
    NotWritablePrimary: 10107,
    InterruptedAtShutdown: 11600,
    Interrupted: 11601,
    InterruptedDueToReplStateChange: 11602,
    StaleConfig: 13388,
    NotPrimaryNoSecondaryOk: 13435,
    NotPrimaryOrSecondary: 13436,
    OutOfDiskSpace: 14031,
  }),
);
/** Labels by which the server tells that the same may succeed when it is asked again. */
const LABELS = ["RetryableWriteError", "TransientTransactionError", "ResumableChangeStreamError"] as const;

/** Whether a write failed because its key exists. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** An error of a query: what is wrong with it is a `QueryError`, what is wrong with the server a `StoreError`. */
export function queryError(error: unknown): unknown {
  if (!(error instanceof MongoServerError)) return storeError(error);
  const { code, message } = error;
  if (code === MAX_TIME_EXPIRED) {
    return new QueryError("deadline", "", "the query took longer than its time limit (max_time_ms)");
  }
  if (code === EXCEEDED_MEMORY) return new QueryError("limit", "", message);
  if (code === UNAUTHORIZED || code === AUTHENTICATION_FAILED || UNAVAILABLE.has(code))
    return storeError(error);
  if (LABELS.some((label) => error.hasErrorLabel(label))) return storeError(error);
  return new QueryError("invalid", "", message);
}

/** An error of a write to `collection`. */
export function writeError(error: unknown, collection: string): unknown {
  if (!isDuplicateKey(error)) return storeError(error);
  const { keyValue } = error as MongoServerError & { keyValue?: unknown };
  return new DuplicateKeyError(collection, JSON.stringify(keyValue ?? "this key"));
}

/** What to do about a server that is not found, by what TLS libraries and the driver say. */
function remedyOf({ message, reason }: MongoServerSelectionError): string {
  // Servers that answer but are of another set are passed over without an error.
  const set = reason?.setName ?? undefined;
  if (set !== undefined && [...(reason?.servers.values() ?? [])].every(({ error }) => error === null)) {
    return (
      `no server there answers as a member of the replica set ${set}: check replicaSet in the address in store ` +
      "(rs.status().set on the server is the set's name)"
    );
  }
  if (/hostname|altnames/i.test(message)) {
    return "store names the server by a name that is not in its certificate: use one that is";
  }
  if (/certificate|issuer|self.signed/i.test(message)) {
    return "check that database.tls_ca is the file of the certificates that vouch for the server's";
  }
  if (/closed|ssl|tls|EPROTO|wrong version/i.test(message)) {
    return "check that database.tls is set where the server asks for TLS, and only there, and database.tls_certificate_key where it asks for a certificate";
  }
  return "check the address in store and that the server runs";
}

/** An error that is not the caller's fault; those of the house pass unchanged. */
export function storeError(error: unknown): unknown {
  if (!(error instanceof MongoError)) return error;
  if (error instanceof MongoServerSelectionError) {
    return new StoreError(`MongoDB cannot be reached: ${error.message}; ${remedyOf(error)}`);
  }
  if (error instanceof MongoNetworkError)
    return new StoreError(`the connection to MongoDB broke: ${error.message}`);
  if (
    error instanceof MongoServerError &&
    (error.code === UNAUTHORIZED || error.code === AUTHENTICATION_FAILED)
  ) {
    return new StoreError(
      `MongoDB refuses the account: ${error.message}; check database.username and database.password`,
    );
  }
  return new StoreError(`MongoDB: ${error.message}`);
}
