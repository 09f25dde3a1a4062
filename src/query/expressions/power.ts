/** Powers of doubles as C's `pow` has them, to the last bit: JavaScript's own loses some for integral exponents. */

/** A number as the unevaluated sum of two doubles. */
interface Pair {
  readonly high: number;
  readonly low: number;
}

/** Splits a double's 53 bits into two halves (Veltkamp). */
const SPLIT = 2 ** 27 + 1;
/** Within these bounds no step of a product leaves the range where it is exact. */
const LEAST = 2 ** -960;
const GREATEST = 2 ** 960;

function product(a: number, b: number): Pair {
  const high = a * b;
  const x = SPLIT * a;
  const aHigh = x - (x - a);
  const aLow = a - aHigh;
  const y = SPLIT * b;
  const bHigh = y - (y - b);
  const bLow = b - bHigh;
  return { high, low: aLow * bLow - (high - aHigh * bHigh - aLow * bHigh - aHigh * bLow) };
}

function multiply(a: Pair, b: Pair): Pair {
  const { high, low } = product(a.high, b.high);
  const rest = low + (a.high * b.low + a.low * b.high);
  const sum = high + rest;
  return { high: sum, low: rest - (sum - high) };
}

/** A reciprocal, by one step of Newton's on the double one. */
function reciprocal(a: Pair): Pair {
  const guess = 1 / a.high;
  const { high, low } = product(guess, a.high);
  const error = 1 - high - low - guess * a.low;
  const rest = guess * error;
  const sum = guess + rest;
  return { high: sum, low: rest - (sum - guess) };
}

/** 1/√x; the engine takes a short cut there that is one bit off at times. */
function reciprocalRoot(x: number): number {
  const root = Math.sqrt(x);
  const { high, low } = product(root, root);
  return reciprocal({ high: root, low: (x - high - low) / (2 * root) }).high;
}

/** `base` to the power `exponent`; 1 to any power is 1, as in C. */
export function power(base: number, exponent: number): number {
  if (base === 1) return 1;
  if (base === -1 && !Number.isFinite(exponent) && !Number.isNaN(exponent)) return 1;
  const plain = base ** exponent;
  const magnitude = Math.abs(plain);
  if (exponent === -0.5 && base > LEAST && base < GREATEST) return reciprocalRoot(base);
  if (!Number.isInteger(exponent) || Math.abs(exponent) > 1024) return plain;
  if (!(magnitude > LEAST && magnitude < GREATEST)) return plain;
  const raised = raise(base, Math.abs(exponent));
  const result = exponent < 0 ? reciprocal(raised).high : raised.high;
  // Intermediate squares may have overflowed although the result does not.
  return Number.isFinite(result) ? result : plain;
}

function raise(base: number, exponent: number): Pair {
  let result: Pair = { high: 1, low: 0 };
  let square: Pair = { high: base, low: 0 };
  for (let rest = exponent; ; ) {
    if (rest & 1) result = multiply(result, square);
    rest >>= 1;
    if (rest === 0) return result;
    square = multiply(square, square);
  }
}
