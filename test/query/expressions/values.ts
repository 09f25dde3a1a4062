/** Values of many types and odd sizes, to put into operators. */
import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  Double,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from "bson";
import type { Value } from "../../../src/query/index.ts";

export const decimal = (text: string) => Decimal128.fromString(text);

export const NUMBERS: readonly Value[] = [
  0,
  1,
  -1,
  5,
  -7,
  2147483647,
  -2147483648,
  0.1,
  -2.5,
  new Double(3),
  new Double(0),
  new Double(-0),
  1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  9223372036854775807n,
  -9223372036854775808n,
  3n,
  0n,
  9007199254740993n,
];

export const DECIMALS: readonly Value[] = [
  "1.10",
  "-1.25",
  "2.5",
  "0",
  "-0",
  "NaN",
  "Infinity",
  "-Infinity",
  "9.999999999999999999999999999999999E6144",
  "1E-6176",
  "1E+30",
  "12345678901234567890.123",
].map(decimal);

/** No numbers; undefined is a missing field. */
export const OTHERS: readonly (Value | undefined)[] = [
  undefined,
  null,
  "x",
  "",
  true,
  false,
  [],
  [1],
  {},
  { a: 1 },
  new Date(1577836800123),
  new Date(-1),
  new ObjectId("5f3b1c2d4e5f6a7b8c9d0e1f"),
  new Timestamp({ t: 5, i: 6 }),
  new BSONRegExp("a", "i"),
  new Uint8Array([1, 2, 3]),
  new Binary(new Uint8Array([1, 2, 3]), 4),
  new MinKey(),
  new MaxKey(),
  new Code("f"),
  new BSONSymbol("s"),
];

export const EVERYTHING: readonly (Value | undefined)[] = [...OTHERS, ...NUMBERS, ...DECIMALS];
