/** Pipelines: read, walked, compiled, run. */
export {
  type CompiledFilter,
  type CompiledPipeline,
  compileFilter,
  compilePipeline,
  contextOf,
} from "./compile.ts";
export {
  type ExplainedFilter,
  type ExplainedFlow,
  explainFilter,
  explainFlow,
  explainPipeline,
  type Passage,
  type StageExplanation,
} from "./explain.ts";
export type {
  CollectionReader,
  Flow,
  Forbidden,
  Limits,
  NearestSearch,
  PipelineNode,
  PipelineOptions,
  Plannable,
  RunContext,
  Running,
  RunOptions,
  StageNode,
  Variables,
} from "./nodes.ts";
export { collectionsOf, parsePipeline, walkPipeline } from "./parse.ts";
export { type PipelineLead, planPipeline } from "./plan.ts";
