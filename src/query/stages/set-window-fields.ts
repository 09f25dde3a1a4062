/** `$setWindowFields`: fields that look at the documents round each one. */
import { QueryError } from "../errors.ts";
import { compareValues } from "../order.ts";
import type { Evaluate } from "../pipeline/expression.ts";
import { MemoryAccount, sizeOf } from "../pipeline/memory.ts";
import type { Flow, RunContext, Running, StageNode } from "../pipeline/nodes.ts";
import type { PipelineReader, StageDefinition } from "../pipeline/reader.ts";
import { compileTree, parseAddFields } from "../projection/index.ts";
import { compileKeyOrder, compileSortKey, parseSort, type SortKey, type SortSpec } from "../sort.ts";
import { type Document, getField, isDocument, type Value } from "../values.ts";
import { type Evaluated, readWindowFunction } from "../windows/index.ts";
import { readOptions } from "./arguments.ts";

export const setWindowFields: StageDefinition = {
  name: "$setWindowFields",
  summary: "Adds fields computed over the documents round each one, in an order and by partitions.",
  example: {
    stage: {
      $setWindowFields: {
        partitionBy: "$objectId",
        sortBy: { jd: 1 },
        output: { previous: { $shift: { output: "$mag", by: -1 } } },
      },
    },
    documents: [
      { objectId: "a", jd: 2, mag: 18 },
      { objectId: "a", jd: 1, mag: 19 },
    ],
    result: [
      { objectId: "a", jd: 1, mag: 19, previous: null },
      { objectId: "a", jd: 2, mag: 18, previous: 19 },
    ],
  },
  parse(argument, at, reader) {
    const options = readOptions(argument, at, ["output"], ["partitionBy", "sortBy"]);
    return windowStage(
      {
        partitionBy: getField(options, "partitionBy"),
        sortBy: getField(options, "sortBy"),
        output: getField(options, "output") ?? null,
      },
      at,
      reader,
    );
  },
};

/** What is given of a stage that computes over windows. */
export interface WindowOptions {
  readonly partitionBy: Value | undefined;
  readonly sortBy: Value | undefined;
  readonly output: Value;
}

/** Makes the stage of options that have been told apart; `$fill` is such a stage too. */
export function windowStage(
  { partitionBy, sortBy, output }: WindowOptions,
  at: string,
  reader: PipelineReader,
): Omit<StageNode, "name"> {
  const partition =
    partitionBy === undefined ? undefined : reader.expression(partitionBy, `${at}.partitionBy`);
  const sort = readSortBy(sortBy, `${at}.sortBy`);
  if (!isDocument(output))
    throw new QueryError("invalid", `${at}.output`, "needs an object {path: {$function: …}}");
  const functions = Object.keys(output).map((path): [string, () => Evaluated] => {
    const where = `${at}.output.${path}`;
    return [path, readWindowFunction(getField(output, path) ?? null, where, { reader, sortBy: sort })];
  });
  // Checks that the paths do not collide.
  outputTree(
    functions.map(([path]) => path),
    `${at}.output`,
  );
  return {
    at,
    pipelines: [],
    compile() {
      const windows = new Windows(
        at,
        partition?.compile(),
        sort,
        functions.map(([path, compile]) => [path, compile()]),
      );
      return { kind: "flow", run: (input, context) => windows.run(input, context) };
    },
  };
}

function readSortBy(value: Value | undefined, at: string): SortSpec | undefined {
  if (value === undefined) return undefined;
  if (!isDocument(value)) throw new QueryError("invalid", at, "needs an object {path: 1 or -1}");
  return parseSort(value, at);
}

function outputTree(paths: readonly string[], at: string) {
  return parseAddFields(Object.fromEntries(paths.map((path) => [path, { $literal: path }])), at);
}

interface Kept {
  readonly document: Document;
  readonly partition: Value;
  readonly key: SortKey;
}

class Windows {
  /** What the output fields of the present document are, by place. */
  readonly #values = new Map<string, Value | undefined>();
  readonly #set: (document: Document) => Document;

  constructor(
    readonly at: string,
    readonly partitionOf: Evaluate | undefined,
    readonly sortBy: SortSpec | undefined,
    readonly functions: readonly (readonly [path: string, evaluate: Evaluated])[],
  ) {
    const at1 = `${at}.output`;
    const paths = functions.map(([path]) => path);
    this.#set = compileTree(outputTree(paths, at1), (_expression, place) => () => this.#values.get(place));
  }

  *run(input: Flow, context: RunContext): Running {
    const account = new MemoryAccount(this.at, context);
    const kept: Kept[] = [];
    const keyOf = this.sortBy === undefined ? () => [] : compileSortKey(this.sortBy);
    for (const document of input) {
      if (document === undefined) {
        yield undefined;
        continue;
      }
      account.add(sizeOf(document));
      kept.push({ document, partition: this.#partition(document, context), key: keyOf(document) });
    }
    const order = compileKeyOrder(this.sortBy ?? []);
    kept.sort((a, b) => compareValues(a.partition, b.partition) || order(a.key, b.key));
    for (let from = 0; from < kept.length; ) {
      const { partition } = kept[from] as Kept;
      let to = from + 1;
      while (to < kept.length && compareValues(kept[to]?.partition, partition) === 0) to++;
      yield* this.#evaluate(
        kept.slice(from, to).map(({ document }) => document),
        context,
        account,
      );
      from = to;
    }
  }

  #partition(document: Document, { variables }: RunContext): Value {
    const partition = this.partitionOf?.(document, variables) ?? null;
    if (Array.isArray(partition))
      throw new QueryError("runtime", `${this.at}.partitionBy`, "a partition cannot be an array");
    return partition;
  }

  *#evaluate(documents: readonly Document[], context: RunContext, account: MemoryAccount): Running {
    const partition = { documents, variables: context.variables, account };
    const columns = this.functions.map(([path, evaluate]) => [path, evaluate(partition)] as const);
    for (const [place, document] of documents.entries()) {
      for (const [path, valueAt] of columns) this.#values.set(`${this.at}.output.${path}`, valueAt(place));
      yield this.#set(document);
    }
  }
}
