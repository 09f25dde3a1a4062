/** Reading and printing JSON: exact numbers, extended JSON, hostile text. */
import { describe, expect, test } from "bun:test";
import { Binary, BSONRegExp, Decimal128, Double, MinKey, ObjectId, Timestamp } from "bson";
import fc from "fast-check";
import {
  equalValues,
  parseJson,
  parseJsonInPieces,
  printJson,
  QueryError,
  typeOf,
  type Value,
} from "../../src/query/index.ts";

const bytes = new Uint8Array([0, 1, 254, 255]);

describe("parseJson", () => {
  const cases: [string, Value][] = [
    ["1", 1],
    ["-2147483648", -2147483648],
    ["2147483648", 2147483648n],
    ["1127561440015015001", 1127561440015015001n],
    ["-9223372036854775808", -9223372036854775808n],
    ["9223372036854775808", new Double(2 ** 63)],
    ["-999.0", new Double(-999)],
    ["-0.0", new Double(-0)],
    ["0.5", 0.5],
    ["1e2", new Double(100)],
    ['"a\\u00e9\\n\\"\\/"', 'aé\n"/'],
    ['{"$oid":"5f3b1c2d4e5f6a7b8c9d0e1f"}', new ObjectId("5f3b1c2d4e5f6a7b8c9d0e1f")],
    ['{"$date":"2020-01-02T03:04:05.678Z"}', new Date("2020-01-02T03:04:05.678Z")],
    ['{"$date":"2020-01-02T03:04:05"}', new Date("2020-01-02T03:04:05Z")],
    ['{"$date":{"$numberLong":"-1"}}', new Date(-1)],
    ['{"$numberLong":"5"}', 5n],
    ['{"$numberInt":"5"}', 5],
    ['{"$numberDouble":"5"}', new Double(5)],
    ['{"$numberDouble":"-Infinity"}', Number.NEGATIVE_INFINITY],
    ['{"$numberDecimal":"1.10"}', Decimal128.fromString("1.10")],
    ['{"$binary":{"base64":"AAH+/w==","subType":"00"}}', bytes],
    ['{"$binary":"AAH+/w==","$type":"05"}', new Binary(bytes, 5)],
    ['{"$regularExpression":{"pattern":"^a","options":"mi"}}', new BSONRegExp("^a", "im")],
    ['{"$timestamp":{"t":1,"i":2}}', new Timestamp({ t: 1, i: 2 })],
    ['{"$minKey":1}', new MinKey()],
    ['{"$regex":"^a","$options":"i"}', { $regex: "^a", $options: "i" }],
    ['{"$type":"string"}', { $type: "string" }],
    [" [ ] ", []],
  ];
  test.each(cases)("%s", (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  test("field names of the prototype are plain fields", () => {
    const value = parseJson('{"__proto__": {"x": 1}, "constructor": 2}') as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
    expect(printJson(value as Value)).toBe('{"__proto__":{"x":1},"constructor":2}');
  });

  const wrong: [string, string][] = [
    ["", "line 1, column 1: the text ends"],
    ['{"a": 1,}', "line 1, column 9: expected a field name"],
    ['{"a": 1\n "b": 2}', 'line 2, column 2: expected "," or "}"'],
    ["[1 2]", 'line 1, column 4: expected "," or "]"'],
    ["01", "malformed number"],
    ["1.", "malformed number"],
    ["nul", "expected a JSON value"],
    ['"a', "ends inside a string"],
    ['"\\x"', "unknown escape"],
    ['{"$oid":"zz"}', "$oid needs 24 hexadecimal digits"],
    ['{"$numberLong":"9223372036854775808"}', "beyond int64"],
    ["1 1", "nothing more may follow"],
  ];
  test.each(wrong)("%s is refused", (text, reason) => {
    expect(() => parseJson(text)).toThrow(reason);
  });

  test("nesting is limited, however long the text", () => {
    expect(() => parseJson("[".repeat(1_000_000))).toThrow("nests deeper than 100 levels");
    expect(() => parseJson(`${'{"a":'.repeat(101)}1${"}".repeat(101)}`)).toThrow(QueryError);
    expect(parseJson("[[1]]", { maxDepth: 2 })).toEqual([[1]]);
  });
});

describe("printJson", () => {
  const cases: [Value, string][] = [
    [new Double(30), "30.0"],
    [new Double(-0), "-0.0"],
    [new Double(1e22), "1e+22"],
    [0.1, "0.1"],
    [7n, "7"],
    [1127561440015015001n, "1127561440015015001"],
    [Number.NaN, '{"$numberDouble":"NaN"}'],
    [new Date("2020-01-02T03:04:05Z"), '{"$date":"2020-01-02T03:04:05Z"}'],
    [new Date(-1), '{"$date":{"$numberLong":"-1"}}'],
    [bytes, '{"$binary":{"base64":"AAH+/w==","subType":"00"}}'],
    [{ a: [1, null, "é\u2028"], b: {} }, '{"a":[1,null,"é\u2028"],"b":{}}'],
  ];
  test.each(cases)("%p", (value, text) => {
    expect(printJson(value)).toBe(text);
  });
});

const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.integer(),
  fc.bigInt({ min: 2n ** 31n, max: 2n ** 63n - 1n }),
  fc.double().map((x) => (Number.isInteger(x) ? new Double(x) : x)),
  fc.string({ unit: "binary" }).filter((s) => s.isWellFormed()),
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array().map((b) => new Uint8Array(b)),
);
const anyValue = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ maxLength: 4 }).filter((s) => !s.startsWith("$")),
      tie("value"),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    ),
  ),
})).value;

