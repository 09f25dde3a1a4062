/** Documents and history rows come back from their encodings exactly as they went in. */
import { describe, expect, test } from "bun:test";
import { BSONValue, Double } from "bson";
import fc from "fast-check";
import { type Document, isDocument, type Value } from "../../src/query/index.ts";
import { decodeDocument, encodeDocument } from "../../src/store/embedded/encoding.ts";
import { RowReader, RowWriter } from "../../src/store/embedded/rows.ts";
import { anyDocument } from "./values.ts";

/** A value as text in which every difference of type, order and bits shows. */
function exact(value: Value | undefined): string {
  if (typeof value === "number") return Object.is(value, -0) ? "number -0" : `number ${value}`;
  if (value instanceof Double) return `Double ${Object.is(value.value, -0) ? "-0" : value.value}`;
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(exact).join()}]`;
  if (value instanceof BSONValue) return `${value._bsontype} ${value.inspect()}`;
  if (isDocument(value)) {
    return `{${Object.keys(value).map((key) => `${JSON.stringify(key)}:${exact(Object.getOwnPropertyDescriptor(value, key)?.value)}`)}}`;
  }
  return `${typeof value} ${typeof value === "string" ? JSON.stringify(value) : value}`;
}

describe("document encoding", () => {
  test("is exact", () => {
    fc.assert(
      fc.property(anyDocument, (document) => {
        const before = exact(document);
        const text = encodeDocument(document);
        expect(exact(document)).toBe(before);
        expect(text.isWellFormed()).toBe(true);
        expect(exact(decodeDocument(text))).toBe(before);
      }),
      { numRuns: 1000 },
    );
  });

  test("lists with the same text are repaired alike in other documents", () => {
    for (const candid of [1n, 2n ** 62n, -5n]) {
      expect(decodeDocument(encodeDocument({ candid, x: new Double(3) }))).toEqual({
        candid,
        x: new Double(3),
      });
    }
  });
});

describe("history rows", () => {
  test("are exact, one behind the other", () => {
    fc.assert(
      fc.property(fc.array(anyDocument, { maxLength: 5 }), (rows: Document[]) => {
        const writer = new RowWriter();
        const headed: Uint8Array[] = [];
        for (const row of rows) {
          writer.row(row);
          headed.push(new Uint8Array(12), writer.take());
        }
        const reader = new RowReader(Buffer.concat(headed));
        for (const row of rows) {
          reader.header();
          expect(exact(reader.row(Object.keys(row)))).toBe(exact(row));
        }
        expect(reader.done).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
