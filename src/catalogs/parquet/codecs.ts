/** Decompressors of pages; none makes more than the page's header says. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { Compressors } from "hyparquet";
import { decompressLz4, decompressLz4Raw } from "hyparquet-compressors";
import { expandSnappy } from "../../avro/index.ts";

const bounded = (most: number) => ({ maxOutputLength: most });

type Decompress = (input: Uint8Array, length: number) => Uint8Array;

/** A page of nulls only has no contents, which not every codec can say. */
const orEmpty =
  (decompress: Decompress): Decompress =>
  (input, length) =>
    length === 0 ? new Uint8Array() : decompress(input, length);

/** Codecs of https://parquet.apache.org/docs/file-format/data-pages/compression/ but LZO, which nobody writes. */
export const CODECS: Compressors = {
  SNAPPY: orEmpty((input) => expandSnappy(input)),
  GZIP: orEmpty((input, length) => new Uint8Array(gunzipSync(input, bounded(length)))),
  BROTLI: orEmpty((input, length) => new Uint8Array(brotliDecompressSync(input, bounded(length)))),
  ZSTD: orEmpty((input, length) => new Uint8Array(zstdDecompressSync(input, bounded(length)))),
  LZ4: orEmpty(decompressLz4),
  LZ4_RAW: orEmpty(decompressLz4Raw),
};
