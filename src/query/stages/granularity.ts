/** Series of preferred numbers, to which `$bucketAuto` rounds its boundaries. */
import { Decimal128 } from "bson";
import { QueryError } from "../errors.ts";
import { asDouble, intOrLong, widthOf } from "../expressions/numbers.ts";
import { double, type Value } from "../values.ts";

/** Rounds a boundary up or down, away from the value itself. */
export interface Rounder {
  up(value: Value): Value;
  down(value: Value): Value;
}

const RENARD = {
  R5: [10, 16, 25, 40, 63],
  R10: [100, 125, 160, 200, 250, 315, 400, 500, 630, 800],
  R20: [100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710, 800, 900],
  R40: [
    100, 106, 112, 118, 125, 132, 140, 150, 160, 170, 180, 190, 200, 212, 224, 236, 250, 265, 280, 300, 315,
    355, 375, 400, 425, 450, 475, 500, 530, 560, 600, 630, 670, 710, 750, 800, 850, 900, 950,
  ],
  R80: [
    103, 109, 115, 122, 128, 136, 145, 155, 165, 175, 185, 195, 206, 218, 230, 243, 258, 272, 290, 307, 325,
    345, 365, 387, 412, 437, 462, 487, 515, 545, 575, 615, 650, 690, 730, 775, 825, 875, 925, 975,
  ],
};

const RESISTORS = {
  E6: [10, 15, 22, 33, 47, 68],
  E12: [10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82],
  E24: [10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91],
  E48: series(48),
  E96: series(96),
  E192: series(192).map((x) => (x === 919 ? 920 : x)),
};

/** The E series of three digits: powers of the n-th root of ten. */
function series(n: number): number[] {
  return Array.from({ length: n }, (_, i) => Math.round(100 * 10 ** (i / n)));
}

const SERIES = new Map<string, readonly number[]>([
  ...Object.entries(RENARD),
  ["1-2-5", [10, 20, 50]],
  ...Object.entries(RESISTORS),
]);

export const GRANULARITIES: readonly string[] = [...SERIES.keys(), "POWERSOF2"];

/** The rounder of a granularity that is known. */
export function rounderOf(granularity: string, at: string): Rounder {
  const numbers = SERIES.get(granularity);
  const round = numbers === undefined ? POWERS_OF_TWO : preferred(numbers);
  const asValue = numbers === undefined ? integerWhereWhole : double;
  const rounding = (direction: (x: number) => number) => (value: Value) => {
    const x = readNumber(value, at);
    // Nothing lies beyond an infinity.
    return x === 0 || x === Number.POSITIVE_INFINITY ? value : asValue(direction(x));
  };
  return { up: rounding(round.up), down: rounding(round.down) };
}

function integerWhereWhole(x: number): Value {
  return x >= 1 && Number.isInteger(x) && x < 2 ** 63 ? intOrLong(BigInt(x)) : double(x);
}

/** A value of a document as a number that can be rounded. */
export function readNumber(value: Value, at: string): number {
  if (value instanceof Decimal128)
    throw new QueryError("unsupported", at, "granularity does not round decimals");
  const x = widthOf(value) === 0 ? Number.NaN : asDouble(value);
  if (x >= 0) return x;
  throw new QueryError("runtime", at, "granularity needs numbers that are not negative");
}

interface Rounding {
  up(x: number): number;
  down(x: number): number;
}

const POWERS_OF_TWO: Rounding = {
  up: (x) => 2 ** (Math.floor(Math.log2(x)) + 1),
  down: (x) => 2 ** (Math.ceil(Math.log2(x)) - 1),
};

/** Scales the series by tens until it reaches round the number. */
function preferred(numbers: readonly number[]): Rounding {
  const first = numbers[0] ?? 1;
  const last = numbers[numbers.length - 1] ?? 1;
  return {
    up(x) {
      let scale = 1;
      while (x >= last * scale) scale *= 10;
      while (x < first * scale) {
        const above = first * scale;
        scale /= 10;
        if (x >= last * scale) return above;
      }
      return (numbers.find((n) => x < n * scale) ?? last) * scale;
    },
    down(x) {
      let scale = 1;
      while (x <= first * scale) scale /= 10;
      // Below the least of doubles there is only zero.
      if (scale === 0) return 0;
      while (x > last * scale) {
        const below = last * scale;
        scale *= 10;
        if (x <= first * scale) return below;
      }
      return (numbers.findLast((n) => n * scale < x) ?? first) * scale;
    },
  };
}
