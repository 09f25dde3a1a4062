/** Arithmetic on decimal128 as IEEE 754-2008 has it: 34 digits, rounded half to even, exponents kept. */
import { Decimal128 } from "bson";
import type { DecimalParts } from "../decimal.ts";

export type Decimal = DecimalParts;
type Finite = Extract<DecimalParts, { kind: "finite" }>;

export const DECIMAL_DIGITS = 34;
const DIGITS = DECIMAL_DIGITS;
const MIN_EXPONENT = -6176;
const MAX_EXPONENT = 6111;
const BIAS = 6176n;

export const DECIMAL_NAN: Decimal = { kind: "nan" };

/** How a quotient is brought to an integer. */
export type Rounding = "halfEven" | "down" | "up" | "floor" | "ceiling";

export function finite(negative: boolean, coefficient: bigint, exponent: number): Decimal {
  return { kind: "finite", negative, coefficient, exponent };
}

export function infinite(negative: boolean): Decimal {
  return { kind: "infinite", negative };
}

/** Packs a decimal into its 16 bytes, rounding to 34 digits and to the range of exponents. */
export function makeDecimal(value: Decimal): Decimal128 {
  const fitted = fit(value);
  let bits: bigint;
  if (fitted.kind === "nan") bits = 0x1fn << 122n;
  else if (fitted.kind === "infinite") bits = 0x1en << 122n;
  else bits = ((BigInt(fitted.exponent) + BIAS) << 113n) | fitted.coefficient;
  if (fitted.kind !== "nan" && fitted.negative) bits |= 1n << 127n;
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[i] = Number((bits >> BigInt(8 * i)) & 0xffn);
  return new Decimal128(bytes);
}

function digitsOf(coefficient: bigint): number {
  return coefficient === 0n ? 0 : coefficient.toString().length;
}

function pow10(n: number): bigint {
  return 10n ** BigInt(n);
}

/** Divides rounding as told; `negative` is the sign of the whole. */
function divideRounded(dividend: bigint, divisor: bigint, rounding: Rounding, negative: boolean): bigint {
  const quotient = dividend / divisor;
  const rest = dividend % divisor;
  if (rest === 0n) return quotient;
  const away =
    rounding === "up" ||
    (rounding === "floor" && negative) ||
    (rounding === "ceiling" && !negative) ||
    (rounding === "halfEven" && (rest * 2n > divisor || (rest * 2n === divisor && (quotient & 1n) === 1n)));
  return away ? quotient + 1n : quotient;
}

/** Rounds half to even, or pads with zeros, to exactly that many digits. */
export function toDigits(value: Decimal, digits: number): Decimal {
  if (value.kind !== "finite" || value.coefficient === 0n) return value;
  const more = digits - digitsOf(value.coefficient);
  if (more >= 0) {
    return { ...value, coefficient: value.coefficient * pow10(more), exponent: value.exponent - more };
  }
  const coefficient = divideRounded(value.coefficient, pow10(-more), "halfEven", value.negative);
  const exponent = value.exponent - more;
  const carried = digitsOf(coefficient) > digits;
  return carried
    ? { ...value, coefficient: coefficient / 10n, exponent: exponent + 1 }
    : { ...value, coefficient, exponent };
}

function fit(value: Decimal): Decimal {
  if (value.kind !== "finite") return value;
  let { coefficient, exponent } = value;
  const excess = Math.max(digitsOf(coefficient) - DIGITS, MIN_EXPONENT - exponent);
  if (excess > 0) {
    if (excess > digitsOf(coefficient) + 1) coefficient = 0n;
    else ({ coefficient } = cutTo(value, excess));
    exponent += excess;
    if (digitsOf(coefficient) > DIGITS) {
      coefficient /= 10n;
      exponent++;
    }
  }
  if (exponent > MAX_EXPONENT) {
    if (coefficient === 0n) exponent = MAX_EXPONENT;
    else {
      const room = exponent - MAX_EXPONENT;
      if (digitsOf(coefficient) + room > DIGITS) return infinite(value.negative);
      coefficient *= pow10(room);
      exponent = MAX_EXPONENT;
    }
  }
  return finite(value.negative, coefficient, exponent);
}

function cutTo(value: Finite, excess: number): { coefficient: bigint } {
  return { coefficient: divideRounded(value.coefficient, pow10(excess), "halfEven", value.negative) };
}

export function negate(value: Decimal): Decimal {
  return value.kind === "nan" ? value : { ...value, negative: !value.negative };
}

