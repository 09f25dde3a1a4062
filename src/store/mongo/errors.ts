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
 * The server goes away, is no longer the one to be asked, or lost the cursor with a restart: no fault of the query.
 * HostUnreachable, HostNotFound, CursorNotFound, NetworkTimeout, ShutdownInProgress, FailedToSatisfyReadPreference,
 * ReadConcernMajorityNotAvailableYet, PrimarySteppedDown, CursorKilled, ExceededTimeLimit, SocketException,
 * NotWritablePrimary, InterruptedAtShutdown, InterruptedDueToReplStateChange, NotPrimaryNoSecondaryOk,
 * NotPrimaryOrSecondary.
 */
const UNAVAILABLE: ReadonlySet<unknown> = new Set([
  6, 7, 43, 89, 91, 133, 134, 189, 237, 262, 9001, 10107, 11600, 11602, 13435, 13436,
]);

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
  return new QueryError("invalid", "", message);
}

/** An error of a write to `collection`. */
export function writeError(error: unknown, collection: string): unknown {
  if (!isDuplicateKey(error)) return storeError(error);
  const { keyValue } = error as MongoServerError & { keyValue?: unknown };
  return new DuplicateKeyError(collection, JSON.stringify(keyValue ?? "this key"));
}

/** An error that is not the caller's fault; those of the house pass unchanged. */
export function storeError(error: unknown): unknown {
  if (!(error instanceof MongoError)) return error;
  if (error instanceof MongoServerSelectionError) {
    return new StoreError(
      `MongoDB cannot be reached: ${error.message}; check the address in store and that the server runs`,
    );
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
