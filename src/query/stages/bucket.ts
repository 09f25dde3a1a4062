/** `$bucket`: groups by given boundaries. */
import { ACCUMULATORS, type ParsedAccumulator } from "../accumulators/index.ts";
import { QueryError } from "../errors.ts";
import { bracketOf, compareValues } from "../order.ts";
import type { Evaluate } from "../pipeline/expression.ts";
import type { PipelineReader, StageDefinition } from "../pipeline/reader.ts";
import { valueKey } from "../pipeline/value-key.ts";
import { type Document, getField, isDocument, type Value } from "../values.ts";
import { readOptions } from "./arguments.ts";
import { checkExpression } from "./count.ts";
import {
  type AccumulatedField,
  compileFields,
  type Grouping,
  grouped,
  readAccumulatedFields,
} from "./group.ts";
import { sorted } from "./sort.ts";

export const bucket: StageDefinition = {
  name: "$bucket",
  summary: "Groups the documents by ranges of an expression's value.",
  example: {
    stage: { $bucket: { groupBy: "$mag", boundaries: [16, 18, 20], default: "faint" } },
    documents: [{ mag: 16.5 }, { mag: 18 }, { mag: 21 }],
    result: [
      { _id: 16, count: 1 },
      { _id: 18, count: 1 },
      { _id: "faint", count: 1 },
    ],
  },
  parse(argument, at, reader) {
    const options = readOptions(argument, at, ["groupBy", "boundaries"], ["default", "output"]);
    const groupBy = getField(options, "groupBy") ?? null;
    checkExpression(groupBy, `${at}.groupBy`);
    const expression = reader.expression(groupBy, `${at}.groupBy`);
    const boundaries = readBoundaries(getField(options, "boundaries") ?? null, `${at}.boundaries`, reader);
    const otherwise = readDefault(options, boundaries, at, reader);
    // A constant that has no bucket is found out beforehand.
    if (expression.node.kind === "constant")
      bucketKey(expression.compile(), boundaries, otherwise, at)({}, new Map());
    const fields = readOutput(options, at, reader);
    if (fields.some(({ name }) => name === "_id"))
      throw new QueryError("invalid", `${at}.output._id`, "the _id is the bucket's");
    return {
      at,
      pipelines: [],
      compile() {
        const key = bucketKey(expression.compile(), boundaries, otherwise, at);
        const grouping: Grouping = { at, key, fields: compileFields(fields) };
        return {
          kind: "flow",
          run: (input, context) => sorted(grouped(input, grouping, context), [["_id", 1]], at, context),
        };
      },
    };
  },
};

/** The fields that buckets show; the number of documents unless others are asked for. */
export function readOutput(
  options: Document,
  at: string,
  reader: PipelineReader,
): AccumulatedField<ParsedAccumulator>[] {
  const output = getField(options, "output");
  if (output === undefined) {
    const accumulator = ACCUMULATORS.get("$count")?.parse({}, `${at}.output`, reader);
    return accumulator === undefined ? [] : [{ name: "count", accumulator }];
  }
  if (!isDocument(output))
    throw new QueryError("invalid", `${at}.output`, "needs an object {field: {$sum: …}}");
  return readAccumulatedFields(output, Object.keys(output), `${at}.output`, reader);
}

function readConstant(value: Value, at: string, reader: PipelineReader): Value {
  const { node } = reader.expression(value, at);
  if (node.kind !== "constant") throw new QueryError("invalid", at, "must be a constant");
  return node.value ?? null;
}

function readBoundaries(value: Value, at: string, reader: PipelineReader): readonly Value[] {
  if (!Array.isArray(value)) throw new QueryError("invalid", at, "needs an array");
  if (value.length < 2) throw new QueryError("invalid", at, "needs at least two boundaries");
  const boundaries = value.map((item, i) => readConstant(item, `${at}[${i}]`, reader));
  boundaries.forEach((boundary, i) => {
    if (i === 0) return;
    const before = boundaries[i - 1];
    if (bracketOf(before) !== bracketOf(boundary))
      throw new QueryError("invalid", `${at}[${i}]`, "all boundaries must have the same type");
    if (compareValues(before, boundary) >= 0)
      throw new QueryError("invalid", `${at}[${i}]`, "the boundaries must ascend");
  });
  return boundaries;
}

function readDefault(
  options: Document,
  boundaries: readonly Value[],
  at: string,
  reader: PipelineReader,
): { readonly value: Value } | undefined {
  const given = getField(options, "default");
  if (given === undefined) return undefined;
  const value = readConstant(given, `${at}.default`, reader);
  const below = compareValues(value, boundaries[0]) < 0;
  const above = compareValues(value, boundaries[boundaries.length - 1]) >= 0;
  if (!below && !above)
    throw new QueryError(
      "invalid",
      `${at}.default`,
      "must lie below the lowest or not below the highest boundary",
    );
  return { value };
}

function bucketKey(
  evaluate: Evaluate,
  boundaries: readonly Value[],
  otherwise: { readonly value: Value } | undefined,
  at: string,
): Grouping["key"] {
  const keys = boundaries.map((id) => ({ key: valueKey(id), id }));
  const rest = otherwise === undefined ? undefined : { key: valueKey(otherwise.value), id: otherwise.value };
  return (document, variables) => {
    const value = evaluate(document, variables);
    let i = boundaries.length - 1;
    // The highest boundary is above all buckets.
    const outside = compareValues(value, boundaries[i]) >= 0;
    while (i >= 0 && compareValues(value, boundaries[i]) < 0) i--;
    const found = outside ? rest : (keys[i] ?? rest);
    if (found === undefined)
      throw new QueryError("runtime", at, "a value lies outside of all buckets: give a default");
    return found;
  };
}