export function isZero(value: Decimal): boolean {
  return value.kind === "finite" && value.coefficient === 0n;
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.kind === "nan" || b.kind === "nan") return DECIMAL_NAN;
  if (a.kind === "infinite" || b.kind === "infinite") {
    if (a.kind === b.kind && a.negative !== b.negative) return DECIMAL_NAN;
    return a.kind === "infinite" ? a : b;
  }
  const exponent = Math.min(a.exponent, b.exponent);
  const signed = (x: Finite) => {
    const scaled = x.coefficient * pow10(x.exponent - exponent);
    return x.negative ? -scaled : scaled;
  };
  const sum = signed(a) + signed(b);
  const negative = sum === 0n ? a.negative && b.negative : sum < 0n;
  return fit(finite(negative, sum < 0n ? -sum : sum, exponent));
}

export function multiplyDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.kind === "nan" || b.kind === "nan") return DECIMAL_NAN;
  const negative = a.negative !== b.negative;
  if (a.kind === "infinite" || b.kind === "infinite") {
    return isZero(a) || isZero(b) ? DECIMAL_NAN : infinite(negative);
  }
  return fit(finite(negative, a.coefficient * b.coefficient, a.exponent + b.exponent));
}

export function divideDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.kind === "nan" || b.kind === "nan") return DECIMAL_NAN;
  const negative = a.negative !== b.negative;
  if (a.kind === "infinite") return b.kind === "infinite" ? DECIMAL_NAN : infinite(negative);
  if (b.kind === "infinite") return fit(finite(negative, 0n, MIN_EXPONENT));
  if (b.coefficient === 0n) return a.coefficient === 0n ? DECIMAL_NAN : infinite(negative);
  const ideal = a.exponent - b.exponent;
  if (a.coefficient === 0n) return fit(finite(negative, 0n, ideal));
  const shift = Math.max(0, DIGITS + 3 - digitsOf(a.coefficient) + digitsOf(b.coefficient));
  const scaled = a.coefficient * pow10(shift);
  let quotient = scaled / b.coefficient;
  let exponent = ideal - shift;
  if (scaled % b.coefficient === 0n) {
    while (exponent < ideal && quotient % 10n === 0n) {
      quotient /= 10n;
      exponent++;
    }
  } else {
    // A digit behind the last tells that the quotient goes on.
    quotient = quotient * 10n + 1n;
    exponent--;
  }
  return fit(finite(negative, quotient, exponent));
}

/** The rest of a division towards zero, with the sign of the dividend. */
export function remainderDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.kind === "nan" || b.kind === "nan" || a.kind === "infinite" || isZero(b)) return DECIMAL_NAN;
  if (b.kind === "infinite") return a;
  const exponent = Math.min(a.exponent, b.exponent);
  const x = a.coefficient * pow10(a.exponent - exponent);
  const y = b.coefficient * pow10(b.exponent - exponent);
  return fit(finite(a.negative, x % y, exponent));
}

/** Rounds to a multiple of 10^exponent. */
export function quantize(value: Decimal, exponent: number, rounding: Rounding): Decimal {
  if (value.kind !== "finite") return value;
  if (value.exponent >= exponent) {
    const coefficient = value.coefficient * pow10(value.exponent - exponent);
    return digitsOf(coefficient) > DIGITS ? DECIMAL_NAN : finite(value.negative, coefficient, exponent);
  }
  const shift = exponent - value.exponent;
  const divisor = pow10(shift);
  return fit(
    finite(value.negative, divideRounded(value.coefficient, divisor, rounding, value.negative), exponent),
  );
}

/** The nearest integer by the rounding; integers keep their exponent. */
export function toIntegral(value: Decimal, rounding: Rounding): Decimal {
  if (value.kind !== "finite" || value.exponent >= 0) return value;
  return quantize(value, 0, rounding);
}

export function squareRoot(value: Decimal): Decimal {
  if (value.kind === "nan") return value;
  if (isZero(value) && value.kind === "finite") {
    return { ...value, exponent: Math.floor(value.exponent / 2) };
  }
  if (value.negative) return DECIMAL_NAN;
  if (value.kind === "infinite") return value;
  const ideal = Math.floor(value.exponent / 2);
  let shift = 2 * DIGITS + 4 - digitsOf(value.coefficient);
  if ((value.exponent - shift) % 2 !== 0) shift++;
  const scaled = value.coefficient * pow10(shift);
  let root = integerRoot(scaled);
  let exponent = (value.exponent - shift) / 2;
  if (root * root === scaled) {
    while (exponent < ideal && root % 10n === 0n) {
      root /= 10n;
      exponent++;
    }
  } else {
    root = root * 10n + 1n;
    exponent--;
  }
  return fit(finite(false, root, exponent));
}

function integerRoot(n: bigint): bigint {
  let x = BigInt(Math.floor(Math.sqrt(Number(n))));
  for (;;) {
    const y = (x + n / x) >> 1n;
    const step = y - x;
    if (step === 0n || step === 1n || step === -1n) {
      x = y;
      break;
    }
    x = y;
  }
  while (x * x > n) x--;
  while ((x + 1n) * (x + 1n) <= n) x++;
  return x;
}
