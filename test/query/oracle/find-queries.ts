/** Random find filters, sorts and projections over given documents. */
import { Binary, BSONRegExp, Decimal128 } from "bson";
import { type Document, double, setField, type Value } from "../../../src/query/index.ts";
import { STRINGS } from "../values.ts";
import { anyNumber, anyOperand, anyPath, anyScalar, anyValue, fieldName } from "./documents.ts";
import { ExpressionMaker } from "./expressions.ts";
import { anyGeoTest } from "./geo.ts";
import type { Random } from "./random.ts";
import { anySchema } from "./schemas.ts";

const TYPE_NAMES = [
  ..."double string object array binData undefined objectId bool date null regex dbPointer".split(" "),
  ..."javascript symbol int timestamp long decimal minKey maxKey number missing wrong".split(" "),
];
const TYPE_NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16, 17, 18, 19, -1, 127, 0, 20, 1.5];
const PATTERNS = [
  ..."a ^a a$ ^$ . ^.$ [ab] a|b ^(a|b) b+ a*b \\d \\w+ [^a] ^ab? (?i)a é ^A$ \\. \\Ba a{2} (a)(b)? ^a.b x\\.y".split(
    " ",
  ),
  "a b # comment\n",
  "",
  "^ZTF\\d{2}[a-z]+$",
  "(?<=a)b",
  "(",
];
const OPTIONS = ["", "i", "m", "s", "x", "im", "is", "u", "g"];

/** A find filter; `depth` bounds how deep logical operators nest. */
export function anyFilter(random: Random, documents: readonly Document[], depth = 2): Document {
  const filter: Document = {};
  const count = random.weighted<number>([
    [1, () => 0],
    [20, () => 1],
    [6, () => 2],
    [2, () => 3],
  ]);
  for (let i = 0; i < count; i++) {
    if (random.chance(0.25)) addWhole(random, documents, depth, filter);
    else setField(filter, anyPath(random, documents), fieldTest(random, documents, depth));
  }
  return filter;
}

function addWhole(random: Random, documents: readonly Document[], depth: number, filter: Document) {
  const below = () => random.list(1, 3, () => anyFilter(random, documents, depth - 1));
  const [name, value] = random.weighted<[string, Value]>([
    [depth > 0 ? 4 : 0, () => ["$and", below()]],
    [depth > 0 ? 4 : 0, () => ["$or", below()]],
    [depth > 0 ? 3 : 0, () => ["$nor", below()]],
    [2, () => ["$expr", smallExpression(random, documents)]],
    [2, () => ["$jsonSchema", anySchema(random, documents, 2)]],
    [0.2, () => ["$comment", "why"]],
    [0.1, () => ["$alwaysTrue", anyFlag(random)]],
    [0.1, () => ["$alwaysFalse", anyFlag(random)]],
    [0.1, () => [random.pick(["$and", "$or", "$unknown", "$where2", "$gt"]), anyValue(random, 1)]],
  ]);
  filter[name] = value;
}

function anyFlag(random: Random): Value {
  return random.chance(0.7) ? 1 : anyScalar(random);
}

function fieldTest(random: Random, documents: readonly Document[], depth: number): Value {
  if (random.chance(0.15)) return anyOperand(random, documents);
  if (random.chance(0.03)) return anyRegex(random);
  return operatorTests(random, documents, depth);
}

/** `{$op: …}` of one or two operators. */
export function operatorTests(random: Random, documents: readonly Document[], depth: number): Document {
  const tests: Document = {};
  for (let i = random.chance(0.2) ? 2 : 1; i > 0; i--) {
    const name = random.pick(OPERATOR_NAMES);
    const make = OPERATORS[name];
    if (make === undefined) continue;
    tests[name] = random.chance(0.04) ? anyValue(random, 2) : make(random, documents, depth);
    if (name === "$regex" && random.chance(0.4)) tests["$options"] = random.pick(OPTIONS);
  }
  return tests;
}

type Make = (random: Random, documents: readonly Document[], depth: number) => Value;

const OPERATORS: Readonly<Record<string, Make>> = {
  $eq: (random, documents) => anyOperand(random, documents),
  $ne: (random, documents) => anyOperand(random, documents),
  $gt: (random, documents) => anyOperand(random, documents),
  $gte: (random, documents) => anyOperand(random, documents),
  $lt: (random, documents) => anyOperand(random, documents),
  $lte: (random, documents) => anyOperand(random, documents),
  $in: anyList,
  $nin: anyList,
  $all: (random, documents, depth) =>
    random.chance(0.3) && depth > 0
      ? random.list(1, 2, () => ({ $elemMatch: elemMatch(random, documents, depth - 1) }))
      : anyList(random, documents),
  $exists: (random) => random.pick<Value>([true, false, 1, 0, null, double(0), "", 0n]),
  $type: (random) => (random.chance(0.8) ? anyType(random) : random.list(0, 3, () => anyType(random))),
  $mod: (random) =>
    random.chance(0.9) ? [anyNumber(random), anyNumber(random)] : random.list(0, 3, () => anyScalar(random)),
  $regex: (random) => (random.chance(0.7) ? anyPattern(random) : anyRegex(random)),
  $size: (random) => random.pick<Value>([0, 1, 2, 3, 2n, double(2), 1.5, -1, "1"]),
  $elemMatch: (random, documents, depth) => elemMatch(random, documents, depth - 1),
  $not: (random, documents, depth) =>
    random.chance(0.1) ? anyRegex(random) : operatorTests(random, documents, depth),
  $bitsAllSet: anyMask,
  $bitsAllClear: anyMask,
  $bitsAnySet: anyMask,
  $bitsAnyClear: anyMask,
  $geoWithin: (random) => anyGeoTest(random, "$geoWithin"),
  $geoIntersects: (random) => anyGeoTest(random, "$geoIntersects"),
};
const OPERATOR_NAMES = Object.keys(OPERATORS);

