/** Says whether and why not a value fits a type: picks union branches, and explains failed writes. */
import { Double } from "bson";
import { isLong } from "./byte-writer.ts";
import { EncodeError } from "./errors.ts";
import type { RecordNode, SchemaNode, UnionNode } from "./schema.ts";
import { MAX_DEPTH } from "./values.ts";

/** Where and why a value does not fit. */
export interface Misfit {
  readonly path: string;
  readonly reason: string;
}

/**
 * The branch of a union that a value is written as: the first whose type is exactly the value's (an
 * integral number is an int, a `bigint` a long, a `Double` a double), else the first that can hold it;
 * -1 when none can.
 */
export function branchOf(union: UnionNode, value: unknown): number {
  const exact = union.branches.findIndex((branch) => misfit(branch, value, "", true) === undefined);
  return exact >= 0
    ? exact
    : union.branches.findIndex((branch) => misfit(branch, value, "", false) === undefined);
}

/**
 * Where `value` does not fit `node`, or `undefined` when it can be written. Throws `EncodeError` for a value
 * nested too deep, perhaps inside itself.
 * @param path field path of `value`, `""` at the top
 * @param exact asks for the value's own type, not merely one that can hold it
 */
export function misfit(
  node: SchemaNode,
  value: unknown,
  path: string,
  exact: boolean,
  depth = 0,
): Misfit | undefined {
  // Thrown, not returned: trying the other branches of every union on the way would take for ever.
  if (depth > MAX_DEPTH) throw new EncodeError(path, `values are nested deeper than ${MAX_DEPTH}`);
  const below = (child: SchemaNode, item: unknown, step: string): Misfit | undefined =>
    misfit(child, item, path === "" ? step : `${path}.${step}`, exact, depth + 1);
  switch (node.kind) {
    case "union": {
      const others = node.branches.filter((branch) => branch.kind !== "null");
      if (others.length < node.branches.length && (value === null || value === undefined)) return undefined;
      // With a single branch beside null, that branch's reason (and its path) is the useful one.
      const [only] = others;
      if (only !== undefined && others.length === 1) return misfit(only, value, path, exact, depth);
      if (others.some((branch) => misfit(branch, value, path, exact, depth) === undefined)) return undefined;
      return {
        path,
        reason: `expected ${node.branches.map(expectation).join(" or ")}, found ${shown(value)}`,
      };
    }
    case "array": {
      if (!Array.isArray(value)) break;
      return first(value, (item, index) => below(node.items, item, String(index)));
    }
    case "map": {
      if (!isPlainObject(value)) break;
      return first(Object.entries(value), ([key, item]) =>
        key.isWellFormed() ? below(node.values, item, key) : { path, reason: "a key has a lone surrogate" },
      );
    }
    case "record": {
      if (!isPlainObject(value) || (exact && !sameFields(node, value))) break;
      return first(node.fields, (field) => below(field.type, own(value, field.name), field.name));
    }
    default:
      if (fitsLeaf(node, value, exact)) return undefined;
  }
  return { path, reason: `expected ${expectation(node)}, found ${shown(value)}` };
}

/** A field's value; what objects inherit (`constructor`, `__proto__`) is not a field. */
export function own(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

/** Whether a value can be a record or a map. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  return !Array.isArray(value) && !(value instanceof Uint8Array) && !(value instanceof Double);
}

type Leaf = Exclude<SchemaNode, { kind: "union" | "array" | "map" | "record" }>;

function fitsLeaf(node: Leaf, value: unknown, exact: boolean): boolean {
  switch (node.kind) {
    case "null":
      return value === null || value === undefined;
    case "boolean":
      return typeof value === "boolean";
    case "int":
      return typeof value === "number" && (value | 0) === value;
    case "long":
      return isLong(value) || (!exact && Number.isSafeInteger(value));
    case "float":
      return exact
        ? isDouble(value) && Object.is(Math.fround(Number(value)), Number(value))
        : isNumber(value);
    case "double":
      return exact ? isDouble(value) : isNumber(value);
    case "bytes":
      return value instanceof Uint8Array;
    case "fixed":
      return value instanceof Uint8Array && value.length === node.size;
    case "string":
      return typeof value === "string" && value.isWellFormed();
    case "enum":
      return typeof value === "string" && node.symbols.includes(value);
  }
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || value instanceof Double;
}

function isDouble(value: unknown): boolean {
  return value instanceof Double || (typeof value === "number" && !Number.isInteger(value));
}

function sameFields(node: RecordNode, value: object): boolean {
  const names = new Set(node.fields.map((field) => field.name));
  return (
    Object.keys(value).length === names.size && node.fields.every((field) => Object.hasOwn(value, field.name))
  );
}

function first<T>(
  items: readonly T[],
  test: (item: T, index: number) => Misfit | undefined,
): Misfit | undefined {
  for (let i = 0; i < items.length; i++) {
    const found = test(items[i] as T, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

function expectation(node: SchemaNode): string {
  switch (node.kind) {
    case "record":
      return `a record ${node.name}`;
    case "enum":
      return `one of ${node.symbols.slice(0, 8).join(", ")}`;
    case "fixed":
      return `${node.size} bytes`;
    default:
      return node.kind;
  }
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null || typeof value === "boolean" || typeof value === "number") return String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (value instanceof Double) return `Double(${value.value})`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return Array.isArray(value) ? "an array" : "an object";
}
