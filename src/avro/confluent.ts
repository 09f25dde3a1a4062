/** Messages in Confluent's framing: no schema, only its number in a registry. */
import { ByteReader } from "./byte-reader.ts";
import { plain } from "./codecs.ts";
import type { Container } from "./container.ts";
import { EmptyInputError, LengthError, SchemaError, TornFileError, WrongMagicError } from "./errors.ts";
import type { ValueReader } from "./reader.ts";
import { compiledSchema } from "./schema-cache.ts";
import type { AvroRecord, AvroValue } from "./values.ts";

const FRAME_BYTES = 5;

/** Whether a message is in this framing and not a container file: by its first byte. */
export function isFramed(bytes: Uint8Array): boolean {
  return bytes[0] === 0;
}

/** A framed message: which schema it was written with, and its one value. */
export interface ConfluentFrame {
  readonly schemaId: number;
  /** A view into the message. */
  readonly payload: Uint8Array;
}

/**
 * Takes a message apart: a zero byte, four bytes of schema number (big-endian), then the value.
 * Throws `EmptyInputError`, `WrongMagicError` or `TornFileError`.
 */
export function readConfluentFrame(bytes: Uint8Array): ConfluentFrame {
  const input = plain(bytes);
  if (input.length === 0) throw new EmptyInputError("the message is empty: expected Confluent's framing", 0);
  if (input[0] !== 0) {
    throw new WrongMagicError(`expected a message in Confluent's framing (byte 0), found ${input[0]}`, 0);
  }
  if (input.length < FRAME_BYTES) {
    throw new TornFileError(`expected a schema number (4 bytes), but ${input.length - 1} bytes are left`, 1);
  }
  const schemaId = new DataView(input.buffer, input.byteOffset, input.length).getUint32(1);
  return { schemaId, payload: input.subarray(FRAME_BYTES) };
}

/**
 * Reads the one value that fills `bytes`. The schema is JSON text; it is compiled once and found again by
 * its bytes. Throws `SchemaError`, or the errors of `openContainer` for wrong data.
 */
export function decodeDatum(schema: string | Uint8Array, bytes: Uint8Array): AvroValue {
  return readDatum(compiledSchema(bytesOf(schema)).read, bytes);
}

/** The record of a framed message, as `openContainer` has those of a file. Throws as `decodeDatum` does. */
export function openDatum(
  schema: string | Uint8Array,
  bytes: Uint8Array,
): Pick<Container, "schemaName" | "fieldNames" | "records"> {
  const compiled = compiledSchema(bytesOf(schema));
  const { node, schemaName, fieldNames } = compiled;
  if (node.kind !== "record") {
    throw new SchemaError(`expected a record, but the schema's top type is ${node.kind}`, 0);
  }
  return {
    schemaName,
    fieldNames,
    *records(flat) {
      const read = flat === undefined ? compiled.read : compiled.readFlat(flat);
      yield readDatum(read, bytes) as AvroRecord;
    },
  };
}

function bytesOf(schema: string | Uint8Array): Uint8Array {
  return typeof schema === "string" ? new TextEncoder().encode(schema) : schema;
}

function readDatum(read: ValueReader, bytes: Uint8Array): AvroValue {
  const reader = new ByteReader(plain(bytes));
  const value = read(reader);
  if (reader.pos !== reader.end) {
    throw new LengthError(`a message of ${reader.end} bytes, but its value took ${reader.pos}`, reader.pos);
  }
  return value;
}
