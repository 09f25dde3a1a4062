/** What each stage of a pipeline, and each condition of a `$match`, lets through and how long it takes. */
import type { Deadline } from "../deadline.ts";
import type { Document } from "../values.ts";
import { contextOf, runStage, runWithin } from "./compile.ts";
import type {
  CompiledStage,
  Conjunct,
  Flow,
  PipelineNode,
  RunContext,
  Running,
  RunOptions,
  StageNode,
} from "./nodes.ts";

/** Documents into and out of a part of a pipeline, and the time that it took itself. */
export interface Passage {
  /** Where it stands, e.g. `pipeline[0].$match` or `pipeline[0].$match.candidate.drb.$gt`. */
  readonly at: string;
  readonly documentsIn: number;
  readonly documentsOut: number;
  readonly milliseconds: number;
}

export interface StageExplanation extends Passage {
  /** The operator, e.g. `$match`. */
  readonly stage: string;
  /** The conditions of a `$match` in turn: each sees what those before it let through. */
  readonly conditions?: readonly Passage[];
}

/** A pipeline that counts what its stages do. */
export interface ExplainedFlow {
  readonly flow: Running;
  /** What has been counted so far. */
  explain(): StageExplanation[];
}

/** Runs a pipeline over documents to its end and tells what each stage let through and how long it took. */
export function explainPipeline(
  node: PipelineNode,
  documents: Iterable<Document>,
  options: RunOptions = {},
): { documents: Document[]; stages: StageExplanation[] } {
  const { flow, explain } = explainFlow(node, documents, contextOf(options));
  const found = [...runWithin(flow, options.deadline)];
  return { documents: found, stages: explain() };
}

/** Runs a pipeline over a flow and counts. */
export function explainFlow(pipeline: PipelineNode, documents: Flow, context: RunContext): ExplainedFlow {
  const meters = new PipelineMeters(pipeline);
  return { flow: meters.run(documents, context), explain: () => meters.explain() };
}

/** A pipeline as a filter of single documents that counts, over all of them, what its stages do. */
export interface ExplainedFilter {
  /** The first document that the pipeline makes of this one. */
  run(document: Document, deadline?: Deadline): Document | undefined;
  /** What has been counted so far. */
  explain(): StageExplanation[];
}

/** Compiles a pipeline into a filter that counts: each document has the pipeline to itself, as in `compileFilter`. */
export function explainFilter(pipeline: PipelineNode): ExplainedFilter {
  const meters = new PipelineMeters(pipeline);
  return {
    run(document, deadline) {
      const [first] = [...runWithin(meters.run([document], contextOf({})), deadline)];
      return first;
    },
    explain: () => meters.explain(),
  };
}

/** The meters of a pipeline's stages; they count on from run to run. */
class PipelineMeters {
  readonly #source = new Meter("");
  readonly #stages: StageMeter[] = [];

  constructor({ stages }: PipelineNode) {
    stages.forEach((stage, i) => {
      const input = this.#stages[i - 1]?.output ?? this.#source;
      this.#stages.push(new StageMeter(stage, input, stages.slice(i + 1)));
    });
  }

  run(documents: Flow, context: RunContext): Running {
    let flow = this.#source.measured(documents);
    for (const meter of this.#stages) flow = meter.run(flow, context);
    return flow;
  }

  explain(): StageExplanation[] {
    return this.#stages.map((meter) => meter.explain());
  }
}

/** Counts the documents of a flow and the time that it takes to make them, all before it included. */
class Meter {
  documents = 0;
  milliseconds = 0;

  constructor(readonly at: string) {}

  *measured(flow: Flow): Running {
    const iterator = flow[Symbol.iterator]();
    try {
      for (;;) {
        const start = performance.now();
        const { done, value } = iterator.next();
        this.milliseconds += performance.now() - start;
        if (done === true) return;
        if (value !== undefined) this.documents++;
        yield value;
      }
    } finally {
      iterator.return?.();
    }
  }
}

class StageMeter {
  readonly output: Meter;
  readonly #conditions: { readonly meter: Meter; readonly stage: CompiledStage }[];
  /** The whole stage, where it has no conditions. */
  readonly #whole: CompiledStage | undefined;

  constructor(
    readonly stage: StageNode,
    readonly input: Meter,
    following: readonly StageNode[],
  ) {
    this.output = new Meter(stage.at);
    this.#conditions = (stage.conjuncts?.() ?? []).map(({ at, test }) => ({
      meter: new Meter(at),
      stage: { kind: "map", apply: keeping(test) },
    }));
    this.#whole = this.#conditions.length === 0 ? stage.compile(following) : undefined;
  }

  run(flow: Flow, context: RunContext): Running {
    if (this.#whole !== undefined) return this.output.measured(runStage(this.#whole, flow, context));
    let passed = flow;
    for (const { meter, stage } of this.#conditions)
      passed = meter.measured(runStage(stage, passed, context));
    return this.output.measured(passed);
  }

  explain(): StageExplanation {
    const { name } = this.stage;
    const own = { stage: name, ...passage(this.input, this.output) };
    if (this.#conditions.length === 0) return own;
    const before = (i: number) => this.#conditions[i - 1]?.meter ?? this.input;
    return { ...own, conditions: this.#conditions.map(({ meter }, i) => passage(before(i), meter)) };
  }
}

function keeping(test: Conjunct["test"]) {
  return (document: Document, { variables }: RunContext) =>
    test(document, variables) ? document : undefined;
}

function passage(input: Meter, output: Meter): Passage {
  return {
    at: output.at,
    documentsIn: input.documents,
    documentsOut: output.documents,
    milliseconds: Math.max(0, output.milliseconds - input.milliseconds),
  };
}
