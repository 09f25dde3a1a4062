/** The first and last as they come: `$first`, `$last`, `$firstN`, `$lastN`. */
import type { MemoryAccount } from "../pipeline/memory.ts";
import { sizeOf } from "../pipeline/memory.ts";
import type { Value } from "../values.ts";
import { type Accumulator, type AccumulatorDefinition, ofOneExpression, plain } from "./accumulator.ts";
import { ofInputAndN } from "./n.ts";

function firstOf(): Accumulator {
  let found: { readonly value: Value | undefined } | undefined;
  return {
    add(input) {
      found ??= { value: plain(input) };
    },
    result: () => found?.value,
  };
}

function lastOf(): Accumulator {
  let value: Value | undefined;
  return {
    add(input) {
      value = plain(input);
    },
    result: () => value,
  };
}

function firstsOf(n: number, account: MemoryAccount): Accumulator {
  const kept: Value[] = [];
  return {
    add(input) {
      if (kept.length >= n) return;
      const value = plain(input) ?? null;
      account.keep(value);
      kept.push(value);
    },
    result: () => [...kept],
  };
}

function lastsOf(n: number, account: MemoryAccount): Accumulator {
  const kept: Value[] = [];
  return {
    add(input) {
      const value = plain(input) ?? null;
      account.keep(value);
      kept.push(value);
      if (kept.length > n) account.add(-sizeOf(kept.shift()));
    },
    result: () => [...kept],
  };
}

const DOCUMENTS = [{ a: 4 }, { a: 2 }, { a: 9 }];

export const first: AccumulatorDefinition = {
  name: "$first",
  summary: "The value of the first document.",
  example: { argument: "$a", documents: DOCUMENTS, result: 4 },
  parse: ofOneExpression(firstOf),
};

export const last: AccumulatorDefinition = {
  name: "$last",
  summary: "The value of the last document.",
  example: { argument: "$a", documents: DOCUMENTS, result: 9 },
  parse: ofOneExpression(lastOf),
};

export const firstN: AccumulatorDefinition = {
  name: "$firstN",
  summary: "The values of the first `n` documents.",
  example: { argument: { input: "$a", n: 2 }, documents: DOCUMENTS, result: [4, 2] },
  parse: ofInputAndN(firstsOf),
};

export const lastN: AccumulatorDefinition = {
  name: "$lastN",
  summary: "The values of the last `n` documents.",
  example: { argument: { input: "$a", n: 2 }, documents: DOCUMENTS, result: [2, 9] },
  parse: ofInputAndN(lastsOf),
};
