/** `$sort`: orders the documents. */
import { QueryError } from "../errors.ts";
import { MemoryAccount, sizeOf } from "../pipeline/memory.ts";
import type { Flow, RunContext, Running, StageNode } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { compileKeyOrder, compileSortKey, parseSort, type SortKey, type SortSpec } from "../sort.ts";
import { type Document, isDocument } from "../values.ts";

export const sort: StageDefinition = {
  name: "$sort",
  summary: "Orders the documents by one or more paths, ascending (1) or descending (-1).",
  example: {
    stage: { $sort: { a: -1 } },
    documents: [
      { _id: 1, a: 1 },
      { _id: 2, a: 2 },
    ],
    result: [
      { _id: 2, a: 2 },
      { _id: 1, a: 1 },
    ],
  },
  limits: "not by {$meta: …}",
  parse(argument, at) {
    if (!isDocument(argument)) throw new QueryError("invalid", at, "needs an object {path: 1 or -1}");
    const specification = parseSort(argument, at);
    if (specification.length === 0) throw new QueryError("invalid", at, "needs at least one path");
    return {
      at,
      pipelines: [],
      plan: { kind: "sort", sort: specification },
      compile(following) {
        const most = mostAskedFor(following);
        return { kind: "flow", run: (input, context) => sorted(input, specification, at, context, most) };
      },
    };
  },
};

/** How many of a stage's documents those behind it can pass on. */
export function mostAskedFor(following: readonly StageNode[]): number {
  let skipped = 0;
  for (const { plan } of following) {
    if (plan?.kind === "limit") return skipped + plan.count;
    if (plan?.kind !== "skip") break;
    skipped += plan.count;
  }
  return Number.POSITIVE_INFINITY;
}

interface Kept {
  readonly key: SortKey;
  readonly document: Document;
  readonly size: number;
}

/**
 * The documents in order; those with equal keys keep theirs. With `most` only so many of the first are
 * kept in memory.
 */
export function* sorted(
  input: Flow,
  specification: SortSpec,
  at: string,
  context: RunContext,
  most = Number.POSITIVE_INFINITY,
): Running {
  const keyOf = compileSortKey(specification);
  const order = compileKeyOrder(specification);
  const account = new MemoryAccount(at, context);
  let kept: Kept[] = [];
  const cut = () => {
    kept.sort((a, b) => order(a.key, b.key));
    for (const { size } of kept.slice(most)) account.add(-size);
    kept = kept.slice(0, most);
  };
  for (const document of input) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    const size = sizeOf(document);
    kept.push({ key: keyOf(document), document, size });
    account.add(size);
    // Cutting back only when twice as many are held keeps it at a few comparisons a document.
    if (kept.length > 2 * most + 100) cut();
  }
  cut();
  for (const { document } of kept) yield document;
}
