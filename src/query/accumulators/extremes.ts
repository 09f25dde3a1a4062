/** The least and greatest: `$min`, `$max`, `$minN`, `$maxN`. */

import { compareValues } from "../order.ts";
import { sizeOf } from "../pipeline/memory.ts";
import type { Value } from "../values.ts";
import { type AccumulatorDefinition, ofOneExpression, plain } from "./accumulator.ts";
import { ofInputAndN } from "./n.ts";

type Start = Parameters<typeof ofOneExpression>[0];

function extremeOf(direction: 1 | -1): Start {
  return (_account, _at, moving) => {
    let best: Value | undefined;
    const before = moving && direction === -1 ? 1 : 0;
    return {
      add(input) {
        const value = plain(input);
        if (value === undefined || value === null) return;
        if (best === undefined || compareValues(value, best) * direction < before) best = value;
      },
      result: () => best ?? null,
    };
  };
}

/** The first `n` of the values in order. Of equal ones the earlier stay; of greatest ones the later come first. */
function extremesOf(direction: 1 | -1): Parameters<typeof ofInputAndN>[0] {
  return (n, account, moving) => {
    const best: Value[] = [];
    const before = direction === 1 ? 0 : 1;
    const better = moving ? before : 0;
    return {
      add(input) {
        const value = plain(input);
        if (value === undefined || value === null) return;
        const last = best[n - 1];
        if (last !== undefined && compareValues(value, last) * direction >= better) return;
        let at = best.length;
        while (at > 0 && compareValues(value, best[at - 1]) * direction < before) at--;
        account.keep(value);
        best.splice(at, 0, value);
        if (best.length > n) account.add(-sizeOf(best.pop()));
      },
      result: () => [...best],
    };
  };
}

const NUMBERS = [{ a: 4 }, { a: 2 }, { a: 9 }];

export const min: AccumulatorDefinition = {
  name: "$min",
  summary: "The least value, or null.",
  example: { argument: "$a", documents: NUMBERS, result: 2 },
  parse: ofOneExpression(extremeOf(1)),
};

export const max: AccumulatorDefinition = {
  name: "$max",
  summary: "The greatest value, or null.",
  example: { argument: "$a", documents: NUMBERS, result: 9 },
  parse: ofOneExpression(extremeOf(-1)),
};

export const minN: AccumulatorDefinition = {
  name: "$minN",
  summary: "The `n` least values in order.",
  example: { argument: { input: "$a", n: 2 }, documents: NUMBERS, result: [2, 4] },
  parse: ofInputAndN(extremesOf(1)),
};

export const maxN: AccumulatorDefinition = {
  name: "$maxN",
  summary: "The `n` greatest values, the greatest first.",
  example: { argument: { input: "$a", n: 2 }, documents: NUMBERS, result: [9, 4] },
  parse: ofInputAndN(extremesOf(-1)),
};
