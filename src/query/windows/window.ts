/** What a window function is, and the windows it looks through: by documents or by range of the sort key. */
import type { MemoryAccount } from "../pipeline/memory.ts";
import type { Variables } from "../pipeline/nodes.ts";
import type { PipelineReader } from "../pipeline/reader.ts";
import type { SortSpec } from "../sort.ts";
import type { Document, Value } from "../values.ts";

/** One partition, in order. */
export interface Partition {
  readonly documents: readonly Document[];
  readonly variables: Variables;
  readonly account: MemoryAccount;
}

/**
 * Begins a window function on a partition. What it answers is called with the place of each document in order
 * and yields the function's value for it (`undefined` is missing). It looks at other documents no earlier than
 * it needs to: an error in one that nobody asks for is none.
 */
export type Evaluated = (partition: Partition) => ValueAt;
export type ValueAt = (place: number) => Value | undefined;

/** What a window function is given when it is read. */
export interface WindowContext {
  readonly reader: PipelineReader;
  readonly sortBy: SortSpec | undefined;
  /** The `window`, as given. */
  readonly window: Value | undefined;
  /** Where the output field stands. */
  readonly at: string;
}

/** A window function of its own kind; accumulators are listed in their registry. */
export interface WindowFunctionDefinition {
  readonly name: string;
  readonly summary: string;
  readonly example: {
    readonly sortBy: Document;
    readonly function: Document;
    readonly documents: readonly Document[];
    readonly result: readonly Value[];
  };
  /** Reads the argument; `at` is where it stands. Answers how it is compiled. */
  readonly parse: (argument: Value, at: string, context: WindowContext) => () => Evaluated;
}
