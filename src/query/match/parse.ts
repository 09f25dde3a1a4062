/** Reads a find filter into nodes; everything that can be wrong with it is found here. */
import { BSONRegExp } from "bson";
import { QueryError } from "../errors.ts";
import { splitPath } from "../paths.ts";
import { compileRegexValue } from "../regex.ts";
import { didYouMean } from "../suggest.ts";
import { type Document, getField, isDocument, toNumber, type Value } from "../values.ts";
import { type MatchNode, walkMatch } from "./nodes.ts";
import { toInt64 } from "./numbers.ts";
import { FIELD_OPERATORS, type FieldContext } from "./operators.ts";
import { parseSchema } from "./schema.ts";

/** How deep operators may nest. */
const MAX_DEPTH = 100;
/** Conditions of one filter: more would take seconds to compile. Lists of `$in` are one condition, however long. */
const MAX_CONDITIONS = 100_000;

/** What a filter may contain, by where it stands. */
export interface ParseContext {
  readonly depth: number;
  /** Inside an array item: operators on the whole document are not allowed. */
  readonly inArray: boolean;
  /** How many conditions the whole filter has so far. */
  readonly count: { conditions: number };
}

/** Counts a condition against the limit of a filter. */
export function countCondition(context: ParseContext, at: string): void {
  if (++context.count.conditions <= MAX_CONDITIONS) return;
  throw new QueryError("limit", at, `the filter has more than ${MAX_CONDITIONS} conditions`);
}

type TopOperator = (value: Value, at: string, context: ParseContext) => MatchNode | undefined;

const TOP_OPERATORS = new Map<string, TopOperator>([
  ["$and", (value, at, context) => logical("and", value, at, context)],
  ["$or", (value, at, context) => logical("or", value, at, context)],
  ["$nor", (value, at, context) => logical("nor", value, at, context)],
  ["$expr", parseExpr],
  ["$jsonSchema", (value, at) => ({ kind: "schema", at, valid: parseSchema(value, at) })],
  ["$comment", () => undefined],
  ["$sampleRate", parseSampleRate],
  ["$alwaysTrue", (value, at) => constant(value, at, true)],
  ["$alwaysFalse", (value, at) => constant(value, at, false)],
]);

const REFUSED = new Map<string, string>([
  ["$where", "runs JavaScript, which is not supported; use $expr"],
  ["$text", "text search is not supported; use $regex"],
]);

/**
 * Reads a filter. Throws a QueryError that names the place, starting with `path`. `forItems` refuses what the
 * server does not allow in filters of projections.
 */
export function parseMatch(filter: Value, path = "filter", forItems = false): MatchNode {
  const node = parseFilter(filter, path, { depth: 0, inArray: false, count: { conditions: 0 } });
  if (forItems) checkForItems(node);
  checkNear(node);
  return node;
}

/** Reads a filter below another operator. */
export function parseFilter(filter: Value, at: string, context: ParseContext): MatchNode {
  if (!isDocument(filter)) throw new QueryError("invalid", at, "needs an object");
  if (context.depth > MAX_DEPTH) throw new QueryError("limit", at, `nests deeper than ${MAX_DEPTH} levels`);
  const children: MatchNode[] = [];
  for (const name of Object.keys(filter)) {
    const value = getField(filter, name);
    if (value === undefined) continue;
    const where = `${at}.${name}`;
    countCondition(context, where);
    if (name.startsWith("$")) {
      const node = parseTop(name, value, where, context);
      if (node !== undefined) children.push(node);
    } else children.push(...parseField(name, value, where, context));
  }
  return conjunction(children, at);
}

/** All of `children`; a single one stands for itself. */
export function conjunction(children: readonly MatchNode[], at: string): MatchNode {
  const [first] = children;
  if (first === undefined) return Object.freeze({ kind: "constant", at, value: true });
  return children.length === 1 ? first : Object.freeze({ kind: "and", at, children: [...children] });
}

function parseTop(name: string, value: Value, at: string, context: ParseContext): MatchNode | undefined {
  const operator = TOP_OPERATORS.get(name);
  if (operator !== undefined) return Object.freeze(operator(value, at, context));
  const refused = REFUSED.get(name);
  if (refused !== undefined) throw new QueryError("unsupported", at, refused);
  if (FIELD_OPERATORS.has(name)) {
    throw new QueryError("invalid", at, `${name} tests a field: write {field: {${name}: …}}`);
  }
  throw new QueryError("invalid", at, `unknown operator${didYouMean(name, TOP_OPERATORS.keys())}`);
}

