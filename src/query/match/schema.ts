/** `$jsonSchema`: JSON schema (draft 4) with BSON types, as the server has it. */
import { tick } from "../deadline.ts";
import { QueryError } from "../errors.ts";
import { compareValues, equalValues } from "../order.ts";
import { compileRegex } from "../regex.ts";
import { didYouMean } from "../suggest.ts";
import {
  type Document,
  getField,
  isDocument,
  setField,
  type TypeName,
  typeOf,
  type Value,
} from "../values.ts";
import { compareTest } from "./compare.ts";
import { readInt64 } from "./numbers.ts";
import { isMultipleOf, readFactor } from "./schema-numbers.ts";
import { readTypes } from "./types.ts";

type Valid = (value: Value) => boolean;
type Keyword = (argument: Value, at: string, schema: Document, path: string) => Valid | undefined;

const NUMBERS: ReadonlySet<TypeName> = new Set<TypeName>(["int", "long", "double", "decimal"]);
const JSON_TYPES = new Map<string, readonly TypeName[]>([
  ["array", ["array"]],
  ["boolean", ["bool"]],
  ["null", ["null"]],
  ["number", [...NUMBERS]],
  ["object", ["object"]],
  ["string", ["string"]],
]);
const MAX_DEPTH = 100;

/** Reads a schema for whole documents. Throws a QueryError for keywords that are unknown or wrong. */
export function parseSchema(schema: Value, at: string): (document: Document) => boolean {
  return readSchema(schema, at);
}

function readSchema(schema: Value, at: string): Valid {
  if (!isDocument(schema)) throw new QueryError("invalid", at, "needs an object");
  if (at.split(".").length > 4 * MAX_DEPTH) throw new QueryError("limit", at, "nests too deep");
  if (getField(schema, "type") !== undefined && getField(schema, "bsonType") !== undefined) {
    throw new QueryError("invalid", at, "cannot have both type and bsonType");
  }
  const tests: Valid[] = [];
  for (const name of Object.keys(schema)) {
    const keyword = KEYWORDS.get(name);
    const where = `${at}.${name}`;
    if (keyword === undefined) {
      throw new QueryError("invalid", where, `unknown keyword${didYouMean(name, KEYWORDS.keys())}`);
    }
    const test = keyword(getField(schema, name) ?? null, where, schema, at);
    if (test !== undefined) tests.push(test);
  }
  return (value) => tests.every((test) => test(value));
}

const KEYWORDS = new Map<string, Keyword>([
  ["title", (argument, at) => void readString(argument, at)],
  ["description", (argument, at) => void readString(argument, at)],
  ["type", (argument, at) => hasType(readJsonTypes(argument, at))],
  ["bsonType", (argument, at) => hasType(readBsonTypes(argument, at))],
  ["enum", readEnum],
  ["allOf", (argument, at) => combine(argument, at, (valid, total) => valid === total)],
  ["anyOf", (argument, at) => combine(argument, at, (valid) => valid > 0)],
  ["oneOf", (argument, at) => combine(argument, at, (valid) => valid === 1)],
  ["not", readNot],
  ["minimum", (argument, at, schema) => bound(argument, at, schema, "exclusiveMinimum", "gt", "gte")],
  ["maximum", (argument, at, schema) => bound(argument, at, schema, "exclusiveMaximum", "lt", "lte")],
  ["exclusiveMinimum", (argument, at, schema) => exclusive(argument, at, schema, "minimum")],
  ["exclusiveMaximum", (argument, at, schema) => exclusive(argument, at, schema, "maximum")],
  ["multipleOf", readMultipleOf],
  ["minLength", (argument, at) => length(argument, at, (size, limit) => size >= limit)],
  ["maxLength", (argument, at) => length(argument, at, (size, limit) => size <= limit)],
  ["pattern", readPattern],
  ["required", readRequired],
  ["minProperties", (argument, at) => fields(argument, at, (size, limit) => size >= limit)],
  ["maxProperties", (argument, at) => fields(argument, at, (size, limit) => size <= limit)],
  ["properties", readProperties],
  ["patternProperties", readPatternProperties],
  ["additionalProperties", readAdditionalProperties],
  ["dependencies", readDependencies],
  ["minItems", (argument, at) => items(argument, at, (size, limit) => size >= limit)],
  ["maxItems", (argument, at) => items(argument, at, (size, limit) => size <= limit)],
  ["uniqueItems", readUniqueItems],
  ["items", readItems],
  ["additionalItems", readAdditionalItems],
]);

