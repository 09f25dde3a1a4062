/** Tests of one value by a node, paths aside: the slow path of compiled filters and all of `$elemMatch`. */
import { BSONRegExp, BSONSymbol } from "bson";
import { tick } from "../deadline.ts";
import { compareValues, equalValues } from "../order.ts";
import type { Test } from "../paths.ts";
import type { Regex } from "../regex.ts";
import { type Document, isDocument, typeOf, type Value } from "../values.ts";
import { bitsTest } from "./bits.ts";
import { compareTest } from "./compare.ts";
import { shapeTest } from "./geo.ts";
import type { ElemMatchValueNode, InNode, MatchNode, ModNode } from "./nodes.ts";
import { truncateToInt64 } from "./numbers.ts";

/** Makes the test of whole documents by a node: what `$elemMatch` uses for items that are documents. */
export type DocumentTest = (node: MatchNode) => (document: Document) => boolean;

/** The test of one value that a node makes. `compile` tests whole documents. */
export function valueTest(node: MatchNode, compile: DocumentTest): Test {
  switch (node.kind) {
    case "compare":
      return compareTest(node.op, node.value);
    case "in":
      return inTest(node);
    case "exists":
      return (value) => value !== undefined;
    case "type":
      return (value) => node.types.has(typeOf(value));
    case "mod":
      return modTest(node);
    case "regex":
      return regexTest(node.regex);
    case "size":
      return (value) => Array.isArray(value) && value.length === node.size;
    case "elemMatchObject":
      return itemsTest(compile(node.child));
    case "elemMatchValue":
      return itemTest(node, compile);
    case "bits":
      return bitsTest(node);
    case "geo":
      return shapeTest(node.shape, node.relation);
    default:
      return logicalTest(node, compile);
  }
}

function logicalTest(node: MatchNode, compile: DocumentTest): Test {
  switch (node.kind) {
    case "not": {
      const child = valueTest(node.child, compile);
      return (value) => !child(value);
    }
    case "and": {
      const children = node.children.map((child) => valueTest(child, compile));
      return (value) => children.every((child) => child(value));
    }
    case "constant":
      return () => node.value;
    default: {
      // The other kinds test whole documents only.
      const test = compile(node);
      return (value) => isDocument(value) && test(value);
    }
  }
}

/** Above this many values a search by halves beats trying all. */
const FEW = 8;

function inTest({ values, regexes }: InNode): Test {
  const contains = values.length <= FEW ? containsByTrying(values) : containsByHalves(values);
  const hasNull = values.includes(null);
  const patterns = regexes.map(regexTest);
  return (value) => {
    if (value === undefined) return hasNull;
    return contains(value) || patterns.some((pattern) => pattern(value));
  };
}

function containsByTrying(values: readonly Value[]): (value: Value) => boolean {
  return (value) => values.some((wanted) => equalValues(value, wanted));
}

function containsByHalves(values: readonly Value[]): (value: Value) => boolean {
  return (value) => {
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareValues(values[middle], value);
      if (order === 0) return true;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return false;
  };
}

function modTest({ divisor, remainder }: ModNode): Test {
  return (value) => {
    const dividend = truncateToInt64(value);
    return dividend !== undefined && dividend % divisor === remainder;
  };
}

/** A stored regular expression matches only the same one. */
export function regexTest(regex: Regex): Test {
  return (value) => {
    if (typeof value === "string") return regex.test(value);
    if (value instanceof BSONSymbol) return regex.test(value.value);
    return value instanceof BSONRegExp && value.pattern === regex.pattern && value.options === regex.options;
  };
}

function itemsTest(child: (document: Document) => boolean): Test {
  return (value) => {
    if (!Array.isArray(value)) return false;
    tick(value.length);
    for (const item of value) {
      if (isDocument(item)) {
        if (child(item)) return true;
      } else if (Array.isArray(item) && child({ ...item } as unknown as Document)) {
        // An array is a document whose fields are its positions.
        return true;
      }
    }
    return false;
  };
}

function itemTest(node: ElemMatchValueNode, compile: DocumentTest): Test {
  const children = node.children.map((child) => valueTest(child, compile));
  return (value) => {
    if (!Array.isArray(value)) return false;
    tick(value.length);
    return value.some((item) => children.every((child) => child(item)));
  };
}
