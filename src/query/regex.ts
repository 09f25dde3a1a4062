/**
 * Regular expressions of users, matched in time linear in the text.
 *
 * The server's dialect is PCRE. What of it cannot be matched in linear time (back references, look-around,
 * atomic groups, possessive quantifiers) is refused when the query is read. The rest runs on RE2; patterns
 * without unbounded repetition run on the built-in engine, which is faster and then cannot run away.
 */
import type { BSONRegExp } from "bson";
import { RE2JS } from "re2js";
import { QueryError } from "./errors.ts";
import { translatePattern } from "./regex-pattern.ts";

/** Where and what a regex matched; groups that took no part are null. Positions count UTF-16 units. */
export interface RegexMatch {
  readonly index: number;
  readonly text: string;
  readonly captures: readonly (string | null)[];
}

/** A compiled regular expression. */
export interface Regex {
  readonly pattern: string;
  /** Sorted letters of `imsx`. */
  readonly options: string;
  test(text: string): boolean;
  /** The first match at or after `from`. */
  exec(text: string, from?: number): RegexMatch | null;
  /** A text that every matching text begins with; empty when unknown. */
  readonly prefix: string;
}

const MAX_PATTERN_LENGTH = 32_764;

/** Compiles a pattern in the server's dialect. Throws a QueryError at `at` for what is wrong or not supported. */
export function compileRegex(pattern: string, options: string, at: string): Regex {
  if (pattern.includes("\0")) {
    throw new QueryError("invalid", at, "a regular expression cannot contain a null character");
  }
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new QueryError("invalid", at, "the regular expression is too long");
  for (const flag of options) {
    if (!"imsxu".includes(flag))
      throw new QueryError(
        "invalid",
        at,
        `unknown regex option ${JSON.stringify(flag)}; known are i, m, s, x`,
      );
  }
  const sorted = [...new Set(options.replaceAll("u", ""))].sort().join("");
  const translated = translatePattern(pattern, sorted, at);
  const shared = { pattern, options: sorted, prefix: translated.prefix };
  if (translated.builtin !== undefined) return { ...shared, ...builtin(translated.builtin, sorted, at) };
  return { ...shared, ...linear(translated.re2, sorted, at, translated.endsWithDollar) };
}

/** Compiles a BSON regex value. */
export function compileRegexValue(value: BSONRegExp, at: string): Regex {
  return compileRegex(value.pattern, value.options, at);
}

type Engine = Pick<Regex, "test" | "exec">;

function builtin(source: string, options: string, at: string): Engine {
  const flags = options.includes("i") ? "iu" : "u";
  const tester = guarded(at, () => new RegExp(source, flags));
  const finder = new RegExp(source, `${flags}g`);
  return {
    test: (text) => tester.test(text),
    exec(text, from = 0) {
      finder.lastIndex = from;
      const match = finder.exec(text);
      if (match === null) return null;
      return { index: match.index, text: match[0], captures: match.slice(1).map((group) => group ?? null) };
    },
  };
}

function linear(source: string, options: string, at: string, endsWithDollar: boolean): Engine {
  let flags = 0;
  if (options.includes("i")) flags |= RE2JS.CASE_INSENSITIVE;
  if (options.includes("m")) flags |= RE2JS.MULTILINE;
  if (options.includes("s")) flags |= RE2JS.DOTALL;
  const compiled = guarded(at, () => RE2JS.compile(source, flags));
  return {
    test: (text) => compiled.matcher(text).find(),
    exec(text, from = 0) {
      const matcher = compiled.matcher(text);
      if (!matcher.find(from)) return null;
      const captures: (string | null)[] = [];
      for (let i = 1; i <= matcher.groupCount(); i++) captures.push(matcher.group(i));
      let found = matcher.group(0) ?? "";
      // `$` also stands before a final newline, which is then not part of the match.
      if (endsWithDollar && found.endsWith("\n")) found = found.slice(0, -1);
      return { index: matcher.start(0), text: found, captures };
    },
  };
}

function guarded<T>(at: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new QueryError("invalid", at, `the regular expression is not valid: ${reason}`);
  }
}
