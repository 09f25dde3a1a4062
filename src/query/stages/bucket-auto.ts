/** `$bucketAuto`: groups into a number of buckets of about equal size. */
import type { CompiledAccumulator } from "../accumulators/index.ts";
import { QueryError } from "../errors.ts";
import { compareValues } from "../order.ts";
import type { Evaluate } from "../pipeline/expression.ts";
import { MemoryAccount, sizeOf } from "../pipeline/memory.ts";
import type { Flow, RunContext, Running } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { didYouMean } from "../suggest.ts";
import { type Document, getField, type Value } from "../values.ts";
import { integerOf, readOptions } from "./arguments.ts";
import { readOutput } from "./bucket.ts";
import { checkExpression } from "./count.ts";
import { GRANULARITIES, type Rounder, readNumber, rounderOf } from "./granularity.ts";
import { type AccumulatedField, compileFields, Group } from "./group.ts";

export const bucketAuto: StageDefinition = {
  name: "$bucketAuto",
  summary: "Groups the documents by an expression's value into buckets of about equal size.",
  example: {
    stage: { $bucketAuto: { groupBy: "$mag", buckets: 2 } },
    documents: [{ mag: 16.5 }, { mag: 18.5 }, { mag: 19.5 }, { mag: 20.5 }],
    result: [
      { _id: { min: 16.5, max: 19.5 }, count: 2 },
      { _id: { min: 19.5, max: 20.5 }, count: 2 },
    ],
  },
  limits: "granularity not on decimals",
  parse(argument, at, reader) {
    const options = readOptions(argument, at, ["groupBy", "buckets"], ["output", "granularity"]);
    const groupBy = getField(options, "groupBy") ?? null;
    checkExpression(groupBy, `${at}.groupBy`);
    const expression = reader.expression(groupBy, `${at}.groupBy`);
    const buckets = integerOf(getField(options, "buckets"));
    if (buckets === undefined || buckets < 1n || buckets > 2147483647n)
      throw new QueryError("invalid", `${at}.buckets`, "needs a positive int32");
    const granularity = readGranularity(options, at);
    const fields = readOutput(options, at, reader);
    return {
      at,
      pipelines: [],
      compile() {
        const how: BucketAuto = {
          at,
          key: expression.compile(),
          buckets: Number(buckets),
          rounder: granularity === undefined ? undefined : rounderOf(granularity, at),
          fields: compileFields(fields),
        };
        return { kind: "flow", run: (input, context) => bucketed(input, how, context) };
      },
    };
  },
};

function readGranularity(options: Document, at: string): string | undefined {
  const granularity = getField(options, "granularity");
  if (granularity === undefined) return undefined;
  if (typeof granularity === "string" && GRANULARITIES.includes(granularity)) return granularity;
  const hint = typeof granularity === "string" ? didYouMean(granularity, GRANULARITIES) : "";
  throw new QueryError("invalid", `${at}.granularity`, `needs one of ${GRANULARITIES.join(", ")}${hint}`);
}

interface BucketAuto {
  readonly at: string;
  readonly key: Evaluate;
  readonly buckets: number;
  readonly rounder: Rounder | undefined;
  readonly fields: readonly AccumulatedField<CompiledAccumulator>[];
}

interface Keyed {
  readonly key: Value;
  readonly document: Document;
}

interface Bucket {
  min: Value;
  max: Value;
  readonly group: Group;
}

function* bucketed(input: Flow, how: BucketAuto, context: RunContext): Running {
  const { variables } = context;
  const account = new MemoryAccount(how.at, context);
  const sorted: Keyed[] = [];
  for (const document of input) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    const key = how.key(document, variables) ?? null;
    if (how.rounder !== undefined) readNumber(key, how.at);
    account.add(sizeOf(document));
    sorted.push({ key, document });
  }
  sorted.sort((a, b) => compareValues(a.key, b.key));
  for (const { min, max, group } of fill(sorted, how, context, account)) {
    yield group.document({ min, max });
  }
}

function fill(
  sorted: readonly Keyed[],
  how: BucketAuto,
  context: RunContext,
  account: MemoryAccount,
): Bucket[] {
  const size = Math.max(1, Math.round(sorted.length / how.buckets));
  const filled: Bucket[] = [];
  let next = 0;
  while (next < sorted.length) {
    const from = next;
    const start = (sorted[from] as Keyed).key;
    next = filled.length === how.buckets - 1 ? sorted.length : Math.min(sorted.length, from + size);
    let max = (sorted[next - 1] as Keyed).key;
    if (how.rounder === undefined) {
      while (next < sorted.length && compareValues(sorted[next]?.key, max) === 0) next++;
      max = (sorted[next - 1] as Keyed).key;
    } else if (next < sorted.length) {
      const boundary = how.rounder.up(max);
      while (next < sorted.length && compareValues(sorted[next]?.key, boundary) < 0) next++;
      max = (sorted[next - 1] as Keyed).key;
      const following = sorted[next]?.key;
      // Nothing rounds zero up: a bucket of zeros reaches to where the next begins.
      if (following !== undefined)
        max = compareValues(boundary, 0) === 0 ? how.rounder.down(following) : boundary;
    }
    const group = new Group(null, how.fields, context.variables, account);
    for (const { document } of sorted.slice(from, next)) group.add(document);
    const before = filled.at(-1);
    // Buckets meet: either the earlier reaches up to the later, or the later down to a rounded boundary.
    if (before !== undefined && how.rounder === undefined) before.max = start;
    filled.push({ min: before !== undefined && how.rounder !== undefined ? before.max : start, max, group });
  }
  roundEnds(filled, how.rounder);
  return filled;
}

function roundEnds(filled: readonly Bucket[], rounder: Rounder | undefined): void {
  const [first] = filled;
  const last = filled.at(-1);
  if (rounder === undefined || first === undefined || last === undefined) return;
  first.min = rounder.down(first.min);
  last.max = rounder.up(last.max);
}
