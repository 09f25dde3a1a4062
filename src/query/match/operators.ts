/** The operators of a field, by name: how each argument is read. */
import { BSONRegExp } from "bson";
import { QueryError } from "../errors.ts";
import { compareValues } from "../order.ts";
import { compileRegex, compileRegexValue, type Regex } from "../regex.ts";
import { type Document, getField, isDocument, truthy, type Value } from "../values.ts";
import { readBits } from "./bits.ts";
import { readIntersects, readNear, readWithin } from "./geo-shapes.ts";
import type { BitsNode, Comparison, MatchNode } from "./nodes.ts";
import { readInt64, readMod } from "./numbers.ts";
import {
  conjunction,
  countCondition,
  isOperatorDocument,
  type ParseContext,
  parseFilter,
  parseOperators,
} from "./parse.ts";
import { readTypes } from "./types.ts";

/** What an operator is read with: its field, its place, and the object it stands in. */
export interface FieldContext {
  readonly at: string;
  readonly field: string;
  readonly parts: readonly string[];
  readonly section: Document;
  readonly context: ParseContext;
}

export type FieldOperator = (value: Value, field: FieldContext) => MatchNode | undefined;

export const FIELD_OPERATORS: ReadonlyMap<string, FieldOperator> = new Map<string, FieldOperator>([
  ["$eq", (value, field) => compare("eq", value, field)],
  [
    "$ne",
    (value, field) => ({ kind: "not", at: field.at, child: compare("eq", noRegex(value, field.at), field) }),
  ],
  ["$gt", (value, field) => compare("gt", noRegex(value, field.at), field)],
  ["$gte", (value, field) => compare("gte", noRegex(value, field.at), field)],
  ["$lt", (value, field) => compare("lt", noRegex(value, field.at), field)],
  ["$lte", (value, field) => compare("lte", noRegex(value, field.at), field)],
  ["$in", parseIn],
  ["$nin", (value, field) => ({ kind: "not", at: field.at, child: parseIn(value, field) })],
  ["$not", parseNot],
  ["$exists", parseExists],
  ["$type", (value, field) => ({ kind: "type", ...place(field), types: readTypes(value, field.at) })],
  ["$mod", (value, field) => ({ kind: "mod", ...place(field), ...readMod(value, field.at) })],
  ["$regex", parseRegex],
  ["$options", parseOptions],
  ["$size", parseSize],
  ["$all", parseAll],
  ["$elemMatch", parseElemMatch],
  ["$bitsAllSet", (value, field) => bits("allSet", value, field)],
  ["$bitsAllClear", (value, field) => bits("allClear", value, field)],
  ["$bitsAnySet", (value, field) => bits("anySet", value, field)],
  ["$bitsAnyClear", (value, field) => bits("anyClear", value, field)],
  ["$geoWithin", (value, field) => geo("within", value, field)],
  ["$within", (value, field) => geo("within", value, field)],
  ["$geoIntersects", (value, field) => geo("intersects", value, field)],
  ["$near", (_value, field) => near("$near", field)],
  ["$nearSphere", (_value, field) => near("$nearSphere", field)],
  ["$maxDistance", besideNear],
  ["$minDistance", besideNear],
]);

function place(field: FieldContext) {
  return { at: field.at, field: field.field, parts: field.parts };
}

function compare(op: Comparison, value: Value, field: FieldContext): MatchNode {
  return Object.freeze({ kind: "compare", ...place(field), op, value });
}

function noRegex(value: Value, at: string): Value {
  if (value instanceof BSONRegExp)
    throw new QueryError("invalid", at, "cannot compare with a regular expression");
  return value;
}

function parseIn(value: Value, field: FieldContext): MatchNode {
  if (!Array.isArray(value)) throw new QueryError("invalid", field.at, "needs an array");
  const values: Value[] = [];
  const regexes: Regex[] = [];
  value.forEach((item, i) => {
    const at = `${field.at}[${i}]`;
    if (item instanceof BSONRegExp) regexes.push(compileRegexValue(item, at));
    else if (isOperatorDocument(item))
      throw new QueryError("invalid", at, "operators cannot stand in this array");
    else values.push(item);
  });
  return Object.freeze({
    kind: "in",
    ...place(field),
    values: sorted(values),
    regexes,
  });
}

/** In order of values. Not frozen: that makes long arrays slow; lists of plain numbers or int64 sort fast. */
function sorted(values: Value[]): readonly Value[] {
  if (values.every((value) => typeof value === "number" && !Number.isNaN(value)))
    return [...Float64Array.from(values).sort()];
  if (values.every((value) => typeof value === "bigint")) return [...BigInt64Array.from(values).sort()];
  return values.sort(compareValues);
}

function parseNot(value: Value, field: FieldContext): MatchNode {
  if (value instanceof BSONRegExp) {
    const regex = compileRegexValue(value, field.at);
    return { kind: "not", at: field.at, child: Object.freeze({ kind: "regex", ...place(field), regex }) };
  }
  if (!isDocument(value) || Object.keys(value).length === 0) {
    throw new QueryError("invalid", field.at, "needs a regular expression or an object with operators");
  }
  return { kind: "not", at: field.at, child: conjunction(parseOperators(field, value), field.at) };
}

