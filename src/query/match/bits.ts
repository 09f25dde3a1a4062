/** The bitwise operators: `$bitsAllSet`, `$bitsAllClear`, `$bitsAnySet`, `$bitsAnyClear`. */
import { Binary, Decimal128 } from "bson";
import { QueryError } from "../errors.ts";
import { toNumber, type Value } from "../values.ts";
import type { BitsNode } from "./nodes.ts";
import { readInt64, roundDecimal, truncateToInt64 } from "./numbers.ts";

/** Reads a bit mask: positions, an integer, or bytes. Answers positions. */
export function readBits(value: Value, at: string): readonly number[] {
  if (Array.isArray(value)) return Object.freeze(value.map((item, i) => readPosition(item, `${at}[${i}]`)));
  if (value instanceof Uint8Array || value instanceof Binary) {
    const bytes = value instanceof Binary ? value.value() : value;
    return Object.freeze(positionsIn(bytes.length * 8, (bit) => bitOf(bytes, bit)));
  }
  const mask = readInt64(value, at);
  if (mask < 0n) throw new QueryError("invalid", at, "a bit mask cannot be negative");
  return Object.freeze(positionsIn(64, (bit) => ((mask >> BigInt(bit)) & 1n) === 1n));
}

function readPosition(value: Value, at: string): number {
  const position =
    typeof value === "number" && Number.isInteger(value) ? value : Number(readInt64(value, at));
  if (position >= 0 && position <= 2147483647) return position;
  throw new QueryError("invalid", at, "a bit position must be a non-negative int32");
}

function positionsIn(length: number, isSet: (bit: number) => boolean): number[] {
  const positions: number[] = [];
  for (let bit = 0; bit < length; bit++) if (isSet(bit)) positions.push(bit);
  return positions;
}

function bitOf(bytes: Uint8Array, bit: number): boolean {
  return (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
}

/** The test of a value: integers by two's complement with the sign going on for ever, bytes from the first. */
export function bitsTest({ want, positions }: BitsNode): (value: Value | undefined) => boolean {
  const wantSet = want === "allSet" || want === "anySet";
  const wantAll = want === "allSet" || want === "allClear";
  return (value) => {
    const isSet = bitReader(value);
    if (isSet === undefined) return false;
    return wantAll
      ? positions.every((bit) => isSet(bit) === wantSet)
      : positions.some((bit) => isSet(bit) === wantSet);
  };
}

function bitReader(value: Value | undefined): ((bit: number) => boolean) | undefined {
  if (value instanceof Uint8Array) return (bit) => bitOf(value, bit);
  if (value instanceof Binary) {
    const bytes = value.value();
    return (bit) => bitOf(bytes, bit);
  }
  const integer = integerOf(value);
  if (integer === undefined) return undefined;
  return (bit) => ((integer >> BigInt(Math.min(bit, 63))) & 1n) === 1n;
}

const MIN_INT64 = -(2n ** 63n);

/** Doubles must be integral; decimals are rounded half to even, and those that are no int64 count as its least. */
function integerOf(value: Value | undefined): bigint | undefined {
  if (value instanceof Decimal128) return roundDecimal(value) ?? MIN_INT64;
  const number = toNumber(value);
  if (typeof value !== "bigint" && (number === undefined || !Number.isInteger(number))) return undefined;
  return truncateToInt64(value);
}
