/** How Avro values look in memory, and the limits that hostile input meets. */
import { Double } from "bson";

/**
 * A decoded value: `long` is always `bigint`; `float` and `double` are a boxed `Double` when integral
 * (-0.0 too) and a plain number otherwise; `bytes` and `fixed` are views, not copies; a union's value
 * stands without a wrapper; an enum is its symbol.
 */
export type AvroValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Double
  | Uint8Array
  | AvroValue[]
  | AvroRecord;

/** A `float` or `double` as a value. */
export function floating(value: number): number | Double {
  return Number.isInteger(value) ? new Double(value) : value;
}

/** A decoded record or map. */
export interface AvroRecord {
  [field: string]: AvroValue;
}

/** Records, arrays and maps inside one another, in data and in schemas: real alerts need 4. */
export const MAX_DEPTH = 128;

/**
 * Values that may come from no bytes at all (records without fields, arrays of null). More than this,
 * plus `VALUES_PER_BYTE` for every byte of data, and the input is an attack on memory.
 */
export const FREE_VALUES = 262_144;
export const VALUES_PER_BYTE = 4;

/** A compressed block may not become longer than this, bytes. */
export const MAX_BLOCK_BYTES = 64 * 1024 * 1024;

/** A schema may not be longer than this, bytes (LSST's, the largest of the surveys, is 40 kB). */
export const MAX_SCHEMA_BYTES = 1024 * 1024;
