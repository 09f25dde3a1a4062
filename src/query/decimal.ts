/** Decimal128 as exact integers: what comparison across number types needs. */
import type { Decimal128 } from "bson";

/** A decimal: `coefficient × 10^exponent`, signed; or one that is no finite number. */
export type DecimalParts =
  | {
      readonly kind: "finite";
      readonly coefficient: bigint;
      readonly exponent: number;
      readonly negative: boolean;
    }
  | { readonly kind: "infinite"; readonly negative: boolean }
  | { readonly kind: "nan" };

const EXPONENT_BIAS = 6176;
const MAX_COEFFICIENT = 10n ** 34n - 1n;

/** Takes a Decimal128 apart (IEEE 754-2008, binary integer decimal encoding). */
export function decimalParts(decimal: Decimal128): DecimalParts {
  const bytes = decimal.bytes;
  let bits = 0n;
  for (let i = 15; i >= 0; i--) bits = (bits << 8n) | BigInt(bytes[i] ?? 0);
  const negative = bits >> 127n === 1n;
  const combination = Number((bits >> 122n) & 0x1fn);
  if (combination === 0x1f) return { kind: "nan" };
  if (combination === 0x1e) return { kind: "infinite", negative };
  if (combination >> 3 === 3) {
    // The large-coefficient form cannot hold a canonical value: it counts as zero.
    const exponent = Number((bits >> 111n) & 0x3fffn) - EXPONENT_BIAS;
    return { kind: "finite", coefficient: 0n, exponent, negative };
  }
  const exponent = Number((bits >> 113n) & 0x3fffn) - EXPONENT_BIAS;
  const coefficient = bits & ((1n << 113n) - 1n);
  return {
    kind: "finite",
    coefficient: coefficient > MAX_COEFFICIENT ? 0n : coefficient,
    exponent,
    negative,
  };
}

/** A double as a decimal of at most 34 digits, rounded half to even. */
export function decimalOfDouble(x: number): DecimalParts {
  if (Number.isNaN(x)) return { kind: "nan" };
  const negative = x < 0 || Object.is(x, -0);
  if (!Number.isFinite(x)) return { kind: "infinite", negative };
  const { coefficient, exponent } = exactMagnitude(x);
  return { ...roundTo34(coefficient, exponent), negative };
}

/** How a finite double compares with itself as a decimal of 34 digits: the sign of what rounding took. */
export function compareToRounded(x: number): number {
  const { coefficient, exponent } = exactMagnitude(x);
  const rounded = roundTo34(coefficient, exponent);
  const difference = coefficient - rounded.coefficient * 10n ** BigInt(rounded.exponent - exponent);
  if (difference === 0n) return 0;
  return difference > 0n === x > 0 ? 1 : -1;
}

function exactMagnitude(x: number): { coefficient: bigint; exponent: number } {
  const { mantissa, exponent: binary } = binaryParts(Math.abs(x));
  // m × 2^-k is m × 5^k × 10^-k.
  const coefficient = binary >= 0 ? mantissa << BigInt(binary) : mantissa * 5n ** BigInt(-binary);
  return { coefficient, exponent: Math.min(binary, 0) };
}

/** An int64 as a decimal. */
export function decimalOfBigint(x: bigint): DecimalParts {
  return { kind: "finite", coefficient: x < 0n ? -x : x, exponent: 0, negative: x < 0n };
}

const scratch = new DataView(new ArrayBuffer(8));

function binaryParts(x: number): { mantissa: bigint; exponent: number } {
  scratch.setFloat64(0, x);
  const bits = scratch.getBigUint64(0);
  const exponent = Number(bits >> 52n) & 0x7ff;
  const fraction = bits & ((1n << 52n) - 1n);
  if (exponent === 0) return { mantissa: fraction, exponent: -1074 };
  return { mantissa: fraction | (1n << 52n), exponent: exponent - 1075 };
}

function roundTo34(
  coefficient: bigint,
  exponent: number,
): { kind: "finite"; coefficient: bigint; exponent: number } {
  const excess = coefficient.toString().length - 34;
  if (excess <= 0) return { kind: "finite", coefficient, exponent };
  const unit = 10n ** BigInt(excess);
  let quotient = coefficient / unit;
  const twice = (coefficient % unit) * 2n;
  if (twice > unit || (twice === unit && quotient % 2n === 1n)) quotient += 1n;
  return { kind: "finite", coefficient: quotient, exponent: exponent + excess };
}

/** Orders two decimals; NaN is the lowest and equal to itself, −0 equals 0. */
export function compareDecimals(a: DecimalParts, b: DecimalParts): number {
  if (a.kind === "nan" || b.kind === "nan") return (a.kind === "nan" ? 0 : 1) - (b.kind === "nan" ? 0 : 1);
  const signA = signOf(a);
  const signB = signOf(b);
  if (signA !== signB) return signA < signB ? -1 : 1;
  if (signA === 0) return 0;
  if (a.kind === "infinite" || b.kind === "infinite") {
    if (a.kind === b.kind) return 0;
    return (a.kind === "infinite") === signA > 0 ? 1 : -1;
  }
  return signA > 0 ? compareMagnitudes(a, b) : compareMagnitudes(b, a);
}

function signOf(parts: Exclude<DecimalParts, { kind: "nan" }>): number {
  if (parts.kind === "finite" && parts.coefficient === 0n) return 0;
  return parts.negative ? -1 : 1;
}

type Finite = Extract<DecimalParts, { kind: "finite" }>;

function compareMagnitudes(a: Finite, b: Finite): number {
  const orderA = a.coefficient.toString().length + a.exponent;
  const orderB = b.coefficient.toString().length + b.exponent;
  if (orderA !== orderB) return orderA < orderB ? -1 : 1;
  // Same order of magnitude: the exponents differ by less than the digits held, so scaling is cheap.
  const shift = a.exponent - b.exponent;
  const scaledA = shift > 0 ? a.coefficient * 10n ** BigInt(shift) : a.coefficient;
  const scaledB = shift < 0 ? b.coefficient * 10n ** BigInt(-shift) : b.coefficient;
  return scaledA < scaledB ? -1 : scaledA > scaledB ? 1 : 0;
}
