/** Accumulators over windows. */
import { Decimal128 } from "bson";
import {
  type Accumulator,
  type CompiledAccumulator,
  type Input,
  plain,
} from "../accumulators/accumulator.ts";
import { tick } from "../deadline.ts";
import { divideDecimals, makeDecimal, negate } from "../expressions/decimal-arithmetic.ts";
import {
  asDecimal,
  asDouble,
  DECIMAL,
  DOUBLE,
  intOrLong,
  MAX_INT64,
  MIN_INT64,
  type Width,
  widthOf,
} from "../expressions/numbers.ts";
import { NumberSum } from "../expressions/operators/accumulators.ts";
import { roundToLong } from "../expressions/operators/arithmetic.ts";
import { roundAway } from "../expressions/summation.ts";
import type { MemoryAccount } from "../pipeline/memory.ts";
import { type Document, double, type Value } from "../values.ts";
import { spansOf, type Window } from "./bounds.ts";
import type { Evaluated, Partition, ValueAt } from "./window.ts";

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
    const moves = window.low !== undefined && window.low !== Number.NEGATIVE_INFINITY;
    const start = (account: MemoryAccount) =>
      (moves ? movingAccumulator(name) : undefined) ??
      accumulator.start({}, partition.variables, account, moves);
    return slide(partition, window, accumulator.input, start, at);
  };
}

/** The value of the first or last document of each window; what lies between is not looked at. */
function atEnds(
  partition: Partition,
  window: Window,
  accumulator: CompiledAccumulator,
  first: boolean,
  at: string,
): ValueAt {
  const spans = spansOf(window, partition, at);
  return (place) => {
    const [from, to] = spans(place);
    const document = partition.documents[first ? from : to - 1];
    if (document === undefined || from === to) return null;
    return plain(accumulator.input(document, partition.variables));
  };
}

/** Slides an accumulator over the windows of a partition; each document's input is made as it comes in. */
export function slide(
  partition: Partition,
  window: Window,
  input: CompiledAccumulator["input"],
  start: (account: MemoryAccount) => Accumulator,
  at: string,
): ValueAt {
  const { documents, variables } = partition;
  const spans = spansOf(window, partition, at);
  const account = partition.account.part();
  const inputs: Input[] = [];
  let running = start(account);
  let from = 0;
  let to = 0;
  const restart = () => {
    account.release();
    running = start(account);
  };
  const comeIn = (high: number) => {
    for (; to < high; to++) {
      tick();
      inputs[to] ??= input(documents[to] as Document, variables);
      running.add(inputs[to]);
    }
  };
  return (place) => {
    const [low, high] = spans(place);
    if (low > from && running.remove === undefined) {
      restart();
      from = to = low;
    }
    if (low < high) {
      // What lies between two windows is not looked at when the first was empty.
      if (from === to) from = to = low;
      // First what comes in, then what falls out, as in the server: it shows in the last bit.
      comeIn(high);
    }
    for (; from < Math.min(low, to); from++) running.remove?.(inputs[from]);
    return low === high ? (running.result() ?? null) : running.result();
  };
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
  readonly #total = new NumberSum();
  /** How many numbers of each width there are. */
  readonly #widths = new Map<Width, number>();
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
    if (isFiniteNumber(value)) {
      if (by === 1) this.#total.add(value);
      else for (const part of opposite(value)) this.#total.add(part);
    } else if (Number.isNaN(asDouble(value))) this.#nan += by;
    else if (asDouble(value) > 0) this.#infinite += by;
    else this.#negativeInfinite += by;
  }

  #has(width: Width): boolean {
    return (this.#widths.get(width) ?? 0) > 0;
  }

  /** NaN or an infinity where one is among the numbers. */
  get #special(): number | undefined {
    if (this.#nan > 0 || (this.#infinite > 0 && this.#negativeInfinite > 0)) return Number.NaN;
    if (this.#infinite > 0) return Number.POSITIVE_INFINITY;
    return this.#negativeInfinite > 0 ? Number.NEGATIVE_INFINITY : undefined;
  }

  /** As narrow as the numbers that are still there. */
  get value(): Value {
    const special = this.#special;
    if (special !== undefined) return this.#has(DECIMAL) ? makeDecimal(asDecimal(special)) : special;
    const sum = this.#total.sum;
    // Of products of means more decimals may go than came.
    if (sum instanceof Decimal128) return this.#widths.get(DECIMAL) !== 0 ? sum : this.#narrowed(sum);
    const number = asDouble(sum);
    // A sum below all int64 that a double rounds to the least of them becomes that.
    if (widthOf(sum) === DOUBLE && !this.#has(DOUBLE) && number >= -(2 ** 63) && number < 2 ** 63)
      return intOrLong(BigInt(roundAway(number)));
    return typeof sum === "bigint" ? intOrLong(sum) : sum;
  }

  #narrowed(sum: Decimal128): Value {
    const integer = this.#has(DOUBLE) ? undefined : roundToLong(sum);
    return integer === undefined ? double(asDouble(sum)) : intOrLong(integer);
  }

  get mean(): Value {
    if (this.count === 0) return null;
    const sum = this.value;
    if (!(sum instanceof Decimal128)) return double(asDouble(sum) / this.count);
    return isFiniteNumber(sum) ? makeDecimal(divideDecimals(asDecimal(sum), asDecimal(this.count))) : sum;
  }
}

/** What to add to take a number back; the least integers have no opposite of their type. */
function opposite(value: Value | undefined): Value[] {
  if (value instanceof Decimal128) return [makeDecimal(negate(asDecimal(value)))];
  if (typeof value === "bigint") return value === MIN_INT64 ? [MAX_INT64, 1] : [-value];
  if (value === -2147483648) return [2147483647, 1];
  const number = asDouble(value);
  return [widthOf(value) === DOUBLE ? double(-number) : 0 - number];
}

/** Whether a number is finite in its own type: a decimal may be beyond all doubles. */
export function isFiniteNumber(value: Value | undefined): boolean {
  return value instanceof Decimal128 ? asDecimal(value).kind === "finite" : Number.isFinite(asDouble(value));
}

/** The spread of numbers from which some can be taken back. */
class MovingSpread {
  #sum = new NumberSum();
  #squares = new NumberSum();
  #count = 0;
  #special = 0;

  change(value: Value | undefined, by: 1 | -1): void {
    if (widthOf(value) === 0) return;
    if (!isFiniteNumber(value)) {
      this.#special += by;
      this.#count += by;
      return;
    }
    if (this.#count === 0) {
      this.#count = 1;
      this.#sum.add(value);
      return;
    }
    if (this.#count + by === 0) {
      this.#sum = new NumberSum();
      this.#squares = new NumberSum();
      this.#count = 0;
      return;
    }
    const number = asDouble(value);
    const before = this.#count;
    const x = before * number - asDouble(this.#sum.sum);
    this.#count += by;
    this.#sum.add(double(by * number));
    this.#squares.add(double((x * x * by) / (this.#count * before)));
  }

  deviation(ofSample: boolean): Value {
    if (this.#special > 0) return null;
    const divisor = ofSample ? this.#count - 1 : this.#count;
    if (divisor === 0) return null;
    // An int32, and of no number at all a negative zero: so the server has it.
    const squares = asDouble(this.#squares.sum);
    if (squares < 0 || (!ofSample && this.#count === 1)) {
      // What rounding has left over does not go into the windows that follow.
      this.#squares = new NumberSum();
      return 0;
    }
    return double(Math.sqrt(squares / divisor));
  }
}
