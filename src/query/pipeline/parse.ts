/** Reads a pipeline into nodes and walks them. */
import { STAGES } from "../stages/index.ts";
import type { PipelineNode, PipelineOptions, StageNode } from "./nodes.ts";
import { PipelineReader } from "./reader.ts";

/** Stages that no caller can allow, with the reason. */
const REFUSED = {
  $out: "pipelines only read",
  $merge: "pipelines only read",
  $search: "there is no text search",
  $searchMeta: "there is no text search",
  $changeStream: "changes are followed by /api/stream",
  $collStats: "ask for collection info instead",
  $indexStats: "ask for index info instead",
  $planCacheStats: "there is no plan cache",
  $currentOp: "it shows the server's own work",
  $listSessions: "there are no sessions",
  $listLocalSessions: "there are no sessions",
};

/**
 * Reads a pipeline. Throws a QueryError that names the place of whatever is wrong, at any nesting, e.g.
 * `pipeline[2].$match.$and[0].candidate.drb.$gtt: unknown operator, did you mean $gt?`.
 */
export function parsePipeline(stages: unknown, options: PipelineOptions = {}): PipelineNode {
  const reader = new PipelineReader(
    STAGES,
    { ...options.forbid, ...REFUSED },
    {
      variables: new Set(options.variables ?? []),
      nesting: 0,
      inFacet: false,
    },
  );
  return reader.pipeline(stages, options.path ?? "pipeline");
}

/** Every stage of a pipeline and of the pipelines inside it, in the order in which they are written. */
export function* walkPipeline(pipeline: PipelineNode): Generator<StageNode> {
  for (const stage of pipeline.stages) {
    yield stage;
    for (const inner of stage.pipelines) yield* walkPipeline(inner);
  }
}

/** Other collections that a pipeline reads at any nesting. */
export function collectionsOf(pipeline: PipelineNode): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { collection } of walkPipeline(pipeline)) if (collection !== undefined) names.add(collection);
  return names;
}
