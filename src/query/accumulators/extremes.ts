/** The least and greatest: `$min`, `$max`, `$minN`, `$maxN`. */

import { compareValues } from "../order.ts";
import type { MemoryAccount } from "../pipeline/memory.ts";
import { sizeOf } from "../pipeline/memory.ts";
import type { Value } from "../values.ts";
import { type Accumulator, type AccumulatorDefinition, ofOneExpression, plain } from "./accumulator.ts";
import { ofInputAndN } from "./n.ts";

function extremeOf(direction: 1 | -1): () => Accumulator {
  return () => {
    let best: Value | undefined;
    return {
      add(input) {
        const value = plain(input);
        if (value === undefined || value === null) return;
        if (best === undefined || compareValues(value, best) * direction < 0) best = value;
      },
      result: () => best ?? null,
    };
  };
}

/** The first `n` of the values in order. Of equal ones the earlier stay; of greatest ones the later come first. */
function extremesOf(direction: 1 | -1): (n: number, account: MemoryAccount) => Accumulator {
  return (n, account) => {
    const best: Value[] = [];
    return {
      add(input) {
        const value = plain(input);
        if (value === undefined || value === null) return;
        const last = best[n - 1];
        if (last !== undefined && compareValues(value, last) * direction >= 0) return;
        let at = best.length;
        const before = direction === 1 ? 0 : 1;
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