test("what is printed reads back as it was, types included", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const text = printJson(value);
      const back = parseJson(text);
      expect(printJson(back)).toBe(text);
      expect(equalValues(back, value)).toBe(true);
      expect(typeOf(back)).toBe(typeOf(value));
    }),
  );
});

describe("in pieces", () => {
  const read = (text: string): { value: Value; pieces: number } => {
    const reading = parseJsonInPieces(text);
    for (let pieces = 1; ; pieces++) {
      const { done, value } = reading.next();
      if (done === true) return { value, pieces };
    }
  };

  test("the value is that of reading at once", () => {
    fc.assert(
      fc.property(anyValue, fc.constantFrom("", " ", "\n\t"), (value, space) => {
        const text = `${space}${printJson(value)}${space}`;
        const back = read(text).value;
        expect(printJson(back)).toBe(printJson(value));
        expect(typeOf(back)).toBe(typeOf(value));
      }),
    );
  });

  test("what is wrong is told alike", () => {
    const told = (parse: (text: string) => unknown, text: string) => {
      try {
        return parse(text);
      } catch (error) {
        return String(error);
      }
    };
    const good = '{"a":[1,{"$oid":"5f3b1c2d4e5f6a7b8c9d0e1f"},[]],"b":{},"__proto__":"x\\n"}';
    fc.assert(
      fc.property(fc.nat(good.length), fc.constantFrom("", '"', "}", "]", ",", ":", "1", "{"), (at, put) => {
        const text = good.slice(0, at) + put + good.slice(at + 1);
        expect(told((given) => read(given).value, text)).toEqual(told(parseJson, text));
      }),
      { numRuns: 500 },
    );
    expect(() => read("[".repeat(1_000_000))).toThrow("nests deeper than 100 levels");
  });

  test("a long text has many, however it is nested", () => {
    const list = JSON.stringify({
      query: { radec: Array.from({ length: 50_000 }, (_, n) => [n / 7, -n / 11]) },
    });
    expect(read(list).pieces).toBeGreaterThan(list.length / 70_000);
    const named = JSON.stringify(Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`o${n}`, n])));
    expect(read(named).pieces).toBeGreaterThan(named.length / 70_000);
  });
});
