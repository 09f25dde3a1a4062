/** Avro: container files, single datums, Confluent's framing. What other rooms import. */
export type { CodecName } from "./codecs.ts";
export { type ConfluentFrame, decodeDatum, isFramed, openDatum, readConfluentFrame } from "./confluent.ts";
export { type Container, decodeContainer, openContainer } from "./container.ts";
export { type EncodeOptions, Encoder, encodeContainer, type Schema } from "./encode.ts";
export * from "./errors.ts";
export { type FlatFields, FlatKind, FlatRecords } from "./flat.ts";
export { expandSnappy } from "./snappy.ts";
export type { AvroRecord, AvroValue } from "./values.ts";
