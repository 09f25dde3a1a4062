/** Errors of the query language: each names where in the query it arose and, where close, the right name. */

/** What went wrong, for callers that answer differently (HTTP status, filter switch-off). */
export type QueryErrorKind = "invalid" | "unsupported" | "runtime" | "deadline" | "limit";

/** Places and reasons carry texts of users, which may be megabytes long: longer ones lose their middle. */
const MAX_PATH = 500;
const MAX_REASON = 1000;

function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  const half = length >> 1;
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

/**
 * A query, filter or pipeline that cannot be parsed or executed.
 *
 * `path` is where, e.g. `pipeline[2].$match.$and[0].candidate.drb.$gtt`; in the message a long one is cut.
 */
export class QueryError extends Error {
  override readonly name = "QueryError";

  constructor(
    readonly kind: QueryErrorKind,
    readonly path: string,
    readonly reason: string,
  ) {
    const what = shortened(reason, MAX_REASON);
    super(path === "" ? what : `${shortened(path, MAX_PATH)}: ${what}`);
  }
}
