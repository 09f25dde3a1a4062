/** BSON's order of values. */
import { describe, expect, test } from "bun:test";
import { BSONRegExp, Decimal128, Double, MaxKey, MinKey, ObjectId, Timestamp } from "bson";
import fc from "fast-check";
import { compareValues, type Value } from "../../src/query/index.ts";

const decimal = (text: string) => Decimal128.fromString(text);

/** Each group's values are equal; groups ascend. */
const ASCENDING: Value[][] = [
  [new MinKey()],
  [null],
  [Number.NaN, decimal("NaN")],
  [Number.NEGATIVE_INFINITY, decimal("-Infinity")],
  [-(2n ** 63n), new Double(-(2 ** 63))],
  [-1, -1n, new Double(-1), decimal("-1.0")],
  [0, 0n, new Double(-0), new Double(0), decimal("-0E+3")],
  [decimal("0.1")],
  [decimal("0.1000000000000000055511151231257827")],
  [0.1],
  [decimal("0.1000000000000000055511151231257828")],
  [1, new Double(1), 1n, decimal("1.000")],
  [new Double(2 ** 53)],
  [2n ** 53n + 1n, decimal("9007199254740993")],
  [2n ** 63n - 1n],
  [new Double(2 ** 63)],
  [decimal("1.000000000000000010979063629440455E+308")],
  [1e308],
  [decimal("1E+6000")],
  [Number.POSITIVE_INFINITY, decimal("Infinity")],
  [""],
  ["a"],
  ["a\0"],
  ["b"],
  ["\uffff"],
  ["\u{1f600}"],
  [{}],
  [{ a: 1 }, { a: new Double(1) }],
  [{ a: 1, b: 1 }],
  [{ b: 1 }],
  [{ a: "x" }],
  [[]],
  [[1]],
  [[1, 2]],
  [[2]],
  [["a"]],
  [new Uint8Array([9])],
  [new Uint8Array([1, 2])],
  [new ObjectId("000000000000000000000001")],
  [false],
  [true],
  [new Date(-5)],
  [new Date(5)],
  [new Timestamp({ t: 1, i: 5 })],
  [new Timestamp({ t: 4294967295, i: 0 })],
  [new BSONRegExp("a", "")],
  [new BSONRegExp("a", "i")],
  [new MaxKey()],
];

describe("compareValues", () => {
  test("orders all types as documented", () => {
    ASCENDING.forEach((group, i) => {
      ASCENDING.forEach((other, j) => {
        for (const a of group)
          for (const b of other) {
            expect([a, b, Math.sign(compareValues(a, b))]).toEqual([a, b, Math.sign(i - j)]);
          }
      });
    });
  });

  test("missing comes before null", () => {
    expect(compareValues(undefined, null)).toBeLessThan(0);
    expect(compareValues(undefined, undefined)).toBe(0);
  });

  test("strings follow their UTF-8 bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        fc.pre(a.isWellFormed() && b.isWellFormed());
        expect(Math.sign(compareValues(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  test("is a total order on numbers", () => {
    const number = fc.oneof(
      fc.integer(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.double().map((x): Value => (Number.isInteger(x) ? new Double(x) : x)),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((x): Value => decimal(String(x))),
    );
    fc.assert(
      fc.property(number, number, number, (a, b, c) => {
        expect(Math.sign(compareValues(a, b))).toBe(-Math.sign(compareValues(b, a)) + 0);
        if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0)
          expect(compareValues(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
