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

function quoted(text: string): string {
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

/** The narrowest type that all these fields of a column have; undefined when none has a value. */
export function typeOfFields(fields: Iterable<string>, moreNulls: readonly string[]): ColumnType | undefined {
  const nulls = new Set([...NULLS, ...moreNulls]);
  let type: ColumnType | undefined;
  for (const field of fields) {
    const text = field.trim();
    if (nulls.has(text)) continue;
    const own = typeOfField(text);
    if (type === undefined || type === own) type = own;
    else if ((type === "int" && own === "float") || (type === "float" && own === "int")) type = "float";
    else return "string";
  }
  return type;
}
