/** Which refusals of queries that a server answers, and faults of servers, `docs/differences.md` lists. */
import { operatorsIn, type Query } from "./cases.ts";

const LISTED = [
  /the regular expression uses .*, which cannot be matched in bounded time$/,
  /a regular expression can repeat at most 1000 times$/,
  /runs JavaScript, which is not supported/,
  /text search is not supported/,
  /it would run a program of its author/,
  /\$meta is not supported/,
  /\$natural is not supported/,
  /the variable \$\$\w+ is not supported/,
  /is not allowed: /,
  /\$jsonSchema.*multipleOf.*: needs a finite number/,
  // Constants that can only fail.
  /\$lookup\.pipeline/,
  /\$graphLookup\.restrictSearchWithMatch/,
  // What only documents show.
  /does not take decimal128; convert with \$toDouble$/,
  /granularity does not round decimals$/,
  /dates beyond the year 275760 are not supported$/,
  /use ISO 8601, or say the format$/,
  /an empty text would be found within UTF-8 characters$/,
];

/** Whether the message of a refusal is one of those listed. */
export function isListed(message: string): boolean {
  return LISTED.some((pattern) => pattern.test(message));
}

/** Errors that a server makes of its own, of queries that are right: their message, and an operator of the query. */
const FAULTS: readonly (readonly [message: RegExp, operators?: readonly string[]])[] = [
  [/assertion src\/mongo\//],
  // It drops a constant null, and then misses the second operand.
  [/\$ifNull needs at least two arguments, had: 1$/, ["$ifNull"]],
  // It looks up the sort key by its number, as a path that leads into the key's own fields.
  [/Ambiguous field name found in array/, ["$top", "$bottom", "$topN", "$bottomN"]],
];

/** Whether the error with which a server meets a query is its own fault. */
export function isFault(message: string, query: Query): boolean {
  const operators = operatorsIn(query);
  return FAULTS.some(
    ([pattern, names]) => pattern.test(message) && (names?.some((name) => operators.has(name)) ?? true),
  );
}
