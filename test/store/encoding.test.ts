/** Documents and history rows come back from their encodings exactly as they went in. */
import { describe, expect, test } from "bun:test";
import { Double } from "bson";
import fc from "fast-check";
import type { Document } from "../../src/query/index.ts";
import { decodeDocument, encodeDocument } from "../../src/store/embedded/encoding.ts";
import { RowReader, RowWriter } from "../../src/store/embedded/rows.ts";
import { RowShape } from "../../src/store/embedded/shapes.ts";
import { anyDocument, exact } from "./values.ts";

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
        writer.begin(0);
        for (const [jd, row] of rows.entries()) writer.row(row, jd);
        const reader = new RowReader(writer.piece());
        for (const [jd, row] of rows.entries()) {
          expect(reader.header().jd).toBe(jd);
          expect(exact(reader.row(new RowShape(Object.keys(row))))).toBe(exact(row));
        }
        expect(reader.done).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("of a shape that comes often are as the first", () => {
    const row: Document = JSON.parse(
      '{"b": 0.5, "7": "x", "__proto__": {"a": 1}, "a\\"]": null, "constructor": 1}',
    );
    const names = Object.keys(row);
    fc.assert(
      fc.property(anyDocument, (other: Document) => {
        for (const wanted of [row, other]) {
          const shape = new RowShape(Object.keys(wanted));
          const writer = new RowWriter();
          writer.begin(0);
          for (let n = 0; n < 40; n++) writer.row(wanted, n);
          const reader = new RowReader(writer.piece());
          while (!reader.done) {
            reader.header();
            const read = reader.row(shape);
            expect(exact(read)).toBe(exact(wanted));
            expect(Object.keys(read)).toEqual(Object.keys(wanted));
          }
        }
      }),
      { numRuns: 20 },
    );
    expect(names).toContain("__proto__");
  });

  test("of many pieces stay where they are until their buffers are taken", () => {
    const writer = new RowWriter();
    const pieces = Array.from({ length: 300 }, (_, n) => {
      writer.begin(n % 5);
      writer.row({ text: "x".repeat(n * 100), n }, n);
      return writer.piece();
    });
    const buffers = new Set(writer.takeBuffers());
    expect(writer.takeBuffers()).toEqual([]);
    for (const [n, piece] of pieces.entries()) {
      expect(buffers.has(piece.buffer)).toBe(true);
      expect(piece.byteOffset % 8).toBe(0);
      const reader = new RowReader(piece.subarray(n % 5));
      expect(reader.header().jd).toBe(n);
      expect(reader.row(new RowShape(["text", "n"]))).toEqual({ text: "x".repeat(n * 100), n });
      expect(reader.done).toBe(true);
    }
  });
});
