/** Random documents: small, of many types, with values that come again so that comparisons are close. */
import { Decimal128, Double } from "bson";
import { type Document, double, isDocument, setField, type Value } from "../../../src/query/index.ts";
import { DATES, DECIMALS, DOUBLES, INTEGERS, LONGS, ODD_TYPES, STRINGS } from "../values.ts";
import type { Random } from "./random.ts";

/** A number of any BSON type. */
export function anyNumber(random: Random): Value {
  return random.weighted<Value>([
    [5, () => (random.chance(0.7) ? random.pick(INTEGERS) : random.int(-100, 100))],
    [4, () => (random.chance(0.8) ? double(random.pick(DOUBLES)) : double(random.int(-1000, 1000) / 8))],
    [2, () => random.pick(LONGS)],
    [1, () => random.pick(DECIMALS)],
  ]);
}

/** A value that is neither document nor array. */
export function anyScalar(random: Random): Value {
  return random.weighted<Value>([
    [10, () => anyNumber(random)],
    [4, () => random.pick(STRINGS)],
    [3, () => null],
    [2, () => random.chance(0.5)],
    [1.5, () => new Date(random.pick(DATES))],
    [1.5, () => random.pick(ODD_TYPES)],
  ]);
}

export const FIELD_NAMES = ["a", "b", "c", "0", "1", "d"];
const ODD_NAMES = ["__proto__", "constructor", "length", "toString", "00", "-1", "é"];

export function fieldName(random: Random): string {
  return random.chance(0.03) ? random.pick(ODD_NAMES) : random.pick(FIELD_NAMES);
}

/** Any value, at most `depth` levels of documents and arrays deep. */
export function anyValue(random: Random, depth = 3): Value {
  if (depth <= 0 || random.chance(0.45)) return anyScalar(random);
  return random.chance(0.5) ? anyArray(random, depth) : anyDocument(random, depth - 1);
}

function anyArray(random: Random, depth: number): Value[] {
  // Arrays of one kind are what real documents have.
  const make = random.weighted<() => Value>([
    [3, () => () => anyNumber(random)],
    [4, () => () => anyDocument(random, depth - 1)],
    [3, () => () => anyValue(random, depth - 1)],
  ]);
  return random.list(0, 4, make);
}

/** A document of up to five fields. */
export function anyDocument(random: Random, depth = 3): Document {
  const document: Document = {};
  for (const name of random.list(0, 5, () => fieldName(random)))
    setField(document, name, anyValue(random, depth));
  return document;
}

/**
 * Documents for a collection, with ascending `_id`. None has a number for a name beside `_id`: objects put such
 * names first, the server `_id`.
 */
export function anyDocuments(random: Random, count: number, first = 0): Document[] {
  return Array.from({ length: count }, (_, i) => {
    const document: Document = { _id: first + i };
    for (const [name, value] of Object.entries(anyDocument(random))) {
      if (value !== undefined) setField(document, /^\d+$/.test(name) ? `f${name}` : name, value);
    }
    return document;
  });
}

/** A dotted path that leads to something in one of the documents, or nearly so. */
export function anyPath(random: Random, documents: readonly Document[]): string {
  if (random.chance(0.1)) return random.list(1, 3, () => fieldName(random)).join(".");
  const parts: string[] = [];
  let value: Value | undefined = random.pick(documents);
  while (value !== undefined && parts.length < 5) {
    const step = nextStep(random, value);
    if (step === undefined) break;
    if (step.part !== undefined) parts.push(step.part);
    value = step.value;
    if (parts.length > 0 && random.chance(0.4)) break;
  }
  if (parts.length === 0 || random.chance(0.05)) parts.push(fieldName(random));
  return parts.join(".");
}

/** One step down; without a part where an array is passed through silently. */
function nextStep(
  random: Random,
  value: Value,
): { part: string | undefined; value: Value | undefined } | undefined {
  if (Array.isArray(value)) {
    if (value.length === 0) return undefined;
    const index = random.int(0, value.length - 1);
    return { part: random.chance(0.35) ? String(index) : undefined, value: value[index] };
  }
  if (!isDocument(value)) return undefined;
  const names = Object.keys(value);
  if (names.length === 0) return undefined;
  const name = random.pick(names);
  return { part: name, value: value[name] };
}

/** A value to compare with: often one that a document has, or one near to it. */
export function anyOperand(random: Random, documents: readonly Document[]): Value {
  if (random.chance(0.5)) return anyValue(random, 2);
  const found = someValue(random, random.pick(documents), 4);
  return random.chance(0.2) ? asOtherNumber(random, found) : found;
}

function someValue(random: Random, value: Value, depth: number): Value {
  if (depth === 0) return value;
  const below = Array.isArray(value) ? value : isDocument(value) ? Object.values(value) : [];
  if (below.length === 0) return value;
  const next = random.pick(below) ?? null;
  return random.chance(0.6) ? someValue(random, next, depth - 1) : next;
}

/** The same number in another type. */
function asOtherNumber(random: Random, value: Value): Value {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) return value;
  return random.pick<Value>([BigInt(value), new Double(value), Decimal128.fromString(String(value))]);
}

/** Documents whose fields mostly have types of their own, as real ones do: what expressions can compute with. */
export function typedDocuments(random: Random, count: number, first = 0): Document[] {
  const mostly = (make: () => Value): Value => (random.chance(0.92) ? make() : anyValue(random, 1));
  // What pipelines sort by is never a document: names that are numbers would be taken for positions.
  const scalar = (make: () => Value): Value => (random.chance(0.92) ? make() : anyScalar(random));
  const point = (): Document => ({
    x: mostly(() => anyNumber(random)),
    y: random.pick(STRINGS),
    t: random.int(0, 3),
  });
  return Array.from({ length: count }, (_, i) => {
    const document: Document = {
      _id: first + i,
      n: scalar(() => anyNumber(random)),
      i: scalar(() => random.int(-3, 10)),
      s: scalar(() => random.pick(STRINGS)),
      b: mostly(() => random.chance(0.5)),
      d: mostly(() => new Date(random.pick(DATES))),
      l: mostly(() => random.list(0, 4, () => anyNumber(random))),
      m: mostly(() => random.list(0, 3, point)),
      o: mostly(() => ({ a: anyScalar(random), b: { x: anyNumber(random) } })),
      v: anyValue(random, 2),
    };
    if (random.chance(0.2)) delete document[random.pick(Object.keys(document).slice(1))];
    return document;
  });
}
