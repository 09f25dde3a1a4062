/** Runs pipelines on one connection: the first stages choose how the collection is read, the rest follows. */
import type { Database } from "bun:sqlite";
import {
  type Bounds,
  type CollectionReader,
  compilePipeline,
  contextOf,
  type Document,
  explainFlow,
  type PipelineNode,
  parsePipeline,
  planPipeline,
  type RunContext,
  type Running,
} from "../../query/index.ts";
import type { AggregateExplanation, AggregateRequest } from "../store.ts";
import { findLayout } from "./layout.ts";
import { nearestFirst, outwardIndex } from "./nearest.ts";
import { planAccess } from "./planner.ts";
import { scanDocuments } from "./scan.ts";

/** A pipeline with the source that it is to be run over. */
interface Planned {
  readonly index: string | null;
  /** The stages that are left to run. */
  readonly pipeline: PipelineNode;
  readonly documents: Running;
  readonly context: RunContext;
}

export class Aggregator {
  readonly #lookup: CollectionReader = { read: (collection, bounds) => this.#read(collection, bounds) };

  constructor(readonly database: Database) {}

  /** Runs a pipeline; `examined` is called for each document of the collection that was looked at. */
  *aggregate(request: AggregateRequest): Running {
    const { pipeline, documents, context } = this.#plan(request);
    yield* compilePipeline(pipeline).flow(documents, context);
  }

  /** Runs a pipeline to its end and tells how it was served and what its stages did. */
  *explain(request: AggregateRequest): Generator<undefined, AggregateExplanation, undefined> {
    let documentsExamined = 0;
    let documentsReturned = 0;
    const { pipeline, documents, index, context } = this.#plan(request, () => documentsExamined++);
    const { flow, explain } = explainFlow(pipeline, documents, context);
    for (const document of flow) {
      if (document === undefined) yield undefined;
      else documentsReturned++;
    }
    return { index, documentsExamined, documentsReturned, stages: explain() };
  }

  #plan(request: AggregateRequest, examined: () => void = () => {}): Planned {
    const parsed = parsePipeline(request.pipeline);
    const layout = findLayout(this.database, request.collection);
    const positionPath = layout?.columns.find(({ kind }) => kind === "position")?.path;
    const context = contextOf({ lookup: this.#lookup, positionPath });
    if (layout === undefined) return { index: null, pipeline: parsed, documents: nothing(), context };
    const { bounds, sorting, nearest } = planPipeline(parsed, context.variables, positionPath);
    const wanted = { bounds, sort: sorting?.sort, hint: request.hint };
    const plan = planAccess(this.database, layout, wanted);
    // What the index has put in order needs no sorting.
    const stages = parsed.stages.filter((stage) => !(plan.ordered && stage === sorting?.stage));
    const pipeline = { at: parsed.at, stages };
    const outward =
      nearest === undefined || request.hint !== undefined
        ? undefined
        : outwardIndex(nearest, plan, bounds, layout);
    if (nearest !== undefined && outward !== undefined) {
      const documents = nearestFirst(this.database, layout, nearest, plan.access, examined);
      return { index: outward, pipeline, documents, context };
    }
    const found = scanDocuments(this.database, layout, plan.access, plan.direction);
    return { index: plan.access.index, pipeline, documents: documentsOf(found, examined), context };
  }

  *#read(collection: string, bounds: Bounds): Running {
    const layout = findLayout(this.database, collection);
    if (layout === undefined) return;
    const { access } = planAccess(this.database, layout, { bounds });
    yield* documentsOf(scanDocuments(this.database, layout, access), () => {});
  }
}

function* documentsOf(
  found: Iterable<{ readonly document: Document } | undefined>,
  examined: () => void,
): Running {
  for (const item of found) {
    if (item !== undefined) examined();
    yield item?.document;
  }
}

function* nothing(): Running {}
