/** Writes container files and single datums. */
import { ByteWriter, Mismatch } from "./byte-writer.ts";
import { type Codec, type CodecName, codecNamed } from "./codecs.ts";
import { MAGIC, SYNC_BYTES } from "./container.ts";
import { EncodeError, SchemaError } from "./errors.ts";
import { misfit } from "./fit.ts";
import { parseSchema, type SchemaNode } from "./schema.ts";
import { compileWriter, type ValueWriter } from "./writer.ts";

/** A schema as JSON text or as parsed JSON. */
export type Schema = string | object;

export interface EncodeOptions {
  /** Default `null`. */
  readonly codec?: CodecName;
  /** The 16 bytes that separate blocks; random for each file by default, given for equal files. */
  readonly sync?: Uint8Array;
  /** A block ends when it has this many bytes before compression; default 64 KiB. */
  readonly blockBytes?: number;
}

const BLOCK_BYTES = 64 * 1024;

/** Writes values of one schema: the schema is compiled once, the buffers are used again. */
export class Encoder {
  readonly #node: SchemaNode;
  readonly #write: ValueWriter;
  readonly #codecName: CodecName;
  readonly #codec: Codec;
  readonly #sync: Uint8Array | undefined;
  readonly #blockBytes: number;
  readonly #header: Uint8Array;
  readonly #block = new ByteWriter();
  readonly #file = new ByteWriter();

  /** Throws `SchemaError`, `UnsupportedCodecError`, or `RangeError` for a sync marker not 16 bytes long. */
  constructor(schema: Schema, options: EncodeOptions = {}) {
    this.#node = parseSchema(schema);
    this.#write = compileWriter(this.#node);
    this.#codecName = options.codec ?? "null";
    this.#codec = codecNamed(this.#codecName);
    this.#sync = options.sync?.slice();
    this.#blockBytes = options.blockBytes ?? BLOCK_BYTES;
    if (this.#sync !== undefined && this.#sync.length !== SYNC_BYTES) {
      throw new RangeError(`a sync marker has ${SYNC_BYTES} bytes, found ${this.#sync.length}`);
    }
    this.#header = this.#makeHeader(typeof schema === "string" ? schema : JSON.stringify(schema));
  }

  /**
   * A container file with these records, values as `openContainer` gives them (a plain number where a
   * float, double or long can hold it, and an absent field for null, are taken too; fields that the
   * schema does not have are left out). Throws `EncodeError` with the path of the first misfit.
   */
  container(records: Iterable<Readonly<Record<string, unknown>>>): Uint8Array {
    if (this.#node.kind !== "record") {
      throw new SchemaError(`expected the schema of a record, found ${this.#node.kind}`, 0);
    }
    const sync = this.#sync ?? crypto.getRandomValues(new Uint8Array(SYNC_BYTES));
    const file = this.#file;
    file.clear();
    file.raw(this.#header);
    file.raw(sync);
    this.#block.clear();
    let count = 0;
    for (const record of records) {
      this.#append(record);
      count++;
      if (this.#block.length >= this.#blockBytes) {
        this.#endBlock(count, sync);
        count = 0;
      }
    }
    if (count > 0) this.#endBlock(count, sync);
    return file.written().slice();
  }

  /** One value without a container, as Confluent's framing carries it. Throws `EncodeError`. */
  datum(value: unknown): Uint8Array {
    this.#block.clear();
    this.#append(value);
    return this.#block.written().slice();
  }

  #append(value: unknown): void {
    try {
      this.#write(this.#block, value);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      const found = misfit(this.#node, value, "", false);
      throw new EncodeError(found?.path ?? "", found?.reason ?? "the value does not fit the schema");
    }
  }

  #endBlock(count: number, sync: Uint8Array): void {
    const data = this.#codec.compress(this.#block.written());
    this.#file.int(count);
    this.#file.int(data.length);
    this.#file.raw(data);
    this.#file.raw(sync);
    this.#block.clear();
  }

  #makeHeader(schema: string): Uint8Array {
    const writer = new ByteWriter();
    writer.raw(MAGIC);
    writer.int(2);
    writer.string("avro.schema");
    writer.bytesOf(new TextEncoder().encode(schema));
    writer.string("avro.codec");
    writer.bytesOf(new TextEncoder().encode(this.#codecName));
    writer.int(0);
    return writer.written().slice();
  }
}

/** A container file with these records; for many files of one schema make an `Encoder` once. */
export function encodeContainer(
  schema: Schema,
  records: Iterable<Readonly<Record<string, unknown>>>,
  options: EncodeOptions = {},
): Uint8Array {
  return new Encoder(schema, options).container(records);
}
