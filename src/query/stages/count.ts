/** `$count` and `$sortByCount`: how many there are. */
import { ACCUMULATORS } from "../accumulators/index.ts";
import { QueryError } from "../errors.ts";
import type { Flow, Running } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { isDocument, setField, type Value } from "../values.ts";
import { compileFields, grouped, singleKey } from "./group.ts";
import { sorted } from "./sort.ts";

export const count: StageDefinition = {
  name: "$count",
  summary: "Yields one document with the number of documents, none for none.",
  example: { stage: { $count: "n" }, documents: [{ _id: 1 }, { _id: 2 }], result: [{ n: 2 }] },
  parse(argument, at) {
    const name = readName(argument, at);
    return { at, pipelines: [], compile: () => ({ kind: "flow", run: (input) => counted(input, name) }) };
  },
};

function readName(argument: Value, at: string): string {
  if (typeof argument !== "string" || argument === "")
    throw new QueryError("invalid", at, "needs the name of the field for the count");
  if (argument.startsWith("$") || argument.includes(".") || argument.includes("\0"))
    throw new QueryError("invalid", at, "the name cannot begin with $ or contain a dot or null character");
  return argument;
}

function* counted(input: Flow, name: string): Running {
  let n = 0;
  for (const document of input) {
    if (document === undefined) yield undefined;
    else n++;
  }
  if (n === 0) return;
  const output = {};
  setField(output, name, n > 2147483647 ? BigInt(n) : n);
  yield output;
}

export const sortByCount: StageDefinition = {
  name: "$sortByCount",
  summary: "Counts the documents of each value of an expression, the most frequent first.",
  example: {
    stage: { $sortByCount: "$class" },
    documents: [{ class: "SN" }, { class: "AGN" }, { class: "SN" }],
    result: [
      { _id: "SN", count: 2 },
      { _id: "AGN", count: 1 },
    ],
  },
  parse(argument, at, reader) {
    checkExpression(argument, at);
    const expression = reader.expression(argument, at);
    const fields = [
      { name: "count", accumulator: ACCUMULATORS.get("$count")?.parse({}, at, reader) },
    ].flatMap(({ name, accumulator }) => (accumulator === undefined ? [] : [{ name, accumulator }]));
    return {
      at,
      pipelines: [],
      compile() {
        const grouping = { at, key: singleKey(expression.compile()), fields: compileFields(fields) };
        return {
          kind: "flow",
          run: (input, context) => sorted(grouped(input, grouping, context), [["count", -1]], at, context),
        };
      },
    };
  },
};

/** Checks that a value to group by is a path or an operator, not a constant. */
export function checkExpression(value: Value, at: string): void {
  if (typeof value === "string" && value.startsWith("$")) return;
  if (isDocument(value) && Object.keys(value)[0]?.startsWith("$")) return;
  throw new QueryError("invalid", at, 'needs an expression: a path such as "$a" or an operator');
}
