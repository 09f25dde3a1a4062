/** Window functions that fill gaps: `$locf` and `$linearFill`. */
import { tick } from "../deadline.ts";
import { QueryError } from "../errors.ts";
import { followPath } from "../expressions/field-path.ts";
import { isNullish, widthOf } from "../expressions/numbers.ts";
import { addPair, divide, multiply, subtract } from "../expressions/operators/arithmetic.ts";
import { compareValues } from "../order.ts";
import type { Document, Value } from "../values.ts";
import { needOrder, refuseWindow } from "./ranks.ts";
import type { ValueAt, WindowFunctionDefinition } from "./window.ts";

export const locf: WindowFunctionDefinition = {
  name: "$locf",
  summary: "The last value that was there, in the place of null and missing ones.",
  example: {
    sortBy: { t: 1 },
    function: { $locf: "$a" },
    documents: [
      { t: 1, a: 5 },
      { t: 2, a: null },
    ],
    result: [5, 5],
  },
  parse(argument, at, context) {
    refuseWindow(context);
    const expression = context.reader.expression(argument, at);
    return () => {
      const evaluate = expression.compile();
      return ({ documents, variables }) => {
        let last: Value = null;
        return (place) => {
          last = evaluate(documents[place] as Document, variables) ?? last;
          return last;
        };
      };
    };
  },
};

export const linearFill: WindowFunctionDefinition = {
  name: "$linearFill",
  summary: "Fills null and missing values on the line between their neighbours in the order.",
  example: {
    sortBy: { t: 1 },
    function: { $linearFill: "$a" },
    documents: [
      { t: 1, a: 5 },
      { t: 2, a: null },
      { t: 3, a: 8 },
    ],
    result: [5, 6.5, 8],
  },
  parse(argument, at, context) {
    refuseWindow(context);
    const [[path] = [""]] = needOrder(context, at);
    const parts = path.split(".");
    const expression = context.reader.expression(argument, at);
    return () => {
      const evaluate = expression.compile();
      return ({ documents, variables }) => {
        const along = documents.map(
          (document) => new Point(followPath(document, parts), () => evaluate(document, variables)),
        );
        return filled(along, at);
      };
    };
  },
};

/** A document along the order; its value is worked out when it is first looked at. */
class Point {
  #value: Value | undefined;

  constructor(
    readonly place: Value | undefined,
    readonly evaluate: () => Value | undefined,
  ) {}

  get value(): Value {
    this.#value ??= this.evaluate() ?? null;
    return this.#value;
  }
}

function filled(points: readonly Point[], at: string): ValueAt {
  let before: Point | undefined;
  let after = 0;
  return (place) => {
    const point = points[place] as Point;
    const { value } = point;
    if (value !== null && widthOf(value) === 0) throw new QueryError("runtime", at, "fills numbers only");
    checkPlace(point, points[place - 1], at);
    if (value !== null) {
      before = point;
      return value;
    }
    if (before === undefined) return null;
    if (after < place) after = place;
    while (after < points.length && !isEnd(points[after])) {
      tick();
      after++;
    }
    const next = points[after];
    return next === undefined ? null : between(before, next, point.place, at);
  };
}

function isEnd(point: Point | undefined): boolean {
  return point !== undefined && point.value !== null && !isNullish(point.place);
}

function checkPlace({ place }: Point, before: Point | undefined, at: string): void {
  if (!(place instanceof Date) && widthOf(place) === 0)
    throw new QueryError("runtime", at, "needs a number or a date at the path of sortBy");
  if (before === undefined) return;
  if (compareValues(place, before.place) === 0)
    throw new QueryError("runtime", at, "the values of sortBy must be different within a partition");
  if (place instanceof Date !== before.place instanceof Date)
    throw new QueryError("runtime", at, "the values of sortBy must be numbers or dates, not both");
}

/** Where the line through two points is at a place. */
function between(from: Point, to: Point, place: Value | undefined, at: string): Value {
  const rise = subtract(at, to.value, from.value);
  const slope = divide(at, rise, subtract(at, to.place, from.place));
  return addPair(at, from.value, multiply(at, subtract(at, place, from.place), slope));
}
