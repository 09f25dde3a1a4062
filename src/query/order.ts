/** BSON's order of values: the one that comparisons, sorts, `$min`, `$group` and indexes share. */
import {
  Binary,
  type BSONRegExp,
  BSONSymbol,
  type Code,
  DBRef,
  Decimal128,
  Double,
  type ObjectId,
  type Timestamp,
} from "bson";
import { tick } from "./deadline.ts";
import {
  compareDecimals,
  compareToRounded,
  type DecimalParts,
  decimalOfBigint,
  decimalOfDouble,
  decimalParts,
} from "./decimal.ts";
import { type Document, type TypeName, typeOf, type Value } from "./values.ts";

/** Types that compare with each other share a bracket; brackets are ordered. */
const BRACKETS: Record<TypeName, number> = {
  minKey: -1,
  missing: 0,
  null: 5,
  double: 10,
  int: 10,
  long: 10,
  decimal: 10,
  string: 15,
  symbol: 15,
  object: 20,
  array: 25,
  binData: 30,
  objectId: 35,
  bool: 40,
  date: 45,
  timestamp: 47,
  regex: 50,
  javascript: 60,
  javascriptWithScope: 65,
  maxKey: 127,
};

/** The place of a value's type in the order of types; equal for types that compare by value. */
export function bracketOf(value: Value | undefined): number {
  switch (typeof value) {
    case "number":
    case "bigint":
      return 10;
    case "string":
      return 15;
    default:
      return BRACKETS[typeOf(value)];
  }
}

/**
 * Orders two values as BSON does: negative, zero or positive. Missing comes before null, NaN before all
 * numbers and equal to itself, −0 equals 0; numbers compare exactly across types.
 */
export function compareValues(a: Value | undefined, b: Value | undefined): number {
  if (typeof a === "number" && typeof b === "number") return compareDoubles(a, b);
  if (typeof a === "string" && typeof b === "string") return compareStrings(a, b);
  const bracketA = bracketOf(a);
  const bracketB = bracketOf(b);
  if (bracketA !== bracketB) return bracketA < bracketB ? -1 : 1;
  return compareInBracket(bracketA, a, b);
}

/** Whether two values are equal in BSON's order (1 equals 1.0; field order counts). */
export function equalValues(a: Value | undefined, b: Value | undefined): boolean {
  if (typeof a === "number" && typeof b === "number") return a === b || (Number.isNaN(a) && Number.isNaN(b));
  return a === b || compareValues(a, b) === 0;
}

function compareInBracket(bracket: number, a: Value | undefined, b: Value | undefined): number {
  switch (bracket) {
    case 10:
      return compareNumbers(a, b);
    case 15:
      return compareStrings(textOf(a), textOf(b));
    case 20:
      return compareDocuments(documentOf(a), documentOf(b));
    case 25:
      return compareArrays(a as Value[], b as Value[]);
    case 30:
      return compareBinary(a as Binary | Uint8Array, b as Binary | Uint8Array);
    case 35:
      return compareBytes((a as ObjectId).id, (b as ObjectId).id);
    case 40:
      return Number(a) - Number(b);
    case 45:
      return compareDoubles((a as Date).getTime(), (b as Date).getTime());
    case 47:
      return compareTimestamps(a as Timestamp, b as Timestamp);
    case 50:
      return compareRegexes(a as BSONRegExp, b as BSONRegExp);
    case 60:
    case 65:
      return compareCode(a as Code, b as Code);
    default:
      return 0;
  }
}

function textOf(value: Value | undefined): string {
  return value instanceof BSONSymbol ? value.value : (value as string);
}

/** A DBRef is a document with reserved names; the driver only dresses it up. */
function documentOf(value: Value | undefined): Document {
  return value instanceof DBRef ? (value.toJSON() as unknown as Document) : (value as Document);
}

function compareDoubles(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return (Number.isNaN(a) ? 0 : 1) - (Number.isNaN(b) ? 0 : 1);
}