function readString(argument: Value, at: string): string {
  if (typeof argument === "string") return argument;
  throw new QueryError("invalid", at, "needs a string");
}

function readBoolean(argument: Value, at: string): boolean {
  if (typeof argument === "boolean") return argument;
  throw new QueryError("invalid", at, "needs true or false");
}

function readCount(argument: Value, at: string): number {
  const count = readInt64(argument, at);
  if (count < 0n) throw new QueryError("invalid", at, "cannot be negative");
  return Number(count);
}

function readFields(argument: Value, at: string): Document {
  if (isDocument(argument)) return argument;
  throw new QueryError("invalid", at, "needs an object");
}

function readJsonTypes(argument: Value, at: string): ReadonlySet<TypeName> {
  const names = Array.isArray(argument) ? noneTwice(argument, at) : [argument];
  if (names.length === 0) throw new QueryError("invalid", at, "needs at least one type");
  return new Set(
    names.flatMap((name) => {
      const types = JSON_TYPES.get(readString(name, at));
      if (types !== undefined) return types;
      const hint =
        name === "integer" ? '; use bsonType "int" or "long"' : didYouMean(String(name), JSON_TYPES.keys());
      throw new QueryError("invalid", at, `unknown type ${JSON.stringify(name)}${hint}`);
    }),
  );
}

/** By name only, unlike `$type`. */
function readBsonTypes(argument: Value, at: string): ReadonlySet<TypeName> {
  for (const name of Array.isArray(argument) ? argument : [argument]) readString(name, at);
  return readTypes(noneTwice(argument, at), at);
}

function noneTwice<T extends Value>(types: T, at: string): T {
  if (Array.isArray(types) && new Set(types).size < types.length)
    throw new QueryError("invalid", at, "names a type twice");
  return types;
}

function hasType(types: ReadonlySet<TypeName>): Valid {
  return (value) => types.has(typeOf(value));
}

function readEnum(argument: Value, at: string): Valid {
  if (!Array.isArray(argument) || argument.length === 0)
    throw new QueryError("invalid", at, "needs an array of values");
  if (!allDifferent(argument)) throw new QueryError("invalid", at, "has a value twice");
  const allowed = argument.map(withOrderedFields);
  return (value) => {
    const own = withOrderedFields(value);
    return allowed.some((wanted) => equalValues(wanted, own));
  };
}

function combine(argument: Value, at: string, decide: (valid: number, total: number) => boolean): Valid {
  if (!Array.isArray(argument) || argument.length === 0)
    throw new QueryError("invalid", at, "needs an array of schemas");
  const schemas = argument.map((schema, i) => readSchema(schema, `${at}[${i}]`));
  return (value) => decide(schemas.filter((valid) => valid(value)).length, schemas.length);
}

function readNot(argument: Value, at: string): Valid {
  const schema = readSchema(argument, at);
  return (value) => !schema(value);
}

function isNumber(value: Value): boolean {
  return NUMBERS.has(typeOf(value));
}

function bound(
  argument: Value,
  at: string,
  schema: Document,
  name: string,
  strict: "gt" | "lt",
  loose: "gte" | "lte",
): Valid {
  if (!isNumber(argument)) throw new QueryError("invalid", at, "needs a number");
  const test = compareTest(getField(schema, name) === true ? strict : loose, argument);
  return (value) => !isNumber(value) || test(value);
}

function exclusive(argument: Value, at: string, schema: Document, name: string): undefined {
  readBoolean(argument, at);
  if (getField(schema, name) === undefined) throw new QueryError("invalid", at, `needs ${name} beside it`);
}

function readMultipleOf(argument: Value, at: string): Valid {
  const factor = readFactor(argument, at);
  return (value) => !isNumber(value) || isMultipleOf(value, factor);
}

function length(argument: Value, at: string, decide: (size: number, limit: number) => boolean): Valid {
  const limit = readCount(argument, at);
  return (value) => typeof value !== "string" || decide([...value].length, limit);
}

function readPattern(argument: Value, at: string): Valid {
  const regex = compileRegex(readString(argument, at), "", at);
  return (value) => typeof value !== "string" || regex.test(value);
}

function readNames(argument: Value, at: string): string[] {
  if (!Array.isArray(argument) || argument.length === 0)
    throw new QueryError("invalid", at, "needs an array of names");
  const names = argument.map((name, i) => readString(name, `${at}[${i}]`));
  if (new Set(names).size !== names.length) throw new QueryError("invalid", at, "names a field twice");
  return names;
}

