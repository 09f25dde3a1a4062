/** Accumulators over windows. */
import { Decimal128 } from "bson";
import {
  type Accumulator,
  type CompiledAccumulator,
  type Input,
  plain,
} from "../accumulators/accumulator.ts";
import { tick } from "../deadline.ts";
import {
  addDecimals,
  type Decimal,
  divideDecimals,
  makeDecimal,
  negate,
} from "../expressions/decimal-arithmetic.ts";
import { asDecimal, asDouble, DECIMAL, DOUBLE, intOrLong, widthOf } from "../expressions/numbers.ts";
import { Summation } from "../expressions/summation.ts";
import { double, type Value } from "../values.ts";
import { spansOf, type Window } from "./bounds.ts";
import type { Evaluated, Partition } from "./window.ts";

/**
 * Evaluates an accumulator for each document's window. A window that only grows is added to; from one that
 * moves the accumulator takes back what falls out, where it can (as the server does, so that sums of doubles
 * round alike), else it is filled anew.
 */
export function overWindows(
  name: string,
  accumulator: CompiledAccumulator,
  window: Window,
  at: string,
): Evaluated {
  return (partition) => {
    if (name === "$first" || name === "$last")
      return atEnds(partition, window, accumulator, name === "$first", at);
    const inputs = partition.documents.map((document) => accumulator.input(document, partition.variables));
    const moves = window.low !== undefined && window.low !== Number.NEGATIVE_INFINITY;
    const start = () =>
      (moves ? movingAccumulator(name) : undefined) ??
      accumulator.start({}, partition.variables, partition.account);
    return slide(partition, window, inputs, start, at);
  };
}

/** The value of the first or last document of each window; what lies between is not looked at. */
function atEnds(
  partition: Partition,
  window: Window,
  accumulator: CompiledAccumulator,
  first: boolean,
  at: string,
): (Value | undefined)[] {
  return spansOf(window, partition, at).map(([from, to]) => {
    const document = partition.documents[first ? from : to - 1];
    if (document === undefined || from === to) return null;
    return plain(accumulator.input(document, partition.variables));
  });
}

/** Slides an accumulator over the windows of a partition. */
export function slide(
  partition: Partition,
  window: Window,
  inputs: readonly Input[],
  start: () => Accumulator,
  at: string,
): (Value | undefined)[] {
  let running = start();
  let from = 0;
  let to = 0;
  return spansOf(window, partition, at).map(([low, high]) => {
    if (low > from && running.remove === undefined) {
      running = start();
      from = low;
      to = low;
    }
    // First what comes in, then what falls out, as in the server: it shows in the last bit.
    for (; to < high; to++) {
      tick();
      running.add(inputs[to]);
    }
    for (; from < low; from++) {
      // What an empty window passed over was never added.
      if (from < to) running.remove?.(inputs[from]);
      else to = from + 1;
    }
    return low === high ? (running.result() ?? null) : running.result();
  });
}

function movingAccumulator(name: string): Accumulator | undefined {
  switch (name) {
    case "$sum":
    case "$count": {
      const sum = new MovingSum();
      return { add: (v) => sum.add(plain(v)), remove: (v) => sum.remove(plain(v)), result: () => sum.value };
    }
    case "$avg": {
      const sum = new MovingSum();
      return { add: (v) => sum.add(plain(v)), remove: (v) => sum.remove(plain(v)), result: () => sum.mean };
    }
    case "$stdDevPop":
    case "$stdDevSamp": {
      const spread = new MovingSpread();
      const ofSample = name === "$stdDevSamp";
      return {
        add: (v) => spread.change(plain(v), 1),
        remove: (v) => spread.change(plain(v), -1),
        result: () => spread.deviation(ofSample),
      };
    }
    default:
      return undefined;
  }
}

