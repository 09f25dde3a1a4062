/**
 * Sums of numbers as the server forms them: doubles and integers in a pair of doubles (the sum and what
 * rounding took from it), decimals apart.
 */
import { Decimal128, Double } from "bson";
import { decimalOfDouble, decimalParts } from "../decimal.ts";
import { addDecimals, type Decimal, finite, makeDecimal } from "../expressions/decimal-arithmetic.ts";
import {
  asDouble,
  DECIMAL,
  DOUBLE,
  INT,
  intOrLong,
  LONG,
  type Width,
  widthOf,
} from "../expressions/numbers.ts";
import { double, type Value } from "../values.ts";

const HALF = 2n ** 32n;
const LIMIT = 2 ** 63;

/** Adds doubles with twice their precision (Knuth's and Dekker's error-free sums). */
export class CompensatedSum {
  #sum = 0;
  #rest = 0;
  /** The plain sum, for infinities, which compensation would turn into NaN. */
  #plain = 0;

  add(x: number): void {
    this.#plain += x;
    const small = x + this.#rest;
    this.#rest = this.#rest - (small - x);
    const sum = this.#sum + small;
    const from = sum - small;
    this.#rest += this.#sum - from + (small - (sum - from));
    this.#sum = sum;
  }

  addInteger(x: bigint): void {
    const high = (x / HALF) * HALF;
    this.add(Number(x - high));
    this.add(Number(high));
  }

  /** The double nearest to the sum. */
  get value(): number {
    return Number.isNaN(this.#sum) ? this.#plain : this.#sum;
  }

  /** The sum as an integer, when it is within int64. */
  get integer(): bigint | undefined {
    const inside = this.#sum > -LIMIT && this.#sum < LIMIT;
    const onEdge = (this.#sum === LIMIT && this.#rest < -0.5) || (this.#sum === -LIMIT && this.#rest >= -0.5);
    if (!inside && !onEdge) return undefined;
    const whole = BigInt(Math.round(this.#sum));
    return whole + BigInt(roundAway(this.#sum - Number(whole) + this.#rest));
  }

  get decimal(): Decimal {
    if (!Number.isFinite(this.#sum)) return decimalOfDouble(this.#plain);
    return addDecimals(shortDecimal(this.#sum), shortDecimal(this.#rest));
  }
}

/** A double as a decimal of at most 34 digits, without zeros at its end. */
function shortDecimal(x: number): Decimal {
  const decimal = decimalOfDouble(x);
  if (decimal.kind !== "finite") return decimal;
  let { coefficient, exponent } = decimal;
  while (exponent < 0 && coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent++;
  }
  return finite(decimal.negative, coefficient, exponent);
}

/** To the nearest integer, halves away from zero. */
function roundAway(x: number): number {
  return x < 0 ? -Math.round(-x) : Math.round(x);
}

/** The total of numbers of any types, in the widest type among them; what is no number counts as nothing. */
export class Total {
  readonly #sum = new CompensatedSum();
  #decimals: Decimal = finite(false, 0n, 0);
  #width: Width = INT;
  #count = 0;

  /** How many numbers were added. */
  get count(): number {
    return this.#count;
  }

  get isDecimal(): boolean {
    return this.#width === DECIMAL;
  }

  add(value: Value | undefined): void {
    const width = widthOf(value);
    if (width === 0) return;
    this.#count++;
    if (width > this.#width) this.#width = width;
    if (value instanceof Decimal128) this.#decimals = addDecimals(this.#decimals, decimalParts(value));
    else if (typeof value === "bigint") this.#sum.addInteger(value);
    else this.#sum.add(asDouble(value));
  }

  get decimal(): Decimal {
    return addDecimals(this.#decimals, this.#sum.decimal);
  }

  /** The sum of what is no decimal. */
  get double(): number {
    return this.#sum.value;
  }

  /** The total in the widest type; integers that outgrow int64 become doubles. */
  get value(): Value {
    if (this.#width === DECIMAL) return makeDecimal(this.decimal);
    if (this.#width === DOUBLE) return double(this.#sum.value);
    const integer = this.#sum.integer;
    if (integer === undefined) return new Double(this.#sum.value);
    return this.#width === LONG ? integer : intOrLong(integer);
  }
}
