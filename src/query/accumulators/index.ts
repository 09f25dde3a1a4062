/** The registry of accumulators. A new one is a definition and a line here. */
import { QueryError } from "../errors.ts";
import type { PipelineReader } from "../pipeline/reader.ts";
import { didYouMean } from "../suggest.ts";
import { isDocument, type Value } from "../values.ts";
import type { AccumulatorDefinition, ParsedAccumulator } from "./accumulator.ts";
import { addToSet, mergeObjects, push } from "./collections.ts";
import { first, firstN, last, lastN } from "./ends.ts";
import { max, maxN, min, minN } from "./extremes.ts";
import { avg, count, stdDevPop, stdDevSamp, sum } from "./numbers.ts";
import { bottom, bottomN, top, topN } from "./ranked.ts";

export type {
  Accumulator,
  AccumulatorDefinition,
  CompiledAccumulator,
  ParsedAccumulator,
} from "./accumulator.ts";

const DEFINITIONS: readonly AccumulatorDefinition[] = [
  addToSet,
  avg,
  bottom,
  bottomN,
  count,
  first,
  firstN,
  last,
  lastN,
  max,
  maxN,
  mergeObjects,
  min,
  minN,
  push,
  stdDevPop,
  stdDevSamp,
  sum,
  top,
  topN,
];

export const ACCUMULATORS: ReadonlyMap<string, AccumulatorDefinition> = new Map(
  DEFINITIONS.map((definition) => [definition.name, definition]),
);

/** Reads `{$accumulator: argument}`. */
export function readAccumulator(value: Value, at: string, reader: PipelineReader): ParsedAccumulator {
  const names = isDocument(value) ? Object.keys(value) : [];
  const [name] = names;
  if (!isDocument(value) || name === undefined || names.length > 1)
    throw new QueryError("invalid", at, "needs an object with one accumulator, e.g. {$sum: 1}");
  const where = `${at}.${name}`;
  const definition = ACCUMULATORS.get(name);
  if (definition === undefined) {
    if (name === "$accumulator")
      throw new QueryError("unsupported", where, "it would run a program of its author");
    throw new QueryError("invalid", where, `unknown accumulator${didYouMean(name, ACCUMULATORS.keys())}`);
  }
  const argument = value[name] ?? null;
  if (Array.isArray(argument)) throw new QueryError("invalid", where, "takes one argument, not a list");
  return definition.parse(argument, where, reader);
}
