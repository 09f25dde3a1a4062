/** What the first stages of a pipeline ask of the collection that it reads. */
import type { Bounds } from "../bounds.ts";
import type { SortSpec } from "../sort.ts";
import type { NearestSearch, PipelineNode, StageNode, Variables } from "./nodes.ts";

export interface PipelineLead {
  /** What every document that gets through the first stages lies within. */
  readonly bounds: Bounds;
  /** A `$sort` right behind them. */
  readonly sorting: { readonly stage: StageNode; readonly sort: SortSpec } | undefined;
  /** What the first stage looks for, when those nearest to a place are all that is asked for. */
  readonly nearest: NearestSearch | undefined;
}

/**
 * Plans how a pipeline's collection is to be read, given the variables of the run and where the collection's
 * positions stand.
 */
export function planPipeline(
  { stages }: PipelineNode,
  variables: Variables,
  positionPath: string | undefined,
): PipelineLead {
  const parts: Bounds[] = [];
  const [first, ...following] = stages;
  const nearest =
    first?.plan?.kind === "bounds" ? first.plan.nearest?.(following, variables, positionPath) : undefined;
  for (const stage of stages) {
    const { plan } = stage;
    if (plan?.kind === "bounds") parts.push(plan.within?.(variables, positionPath) ?? plan.bounds);
    else if (plan?.kind === "sort")
      return { bounds: { kind: "and", parts }, sorting: { stage, sort: plan.sort }, nearest };
    else break;
  }
  return { bounds: { kind: "and", parts }, sorting: undefined, nearest };
}
