/** Entries of the outbox are encoded once; their number and time are put into what was encoded when they are written. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Document } from "../../src/query/index.ts";
import { decodeDocument } from "../../src/store/embedded/encoding.ts";
import { numberedText, outboxRow } from "../../src/store/embedded/outbox-row.ts";
import { alertEncoder, type OutboxEntry } from "../../src/store/index.ts";
import { numberRow } from "../../src/store/mongo/outbox-row.ts";
import { documentOf } from "../../src/store/mongo/values.ts";
import { anyDocument, exact } from "./values.ts";

const FIELDS = ["_id", "seq", "created_at", "kind", "survey", "candid", "objectId", "document"];
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
/** Names that look like what is looked for, and any others; UTF-8 has no lone surrogates. */
const name = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom('","seq":"0","created_at":0,', '\\","seq":"0","created_at":0,', '"', "\\"),
);
const entry: fc.Arbitrary<OutboxEntry> = fc.record({
  id: name,
  survey: name,
  candid: int64,
  objectId: name,
  document: anyDocument,
});
const time = fc.date({ min: new Date(0), max: new Date(8.64e15), noInvalidDate: true });

function expected(of: OutboxEntry, seq: bigint, createdAt: Date): Document {
  const { id, survey, candid, objectId, document } = of;
  return { _id: id, seq, created_at: createdAt, kind: "match", survey, candid, objectId, document };
}

describe("on the embedded store", () => {
  test("a text with its number and time is the document", () => {
    fc.assert(
      fc.property(entry, int64, time, (of, seq, createdAt) => {
        const found = decodeDocument(numberedText(outboxRow(of).text, seq, createdAt));
        expect(exact(found)).toBe(exact(expected(of, seq, createdAt)));
        expect(Object.keys(found)).toEqual(FIELDS);
      }),
      { numRuns: 500 },
    );
  });

  test("a text that is none of an entry is refused", () => {
    expect(() => numberedText('{"_id":"a","kind":"match"}', 1n, new Date())).toThrow(
      "no entry of the outbox",
    );
  });
});

describe("on MongoDB", () => {
  const encoder = alertEncoder({ kind: "mongo", url: "" });
  const encodable = entry.filter((of) => {
    try {
      encoder.encodeEntry(of);
      return true;
    } catch {
      return false;
    }
  });

  test("bytes with their number and time are the document, however often they are numbered", () => {
    fc.assert(
      fc.property(encodable, fc.array(fc.tuple(int64, time), { minLength: 1 }), (of, numbers) => {
        const row = encoder.encodeEntry(of).row as Uint8Array;
        // The document as the encoding leaves it: lone surrogates of its texts are gone.
        const document = documentOf(row)["document"] as Document;
        for (const [seq, createdAt] of numbers) {
          numberRow(row, seq, createdAt);
          const found = documentOf(row);
          expect(exact(found)).toBe(exact(expected({ ...of, document }, seq, createdAt)));
          expect(Object.keys(found)).toEqual(FIELDS);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("entries lie in few buffers, which are given away once", () => {
    encoder.takeBuffers();
    const of: OutboxEntry = { id: "a", survey: "TEST", candid: 1n, objectId: "o", document: { x: 1 } };
    const rows = Array.from({ length: 500 }, () => encoder.encodeEntry(of).row as Uint8Array);
    const buffers = encoder.takeBuffers();
    expect(buffers).toHaveLength(1);
    expect(rows.every(({ buffer }) => buffer === buffers[0])).toBe(true);
    expect(encoder.takeBuffers()).toEqual([]);
  });
});
