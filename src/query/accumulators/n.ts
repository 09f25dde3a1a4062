/** How many values an accumulator keeps: the argument `n`. */
import { QueryError } from "../errors.ts";
import type { MemoryAccount } from "../pipeline/memory.ts";
import { integerOf, readOptions } from "../stages/arguments.ts";
import { getField, type Value } from "../values.ts";
import type { Accumulator, AccumulatorDefinition } from "./accumulator.ts";

/** Checks the value of `n`. */
export function readN(value: Value | undefined, at: string): number {
  const n = integerOf(value);
  if (n !== undefined && n > 0n && n < 2n ** 63n) return Number(n);
  throw new QueryError("runtime", at, "n must be a positive integer");
}

/** An accumulator of `{input, n}`. */
export function ofInputAndN(
  start: (n: number, account: MemoryAccount, moving?: boolean) => Accumulator,
): AccumulatorDefinition["parse"] {
  return (argument, at, reader) => {
    const options = readOptions(argument, at, ["input", "n"]);
    const input = reader.expression(getField(options, "input") ?? null, `${at}.input`);
    const n = reader.expression(getField(options, "n") ?? null, `${at}.n`);
    return {
      compile() {
        const evaluateN = n.compile();
        return {
          input: input.compile(),
          start: (group, variables, account, moving) =>
            start(readN(evaluateN(group, variables), `${at}.n`), account, moving),
        };
      },
    };
  };
}
