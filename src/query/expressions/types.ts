/** What generated code knows about a value before it runs: sets of BSON types, one bit each. */
import { type TypeName, typeOf, type Value } from "../values.ts";

/** Bits of a set of types. */
export const T = {
  MISSING: 1,
  NULL: 2,
  BOOL: 4,
  INT: 8,
  DOUBLE: 16,
  LONG: 32,
  DECIMAL: 64,
  STRING: 128,
  DATE: 256,
  ARRAY: 512,
  OBJECT: 1024,
  OTHER: 2048,
} as const;

export const ANY = 4095;
/** Anything that is there. */
export const PRESENT = ANY & ~T.MISSING;
export const NULLISH = T.MISSING | T.NULL;
export const NUMERIC = T.INT | T.DOUBLE | T.LONG | T.DECIMAL;

const BITS: Partial<Record<TypeName, number>> = {
  missing: T.MISSING,
  null: T.NULL,
  bool: T.BOOL,
  int: T.INT,
  double: T.DOUBLE,
  long: T.LONG,
  decimal: T.DECIMAL,
  string: T.STRING,
  date: T.DATE,
  array: T.ARRAY,
  object: T.OBJECT,
};

/** The set that holds just the type of a value. */
export function typesOfValue(value: Value | undefined): number {
  return BITS[typeOf(value)] ?? T.OTHER;
}
