/** Which refusals of queries that a server answers are listed, with their reasons, in `docs/differences.md`. */

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
