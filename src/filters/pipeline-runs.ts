/**
 * What pipelines come to for one alert as one permission set sees it: filters with the same pipeline share one run
 * of it, for people copy filters.
 */
import { checkSize, type Document, isDocument } from "../query/index.ts";
import type { CompiledStages } from "./compiled.ts";

/** What one filter may report of one alert, bytes: entries of the outbox are read by the hundred. */
export const MOST_RESULT_BYTES = 1024 * 1024;

/** Annotations of a passing row, undefined where there is none, or what was thrown. */
interface Outcome {
  readonly annotations?: Document | undefined;
  readonly error?: unknown;
  /** What the run took, milliseconds of the thread's work. */
  readonly spent: number;
}

/** The runs on one document; another stage of the same alert, joined with its object's record, begins anew. */
export class PipelineRuns {
  readonly #outcomes = new Map<CompiledStages, Outcome>();

  /** `timeSince` tells the milliseconds since a time of the wall. */
  constructor(
    readonly joined: Document,
    readonly timeSince: (started: number) => number,
  ) {}

  /** What a pipeline that was run for another filter took of the time of each that has it, milliseconds. */
  spentOn(stages: CompiledStages): number {
    return this.#outcomes.get(stages)?.spent ?? 0;
  }

  /**
   * The annotations of the row that a pipeline makes, undefined when it makes none; all who ask get the same, not to
   * be modified. Throws what the pipeline throws, and `QueryError` when they are too large.
   */
  annotations(stages: CompiledStages): Document | undefined {
    let outcome = this.#outcomes.get(stages);
    if (outcome === undefined) {
      outcome = this.#run(stages);
      this.#outcomes.set(stages, outcome);
    }
    if ("error" in outcome) throw outcome.error;
    return outcome.annotations;
  }

  #run(stages: CompiledStages): Outcome {
    const started = performance.now();
    try {
      const annotations = annotationsOf(stages, this.joined);
      return { annotations, spent: this.timeSince(started) };
    } catch (error) {
      return { error, spent: this.timeSince(started) };
    }
  }
}

/** Runs a pipeline for one filter. */
export function annotationsOf({ rest }: CompiledStages, joined: Document): Document | undefined {
  const row = rest === undefined ? joined : rest(joined);
  if (row === undefined) return undefined;
  const annotations = isDocument(row["annotations"]) ? row["annotations"] : {};
  // They are about to be written out, as what follows from one filter alone.
  checkSize(annotations, "annotations", MOST_RESULT_BYTES);
  return annotations;
}
