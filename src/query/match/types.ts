/** The types that `$type` names, by alias and by number. */
import { QueryError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import type { TypeName, Value } from "../values.ts";
import { toInt64 } from "./numbers.ts";

const NUMBERS: readonly TypeName[] = ["double", "int", "long", "decimal"];

/** BSON's type numbers. `undefined` (6) and `dbPointer` (12) are valid, and nothing has them. */
const BY_NUMBER = new Map<number, readonly TypeName[]>([
  [1, ["double"]],
  [2, ["string"]],
  [3, ["object"]],
  [4, ["array"]],
  [5, ["binData"]],
  [6, []],
  [7, ["objectId"]],
  [8, ["bool"]],
  [9, ["date"]],
  [10, ["null"]],
  [11, ["regex"]],
  [12, []],
  [13, ["javascript"]],
  [14, ["symbol"]],
  [15, ["javascriptWithScope"]],
  [16, ["int"]],
  [17, ["timestamp"]],
  [18, ["long"]],
  [19, ["decimal"]],
  [-1, ["minKey"]],
  [127, ["maxKey"]],
]);

const BY_NAME = new Map<string, readonly TypeName[]>([
  ...[...BY_NUMBER.values()].flat().map((name): [string, readonly TypeName[]] => [name, [name]]),
  ["undefined", []],
  ["dbPointer", []],
  ["number", NUMBERS],
]);

/** Reads a type, or an array of types, by name or number. */
export function readTypes(value: Value, at: string): ReadonlySet<TypeName> {
  if (!Array.isArray(value)) return new Set(readType(value, at));
  if (value.length === 0) throw new QueryError("invalid", at, "needs at least one type");
  return new Set(value.flatMap((item, i) => readType(item, `${at}[${i}]`)));
}

function readType(value: Value, at: string): readonly TypeName[] {
  if (typeof value === "string") {
    const types = BY_NAME.get(value);
    if (types !== undefined) return types;
    throw new QueryError(
      "invalid",
      at,
      `unknown type ${JSON.stringify(value)}${didYouMean(value, BY_NAME.keys())}`,
    );
  }
  const number = toInt64(value);
  if (number === undefined) throw new QueryError("invalid", at, "needs the name or number of a type");
  const types = BY_NUMBER.get(Number(number));
  if (types !== undefined) return types;
  const hint = number === 0n ? "; use {$exists: false} for missing fields" : "";
  throw new QueryError("invalid", at, `unknown type number ${number}${hint}`);
}
