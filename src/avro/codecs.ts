/** The codecs a container's blocks may be compressed with. */
import { deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { AvroError, CodecError, LengthError, UnsupportedCodecError } from "./errors.ts";
import { snappyCompress, snappyDecompress } from "./snappy.ts";
import { MAX_BLOCK_BYTES } from "./values.ts";

export interface Codec {
  compress(bytes: Uint8Array): Uint8Array;
  /** Throws `CodecError` or `LengthError` with `offset`; never makes more than `MAX_BLOCK_BYTES`. */
  decompress(bytes: Uint8Array, offset: number): Uint8Array;
}

export type CodecName = "null" | "deflate" | "snappy" | "zstandard";

const codecs: Readonly<Record<CodecName, Codec>> = {
  null: { compress: (bytes) => bytes, decompress: (bytes) => bytes },
  deflate: {
    compress: (bytes) => plain(deflateRawSync(bytes)),
    decompress: bounded("deflate", (bytes) => inflateRawSync(bytes, { maxOutputLength: MAX_BLOCK_BYTES })),
  },
  snappy: { compress: snappyCompress, decompress: snappyDecompress },
  zstandard: {
    compress: (bytes) => plain(zstdCompressSync(bytes)),
    decompress: bounded("zstandard", (bytes) =>
      zstdDecompressSync(bytes, { maxOutputLength: MAX_BLOCK_BYTES }),
    ),
  },
};

/** The codec of this name. Throws `UnsupportedCodecError` (bzip2, xz and unknown names). */
export function codecNamed(name: string, offset = 0): Codec {
  const codec = Object.hasOwn(codecs, name) ? codecs[name as CodecName] : undefined;
  if (codec !== undefined) return codec;
  const shown = JSON.stringify(name.slice(0, 40));
  throw new UnsupportedCodecError(
    `unsupported codec ${shown}: expected ${Object.keys(codecs).join(", ")}`,
    offset,
  );
}

function bounded(name: CodecName, expand: (bytes: Uint8Array) => Uint8Array): Codec["decompress"] {
  return (bytes, offset) => {
    try {
      return plain(expand(bytes));
    } catch (error) {
      if (error instanceof AvroError) throw error;
      if (error instanceof RangeError) {
        throw new LengthError(`a ${name} block holds more than ${MAX_BLOCK_BYTES} bytes`, offset);
      }
      const reason = error instanceof Error ? error.message : String(error);
      throw new CodecError(`the ${name} block is corrupt: ${reason}`, offset);
    }
  };
}

/** The same bytes not as a `Buffer`, whose views would be `Buffer`s too. */
export function plain(bytes: Uint8Array): Uint8Array {
  return Buffer.isBuffer(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes;
}
