/** Documents and history rows come back from their encodings exactly as they went in. */
import { describe, expect, test } from "bun:test";
import { Double } from "bson";
import fc from "fast-check";
import type { Document } from "../../src/query/index.ts";
import { decodeDocument, encodeDocument } from "../../src/store/embedded/encoding.ts";
import { RowReader, RowWriter } from "../../src/store/embedded/rows.ts";
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
