/** Dotted paths: how they are split, how generated code reads them, how they run through arrays. */
import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code as BsonCode,
  DBRef,
  Decimal128,
  Double,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from "bson";
import { type Code, code, type Scope } from "./code.ts";
import { tick } from "./deadline.ts";
import { QueryError } from "./errors.ts";
import { type Document, getField, isDocument, type Value } from "./values.ts";

/** BSON allows documents 100 levels deep; longer paths cannot reach anything. */
const MAX_PATH_PARTS = 200;

/** Splits a path of a find filter: any text, empty parts included, as the server does. */
export function splitPath(path: string, at: string): readonly string[] {
  if (path.includes("\0")) throw new QueryError("invalid", at, "field names cannot contain a null character");
  const parts = path.split(".");
  if (parts.length > MAX_PATH_PARTS) {
    throw new QueryError("limit", at, `a path cannot have more than ${MAX_PATH_PARTS} parts`);
  }
  return parts;
}

/** A test of what stands at a path; `undefined` is a missing field. `index`: within the array passed through last. */
export type Test = (value: Value | undefined) => boolean;

/**
 * Whether some value at a path passes a test, arrays on the way taken apart as a find filter does.
 *
 * An array at the end of the path is tested item by item, then as a whole (`leaf: "items"`), or only as a
 * whole (`leaf: "whole"`). A numeric part is both a field name and a position. Where the path ends at a
 * scalar or missing field the test sees `undefined`; an array with nothing to descend into is silent.
 */
export function someAlong(
  document: Document,
  parts: readonly string[],
  from: number,
  test: Test,
  leaf: "items" | "whole",
): boolean {
  const last = parts.length - 1;
  let value = getField(document, parts[from] ?? "");
  for (let i = from; ; i++) {
    if (Array.isArray(value)) {
      if (i === last && leaf === "whole") return test(value);
      return someInArray(value, parts, i + 1, test, leaf);
    }
    if (i === last) return test(value);
    if (!isDocument(value)) return test(undefined);
    value = getField(value, parts[i + 1] ?? "");
  }
}

/** The same below an array: `next` is the part of the path behind it. */
export function someInArray(
  items: Value[],
  parts: readonly string[],
  next: number,
  test: Test,
  leaf: "items" | "whole",
): boolean {
  tick(items.length);
  if (next === parts.length) return items.some(test) || test(items);
  const position = arrayPosition(parts[next] ?? "");
  const ends = next === parts.length - 1;
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as Value;
    if (isDocument(item)) {
      if (someAlong(item, parts, next, test, leaf)) return true;
      if (i === position && (ends ? test(item) : someAlong(item, parts, next + 1, test, leaf))) return true;
    } else if (i === position) {
      if (ends ? test(item) : Array.isArray(item) && someInArray(item, parts, next + 1, test, leaf))
        return true;
    }
  }
  return false;
}

/** The array position that a path part stands for; −1 for names and for forms such as `01`. */
export function arrayPosition(part: string): number {
  return /^(0|[1-9]\d{0,9})$/.test(part) ? Number(part) : -1;
}

/** Names that JavaScript finds on values that have no such BSON field: they are read with care. */
const UNSAFE_NAMES: ReadonlySet<string> = collectUnsafeNames();

function collectUnsafeNames(): Set<string> {
  const samples: object[] = [
    {},
    [],
    Object(""),
    Object(0),
    Object(true),
    Object(0n),
    new Date(0),
    new Uint8Array(),
    Buffer.alloc(0),
    new Double(0),
    Decimal128.fromString("0"),
    new ObjectId(),
    new Binary(),
    new BSONRegExp(""),
    new BSONSymbol(""),
    new BsonCode(""),
    new DBRef("", new ObjectId()),
    new Timestamp(0n),
    new MinKey(),
    new MaxKey(),
  ];
  const names = new Set<string>();
  for (const sample of samples) {
    for (let o: object | null = sample; o !== null; o = Object.getPrototypeOf(o)) {
      for (const name of Object.getOwnPropertyNames(o)) names.add(name);
    }
  }
  return names;
}

/** Whether `value.name` on any BSON value reads a document's field or nothing. */
export function isSafeName(name: string): boolean {
  // Positions are properties of arrays, strings and bytes.
  return !UNSAFE_NAMES.has(name) && !/^\d+$/.test(name);
}

function readField(value: Value | undefined, name: string): Value | undefined {
  return isDocument(value) ? getField(value, name) : undefined;
}

/**
 * Code that reads one field of a value: `undefined` unless the value is a document that has the field.
 * `certain` says that the value is known to be a document.
 */
export function emitField(scope: Scope, value: Code, name: string, certain = false): Code {
  if (!isSafeName(name)) return code`${scope.constant(readField, "readField")}(${value}, ${name})`;
  return certain ? code`${value}[${name}]` : code`${value}?.[${name}]`;
}
