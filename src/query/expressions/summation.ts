/** Sums of doubles without loss on the way: what `$add`, `$sum` and `$avg` of the server do. */
import { addDecimals, type Decimal } from "./decimal-arithmetic.ts";
import { exactDecimal, isInt64 } from "./numbers.ts";

/** The high part of an int64 is a multiple of this, and then exact as a double. */
const HIGH = 2n ** 32n;

/** The nearest integer, halves away from zero. */
export function roundAway(x: number): number {
  const whole = Math.trunc(x);
  return Math.abs(x - whole) >= 0.5 ? whole + Math.sign(x) : whole;
}

/**
 * A sum kept as two doubles, the second holding what the first could not (Dekker's and Knuth's two-sums). The
 * steps are the server's, so that results are equal to the last bit.
 */
export class Summation {
  #sum = 0;
  #rest = 0;
  /** The plain sum, for infinities, which the exact steps turn into NaN. */
  #special = 0;

  add(x: number): void {
    this.#special += x;
    // The rest goes in first (Dekker's sum, for which the first operand is the larger one) …
    const y = x + this.#rest;
    const rest = this.#rest - (y - x);
    // … then the sum (Knuth's, for operands of any size).
    const sum = this.#sum + y;
    const a = sum - y;
    const b = sum - a;
    this.#rest = rest + (this.#sum - a + (y - b));
    this.#sum = sum;
  }

  addLong(x: bigint): void {
    const high = (x / HIGH) * HIGH;
    this.add(Number(x - high));
    this.add(Number(high));
  }

  get double(): number {
    return Number.isNaN(this.#sum) ? this.#special : this.#sum;
  }

  /** The sum rounded to an int64, as the server rounds it; undefined when it is beyond. */
  get integer(): bigint | undefined {
    if (!Number.isFinite(this.#sum) || !Number.isFinite(this.#rest)) return undefined;
    const whole = roundAway(this.#sum);
    const result = BigInt(whole) + BigInt(roundAway(this.#sum - whole + this.#rest));
    return isInt64(result) ? result : undefined;
  }

  get decimal(): Decimal {
    if (!Number.isFinite(this.#sum)) return exactDecimal(this.#special);
    return addDecimals(exactDecimal(this.#sum), exactDecimal(this.#rest));
  }
}

/** The sum of three plain numbers, as `Summation` has it. */
export function sumOfThree(x: number, y: number, z: number): number {
  const first = x + y;
  const a = first - y;
  const rest = x - a + (y - (first - a));
  const result = first + (z + rest);
  return Number.isNaN(result) ? first + z : result;
}

/** The sum of plain numbers, as `Summation` has it. */
export function sumOf(...numbers: number[]): number {
  const total = new Summation();
  for (const x of numbers) total.add(x);
  return total.double;
}
