/** Operators on objects: `$getField`, `$setField`, `$unsetField`, `$mergeObjects`, `$objectToArray`. */
import { tick } from "../../deadline.ts";
import { QueryError } from "../../errors.ts";
import { type Document, getField, isDocument, setField, type Value } from "../../values.ts";
import { grow, ITEM_BYTES } from "../growth.ts";
import type { ExpressionNode, Operator } from "../nodes.ts";
import { isNullish, wrongType } from "../numbers.ts";
import { type Reader, readNamed } from "../parse.ts";
import { ANY, T } from "../types.ts";
import { example, list } from "./describe.ts";

/** The name of a field, which must be known when the expression is read. */
function readName(reader: Reader, value: Value | undefined, at: string): ExpressionNode {
  const node = reader.read(value ?? null, at);
  if (node.kind !== "constant" || typeof node.value !== "string") {
    throw new QueryError("invalid", at, "needs a constant string; wrap names that begin with $ in $literal");
  }
  return node;
}

function parseGetField(reader: Reader, value: Value, at: string): ExpressionNode {
  const named = isDocument(value) && (Object.hasOwn(value, "field") || Object.hasOwn(value, "input"));
  const [field, input] = named ? readNamed(value, ["field", "input"], [], at) : [value, "$$CURRENT"];
  const name = readName(reader, field, named ? `${at}.field` : at);
  return reader.call(GET_FIELD, [name, reader.read(input ?? null, `${at}.input`)], at);
}

const GET_FIELD: Operator = {
  name: "$getField",
  category: "object",
  summary: "A field by its name, which may contain dots or begin with $.",
  arguments: { kind: "own", form: "`name` or `{field: name, input: object}`" },
  result: ANY,
  example: example({ $getField: { field: "a.b", input: "$x" } }, { x: { "a.b": 1 } }, 1),
  parse: parseGetField,
  folds: "nothing",
  run: (_at, name, input) => {
    if (isNullish(input)) return input;
    return isDocument(input) && typeof name === "string" ? getField(input, name) : undefined;
  },
  safe: true,
};

function withField(
  at: string,
  name: Value | undefined,
  input: Value | undefined,
  value: Value | undefined,
): Value {
  if (isNullish(input)) return null;
  if (!isDocument(input)) throw wrongType(`${at}.input`, "an object", input);
  const result = copyOf(at, input);
  if (typeof name !== "string") return result;
  if (value === undefined) delete result[name];
  else setField(result, name, value);
  return result;
}

function copyOf(at: string, document: Document): Document {
  const result: Document = {};
  const names = Object.keys(document);
  grow(names.length * ITEM_BYTES, at);
  tick(names.length);
  for (const name of names) {
    const value = document[name];
    if (value !== undefined) setField(result, name, value);
  }
  return result;
}

function parseSetField(reader: Reader, given: Value, at: string): ExpressionNode {
  const [field, input, value] = readNamed(given, ["field", "input", "value"], [], at);
  const name = readName(reader, field, `${at}.field`);
  const object = reader.read(input ?? null, `${at}.input`);
  return reader.call(SET_FIELD, [name, object, reader.read(value ?? null, `${at}.value`)], at);
}

const SET_FIELD: Operator = {
  name: "$setField",
  category: "object",
  summary:
    "An object with one field set, by a name that may contain dots or begin with $; `$$REMOVE` drops it.",
  arguments: { kind: "own", form: "`{field: name, input: object, value: expression}`" },
  result: T.OBJECT | T.NULL,
  example: example({ $setField: { field: "b", input: "$x", value: 2 } }, { x: { a: 1 } }, { a: 1, b: 2 }),
  parse: parseSetField,
  folds: "nothing",
  stopsAtNull: "pair",
  run: withField,
};

function parseUnsetField(reader: Reader, given: Value, at: string): ExpressionNode {
  const [field, input] = readNamed(given, ["field", "input"], [], at);
  const name = readName(reader, field, `${at}.field`);
  return reader.call(UNSET_FIELD, [name, reader.read(input ?? null, `${at}.input`)], at);
}

const UNSET_FIELD: Operator = {
  name: "$unsetField",
  category: "object",
  summary: "An object without one field, by a name that may contain dots or begin with $.",
  arguments: { kind: "own", form: "`{field: name, input: object}`" },
  result: T.OBJECT | T.NULL,
  example: example({ $unsetField: { field: "a", input: "$x" } }, { x: { a: 1, b: 2 } }, { b: 2 }),
  parse: parseUnsetField,
  folds: "nothing",
  run: (at, name, input) => withField(at, name, input, undefined),
};

function mergeObjects(at: string, ...args: (Value | undefined)[]): Value {
  const result: Document = {};
  const [only] = args;
  const objects = args.length === 1 && Array.isArray(only) ? only : args;
  for (const object of objects) {
    if (isNullish(object)) continue;
    if (!isDocument(object)) throw wrongType(at, "objects", object);
    const names = Object.keys(object);
    grow(names.length * ITEM_BYTES, at);
    tick(names.length);
    tick(names.length);
    for (const name of names) {
      const value = object[name];
      if (value !== undefined) setField(result, name, value);
    }
  }
  return result;
}

function objectToArray(at: string, object: Value | undefined): Value {
  if (isNullish(object)) return null;
  if (!isDocument(object)) throw wrongType(at, "an object", object);
  const names = Object.keys(object);
  grow(names.length * ITEM_BYTES * 4, at);
  tick(names.length);
  return names.flatMap((name) => {
    const value = object[name];
    return value === undefined ? [] : [{ k: name, v: value }];
  });
}

export const objectOperators: readonly Operator[] = [
  GET_FIELD,
  SET_FIELD,
  UNSET_FIELD,
  {
    name: "$mergeObjects",
    category: "object",
    summary:
      "The fields of several objects (or the items of one array) in one; later ones win, nulls are passed over.",
    arguments: list(0, Infinity),
    result: T.OBJECT,
    example: example({ $mergeObjects: ["$a", { y: 2 }] }, { a: { x: 1, y: 1 } }, { x: 1, y: 2 }),
    run: mergeObjects,
  },
  {
    name: "$objectToArray",
    category: "object",
    summary: "The fields of an object as an array of `{k: name, v: value}`.",
    arguments: list(1),
    result: T.ARRAY | T.NULL,
    example: example({ $objectToArray: "$x" }, { x: { a: 1 } }, [{ k: "a", v: 1 }]),
    run: objectToArray,
  },
];
