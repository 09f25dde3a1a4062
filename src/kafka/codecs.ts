/** The compressions of Kafka messages that the client leaves to its user: snappy, LZ4, zstd. */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import kafkajs from "kafkajs";
import { decompress as decompressLz4 } from "lz4js";
import { compress as compressSnappy } from "snappyjs";
import { expandSnappy } from "../avro/index.ts";

/** Largest batch after decompression, bytes. */
const MOST_BYTES = 256 * 1024 * 1024;
/** How Java's snappy stream begins: a magic, a version and a compatible version, then blocks with their lengths. */
const STREAM_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const STREAM_HEADER_BYTES = 16;

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

const snappy: Codec = {
  compress: async ({ buffer }) => Buffer.from(compressSnappy(buffer)),
  decompress: async (buffer) => expandStream(buffer),
};

const lz4: Codec = {
  compress: async () => {
    // The library's frames have blocks that refer to each other, which brokers refuse.
    throw new Error("messages are not written with LZ4: use gzip, snappy or zstd");
  },
  decompress: async (buffer) => Buffer.from(decompressLz4(buffer, MOST_BYTES)),
};

const zstd: Codec = {
  compress: async ({ buffer }) => zstdCompressSync(buffer),
  decompress: async (buffer) => zstdDecompressSync(buffer, { maxOutputLength: MOST_BYTES }),
};

/** Makes the client read and write every compression in use. May be called again. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = () => snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;
}

/** A snappy block, or the stream of such blocks that Java's producers write. Throws `CodecError`. */
function expandStream(buffer: Buffer): Buffer {
  if (!buffer.subarray(0, STREAM_MAGIC.length).equals(STREAM_MAGIC)) return asBuffer(expandSnappy(buffer));
  const parts: Buffer[] = [];
  let at = STREAM_HEADER_BYTES;
  while (at + 4 <= buffer.length) {
    const size = buffer.readUInt32BE(at);
    parts.push(asBuffer(expandSnappy(buffer.subarray(at + 4, at + 4 + size))));
    at += 4 + size;
  }
  return Buffer.concat(parts);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