function anyList(random: Random, documents: readonly Document[]): Value {
  return random.list(0, 4, () => (random.chance(0.05) ? anyRegex(random) : anyOperand(random, documents)));
}

function elemMatch(random: Random, documents: readonly Document[], depth: number): Value {
  if (random.chance(0.5)) return operatorTests(random, documents, depth);
  // Paths inside the items: what documents have further down serves as well.
  return random.chance(0.5)
    ? { [fieldName(random)]: fieldTest(random, documents, depth) }
    : anyFilter(random, documents, Math.max(0, depth));
}

function anyType(random: Random): Value {
  return random.chance(0.6)
    ? random.pick(TYPE_NAMES)
    : random.pick<Value>(TYPE_NUMBERS.map((n) => (random.chance(0.3) ? double(n) : n)));
}

function anyPattern(random: Random): string {
  return random.chance(0.7) ? random.pick(PATTERNS) : random.list(1, 3, () => random.pick(PATTERNS)).join("");
}

export function anyRegex(random: Random): BSONRegExp {
  return new BSONRegExp(anyPattern(random), random.pick(["", "", "i", "s", "im"]));
}

function anyMask(random: Random): Value {
  return random.weighted<Value>([
    [
      3,
      () => random.list(0, 3, () => random.pick<Value>([0, 1, 2, 7, 31, 32, 62, 63, 64, 200, 1n, double(3)])),
    ],
    [3, () => anyNumber(random)],
    [1, () => new Uint8Array(random.list(0, 3, () => random.int(0, 255)))],
    [0.3, () => new Binary(new Uint8Array([5]), 5)],
  ]);
}

/** A sort by up to three paths. */
export function anySort(random: Random, documents: readonly Document[]): Document {
  const sort: Document = {};
  const count = random.weighted<number>([
    [5, () => 1],
    [3, () => 2],
    [1, () => 3],
  ]);
  for (let i = 0; i < count; i++) {
    setField(
      sort,
      anyPath(random, documents),
      random.chance(0.96) ? random.pick<Value>([1, -1, double(1), -1n]) : anyScalar(random),
    );
  }
  // Documents that sort alike come in no certain order.
  sort["_id"] ??= 1;
  return sort;
}

/** A find projection. */
export function anyProjection(random: Random, documents: readonly Document[]): Document {
  const projection: Document = {};
  const include = random.chance(0.5);
  const count = random.int(1, 3);
  for (let i = 0; i < count; i++) {
    const [path, value] = projectionField(random, documents, random.chance(0.97) ? include : !include);
    setField(projection, path, value);
  }
  if (random.chance(0.25)) projection["_id"] = random.pick<Value>([0, 1, true, false, double(0)]);
  return projection;
}

function projectionField(random: Random, documents: readonly Document[], include: boolean): [string, Value] {
  const path = anyPath(random, documents);
  const flag = (): Value => {
    if (random.chance(0.9)) return include ? random.pick<Value>([1, true]) : random.pick<Value>([0, false]);
    return include
      ? random.pick<Value>([double(0.5), 5n, Decimal128.fromString("1"), Number.NaN])
      : random.pick<Value>([double(-0), 0n, Decimal128.fromString("0.0")]);
  };
  return random.weighted<[string, Value]>([
    [10, () => [path, flag()]],
    [2, () => [path.split(".")[0] ?? path, { [fieldName(random)]: flag() }]],
    [2, () => [path, { $slice: anySlice(random) }]],
    [
      1.5,
      () => [
        random.chance(0.9) ? (path.split(".")[0] ?? path) : path,
        { $elemMatch: elemMatch(random, documents, 1) },
      ],
    ],
    [include ? 1.5 : 0.1, () => [`${path}.$`, 1]],
    [include ? 2 : 0.2, () => [path, smallExpression(random, documents)]],
    [0.3, () => [path, anyValue(random, 1)]],
    [0.3, () => [path, random.pick(STRINGS)]],
  ]);
}

function anySlice(random: Random): Value {
  const number = () =>
    random.pick<Value>([0, 1, 2, 3, -1, -2, 100, 1n, double(2), 1.5, -1.5, anyNumber(random)]);
  return random.chance(0.5)
    ? number()
    : random.list(random.chance(0.9) ? 2 : 1, random.chance(0.9) ? 2 : 3, number);
}

/** An expression of one operator at most: what expressions can do is compared by itself. */
function smallExpression(random: Random, documents: readonly Document[]): Value {
  const maker = new ExpressionMaker(random, documents);
  const leaf = () => maker.make("any", 0);
  return random.chance(0.5) ? leaf() : { [random.pick(["$eq", "$gt", "$lte", "$ne"])]: [leaf(), leaf()] };
}

/**
 * Whether a filter has a bit mask given as bytes. The server (6.0) frees those before projections and stages
 * that move use them: it answers wrongly or aborts.
 */
export function hasByteMask(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(
    ([name, below]) =>
      (name.startsWith("$bits") && (below instanceof Uint8Array || below instanceof Binary)) ||
      hasByteMask(below),
  );
}
