/** Window functions of a document's place: `$documentNumber`, `$rank`, `$denseRank`, `$shift`. */
import { QueryError } from "../errors.ts";
import { followPath } from "../expressions/field-path.ts";
import { compareValues } from "../order.ts";
import type { SortSpec } from "../sort.ts";
import { integerOf, readOptions } from "../stages/arguments.ts";
import { type Document, getField, isDocument, type Value } from "../values.ts";
import type { Partition, ValueAt, WindowContext, WindowFunctionDefinition } from "./window.ts";

/** Refuses a `window`, which these functions do not look at. */
export function refuseWindow({ window, at }: WindowContext): void {
  if (window !== undefined) throw new QueryError("invalid", `${at}.window`, "this function takes no window");
}

/** The one path to sort by that a function needs. */
export function needOrder({ sortBy }: WindowContext, at: string): SortSpec {
  if (sortBy === undefined || sortBy.length !== 1)
    throw new QueryError("invalid", at, "needs a sortBy of exactly one path");
  return sortBy;
}

/** Gives each document a number from its place and that of the first with an equal key. */
function ranking(
  name: string,
  summary: string,
  next: (rank: number, place: number, same: boolean) => number,
  result: readonly number[],
): WindowFunctionDefinition {
  return {
    name,
    summary,
    example: {
      sortBy: { a: 1 },
      function: { [name]: {} },
      documents: [{ a: 5 }, { a: 7 }, { a: 7 }, { a: 9 }],
      result,
    },
    parse(argument, at, context) {
      refuseWindow(context);
      if (!isDocument(argument) || Object.keys(argument).length > 0)
        throw new QueryError("invalid", at, `takes no arguments: write {${name}: {}}`);
      const sortBy = needOrder(context, at);
      return () => (partition) => ranked(partition, sortBy, next);
    },
  };
}

function ranked(
  { documents }: Partition,
  sortBy: SortSpec,
  next: (rank: number, place: number, same: boolean) => number,
): ValueAt {
  const parts = sortBy[0]?.[0].split(".") ?? [];
  let before: Value | undefined;
  let rank = 0;
  return (place) => {
    // Arrays are equal as a whole here, though they sort by one of their items.
    const key = followPath(documents[place] as Document, parts);
    rank = next(rank, place, place > 0 && compareValues(key, before) === 0);
    before = key;
    return rank;
  };
}

export const documentNumber = ranking(
  "$documentNumber",
  "The document's number in its partition, from 1.",
  (_rank, place) => place + 1,
  [1, 2, 3, 4],
);

export const rank = ranking(
  "$rank",
  "The document's rank: equal ones share it, and gaps follow.",
  (current, place, same) => (same ? current : place + 1),
  [1, 2, 2, 4],
);

export const denseRank = ranking(
  "$denseRank",
  "The document's rank: equal ones share it, without gaps.",
  (current, _place, same) => (same ? current : current + 1),
  [1, 2, 2, 3],
);

export const shift: WindowFunctionDefinition = {
  name: "$shift",
  summary: "A value of the document a number of places before or after.",
  example: {
    sortBy: { a: 1 },
    function: { $shift: { output: "$a", by: -1, default: 0 } },
    documents: [{ a: 5 }, { a: 7 }],
    result: [0, 5],
  },
  parse(argument, at, context) {
    refuseWindow(context);
    const options = readOptions(argument, at, ["output", "by"], ["default"]);
    if (context.sortBy === undefined) throw new QueryError("invalid", at, "needs a sortBy");
    const by = integerOf(getField(options, "by"));
    if (by === undefined || by < -2147483648n || by > 2147483647n)
      throw new QueryError("invalid", `${at}.by`, "needs an int32");
    const output = context.reader.expression(getField(options, "output") ?? null, `${at}.output`);
    const otherwise = readDefault(getField(options, "default") ?? null, `${at}.default`, context);
    return () => {
      const evaluate = output.compile();
      return ({ documents, variables }) =>
        (place) => {
          const other = documents[place + Number(by)];
          return other === undefined ? otherwise : evaluate(other, variables);
        };
    };
  },
};

function readDefault(value: Value, at: string, { reader }: WindowContext): Value {
  const { node } = reader.expression(value, at);
  if (node.kind !== "constant") throw new QueryError("invalid", at, "must be a constant");
  return node.value ?? null;
}
