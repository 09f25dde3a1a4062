/** What an accumulator is: what `$group`, `$bucket` and `$setWindowFields` do with the documents of a group. */
import type { MemoryAccount } from "../pipeline/memory.ts";
import type { Variables } from "../pipeline/nodes.ts";
import type { PipelineReader } from "../pipeline/reader.ts";
import type { SortKey } from "../sort.ts";
import type { Document, Value } from "../values.ts";

/** What `$top` and `$bottom` take of a document: where it sorts, and what they show of it. */
export class Ranked {
  constructor(
    readonly key: SortKey,
    readonly output: Value,
  ) {}
}

/** What an accumulator takes of one document. */
export type Input = Value | Ranked | undefined;

/** The accumulator of one group. */
export interface Accumulator {
  add(input: Input): void;
  /** The result so far; `undefined` is a missing value. */
  result(): Value | undefined;
  /** Takes back an earlier input, where an accumulator can: the oldest first. */
  remove?(input: Input): void;
}

/** An accumulator with its argument, compiled. */
export interface CompiledAccumulator {
  readonly input: (document: Document, variables: Variables) => Input;
  /**
   * Begins a group: `group` is what `n` is evaluated on. In a window that moves (`moving`) the server takes the
   * latest of equal values for the greatest, and for the last in an order.
   */
  readonly start: (
    group: Document,
    variables: Variables,
    account: MemoryAccount,
    moving?: boolean,
  ) => Accumulator;
}

/** An accumulator with its argument, read and checked. */
export interface ParsedAccumulator {
  readonly compile: () => CompiledAccumulator;
}

/** What an accumulator is: enough to read it, run it and document it. */
export interface AccumulatorDefinition {
  readonly name: string;
  readonly summary: string;
  readonly example: {
    readonly argument: Value;
    readonly documents: readonly Document[];
    readonly result: Value;
  };
  /** Whether it may stand in `$setWindowFields`; unless said, it may. */
  readonly inWindows?: boolean;
  readonly parse: (argument: Value, at: string, reader: PipelineReader) => ParsedAccumulator;
}

/** An accumulator of one expression. */
export function ofOneExpression(
  start: (account: MemoryAccount, at: string, moving?: boolean) => Accumulator,
): AccumulatorDefinition["parse"] {
  return (argument, at, reader) => {
    const expression = reader.expression(argument, at);
    return {
      compile: () => ({
        input: expression.compile(),
        start: (_group, _variables, account, moving) => start(account, at, moving),
      }),
    };
  };
}

/** The value of an input of an accumulator that is given plain values. */
export function plain(input: Input): Value | undefined {
  return input instanceof Ranked ? input.output : input;
}
