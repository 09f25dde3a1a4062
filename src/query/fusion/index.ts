/**
 * Stages that treat each document by itself, compiled into one function. A document is made of what passes all of
 * them only; fields that no stage touches are not even read. What a stage computes is computed in its place, so
 * that errors are those of the stages one after the other.
 */
import { compileFunction } from "../expressions/index.ts";
import { readsVariables } from "../pipeline/expression.ts";
import type { CompiledStage, StageNode, Variables } from "../pipeline/nodes.ts";
import type { Document } from "../values.ts";
import type { Fusible } from "./fusible.ts";
import { Segment } from "./segment.ts";

type Apply = (document: Document, variables?: Variables) => Document | undefined;

/** Compiles the first stages, as many as can be one function; undefined when that is one at most. */
export function compileFused(
  stages: readonly StageNode[],
): { readonly count: number; readonly stage: CompiledStage } | undefined {
  const end = stages.findIndex(({ fusible }) => fusible === undefined);
  const fusible = stages.slice(0, end < 0 ? undefined : end).flatMap((stage) => stage.fusible ?? []);
  if (fusible.length < 2) return undefined;
  let count = 0;
  const apply = compileFunction<Apply>((emitter) => {
    const segment = new Segment(emitter);
    for (const stage of fusible) {
      if (!segment.add(stage)) break;
      count++;
    }
    return segment.finish();
  });
  if (count < 2) return undefined;
  if (!fusible.slice(0, count).some(readsVariablesOf)) {
    return { count, stage: { kind: "map", apply: (document) => apply(document) } };
  }
  return { count, stage: { kind: "map", apply: (document, { variables }) => apply(document, variables) } };
}

function readsVariablesOf(stage: Fusible): boolean {
  if (stage.kind === "replace") return readsVariables(stage.expression);
  return [...stage.expressions.values()].some(readsVariables);
}
