/** What each stage of a pipeline, and each condition of a `$match`, lets through and how long it takes. */
import type { Document } from "../values.ts";
import { contextOf, runStage, runWithin } from "./compile.ts";
import type { Conjunct, Flow, PipelineNode, RunContext, Running, RunOptions, StageNode } from "./nodes.ts";

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
  const source = new Meter("");
  const meters: StageMeter[] = [];
  let flow = source.measured(documents);
  pipeline.stages.forEach((stage, i) => {
    const meter = new StageMeter(stage, i === 0 ? source : (meters[i - 1]?.output ?? source));
    meters.push(meter);
    flow = meter.run(flow, pipeline.stages.slice(i + 1), context);
  });
  return { flow, explain: () => meters.map((meter) => meter.explain()) };
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
  readonly #conditions: Meter[] = [];

  constructor(
    readonly stage: StageNode,
    readonly input: Meter,
  ) {
    this.output = new Meter(stage.at);
  }

  run(flow: Flow, following: readonly StageNode[], context: RunContext): Running {
    const conjuncts = this.stage.conjuncts?.() ?? [];
    if (conjuncts.length === 0)
      return this.output.measured(runStage(this.stage.compile(following), flow, context));
    let passed = flow;
    for (const { at, test } of conjuncts) {
      const meter = new Meter(at);
      this.#conditions.push(meter);
      const apply = { kind: "map", apply: keeping(test) } as const;
      passed = meter.measured(runStage(apply, passed, context));
    }
    return this.output.measured(passed);
  }

  explain(): StageExplanation {
    const { name } = this.stage;
    const own = { stage: name, ...passage(this.input, this.output) };
    if (this.#conditions.length === 0) return own;
    const before = (i: number) => this.#conditions[i - 1] ?? this.input;
    return { ...own, conditions: this.#conditions.map((meter, i) => passage(before(i), meter)) };
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
