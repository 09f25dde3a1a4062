/** Whole numbers of files in the representation of documents. */
import { Decimal128 } from "bson";
import type { Value } from "../query/index.ts";

const INT64 = 2n ** 63n;

/** An int64; a number beyond it, which only unsigned ones are, as a decimal with all its digits. */
export function wideInteger(value: bigint): Value {
  return value < INT64 && value >= -INT64 ? value : Decimal128.fromString(value.toString());
}

/** An int32, or an int64 when it is larger: of unsigned 32-bit columns. */
export function int32OrWider(value: number): Value {
  return (value | 0) === value ? value : BigInt(value);
}