/** A sum from which numbers can be taken back; infinities and NaN are counted apart. */
export class MovingSum {
  readonly #sum = new Summation();
  #decimals: Decimal = asDecimal(0);
  /** How many numbers of each width there are. */
  readonly #widths = new Map<number, number>();
  #nan = 0;
  #infinite = 0;
  #negativeInfinite = 0;
  count = 0;

  add(value: Value | undefined): void {
    this.#change(value, 1);
  }

  remove(value: Value | undefined): void {
    this.#change(value, -1);
  }

  #change(value: Value | undefined, by: 1 | -1): void {
    const width = widthOf(value);
    if (width === 0) return;
    this.count += by;
    this.#widths.set(width, (this.#widths.get(width) ?? 0) + by);
    const number = asDouble(value);
    if (Number.isNaN(number)) this.#nan += by;
    else if (number === Number.POSITIVE_INFINITY && !isFiniteDecimal(value)) this.#infinite += by;
    else if (number === Number.NEGATIVE_INFINITY && !isFiniteDecimal(value)) this.#negativeInfinite += by;
    else if (value instanceof Decimal128) {
      const decimal = asDecimal(value);
      this.#decimals = addDecimals(this.#decimals, by === 1 ? decimal : negate(decimal));
    } else if (typeof value === "bigint") this.#sum.addLong(by === 1 ? value : -value);
    else this.#sum.add(by * number);
  }

  #has(width: number): boolean {
    return (this.#widths.get(width) ?? 0) > 0;
  }

  /** NaN or an infinity where one is among the numbers. */
  get #special(): number | undefined {
    if (this.#nan > 0 || (this.#infinite > 0 && this.#negativeInfinite > 0)) return Number.NaN;
    if (this.#infinite > 0) return Number.POSITIVE_INFINITY;
    return this.#negativeInfinite > 0 ? Number.NEGATIVE_INFINITY : undefined;
  }

  get #decimal(): Decimal {
    return addDecimals(this.#decimals, this.#sum.decimal);
  }

  get value(): Value {
    const special = this.#special;
    if (this.#has(DECIMAL)) return makeDecimal(special === undefined ? this.#decimal : asDecimal(special));
    if (special !== undefined) return special;
    const { integer } = this.#sum;
    if (this.#has(DOUBLE) || integer === undefined) return double(this.#sum.double);
    return intOrLong(integer);
  }

  get mean(): Value {
    if (this.count === 0) return null;
    const special = this.#special;
    if (!this.#has(DECIMAL)) return double(special ?? this.#sum.double / this.count);
    return makeDecimal(
      special === undefined ? divideDecimals(this.#decimal, asDecimal(this.count)) : asDecimal(special),
    );
  }
}

function isFiniteDecimal(value: Value | undefined): boolean {
  return value instanceof Decimal128 && asDecimal(value).kind === "finite";
}

/** The spread of numbers from which some can be taken back. */
class MovingSpread {
  #sum = new Summation();
  #squares = new Summation();
  #count = 0;
  #special = 0;

  change(value: Value | undefined, by: 1 | -1): void {
    if (widthOf(value) === 0) return;
    const number = asDouble(value);
    if (!Number.isFinite(number)) {
      this.#special += by;
      this.#count += by;
      return;
    }
    if (this.#count + by === 0) {
      this.#sum = new Summation();
      this.#squares = new Summation();
      this.#count = 0;
      return;
    }
    const before = this.#count;
    this.#count += by;
    if (before > 0) {
      const x = before * number - this.#sum.double;
      this.#squares.add((x * x * by) / (this.#count * before));
    }
    this.#sum.add(by * number);
  }

  deviation(ofSample: boolean): Value {
    if (this.#special > 0) return Number.NaN;
    const divisor = ofSample ? this.#count - 1 : this.#count;
    if (divisor === 0) return null;
    // An int32, and of no number at all a negative zero: so the server has it.
    const squares = this.#squares.double;
    if (squares < 0 || (!ofSample && this.#count === 1)) return 0;
    return double(Math.sqrt(squares / divisor));
  }
}
