/** Values of all types and of odd sizes, to put into operators and documents. */
import { Binary, BSONRegExp, BSONSymbol, Code, Decimal128, MaxKey, MinKey, ObjectId, Timestamp } from "bson";
import { double, type Value } from "../../src/query/index.ts";

export const decimal = (text: string) => Decimal128.fromString(text);

export const INTEGERS = [0, 1, 2, 3, -1, 5, 10, 255, 2147483647, -2147483648];
export const LONGS = [
  0n,
  1n,
  2n,
  -1n,
  5n,
  2147483648n,
  9007199254740992n,
  9007199254740993n,
  1127561440015015001n,
  9223372036854775807n,
  -9223372036854775808n,
];
export const DOUBLES = [
  -0,
  0,
  1,
  2,
  0.1,
  0.3,
  0.5,
  1.5,
  -1.5,
  2.5,
  -999,
  1e-3,
  1e20,
  9007199254740992,
  2 ** 63,
  -(2 ** 63),
  1e300,
  1e308,
  5e-324,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];
export const DECIMALS: readonly Value[] = [
  ..."0 -0 1 1.0 1.10 1.50 2.5 0.1 -1 -1.25 1E+3 1E+30 9223372036854775808 12345678901234567890.123".split(
    " ",
  ),
  ..."NaN Infinity -Infinity 1E-6176 9.999999999999999999999999999999999E+6144".split(" "),
].map(decimal);
export const STRINGS = [
  "",
  "a",
  "b",
  "A",
  "ab",
  "abc",
  "aB",
  "1",
  "0",
  "é",
  "ZTF18abc",
  "a\nb",
  "😀",
  "$a",
  "x.y",
];
export const DATES = [0, 1, -1, 1580601600000, 1580601600123, 951782400000, -62135596800000, 1697068800000];
/** Values of the types that documents rarely have. */
export const ODD_TYPES: readonly Value[] = [
  new ObjectId("5f3b1c2d4e5f6a7b8c9d0e1f"),
  new ObjectId("000000000000000000000000"),
  new BSONRegExp("a", ""),
  new BSONRegExp("^a", "i"),
  new Timestamp({ t: 5, i: 6 }),
  new Timestamp({ t: 0, i: 1 }),
  new MinKey(),
  new MaxKey(),
  new BSONSymbol("a"),
  new Code("x"),
  new Uint8Array([0, 1, 254, 255]),
  new Uint8Array([]),
  new Uint8Array([1]),
  new Binary(new Uint8Array([1, 2, 3]), 5),
  new Binary(new Uint8Array([1]), 128),
];

/** Numbers of all types but decimals. */
export const NUMBERS: readonly Value[] = [...INTEGERS, ...DOUBLES.map(double), ...LONGS];

/** No numbers; undefined is a missing field. */
export const OTHERS: readonly (Value | undefined)[] = [
  ...[undefined, null, "x", "", true, false, [], [1], {}, { a: 1 }],
  ...[1577836800123, -1].map((time) => new Date(time)),
  ...ODD_TYPES,
];

export const EVERYTHING: readonly (Value | undefined)[] = [...OTHERS, ...NUMBERS, ...DECIMALS];
