/** Accumulators that collect: `$push`, `$addToSet`, `$mergeObjects`. */
import { QueryError } from "../errors.ts";
import type { MemoryAccount } from "../pipeline/memory.ts";
import { type ValueKey, valueKey } from "../pipeline/value-key.ts";
import { type Document, isDocument, setField, typeOf, type Value } from "../values.ts";
import { type Accumulator, type AccumulatorDefinition, ofOneExpression, plain } from "./accumulator.ts";

function listOf(account: MemoryAccount): Accumulator {
  const items: Value[] = [];
  return {
    add(input) {
      const value = plain(input);
      if (value === undefined) return;
      account.keep(value);
      items.push(value);
    },
    result: () => [...items],
  };
}

function setOf(account: MemoryAccount): Accumulator {
  const items = new Map<ValueKey, Value>();
  return {
    add(input) {
      const value = plain(input);
      if (value === undefined) return;
      const key = valueKey(value);
      if (items.has(key)) return;
      account.keep(value);
      items.set(key, value);
    },
    result: () => [...items.values()],
  };
}

function mergeOf(account: MemoryAccount, at: string): Accumulator {
  const merged: Document = {};
  return {
    add(input) {
      const value = plain(input);
      if (value === undefined || value === null) return;
      if (!isDocument(value)) throw new QueryError("runtime", at, `needs objects, not ${typeOf(value)}`);
      account.keep(value);
      for (const name of Object.keys(value)) {
        const field = value[name];
        if (field !== undefined) setField(merged, name, field);
      }
    },
    result: () => ({ ...merged }),
  };
}

export const push: AccumulatorDefinition = {
  name: "$push",
  summary: "An array of the values.",
  example: { argument: "$a", documents: [{ a: 1 }, { a: 2 }, { a: 1 }], result: [1, 2, 1] },
  parse: ofOneExpression(listOf),
};

export const addToSet: AccumulatorDefinition = {
  name: "$addToSet",
  summary: "An array of the different values, in no particular order.",
  example: { argument: "$a", documents: [{ a: 1 }, { a: 2 }, { a: 1 }], result: [1, 2] },
  parse: ofOneExpression(setOf),
};

export const mergeObjects: AccumulatorDefinition = {
  name: "$mergeObjects",
  summary: "One object with the fields of all; later ones replace earlier ones.",
  example: {
    argument: "$a",
    documents: [{ a: { x: 1, y: 1 } }, { a: { y: 2 } }],
    result: { x: 1, y: 2 },
  },
  inWindows: false,
  parse: ofOneExpression(mergeOf),
};
