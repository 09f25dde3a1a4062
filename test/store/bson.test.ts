/** BSON as the Mongo store writes and reads it, against the library's. */
import { describe, expect, test } from "bun:test";
import { type BSONValue, Double, deserialize, serialize } from "bson";
import fc from "fast-check";
import type { Document } from "../../src/query/index.ts";
import { BsonReader } from "../../src/store/mongo/bson-reader.ts";
import { BsonWriter } from "../../src/store/mongo/bson-writer.ts";
import { documentOf, toBytes } from "../../src/store/mongo/values.ts";
import { anyDocument, exact } from "./values.ts";

/** Names with a zero byte cannot be written by anyone. */
const writable = anyDocument.filter((document) => {
  try {
    serialize(document);
    return true;
  } catch {
    return false;
  }
});

test("every document is written as the library writes it, and read back as it was", () => {
  fc.assert(
    fc.property(writable, (document) => {
      const bytes = toBytes(document);
      expect(Buffer.from(bytes).toString("hex")).toBe(Buffer.from(serialize(document)).toString("hex"));
      // The library says what a text is after its way through UTF-8.
      const again = toBytes(documentOf(bytes));
      expect(Buffer.from(again).toString("hex")).toBe(Buffer.from(bytes).toString("hex"));
      if (JSON.stringify(Object.keys(document)).isWellFormed()) {
        expect(exact(documentOf(bytes)).replaceAll("\ufffd", "")).toBe(
          exact(document).replaceAll(/\\ud[89a-f][0-9a-f]{2}|\ufffd/g, ""),
        );
      }
    }),
    { numRuns: 1000 },
  );
});

test("numbers keep their types", () => {
  const numbers = { a: 1, b: 2 ** 31, c: -0, d: new Double(7), e: 7n, f: 0.5, g: Number.NaN };
  const types = Object.entries(deserialize(toBytes(numbers), { promoteValues: false })).map(
    ([name, value]) => [name, (value as BSONValue)._bsontype],
  );
  expect(Object.fromEntries(types)).toEqual({
    a: "Int32",
    b: "Double",
    c: "Double",
    d: "Double",
    e: "Long",
    f: "Double",
    g: "Double",
  });
});

describe("documents in pieces", () => {
  test("stamps that are elsewhere count in the lengths of the documents around them", () => {
    const stamp = new Uint8Array([1, 2, 3, 4, 5]);
    const writer = new BsonWriter();
    writer.open();
    writer.field("before", "x");
    writer.open("inner");
    const place = writer.binaryElsewhere("stamp", stamp.length);
    writer.close();
    writer.field("after", 1n);
    writer.close();
    const frame = writer.take();
    const whole = Buffer.concat([frame.subarray(0, place), stamp, frame.subarray(place)]);
    expect(documentOf(whole)).toEqual({ before: "x", inner: { stamp }, after: 1n });
  });

  test("fields are found without reading what is between them", () => {
    fc.assert(
      fc.property(writable, (document: Document) => {
        const reader = new BsonReader(toBytes(document));
        const found: string[] = [];
        reader.fields(0, (name, type, at) => {
          found.push(`${name} ${exact(reader.value(type, at))}`);
        });
        const again = documentOf(toBytes(document));
        expect(found).toEqual(
          Object.keys(again).map(
            (name) => `${name} ${exact(Object.getOwnPropertyDescriptor(again, name)?.value)}`,
          ),
        );
      }),
      { numRuns: 200 },
    );
  });
});

test("bytes that are no BSON are refused", () => {
  const good = toBytes({ a: "text", b: [1, 2], c: { d: 1.5 } });
  for (let length = 0; length < good.length; length++) {
    expect(() => documentOf(good.slice(0, length))).toThrow();
  }
  const strange = toBytes({ a: 1 });
  strange[4] = 99;
  expect(() => documentOf(strange)).toThrow("type of number 99");
});

test("what MongoDB cannot hold is refused before it is sent", () => {
  let deep: Document = {};
  for (let i = 0; i < 200; i++) deep = { deep };
  expect(() => toBytes(deep)).toThrow("nested deeper");
  expect(() => toBytes({ "a\0b": 1 })).toThrow("zero byte");
  expect(documentOf(toBytes({ fine: 1 }))).toEqual({ fine: 1 });
});