function parseExists(value: Value, field: FieldContext): MatchNode {
  const exists: MatchNode = Object.freeze({ kind: "exists", ...place(field) });
  return truthy(value) ? exists : { kind: "not", at: field.at, child: exists };
}

function parseRegex(value: Value, field: FieldContext): MatchNode {
  const options = getField(field.section, "$options");
  if (options !== undefined && typeof options !== "string") {
    throw new QueryError("invalid", `${field.at.slice(0, -"$regex".length)}$options`, "needs a string");
  }
  if (value instanceof BSONRegExp) {
    if (value.options !== "" && options !== undefined) {
      throw new QueryError(
        "invalid",
        field.at,
        "options are given both in the regular expression and in $options",
      );
    }
    return {
      kind: "regex",
      ...place(field),
      regex: compileRegex(value.pattern, options ?? value.options, field.at),
    };
  }
  if (typeof value !== "string")
    throw new QueryError("invalid", field.at, "needs a string or a regular expression");
  return { kind: "regex", ...place(field), regex: compileRegex(value, options ?? "", field.at) };
}

function parseOptions(_value: Value, field: FieldContext): undefined {
  if (getField(field.section, "$regex") === undefined) {
    throw new QueryError("invalid", field.at, "$options needs a $regex beside it");
  }
}

function parseSize(value: Value, field: FieldContext): MatchNode {
  const size = Number(readInt64(value, field.at));
  if (size < 0 || size > 2147483647) throw new QueryError("invalid", field.at, "needs a non-negative int32");
  return { kind: "size", ...place(field), size };
}

function parseAll(value: Value, field: FieldContext): MatchNode {
  if (!Array.isArray(value)) throw new QueryError("invalid", field.at, "needs an array");
  if (value.length === 0) return { kind: "constant", at: field.at, value: false };
  const matching = isElemMatch(value[0]);
  const children = value.map((item, i): MatchNode => {
    const at = `${field.at}[${i}]`;
    countCondition(field.context, at);
    if (isElemMatch(item) !== matching) {
      throw new QueryError("invalid", at, "either all items are $elemMatch or none is");
    }
    if (matching)
      return Object.freeze(parseElemMatch((item as Document)["$elemMatch"] ?? null, { ...field, at }));
    if (item instanceof BSONRegExp) {
      return Object.freeze({ kind: "regex", ...place(field), at, regex: compileRegexValue(item, at) });
    }
    if (isDocument(item) && FIELD_OPERATORS.has(Object.keys(item)[0] ?? "")) {
      throw new QueryError("invalid", at, "operators other than $elemMatch cannot stand in $all");
    }
    return compare("eq", item, { ...field, at });
  });
  return conjunction(children, field.at);
}

function isElemMatch(value: Value | undefined): boolean {
  return isDocument(value) && Object.keys(value)[0] === "$elemMatch";
}

function parseElemMatch(value: Value, field: FieldContext): MatchNode {
  if (!isDocument(value)) throw new QueryError("invalid", field.at, "needs an object");
  const context = { ...field.context, depth: field.context.depth + 1, inArray: true };
  const [first = ""] = Object.keys(value);
  const reference = ["$ref", "$id", "$db"].some((name) => Object.hasOwn(value, name));
  if (first.startsWith("$") && !reference && !WHOLE_DOCUMENT.has(first)) {
    // The operators test the items themselves: their path is empty.
    const children = parseOperators({ at: field.at, field: field.field, parts: field.parts, context }, value);
    return { kind: "elemMatchValue", ...place(field), children };
  }
  return { kind: "elemMatchObject", ...place(field), child: parseFilter(value, field.at, context) };
}

/** Operators that take whole documents, so that `$elemMatch` with them tests documents. */
const WHOLE_DOCUMENT = new Set([
  "$and",
  "$or",
  "$nor",
  "$expr",
  "$jsonSchema",
  "$comment",
  "$where",
  "$text",
  "$sampleRate",
  "$alwaysTrue",
  "$alwaysFalse",
]);

function bits(want: BitsNode["want"], value: Value, field: FieldContext): MatchNode {
  return { kind: "bits", ...place(field), want, positions: readBits(value, field.at) };
}

function geo(relation: "within" | "intersects", value: Value, field: FieldContext): MatchNode {
  const others = Object.keys(field.section).length - 1;
  if (others > 0)
    throw new QueryError("invalid", field.at, "no other operator can stand beside it; use $and");
  const shape = relation === "within" ? readWithin(value, field.at) : readIntersects(value, field.at);
  return { kind: "geo", ...place(field), relation, shape };
}

function near(name: string, field: FieldContext): MatchNode {
  if (Object.keys(field.section)[0] !== name)
    throw new QueryError("invalid", field.at, `${name} must come first`);
  const at = field.at.slice(0, -name.length - 1);
  return { kind: "near", ...place(field), near: readNear(name, field.section, at) };
}

function besideNear(_value: Value, field: FieldContext): never {
  throw new QueryError("invalid", field.at, "needs a $near or $nearSphere that comes first");
}