function readRequired(argument: Value, at: string): Valid {
  const names = readNames(argument, at);
  return (value) => !isDocument(value) || names.every((name) => getField(value, name) !== undefined);
}

function fields(argument: Value, at: string, decide: (size: number, limit: number) => boolean): Valid {
  const limit = readCount(argument, at);
  return (value) => !isDocument(value) || decide(Object.keys(value).length, limit);
}

function readProperties(argument: Value, at: string): Valid {
  const schemas = Object.entries(readFields(argument, at)).map(
    ([name, schema]) => [name, readSchema(schema ?? null, `${at}.${name}`)] as const,
  );
  return (value) =>
    !isDocument(value) ||
    schemas.every(([name, valid]) => {
      const field = getField(value, name);
      return field === undefined || valid(field);
    });
}

function readPatternProperties(argument: Value, at: string): Valid {
  const schemas = patternsOf(argument, at).map(
    ([test, schema, where]) => [test, readSchema(schema, where)] as const,
  );
  return (value) =>
    !isDocument(value) ||
    Object.keys(value).every((name) =>
      schemas.every(([test, valid]) => !test(name) || valid(value[name] ?? null)),
    );
}

function patternsOf(
  argument: Value,
  at: string,
): [test: (name: string) => boolean, schema: Value, at: string][] {
  return Object.entries(readFields(argument, at)).map(([pattern, schema]) => {
    const where = `${at}.${pattern}`;
    const regex = compileRegex(pattern, "", where);
    return [(name) => regex.test(name), schema ?? null, where];
  });
}

function readAdditionalProperties(argument: Value, at: string, schema: Document, path: string): Valid {
  const known = new Set(Object.keys(readFields(getField(schema, "properties") ?? {}, `${path}.properties`)));
  const patterns = patternsOf(getField(schema, "patternProperties") ?? {}, `${path}.patternProperties`);
  const valid = typeof argument === "boolean" ? () => argument : readSchema(argument, at);
  return (value) =>
    !isDocument(value) ||
    Object.keys(value).every(
      (name) => known.has(name) || patterns.some(([test]) => test(name)) || valid(value[name] ?? null),
    );
}

function readDependencies(argument: Value, at: string): Valid {
  const rules = Object.entries(readFields(argument, at)).map(([name, rule]) => {
    const where = `${at}.${name}`;
    return [name, Array.isArray(rule) ? readRequired(rule, where) : readSchema(rule ?? null, where)] as const;
  });
  return (value) =>
    !isDocument(value) || rules.every(([name, valid]) => getField(value, name) === undefined || valid(value));
}

function items(argument: Value, at: string, decide: (size: number, limit: number) => boolean): Valid {
  const limit = readCount(argument, at);
  return (value) => !Array.isArray(value) || decide(value.length, limit);
}

function readUniqueItems(argument: Value, at: string): Valid | undefined {
  if (!readBoolean(argument, at)) return undefined;
  return (value) => !Array.isArray(value) || allDifferent(value);
}

function allDifferent(values: readonly Value[]): boolean {
  tick(values.length);
  const ordered = values.map(withOrderedFields).sort(compareValues);
  return ordered.every((value, i) => i === 0 || !equalValues(ordered[i - 1], value));
}

/** Documents are the same whatever the order of their fields. */
function withOrderedFields(value: Value): Value {
  if (Array.isArray(value)) return value.map(withOrderedFields);
  if (!isDocument(value)) return value;
  const ordered: Document = {};
  for (const name of Object.keys(value).sort()) {
    const field = value[name];
    if (field !== undefined) setField(ordered, name, withOrderedFields(field));
  }
  return ordered;
}

function readItems(argument: Value, at: string): Valid {
  if (!Array.isArray(argument)) {
    const valid = readSchema(argument, at);
    return (value) => !Array.isArray(value) || value.every(valid);
  }
  const schemas = argument.map((schema, i) => readSchema(schema, `${at}[${i}]`));
  return (value) =>
    !Array.isArray(value) || schemas.every((valid, i) => i >= value.length || valid(value[i] ?? null));
}

function readAdditionalItems(argument: Value, at: string, schema: Document): Valid | undefined {
  const valid = typeof argument === "boolean" ? () => argument : readSchema(argument, at);
  const first = getField(schema, "items");
  if (!Array.isArray(first)) return undefined;
  return (value) => !Array.isArray(value) || value.slice(first.length).every(valid);
}
