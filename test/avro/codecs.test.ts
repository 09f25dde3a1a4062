/** Every codec in both directions, and damaged or malicious compressed blocks. */
import { describe, expect, test } from "bun:test";
import { crc32, deflateRawSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { AvroError, type CodecName, decodeContainer, encodeContainer } from "../../src/avro/index.ts";
import { snappyCompress, snappyDecompress } from "../../src/avro/snappy.ts";
import { block, container, row, SCHEMA } from "./support.ts";

const CODECS: readonly CodecName[] = ["null", "deflate", "snappy", "zstandard"];

function failure(read: () => unknown): AvroError {
  try {
    read();
  } catch (error) {
    if (error instanceof AvroError) return error;
    throw error;
  }
  throw new Error("expected an AvroError");
}

const compressed = (codec: string, bytes: Uint8Array): Uint8Array =>
  container(SCHEMA, block(1, [...bytes]), codec);
const decode = (file: Uint8Array): unknown[] => [...decodeContainer(file)];

describe.each(CODECS)("codec %s", (codec) => {
  test("carries several blocks of records, and views into the block", () => {
    const rows = Array.from({ length: 500 }, (_, i) => row(BigInt(i)));
    const file = encodeContainer(SCHEMA, rows, { codec, blockBytes: 1000 });
    const records = [...decodeContainer(file)];
    expect(records).toEqual(rows as never);
    const buffers = new Set(records.map((record) => (record as { stamp?: Uint8Array }).stamp?.buffer));
    expect(buffers.size).toBe(codec === "null" ? 1 : 4);
  });

  test("a flipped bit anywhere is a named error or still a document", () => {
    const file = encodeContainer(SCHEMA, [row(1n)], { codec });
    for (let bit = 0; bit < file.length * 8; bit++) {
      const copy = file.slice();
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        decode(copy);
      } catch (error) {
        expect(error).toBeInstanceOf(AvroError);
      }
    }
  });
});

describe("bombs and garbage", () => {
  const zeros = new Uint8Array(80 * 1024 * 1024);

  test.each([
    ["deflate", deflateRawSync(zeros)],
    ["zstandard", zstdCompressSync(zeros)],
  ])("a %s block of 80 MiB of zeros is refused", (codec, bytes) => {
    expect(failure(() => decode(compressed(codec, bytes)))).toMatchObject({ name: "LengthError" });
  });

  test.each(["deflate", "snappy", "zstandard"])("a %s block of garbage", (codec) => {
    const garbage = Uint8Array.from({ length: 40 }, (_, i) => (i * 37 + 11) & 0xff);
    expect(["CodecError", "LengthError"]).toContain(failure(() => decode(compressed(codec, garbage))).name);
    const empty = failure(() => decode(compressed(codec, new Uint8Array())));
    expect(["CodecError", "TornFileError"]).toContain(empty.name);
  });

  test("the offset of a corrupt block is where its data begins", () => {
    const file = compressed("snappy", Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect(failure(() => decode(file)).offset).toBe(file.length - 16 - 6);
  });

  test("an error inside a block says where in the block and in the file", () => {
    const data = deflateRawSync(Uint8Array.of(2, 2, 0x78, 99));
    const file = compressed("deflate", data);
    const error = failure(() => decode(file));
    expect(error).toMatchObject({ name: "LengthError", offset: file.length - 16 - data.length });
    expect(error.message).toContain("at byte 3 of the decompressed block");
  });
});

describe("snappy", () => {
  const block = (...bytes: number[]): Uint8Array => Uint8Array.from([...bytes, 0, 0, 0, 0]);

  test("decompresses what snappyjs compresses", () => {
    const repetitive = fc
      .array(fc.tuple(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 60 })), { maxLength: 20 })
      .map((parts) =>
        Uint8Array.from(
          parts.flatMap(([bytes, times]) =>
            Array(times)
              .fill([...bytes])
              .flat(),
          ),
        ),
      );
    fc.assert(
      fc.property(repetitive, (bytes) => {
        expect(snappyDecompress(snappyCompress(bytes), 0)).toEqual(bytes);
      }),
    );
  });

  test("knows all kinds of elements", () => {
    const far = [...Array(300).keys()].map((i) => i & 0xff);
    const elements = [
      ...[61 << 2, 299 & 0xff, 299 >> 8, ...far], // a literal with two bytes of length
      ...[(0 << 2) | 1, 4], // a copy of 4 from 4 back
      ...[(9 << 2) | 2, 44, 1], // a copy of 10 from 300 back
      ...[(9 << 2) | 3, 10, 0, 0, 0], // a copy of 10 from 10 back
    ];
    const expected = [...far, ...far.slice(296)];
    expected.push(...expected.slice(expected.length - 300, expected.length - 290));
    expected.push(...expected.slice(-10));
    const out = Uint8Array.from(expected);
    const file = Uint8Array.from([(324 & 0x7f) | 0x80, 324 >> 7, ...elements, 0, 0, 0, 0]);
    new DataView(file.buffer).setUint32(file.length - 4, crc32(out));
    expect(snappyDecompress(file, 0)).toEqual(out);
  });

  test.each<[what: string, bytes: Uint8Array, message: RegExp]>([
    ["shorter than a checksum", Uint8Array.of(1, 2, 3), /expected a snappy block/],
    ["a length without end", block(255, 255, 255, 255, 255, 255), /expected the length/],
    ["a claim of 4 GiB", block(255, 255, 255, 255, 15, 0, 0), /claims to hold 4294967295/],
    ["a claim its bytes cannot carry", block(0x80, 0x20, 0), /claims to hold 4096/],
    ["a literal of 2^32 - 1 bytes", block(4, 63 << 2, 0xfa, 0xff, 0xff, 0xff, 1, 2), /corrupt/],
    ["a copy from before the start", block(4, 1, 5), /corrupt/],
    ["a copy from nowhere", block(5, 0, 7, 1, 0), /corrupt/],
    ["a torn copy", block(5, 0, 7, 2, 1), /corrupt/],
    ["less output than claimed", block(9, 0, 7), /corrupt/],
    ["more output than claimed", block(1, 4, 7, 7), /corrupt/],
    ["a wrong checksum", block(1, 0, 7), /checksum/],
  ])("%s", (_, bytes, message) => {
    expect(() => snappyDecompress(bytes, 0)).toThrow(message);
  });

  test("random bytes never hang or crash", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          snappyDecompress(bytes, 0);
        } catch (error) {
          expect(error).toBeInstanceOf(AvroError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
