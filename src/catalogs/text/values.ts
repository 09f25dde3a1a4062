/** From the text of a field to its value: by the type of its column, told or found out from the first rows. */
import { double } from "../../query/index.ts";
import type { Cell, ColumnType } from "../table.ts";

/** Texts that stand for no value in columns of numbers. */
const NULLS = [
  "",
  "null",
  "NULL",
  "Null",
  "nan",
  "NaN",
  "NAN",
  "-nan",
  "NA",
  "N/A",
  "n/a",
  "None",
  "--",
  "\\N",
];
/** The same in columns of text, where `NA` may be a name. */
const TEXT_NULLS = ["", "null", "NULL", "\\N"];

const INTEGER = /^[+-]?\d+$/;
/** A number with leading zeros is a name. */
const ZEROS = /^[+-]?0\d/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;
const BOOLEAN = /^(?:true|false)$/i;
const INT32 = 2 ** 31;
const INT64 = 2n ** 63n;

/** Says why a field is no value of its column. */
export class FieldProblem {
  constructor(readonly reason: string) {}
}

export type FieldReader = (text: string) => Cell | FieldProblem;

/** A reader of the fields of a column; `type` undefined: each field for itself. */
export function fieldReader(type: ColumnType | undefined, moreNulls: readonly string[]): FieldReader {
  const nulls = new Set([...(type === "string" ? TEXT_NULLS : NULLS), ...moreNulls]);
  const read = type === undefined ? anyValue : READERS[type];
  return (text) => {
    if (nulls.has(text)) return undefined;
    const trimmed = text.trim();
    return trimmed !== text && nulls.has(trimmed) ? undefined : read(trimmed);
  };
}

const READERS: Record<ColumnType, FieldReader> = {
  string: (text) => text,
  bool: (text) => {
    if (BOOLEAN.test(text)) return text.length === 4;
    return new FieldProblem(`expected true or false, found ${quoted(text)}`);
  },
  int: (text) => (INTEGER.test(text) ? integer(text) : number(text)),
  float: number,
};

function number(text: string): Cell | FieldProblem {
  if (NUMBER.test(text)) return double(Number(text.replace(/[dD]/, "e")));
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return new FieldProblem(`expected a number, found ${quoted(text)}`);
}

/** An int32, or an int64 beyond it. */
function integer(text: string): Cell | FieldProblem {
  const value = Number(text);
  if (value >= -INT32 && value < INT32) return value + 0;
  const exact = BigInt(text.startsWith("+") ? text.slice(1) : text);
  if (exact >= -INT64 && exact < INT64) return exact;
  return new FieldProblem(`${quoted(text)} is beyond 64 bits: read the column as text`);
}

function anyValue(text: string): Cell | FieldProblem {
  const type = typeOfField(text);
  return READERS[type](text);
}

/** A field as messages show it. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** The narrowest type that a field alone could have. */
function typeOfField(text: string): ColumnType {
  if (INTEGER.test(text)) return isName(text) ? "string" : "int";
  if (NUMBER.test(text) || INFINITE.test(text)) return "float";
  return BOOLEAN.test(text) ? "bool" : "string";
}

function isName(text: string): boolean {
  if (ZEROS.test(text)) return true;
  if (text.length < 19) return false;
  const exact = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return exact >= INT64 || exact < -INT64;
}

/** What the first fields of a column are. */
export interface FoundType {
  /** Undefined when none has a value. */
  readonly type: ColumnType | undefined;
  /** Of a column with numbers and a few others: the first of these by its position, how many, and of how many values. */
  readonly odd?: { readonly at: number; readonly text: string; readonly count: number; readonly of: number };
}

/** A single odd field does not make a column of texts where at least so many have a value. */
const FEWEST_NUMBERS = 20;

/**
 * The narrowest type that all these fields of a column have; numbers too when at most one in a hundred values, rounded up,
 * is none.
 */
export function typeOfFields(fields: Iterable<string>, moreNulls: readonly string[]): FoundType {
  const nulls = new Set([...NULLS, ...moreNulls]);
  const counts = { int: 0, float: 0, bool: 0, string: 0 };
  let first: { at: number; text: string } | undefined;
  let hasNames = false;
  let at = -1;
  for (const field of fields) {
    at++;
    const text = field.trim();
    if (nulls.has(text)) continue;
    const own = typeOfField(text);
    counts[own]++;
    if (own !== "string" && own !== "bool") continue;
    first ??= { at, text };
    hasNames ||= INTEGER.test(text);
  }
  const { int, float, bool, string } = counts;
  const numbers = int + float;
  const count = bool + string;
  const of = numbers + count;
  const number = float > 0 ? "float" : "int";
  if (of === 0) return { type: undefined };
  if (first === undefined) return { type: number };
  if (bool === of) return { type: "bool" };
  // A number that is a name, as 007, is no slip among numbers.
  if (hasNames || numbers <= count) return { type: "string" };
  const areFew = of >= FEWEST_NUMBERS && count <= Math.ceil(of / 100);
  return { type: areFew ? number : "string", odd: { ...first, count, of } };
}
