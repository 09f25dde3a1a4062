/** Operators on strings, positions counted in bytes of UTF-8 or in code points. */
import { Decimal128 } from "bson";
import { tick } from "../../deadline.ts";
import { QueryError } from "../../errors.ts";
import { truncateToInt64 } from "../../match/numbers.ts";
import { compareStrings } from "../../order.ts";
import type { Value } from "../../values.ts";
import { grow, ITEM_BYTES } from "../growth.ts";
import type { Operator } from "../nodes.ts";
import { isNullish, MIN_INT64, widthOf, wrongType } from "../numbers.ts";
import { byteLength, coerceToString, countCodePoints, needString, unitOfCodePoint } from "../text.ts";
import { T } from "../types.ts";
import { needIndex } from "./array-items.ts";
import { example, list, named } from "./describe.ts";

function concat(at: string, ...parts: (Value | undefined)[]): Value {
  let result = "";
  for (const part of parts) {
    if (isNullish(part)) return null;
    if (typeof part !== "string") throw wrongType(at, "strings", part);
    result += part;
  }
  grow(result.length * 2, at);
  tickText(result);
  return result;
}

/** Counts work on a text's characters against the time limit. */
function tickText(text: string): string {
  tick(text.length >> 6);
  return text;
}

/** Letters beyond ASCII stay as they are, as on the server. */
function upper(text: string): string {
  return tickText(text).replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

function lower(text: string): string {
  return tickText(text).replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function compareIgnoringCase(at: string, a: Value | undefined, b: Value | undefined): number {
  return Math.sign(compareStrings(upper(coerceToString(at, a)), upper(coerceToString(at, b))));
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function needLong(at: string, value: Value | undefined, what: string): number {
  if (widthOf(value) === 0) throw wrongType(at, `a number as ${what}`, value);
  // Decimals beyond int64 become its least one.
  const integer = truncateToInt64(value) ?? (value instanceof Decimal128 ? MIN_INT64 : undefined);
  if (integer === undefined) throw new QueryError("runtime", at, `needs ${what} within int64`);
  return Number(integer);
}

function substrBytes(
  at: string,
  text: Value | undefined,
  from: Value | undefined,
  count: Value | undefined,
): Value {
  const string = coerceToString(at, text);
  const start = needLong(at, from, "a start");
  const length = needLong(at, count, "a length");
  if (start < 0) throw new QueryError("runtime", at, "needs a start that is not negative");
  const bytes = Buffer.from(string, "utf8");
  tickText(string);
  if (start >= bytes.length) return "";
  const end = length < 0 ? bytes.length : Math.min(start + length, bytes.length);
  if (isContinuation(bytes[start])) {
    throw new QueryError("runtime", at, "the start is in the middle of a UTF-8 character");
  }
  if (isContinuation(bytes[end])) {
    throw new QueryError("runtime", at, "the end is in the middle of a UTF-8 character");
  }
  return bytes.toString("utf8", start, end);
}

function substrCodePoints(
  at: string,
  text: Value | undefined,
  from: Value | undefined,
  count: Value | undefined,
): Value {
  const string = coerceToString(at, text);
  const start = needIndex(at, from);
  const length = needIndex(at, count);
  tickText(string);
  const unit = unitOfCodePoint(string, start);
  const rest = string.slice(unit);
  return rest.slice(0, unitOfCodePoint(rest, length));
}

/** The part of a text between two positions given by a user, where to look for another text. */
function readRange(
  at: string,
  from: Value | undefined,
  to: Value | undefined,
  length: number,
): [number, number] {
  const start = from === undefined ? 0 : needIndex(at, from);
  const end = to === undefined ? length : Math.min(needIndex(at, to), length);
  return [start, end];
}

function indexOfBytes(
  at: string,
  text: Value | undefined,
  wanted: Value | undefined,
  from: Value | undefined,
  to: Value | undefined,
): Value {
  if (isNullish(text)) return null;
  const bytes = Buffer.from(needString(at, text), "utf8");
  const token = Buffer.from(needString(at, wanted), "utf8");
  const [start, end] = readRange(at, from, to, bytes.length);
  tick(bytes.length >> 6);
  if (start > bytes.length || end < start) return -1;
  return bytes.subarray(0, end).indexOf(token, start);
}

function indexOfCodePoints(
  at: string,
  text: Value | undefined,
  wanted: Value | undefined,
  from: Value | undefined,
  to: Value | undefined,
): Value {
  if (isNullish(text)) return null;
  const string = needString(at, text);
  const token = needString(at, wanted);
  const length = countCodePoints(string);
  const [start, end] = readRange(at, from, to, length);
  tickText(string);
  if (start > length || end < start) return -1;
  // An empty text is found in front of a character, and in an empty string.
  if (token === "") return string === "" || start < end ? start : -1;
  const found = string.indexOf(token, unitOfCodePoint(string, start));
  // Only its first character has to stand before the end.
  if (found < 0 || found >= unitOfCodePoint(string, end)) return -1;
  return countCodePoints(string.slice(0, found));
}

function split(at: string, text: Value | undefined, separator: Value | undefined): Value {
  if (isNullish(text) || isNullish(separator)) return null;
  const string = needString(at, text);
  const between = needString(at, separator);
  if (between === "") throw new QueryError("runtime", at, "needs a separator that is not empty");
  tick(string.length >> 4);
  const parts = string.split(between);
  grow(parts.length * ITEM_BYTES + string.length * 2, at);
  return parts;
}

/** What `$trim` takes away unless told: Unicode's white space of old, and the null character. */
const WHITE_SPACE = new Set(
  "\0\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a",
);

function trim(
  at: string,
  input: Value | undefined,
  chars: Value | undefined,
  left: boolean,
  right: boolean,
): Value {
  if (isNullish(input)) return null;
  const text = needString(`${at}.input`, input);
  if (chars === null) return null;
  const unwanted = chars === undefined ? WHITE_SPACE : new Set(needString(`${at}.chars`, chars));
  const points = [...text];
  tick(points.length);
  let start = 0;
  let end = points.length;
  if (left) while (start < end && unwanted.has(points[start] ?? "")) start++;
  if (right) while (end > start && unwanted.has(points[end - 1] ?? "")) end--;
  return points.slice(start, end).join("");
}

function trimming(name: "$trim" | "$ltrim" | "$rtrim"): Operator {
  const left = name !== "$rtrim";
  const right = name !== "$ltrim";
  const where = left && right ? "both ends" : left ? "the start" : "the end";
  const trimmed = left && right ? "a" : left ? "a  " : "  a";
  return {
    name,
    category: "string",
    summary: `A string without white space, or without certain characters, at ${where}.`,
    arguments: named(["input"], ["chars"]),
    stopsAtNull: "first",
    result: T.STRING | T.NULL,
    example: example({ [name]: { input: "$s" } }, { s: "  a  " }, trimmed),
    run: (at, input, chars) => trim(at, input, chars, left, right),
  };
}

/** Replaces the first or all occurrences; an empty text is found before and after each byte. */
function replace(
  at: string,
  input: Value | undefined,
  find: Value | undefined,
  by: Value | undefined,
  all: boolean,
): Value {
  for (const [name, value] of [
    ["input", input],
    ["find", find],
    ["replacement", by],
  ] as const) {
    if (!isNullish(value)) needString(`${at}.${name}`, value);
  }
  if (typeof input !== "string" || typeof find !== "string" || typeof by !== "string") return null;
  if (all && find === "" && by !== "" && byteLength(input) !== input.length) {
    throw new QueryError("unsupported", `${at}.find`, "an empty text would be found within UTF-8 characters");
  }
  tick(input.length >> 4);
  const count = all ? input.split(find).length - 1 : 1;
  grow((input.length + (count + 1) * by.length) * 2, at);
  return all ? input.replaceAll(find, () => by) : input.replace(find, () => by);
}

function replacing(name: "$replaceOne" | "$replaceAll"): Operator {
  const all = name === "$replaceAll";
  return {
    name,
    category: "string",
    summary: `A string with ${all ? "all occurrences" : "the first occurrence"} of a text replaced.`,
    arguments: named(["input", "find", "replacement"]),
    result: T.STRING | T.NULL,
    example: example(
      { [name]: { input: "$s", find: "a", replacement: "b" } },
      { s: "banana" },
      all ? "bbnbnb" : "bbnana",
    ),
    folds: "operands",
    run: (at, input, find, by) => replace(at, input, find, by, all),
    grows: true,
  };
}

const SUBSTR_BYTES = {
  category: "string",
  arguments: list(3),
  result: T.STRING,
  run: substrBytes,
} as const;

export const stringOperators: readonly Operator[] = [
  {
    name: "$concat",
    category: "string",
    summary: "Strings one after the other.",
    arguments: list(0, Infinity),
    result: T.STRING | T.NULL,
    example: example({ $concat: ["$a", "-", "$b"] }, { a: "ZTF", b: "r" }, "ZTF-r"),
    run: concat,
    grows: true,
    stopsAtNull: "each",
    regroup: "associates",
  },
  {
    name: "$indexOfBytes",
    category: "string",
    summary: "The first position of a text in a string (or a part of it), in bytes; −1 when it is not there.",
    arguments: list(2, 4),
    stopsAtNull: "first",
    result: T.INT | T.NULL,
    example: example({ $indexOfBytes: ["$s", "c"] }, { s: "αbc" }, 3),
    run: indexOfBytes,
  },
  {
    name: "$indexOfCP",
    category: "string",
    summary: "The first position of a text in a string (or a part of it), in code points; −1 when not there.",
    arguments: list(2, 4),
    stopsAtNull: "first",
    result: T.INT | T.NULL,
    example: example({ $indexOfCP: ["$s", "c"] }, { s: "αbc" }, 2),
    run: indexOfCodePoints,
  },
  trimming("$ltrim"),
  replacing("$replaceAll"),
  replacing("$replaceOne"),
  trimming("$rtrim"),
  {
    name: "$split",
    category: "string",
    summary: "The parts of a string between separators.",
    arguments: list(2),
    result: T.ARRAY | T.NULL,
    example: example({ $split: ["$s", ":"] }, { s: "12:22:54" }, ["12", "22", "54"]),
    run: split,
  },
  {
    name: "$strcasecmp",
    category: "string",
    summary: "−1, 0 or 1 as one string comes before, equals or comes after another, letters' case aside.",
    arguments: list(2),
    result: T.INT,
    example: example({ $strcasecmp: ["$a", "$b"] }, { a: "sn", b: "SN" }, 0),
    run: compareIgnoringCase,
  },
  {
    name: "$strLenBytes",
    category: "string",
    summary: "The length of a string in bytes of UTF-8.",
    arguments: list(1),
    result: T.INT,
    example: example({ $strLenBytes: "$s" }, { s: "α" }, 2),
    run: (at, text) => byteLength(tickText(needString(at, text))),
  },
  {
    name: "$strLenCP",
    category: "string",
    summary: "The length of a string in code points.",
    arguments: list(1),
    result: T.INT,
    example: example({ $strLenCP: "$s" }, { s: "α" }, 1),
    run: (at, text) => countCodePoints(tickText(needString(at, text))),
  },
  {
    ...SUBSTR_BYTES,
    name: "$substr",
    summary: "A part of a string by start and length in bytes; the old name of $substrBytes.",
    example: example({ $substr: ["$s", 0, 3] }, { s: "ZTF18abc" }, "ZTF"),
  },
  {
    ...SUBSTR_BYTES,
    name: "$substrBytes",
    summary: "A part of a string by start and length in bytes; a negative length means to the end.",
    example: example({ $substrBytes: ["$s", 3, -1] }, { s: "ZTF18abc" }, "18abc"),
  },
  {
    name: "$substrCP",
    category: "string",
    summary: "A part of a string by start and length in code points.",
    arguments: list(3),
    result: T.STRING,
    example: example({ $substrCP: ["$s", 1, 2] }, { s: "αβγ" }, "βγ"),
    run: substrCodePoints,
  },
  {
    name: "$toLower",
    category: "string",
    summary: "A string with the letters A to Z in lower case.",
    arguments: list(1),
    result: T.STRING,
    example: example({ $toLower: "$s" }, { s: "SN Ia" }, "sn ia"),
    run: (at, text) => lower(coerceToString(at, text)),
  },
  {
    name: "$toUpper",
    category: "string",
    summary: "A string with the letters a to z in upper case.",
    arguments: list(1),
    result: T.STRING,
    example: example({ $toUpper: "$s" }, { s: "sn Ia" }, "SN IA"),
    run: (at, text) => upper(coerceToString(at, text)),
  },
  trimming("$trim"),
];
