/** Turns parsed pipelines into functions: over many documents, or of a single one as a filter. */
import { type Deadline, tick } from "../deadline.ts";
import { compileFused } from "../fusion/index.ts";
import type { Document, Value } from "../values.ts";
import type { CompiledStage, Flow, Limits, PipelineNode, RunContext, Running, RunOptions } from "./nodes.ts";

/** What one stage may hold in memory unless the caller says otherwise: the server's limit. */
const DEFAULT_LIMITS: Limits = { stageBytes: 100 * 1024 * 1024 };

/** What one document on its way into a pipeline counts against the time limit. */
const STEPS_PER_DOCUMENT = 32;

/** A pipeline ready to run on any number of documents, any number of times. It never changes its input. */
export interface CompiledPipeline {
  readonly node: PipelineNode;
  /** The resulting documents, one after the other as they are asked for. */
  run(documents: Iterable<Document>, options?: RunOptions): Generator<Document, void, undefined>;
  /** The same over a flow, for callers that share the thread: `undefined` is passed on as it comes. */
  flow(documents: Flow, context: RunContext): Running;
}

/** A pipeline as a filter of single documents: the first resulting document, or `undefined`. */
export type CompiledFilter = (
  document: Document,
  deadline?: Deadline,
  options?: Omit<RunOptions, "deadline">,
) => Document | undefined;

/** Runs a pipeline over a flow of documents. */
export type PipelineFlow = (documents: Flow, context: RunContext) => Running;

/** Makes the stages of a pipeline ready to run: those that can be one function become one. */
export function compileStages({ stages }: PipelineNode): CompiledStage[] {
  const compiled: CompiledStage[] = [];
  for (let i = 0; i < stages.length; ) {
    const following = stages.slice(i);
    const fused = compileFused(following);
    if (fused !== undefined) compiled.push(fused.stage);
    else {
      const [stage] = following;
      if (stage !== undefined) compiled.push(stage.compile(following.slice(1)));
    }
    i += fused?.count ?? 1;
  }
  return compiled;
}

/** Compiles a pipeline that stands inside a stage of another. */
export function compilePipelineFlow(node: PipelineNode): PipelineFlow {
  const stages = compileStages(node);
  return (documents, context) => chain(stages, documents, context);
}

/** Compiles a parsed pipeline. */
export function compilePipeline(node: PipelineNode): CompiledPipeline {
  const flow = compilePipelineFlow(node);
  return {
    node,
    flow,
    run: (documents, options = {}) => runWithin(flow(documents, contextOf(options)), options.deadline),
  };
}

/**
 * Compiles a parsed pipeline into a filter. As long as the stages map documents one by one, nothing is made
 * for a document that a leading `$match` rejects.
 */
export function compileFilter(node: PipelineNode): CompiledFilter {
  const stages = compileStages(node);
  const firstFlow = stages.findIndex((stage) => stage.kind === "flow");
  const maps = stages.slice(0, firstFlow < 0 ? undefined : firstFlow).flatMap(appliesOf);
  const rest = firstFlow < 0 ? [] : stages.slice(firstFlow);
  const evaluate = (document: Document, context: RunContext): Document | undefined => {
    let current: Document | undefined = document;
    for (const apply of maps) {
      current = apply(current, context);
      if (current === undefined) return undefined;
    }
    return rest.length === 0 ? current : firstOf(chain(rest, [current], context));
  };
  return (document, deadline, options) => {
    const context = options === undefined ? new PresentContext() : contextOf(options);
    return deadline === undefined
      ? evaluate(document, context)
      : deadline.run(() => evaluate(document, context));
  };
}

/** What a filter runs with where nothing is said: most read no variable, so they are made on demand. */
class PresentContext implements RunContext {
  readonly lookup = undefined;
  readonly limits = DEFAULT_LIMITS;
  readonly positionPath = undefined;
  #variables: RunContext["variables"] | undefined;

  get variables(): RunContext["variables"] {
    this.#variables ??= new Map([["NOW", new Date()]]);
    return this.#variables;
  }
}

/** The context of a run with these options. */
export function contextOf(options: Omit<RunOptions, "deadline">): RunContext {
  const { now, variables, lookup, limits, positionPath } = options;
  return {
    variables: new Map<string, Value | undefined>([["NOW", now ?? new Date()], ...(variables ?? [])]),
    lookup,
    limits: { ...DEFAULT_LIMITS, ...limits },
    positionPath,
  };
}

function appliesOf(stage: CompiledStage) {
  return stage.kind === "map" ? [stage.apply] : [];
}

/** Runs stages behind each other. */
export function chain(stages: readonly CompiledStage[], documents: Flow, context: RunContext): Running {
  let flow: Running = counted(documents);
  for (const stage of stages) flow = runStage(stage, flow, context);
  return flow;
}

/** Runs one stage over a flow. */
export function runStage(stage: CompiledStage, flow: Flow, context: RunContext): Running {
  return stage.kind === "map" ? mapped(flow, stage.apply, context) : stage.run(flow, context);
}

/** Counts documents against the time limit as they come in; stages that multiply them count on their own. */
function* counted(flow: Flow): Running {
  for (const document of flow) {
    tick(STEPS_PER_DOCUMENT);
    yield document;
  }
}

function* mapped(
  flow: Flow,
  apply: (document: Document, context: RunContext) => Document | undefined,
  context: RunContext,
): Running {
  for (const document of flow) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    const result = apply(document, context);
    if (result !== undefined) yield result;
  }
}

/** The documents of a flow, each step under the time limit. */
export function* runWithin(
  flow: Running,
  deadline: Deadline | undefined,
): Generator<Document, void, undefined> {
  const step = () => flow.next();
  try {
    for (;;) {
      deadline?.check();
      const { done, value } = deadline === undefined ? step() : deadline.run(step);
      if (done === true) return;
      if (value !== undefined) yield value;
    }
  } finally {
    flow.return();
  }
}

function firstOf(flow: Running): Document | undefined {
  for (const document of flow) if (document !== undefined) return document;
  return undefined;
}