/** Orders numbers of any BSON types exactly. */
export function compareNumbers(a: Value | undefined, b: Value | undefined): number {
  if (a instanceof Decimal128 || b instanceof Decimal128)
    return compareDecimals(partsOf(a), partsOf(b)) || beyondDigits(a) - beyondDigits(b);
  const x = a instanceof Double ? a.value : (a as number | bigint);
  const y = b instanceof Double ? b.value : (b as number | bigint);
  // JavaScript compares bigint and number by exact value.
  if (x < y) return -1;
  if (x > y) return 1;
  // Neither way unequal: equal, or NaN takes part.
  return (Number.isNaN(x) ? 0 : 1) - (Number.isNaN(y) ? 0 : 1);
}

/** How a double that equals a decimal in 34 digits differs from it beyond those. */
function beyondDigits(value: Value | undefined): number {
  const number = value instanceof Double ? value.value : value;
  return typeof number === "number" && Number.isFinite(number) ? compareToRounded(number) : 0;
}

function partsOf(value: Value | undefined): DecimalParts {
  if (value instanceof Decimal128) return decimalParts(value);
  if (typeof value === "bigint") return decimalOfBigint(value);
  return decimalOfDouble(value instanceof Double ? value.value : (value as number));
}

/** Comparing more characters than this counts against the time limit. */
const LONG_PREFIX = 1024;

/** Orders strings by their UTF-8 bytes, which is the order of code points, not of UTF-16 units. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      if (i > LONG_PREFIX) tick(i >> 6);
      return rankOfUnit(x) < rankOfUnit(y) ? -1 : 1;
    }
  }
  if (length > LONG_PREFIX) tick(length >> 6);
  return a.length < b.length ? -1 : 1;
}

/** Surrogates stand for code points above all other units. */
function rankOfUnit(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

/** Orders documents field by field: type, then name, then value; a prefix comes first. */
export function compareDocuments(a: Document, b: Document): number {
  const namesA = fieldNames(a);
  const namesB = fieldNames(b);
  const length = Math.min(namesA.length, namesB.length);
  for (let i = 0; i < length; i++) {
    tick();
    const nameA = namesA[i] as string;
    const nameB = namesB[i] as string;
    const x = a[nameA];
    const y = b[nameB];
    const bracketX = bracketOf(x);
    const bracketY = bracketOf(y);
    if (bracketX !== bracketY) return bracketX < bracketY ? -1 : 1;
    if (nameA !== nameB) return compareStrings(nameA, nameB);
    const order = compareInBracket(bracketX, x, y);
    if (order !== 0) return order;
  }
  return namesA.length - namesB.length;
}

function fieldNames(document: Document): string[] {
  const names = Object.keys(document);
  for (const name of names)
    if (document[name] === undefined) return names.filter((n) => document[n] !== undefined);
  return names;
}

function compareArrays(a: Value[], b: Value[]): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    tick();
    const order = compareValues(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareBinary(a: Binary | Uint8Array, b: Binary | Uint8Array): number {
  const x = a instanceof Binary ? a.value() : a;
  const y = b instanceof Binary ? b.value() : b;
  if (x.length !== y.length) return x.length - y.length;
  const subtypeA = a instanceof Binary ? a.sub_type : 0;
  const subtypeB = b instanceof Binary ? b.sub_type : 0;
  return subtypeA !== subtypeB ? subtypeA - subtypeB : compareBytes(x, y);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function compareTimestamps(a: Timestamp, b: Timestamp): number {
  return a.t !== b.t ? a.t - b.t : a.i - b.i;
}

function compareRegexes(a: BSONRegExp, b: BSONRegExp): number {
  return compareStrings(a.pattern, b.pattern) || compareStrings(a.options, b.options);
}

function compareCode(a: Code, b: Code): number {
  const order = compareStrings(a.code, b.code);
  if (order !== 0 || a.scope === null || b.scope === null) return order;
  return compareDocuments(a.scope as Document, b.scope as Document);
}
