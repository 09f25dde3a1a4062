/**
 * The one representation of BSON values in memory, from the Avro decoder to the sinks.
 *
 * | BSON type  | in memory                                                           |
 * |------------|---------------------------------------------------------------------|
 * | double     | a fractional, infinite or NaN `number`; an integral one (-0.0 too) is a boxed `Double` |
 * | int32      | an integral `number` within int32                                    |
 * | int64      | `bigint`, small ones too                                             |
 * | decimal128 | `Decimal128`                                                         |
 * | string, boolean, null, array, object | `string`, `boolean`, `null`, `Array`, plain object |
 * | date       | `Date`                                                               |
 * | binary     | `Uint8Array` (subtype 0), other subtypes `Binary`                    |
 * | objectId, regex, timestamp, minKey, maxKey, code, symbol, dbPointer | the `bson` classes |
 *
 * A missing field is an absent property, read as `undefined`; `undefined` is never stored.
 */
import type {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  DBRef,
  Decimal128,
  Double,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from "bson";

export type Scalar =
  | null
  | boolean
  | number
  | bigint
  | string
  | Double
  | Decimal128
  | Date
  | Uint8Array
  | Binary
  | ObjectId
  | BSONRegExp
  | Timestamp
  | MinKey
  | MaxKey
  | Code
  | BSONSymbol
  | DBRef;

export type Value = Scalar | Value[] | Document;

/** A BSON document: field order is insertion order. */
export interface Document {
  [field: string]: Value | undefined;
}
