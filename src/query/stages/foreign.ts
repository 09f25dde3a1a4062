/** Other collections, as the stages that read them share it. */
import type { Bounds } from "../bounds.ts";
import { QueryError } from "../errors.ts";
import { someAlong } from "../paths.ts";
import type { Flow, PipelineNode, RunContext, Running } from "../pipeline/nodes.ts";
import { valueKey } from "../pipeline/value-key.ts";
import type { Value } from "../values.ts";

/** The name of a collection; none is needed by a pipeline that begins with `$documents`. */
export function readCollection(
  value: Value | undefined,
  pipeline: PipelineNode | undefined,
  at: string,
): string | undefined {
  const ownDocuments = pipeline?.stages[0]?.name === "$documents";
  if (value === undefined && ownDocuments) return undefined;
  if (value !== undefined && ownDocuments)
    throw new QueryError("invalid", at, "a pipeline that begins with $documents reads no collection");
  if (typeof value !== "string" || value === "")
    throw new QueryError("invalid", at, "needs the name of a collection");
  return value;
}

/** Reads another collection. */
export function read(context: RunContext, at: string, collection: string, bounds: Bounds): Flow {
  if (context.lookup === undefined)
    throw new QueryError("unsupported", at, "there are no other collections to read here");
  return context.lookup.read(collection, bounds);
}

/** The documents that have one of the values at a path; missing counts as null. */
export function* withEqual(flow: Flow, parts: readonly string[], values: readonly Value[]): Running {
  const keys = new Set(values.map(valueKey));
  const test = (value: Value | undefined) => keys.has(valueKey(value ?? null));
  for (const document of flow) {
    if (document === undefined || someAlong(document, parts, 0, test, "items")) yield document;
  }
}