/** Whether a value tests a field by operators: its first field begins with `$` and it is no DBRef. */
export function isOperatorDocument(value: Value | undefined): value is Document {
  if (!isDocument(value)) return false;
  const names = Object.keys(value);
  if (!names[0]?.startsWith("$")) return false;
  return !(names.includes("$ref") && names.includes("$id"));
}

function parseField(field: string, value: Value, at: string, context: ParseContext): MatchNode[] {
  const shared = { field, parts: splitPath(field, at) };
  if (isOperatorDocument(value)) return parseOperators({ ...shared, at, context }, value);
  if (value instanceof BSONRegExp) {
    return [Object.freeze({ kind: "regex", at, ...shared, regex: compileRegexValue(value, at) })];
  }
  return [Object.freeze({ kind: "compare", at, ...shared, op: "eq", value })];
}

/** Reads `{$gt: 5, $lt: 8}` for a field. */
export function parseOperators(field: Omit<FieldContext, "section">, section: Document): MatchNode[] {
  if (field.context.depth > MAX_DEPTH) {
    throw new QueryError("limit", field.at, `nests deeper than ${MAX_DEPTH} levels`);
  }
  const first = Object.keys(section)[0] ?? "";
  const nodes: MatchNode[] = [];
  for (const name of Object.keys(section)) {
    const value = getField(section, name);
    if (value === undefined) continue;
    const at = `${field.at}.${name}`;
    countCondition(field.context, at);
    const operator = FIELD_OPERATORS.get(name);
    if (operator === undefined) throw unknownOperator(name, at);
    const node = operator(value, {
      ...field,
      at,
      section,
      context: { ...field.context, depth: field.context.depth + 1 },
    });
    if (node !== undefined) nodes.push(Object.freeze(node));
    // The options of a near search stand beside it and have been read with it.
    if (name === first && node?.kind === "near") break;
  }
  return nodes;
}

function unknownOperator(name: string, at: string): QueryError {
  const refused = REFUSED.get(name);
  if (refused !== undefined) return new QueryError("unsupported", at, refused);
  if (!name.startsWith("$")) {
    return new QueryError(
      "invalid",
      at,
      "a plain field cannot stand beside operators; write the path with a dot",
    );
  }
  if (TOP_OPERATORS.has(name)) return new QueryError("invalid", at, `${name} cannot be applied to a field`);
  return new QueryError("invalid", at, `unknown operator${didYouMean(name, FIELD_OPERATORS.keys())}`);
}

function logical(kind: "and" | "or" | "nor", value: Value, at: string, context: ParseContext): MatchNode {
  if (!Array.isArray(value) || value.length === 0) {
    throw new QueryError("invalid", at, "needs an array of at least one filter");
  }
  const below = { ...context, depth: context.depth + 1 };
  const children = value.map((item, i) => parseFilter(item, `${at}[${i}]`, below));
  return { kind, at, children };
}

function parseExpr(value: Value, at: string, context: ParseContext): MatchNode {
  if (context.inArray)
    throw new QueryError("invalid", at, "$expr sees the whole document; it cannot stand in $elemMatch");
  return { kind: "expr", at, expression: value };
}

function parseSampleRate(value: Value, at: string, context: ParseContext): MatchNode {
  if (context.inArray)
    throw new QueryError("invalid", at, "$sampleRate takes whole documents; it cannot stand in $elemMatch");
  const rate = toNumber(value);
  if (rate === undefined || !(rate >= 0 && rate <= 1))
    throw new QueryError("invalid", at, "needs a number from 0 to 1");
  return { kind: "sample", at, rate };
}

function constant(value: Value, at: string, answer: boolean): MatchNode {
  if (toInt64(value) !== 1n) throw new QueryError("invalid", at, "needs the value 1");
  return { kind: "constant", at, value: answer };
}

/** Conditions that no filter of a projection can have. */
export function checkForItems(node: MatchNode): void {
  for (const { kind, at } of walkMatch(node)) {
    if (kind !== "schema" && kind !== "expr" && kind !== "near") continue;
    throw new QueryError("invalid", at, "cannot be used where a projection selects items of an array");
  }
}

/** A near search sorts the whole answer: there can be one, and every match must come through it. */
function checkNear(node: MatchNode): void {
  let count = 0;
  const visit = (inner: MatchNode, allowed: boolean) => {
    if (inner.kind === "near") {
      count++;
      if (!allowed)
        throw new QueryError("invalid", inner.at, "a near search must stand at the top of the filter");
      if (count > 1) throw new QueryError("invalid", inner.at, "only one near search is possible");
    } else if (inner.kind === "and") for (const child of inner.children) visit(child, allowed);
    else if ("children" in inner) for (const child of inner.children) visit(child, false);
    else if ("child" in inner) visit(inner.child, false);
  };
  visit(node, true);
}
