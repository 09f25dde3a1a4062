/** Reads Avro object container files. */
import { ByteReader } from "./byte-reader.ts";
import { type Codec, codecNamed, plain } from "./codecs.ts";
import {
  AvroError,
  EmptyInputError,
  LengthError,
  SchemaError,
  SyncMarkerError,
  TornFileError,
  WrongMagicError,
} from "./errors.ts";
import type { ValueReader } from "./reader.ts";
import { compiledSchema } from "./schema-cache.ts";
import { type AvroRecord, FREE_VALUES, VALUES_PER_BYTE } from "./values.ts";

export const MAGIC = Uint8Array.of(0x4f, 0x62, 0x6a, 0x01);
export const SYNC_BYTES = 16;

/** An opened container file: its header is read, its records are read as they are asked for. */
export interface Container {
  /** Full name of the writer's schema, e.g. `ztf.alert`. */
  readonly schemaName: string;
  /** Names of the top-level fields of the writer's schema. */
  readonly fieldNames: ReadonlySet<string>;
  /** The writer's schema as it stands in the file (UTF-8 JSON, a view into the input). */
  readonly schema: Uint8Array;
  readonly codec: string;
  /**
   * Every record, in file order. Throws an `AvroError` at the first that cannot be read; what came
   * before has been yielded. Records may be shared with nobody: the caller owns them.
   * Where these `flat` fields hold arrays of long flat records, they hold them as `FlatRecords`.
   */
  records(flat?: ReadonlySet<string>): Generator<AvroRecord, void, undefined>;
}

/**
 * Opens a container file that is in memory.
 *
 * Bytes of records are views into `bytes` (or into the decompressed block): keep it unchanged while they
 * are in use. Throws `EmptyInputError`, `WrongMagicError`, `TornFileError`, `LengthError`, `SchemaError`
 * or `UnsupportedCodecError`, each with the byte offset.
 */
export function openContainer(bytes: Uint8Array): Container {
  const input = plain(bytes);
  if (input.length === 0) throw new EmptyInputError("the input is empty: expected an Avro container file", 0);
  checkMagic(input);
  const reader = new ByteReader(input);
  reader.pos = MAGIC.length;
  const header = readMetadata(reader);
  const sync = input.subarray(reader.advance(SYNC_BYTES, "the sync marker"), reader.pos);
  const schema = header.get("avro.schema");
  if (schema === undefined) throw new SchemaError("the header has no schema (avro.schema)", MAGIC.length);
  const codecName = Buffer.from(header.get("avro.codec") ?? []).toString("latin1") || "null";
  const codec = codecNamed(codecName, MAGIC.length);
  const compiled = compiledSchema(schema, schema.byteOffset - input.byteOffset);
  if (compiled.node.kind !== "record") {
    const reason = `expected records, but the schema's top type is ${compiled.node.kind}`;
    throw new SchemaError(reason, schema.byteOffset - input.byteOffset);
  }
  const start = reader.pos;
  return {
    schemaName: compiled.schemaName,
    fieldNames: compiled.fieldNames,
    schema,
    codec: codecName,
    records: (flat) =>
      readBlocks(input, start, sync, codec, flat === undefined ? compiled.read : compiled.readFlat(flat)),
  };
}

/** Every record of a container file: `openContainer(bytes).records()`, with the same errors. */
export function decodeContainer(bytes: Uint8Array): Generator<AvroRecord, void, undefined> {
  return openContainer(bytes).records();
}

function checkMagic(input: Uint8Array): void {
  for (let i = 0; i < MAGIC.length; i++) {
    if (i >= input.length) {
      throw new TornFileError(`expected an Avro container file, but it ends after ${i} bytes`, i);
    }
    if (input[i] !== MAGIC[i]) {
      const found = Buffer.from(input.subarray(0, 4)).toString("hex");
      throw new WrongMagicError(`expected an Avro container file ("Obj" and 1), found 0x${found}`, 0);
    }
  }
}

function readMetadata(reader: ByteReader): Map<string, Uint8Array> {
  const header = new Map<string, Uint8Array>();
  for (let count = reader.items(2); count !== 0; count = reader.items(2)) {
    for (let i = 0; i < count; i++) {
      const key = reader.string();
      header.set(key, reader.bytes());
    }
  }
  return header;
}

function* readBlocks(
  input: Uint8Array,
  start: number,
  sync: Uint8Array,
  codec: Codec,
  read: ValueReader,
): Generator<AvroRecord, void, undefined> {
  const outer = new ByteReader(input);
  outer.pos = start;
  let allowance = FREE_VALUES;
  while (outer.pos < input.length) {
    const countAt = outer.pos;
    const count = outer.count("a block's count of records");
    const size = outer.count("a block's size");
    const data = blockData(outer, input, countAt, count, size);
    const dataAt = outer.pos - size;
    checkSync(outer, sync);
    const block = codec.decompress(data, dataAt);
    const compressed = block !== data;
    allowance += VALUES_PER_BYTE * block.length;
    const reader = new ByteReader(block, compressed ? 0 : dataAt, allowance);
    for (let i = 0; i < count; i++) {
      yield readRecord(reader, read, compressed ? dataAt : undefined);
    }
    if (reader.pos !== block.length) {
      const reason = `a block of ${block.length} bytes, but its ${count} records took ${reader.pos}`;
      throw new LengthError(reason, countAt);
    }
    allowance = reader.allowance;
  }
}

/** `compressedAt` is where the block's data begins in the file, when it was compressed. */
function readRecord(reader: ByteReader, read: ValueReader, compressedAt: number | undefined): AvroRecord {
  try {
    return read(reader) as AvroRecord;
  } catch (error) {
    throw error instanceof AvroError && compressedAt !== undefined ? error.inBlock(compressedAt) : error;
  }
}

function blockData(
  outer: ByteReader,
  input: Uint8Array,
  at: number,
  count: number,
  size: number,
): Uint8Array {
  if (count < 0) throw new LengthError(`a block of ${count} records`, at);
  if (size < 0) throw new LengthError(`a block of ${size} bytes`, at);
  if (size > input.length - outer.pos) {
    const left = input.length - outer.pos;
    throw new TornFileError(`expected a block of ${size} bytes, but ${left} bytes are left`, outer.pos);
  }
  return input.subarray(outer.advance(size, "a block"), outer.pos);
}

function checkSync(outer: ByteReader, sync: Uint8Array): void {
  const at = outer.advance(SYNC_BYTES, "the sync marker that ends a block");
  if (!outer.matches(at, sync)) {
    throw new SyncMarkerError("expected the file's sync marker at the end of a block", at);
  }
}
