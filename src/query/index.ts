/** The query language: what other rooms import. */
export type { Bounds, LonLat, Region } from "./bounds.ts";
export { Deadline, tick } from "./deadline.ts";
export { QueryError, type QueryErrorKind } from "./errors.ts";
export {
  checkSize,
  compileCondition,
  compileExpression,
  compileExpressions,
  type Evaluate,
  expressionOperators,
  parseExpression,
  type Variables,
} from "./expressions/index.ts";
export { printJson } from "./json-print.ts";
export { type JsonOptions, parseJson, parseJsonInPieces } from "./json-text.ts";
export {
  childrenOf,
  compileMatch,
  compileMatchNode,
  distanceFrom,
  EARTH_RADIUS,
  type MatchNode,
  matchConjuncts,
  type NearNode,
  type NearQuery,
  nearestAt,
  nearOf,
  parseMatch,
  walkMatch,
} from "./match/index.ts";
export { bracketOf, compareNumbers, compareStrings, compareValues, equalValues } from "./order.ts";
export {
  type CollectionReader,
  type CompiledFilter,
  type CompiledPipeline,
  collectionsOf,
  compileFilter,
  compilePipeline,
  contextOf,
  type ExplainedFilter,
  explainFilter,
  explainFlow,
  explainPipeline,
  type Flow,
  type NearestSearch,
  type Passage,
  type PipelineNode,
  type PipelineOptions,
  parsePipeline,
  planPipeline,
  type RunContext,
  type Running,
  type RunOptions,
  type StageExplanation,
  type StageNode,
  walkPipeline,
} from "./pipeline/index.ts";
export { planFilter, planMatch, planNear } from "./plan.ts";
export { compileProjection, type ProjectionOptions } from "./projection/index.ts";
export {
  compileKeyOrder,
  compileSort,
  compileSortKey,
  parseSort,
  type SortKey,
  type SortSpec,
  sortDocuments,
} from "./sort.ts";
export {
  type Document,
  double,
  getField,
  isDocument,
  type Scalar,
  setField,
  type TypeName,
  toNumber,
  truthy,
  typeOf,
  type Value,
} from "./values.ts";
