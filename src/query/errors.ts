/** Errors of the query language: each names where in the query it arose and, where close, the right name. */

/** What went wrong, for callers that answer differently (HTTP status, filter switch-off). */
export type QueryErrorKind = "invalid" | "unsupported" | "runtime" | "deadline" | "limit";

/**
 * A query, filter or pipeline that cannot be parsed or executed.
 *
 * `path` is where, e.g. `pipeline[2].$match.$and[0].candidate.drb.$gtt`.
 */
export class QueryError extends Error {
  override readonly name = "QueryError";

  constructor(
    readonly kind: QueryErrorKind,
    readonly path: string,
    readonly reason: string,
  ) {
    super(path === "" ? reason : `${path}: ${reason}`);
  }
}
