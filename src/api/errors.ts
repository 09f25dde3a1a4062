/** Errors as HTTP answers: which status, which words, in the one envelope. */
import { QueryError } from "../query/index.ts";
import { DuplicateKeyError, StoreError } from "../store/index.ts";

/** A request that is answered with an error; `message` is for the client. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  constructor(
    readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 429 | 503 | 504,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

export const badRequest = (message: string) => new HttpError(400, message);
export const notFound = (message: string) => new HttpError(404, message);
export const forbidden = (message: string) => new HttpError(403, message);

export const tooManyAttempts = (waitSeconds: number) =>
  new HttpError(429, `too many failed logins: try again in ${waitSeconds} seconds`, {
    "retry-after": String(waitSeconds),
  });

/** The error answer for something that a handler threw; undefined when it is our own fault. */
export function toHttpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof QueryError) return new HttpError(error.kind === "deadline" ? 504 : 400, error.message);
  if (error instanceof DuplicateKeyError) return new HttpError(409, error.message);
  if (error instanceof StoreError) {
    return new HttpError(503, "the store does not answer: try again later", { "retry-after": "10" });
  }
  return undefined;
}
