/** The ways an Avro file or message can be wrong; each names the byte offset and what was expected there. */

/** Base of every error of this room. `offset` counts bytes from the start of the input. */
export class AvroError extends Error {
  override readonly name: string = "AvroError";
  constructor(
    readonly reason: string,
    readonly offset: number,
  ) {
    super(`${reason} (at byte ${offset})`);
  }

  /** The same error, met at byte `offset` of what a compressed block at `blockOffset` holds. */
  inBlock(blockOffset: number): AvroError {
    const Same = this.constructor as typeof AvroError;
    return new Same(`${this.reason}, at byte ${this.offset} of the decompressed block`, blockOffset);
  }
}

/** The input has no bytes at all. */
export class EmptyInputError extends AvroError {
  override readonly name = "EmptyInputError";
}

/** The input does not begin as its format requires. */
export class WrongMagicError extends AvroError {
  override readonly name = "WrongMagicError";
}

/** The input ends in the middle of something: a truncated download or a torn write. */
export class TornFileError extends AvroError {
  override readonly name = "TornFileError";
}

/** A block does not end with the file's sync marker. */
export class SyncMarkerError extends AvroError {
  override readonly name = "SyncMarkerError";
}

/** A length or count is negative, larger than what is left, or larger than the limits allow. */
export class LengthError extends AvroError {
  override readonly name = "LengthError";
}

/** The schema is missing, is not JSON, or is not a schema. */
export class SchemaError extends AvroError {
  override readonly name = "SchemaError";
}

/** The file's codec is not one that can be read. */
export class UnsupportedCodecError extends AvroError {
  override readonly name = "UnsupportedCodecError";
}

/** A block does not decompress, or its checksum is wrong. */
export class CodecError extends AvroError {
  override readonly name = "CodecError";
}

/** The data of a record is not what its schema says. */
export class DecodeError extends AvroError {
  override readonly name = "DecodeError";
}

/** A value does not fit the schema it is to be written with; `path` names the field. */
export class EncodeError extends Error {
  override readonly name = "EncodeError";
  constructor(
    readonly path: string,
    reason: string,
  ) {
    super(`${path === "" ? "record" : path}: ${reason}`);
  }
}
