/** `$regexMatch`, `$regexFind` and `$regexFindAll`. */
import { BSONRegExp } from "bson";
import { tick } from "../../deadline.ts";
import { QueryError } from "../../errors.ts";
import { compileRegex, type Regex, type RegexMatch } from "../../regex.ts";
import type { Document, Value } from "../../values.ts";
import { grow, ITEM_BYTES } from "../growth.ts";
import type { ExpressionNode, Operator } from "../nodes.ts";
import { isNullish, wrongType } from "../numbers.ts";
import { countCodePoints, needString } from "../text.ts";
import { T } from "../types.ts";
import { example, named } from "./describe.ts";

/** Compiled patterns by text, for those that are not constant; the oldest go first. */
const compiled = new Map<string, Regex>();
const MAX_COMPILED = 200;

function readOptions(at: string, options: Value | undefined): string | undefined {
  if (isNullish(options)) return undefined;
  const given = needString(`${at}.options`, options);
  const unknown = /[^imsx]/.exec(given);
  if (unknown === null) return given;
  const reason = `unknown regex option ${JSON.stringify(unknown[0])}; known are i, m, s, x`;
  throw new QueryError("runtime", `${at}.options`, reason);
}

function regexOf(at: string, pattern: Value, given: string | undefined): Regex {
  let [source, flags] = ["", given ?? ""];
  if (pattern instanceof BSONRegExp) {
    if (given !== undefined && pattern.options !== "") {
      throw new QueryError("runtime", `${at}.options`, "the regex has options of its own already");
    }
    source = pattern.pattern;
    flags = given ?? pattern.options;
  } else if (typeof pattern === "string") source = pattern;
  else throw wrongType(`${at}.regex`, "a string or regex", pattern);
  const key = `${flags}/${source}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const regex = compilePattern(source, flags, `${at}.regex`);
  if (compiled.size >= MAX_COMPILED) {
    for (const oldest of compiled.keys()) {
      compiled.delete(oldest);
      break;
    }
  }
  compiled.set(key, regex);
  return regex;
}

/** In an expression a pattern that is not valid is a value that it fails on, as others are. */
function compilePattern(source: string, flags: string, at: string): Regex {
  try {
    return compileRegex(source, flags, at);
  } catch (error) {
    if (!(error instanceof QueryError) || error.kind !== "invalid") throw error;
    throw new QueryError("runtime", error.path, error.reason);
  }
}

/** The text and regex of a call; undefined where one of them is null or missing. */
function readCall(
  at: string,
  input: Value | undefined,
  pattern: Value | undefined,
  options: Value | undefined,
): { text: string; regex: Regex } | undefined {
  const text = isNullish(input) ? undefined : needString(`${at}.input`, input);
  const given = readOptions(at, options);
  const regex = isNullish(pattern) ? undefined : regexOf(at, pattern, given);
  if (text === undefined || regex === undefined) return undefined;
  tick(text.length);
  return { text, regex };
}

function describeMatch(text: string, match: RegexMatch): Document {
  return {
    match: match.text,
    idx: countCodePoints(text.slice(0, match.index)),
    captures: [...match.captures],
  };
}

function findAll(at: string, text: string, regex: Regex): Value {
  const found: Document[] = [];
  let from = 0;
  do {
    const match = regex.exec(text, from);
    if (match === null) break;
    tick(text.length - from);
    grow((match.captures.length + 8) * ITEM_BYTES, at);
    found.push(describeMatch(text, match));
    from = match.index + match.text.length;
    // Behind an empty match the search goes on one character further.
    if (match.text === "") from += (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1;
  } while (from < text.length);
  return found;
}

/** Constant patterns are compiled when the expression is read, so that errors come early. */
function check(args: readonly (ExpressionNode | undefined)[], at: string): void {
  const [, pattern, options] = args;
  if (pattern?.kind !== "constant" || isNullish(pattern.value)) return;
  if (options !== undefined && options.kind !== "constant") return;
  regexOf(at, pattern.value, readOptions(at, options?.value));
}

const SHARED = {
  category: "string",
  arguments: named(["input", "regex"], ["options"]),
  check,
  folds: "operands",
  limits: "look-around, back references, atomic groups and possessive quantifiers are refused",
} as const;

export const regexOperators: readonly Operator[] = [
  {
    ...SHARED,
    name: "$regexFind",
    summary: "The first match of a regular expression: its text, position in code points and groups.",
    result: T.OBJECT | T.NULL,
    example: example(
      { $regexFind: { input: "$s", regex: "ZTF(\\d+)" } },
      { s: "a ZTF18abc" },
      {
        match: "ZTF18",
        idx: 2,
        captures: ["18"],
      },
    ),
    run: (at, input, pattern, options) => {
      const call = readCall(at, input, pattern, options);
      const match = call?.regex.exec(call.text) ?? null;
      return call === undefined || match === null ? null : describeMatch(call.text, match);
    },
  },
  {
    ...SHARED,
    name: "$regexFindAll",
    summary: "All matches of a regular expression.",
    result: T.ARRAY,
    example: example({ $regexFindAll: { input: "$s", regex: "\\d" } }, { s: "a1b2" }, [
      { match: "1", idx: 1, captures: [] },
      { match: "2", idx: 3, captures: [] },
    ]),
    run: (at, input, pattern, options) => {
      const call = readCall(at, input, pattern, options);
      return call === undefined ? [] : findAll(at, call.text, call.regex);
    },
  },
  {
    ...SHARED,
    name: "$regexMatch",
    summary: "Whether a regular expression matches.",
    result: T.BOOL,
    example: example({ $regexMatch: { input: "$s", regex: "^ztf", options: "i" } }, { s: "ZTF18abc" }, true),
    run: (at, input, pattern, options) => {
      const call = readCall(at, input, pattern, options);
      return call?.regex.test(call.text) ?? false;
    },
  },
];
