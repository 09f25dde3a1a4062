/** Reads pipelines: what the stages' parsers are given. */
import { QueryError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import { isDocument, type Value } from "../values.ts";
import { type Expression, readExpression } from "./expression.ts";
import type { Forbidden, PipelineNode, StageNode } from "./nodes.ts";

/** How deep pipelines may stand in each other. */
const MAX_NESTING = 20;
/** The server's limit. */
const MAX_STAGES = 1000;

/** A stage that has an example, which is a test. */
export interface StageExample {
  readonly stage: Value;
  readonly documents: readonly Value[];
  readonly result: readonly Value[];
}

/** What a stage is: enough to read it and to document it. Its node says how it runs. */
export interface StageDefinition {
  readonly name: string;
  /** A sentence for the reference. */
  readonly summary: string;
  readonly example: StageExample;
  /** Only some ways to give it are supported; says which not. */
  readonly limits?: string;
  /** Where it may stand, other than anywhere. */
  readonly place?: "first";
  /** Whether it may stand in a `$facet`; unless said, it may. */
  readonly inFacet?: boolean;
  readonly parse: (argument: Value, at: string, reader: PipelineReader) => Omit<StageNode, "name">;
}

/** What is known where a pipeline stands. */
export interface Place {
  readonly variables: ReadonlySet<string>;
  /** Pipelines around this one. */
  readonly nesting: number;
  readonly inFacet: boolean;
}

/** Reads one pipeline; `inside` makes the reader of a pipeline within it. */
export class PipelineReader {
  constructor(
    readonly stages: ReadonlyMap<string, StageDefinition>,
    readonly refused: Forbidden,
    readonly place: Place,
  ) {}

  /** Reads a pipeline; everything that can be wrong with it is found here. */
  pipeline(value: unknown, at: string): PipelineNode {
    if (!Array.isArray(value)) throw new QueryError("invalid", at, "needs an array of stages");
    if (value.length > MAX_STAGES)
      throw new QueryError("limit", at, `cannot have more than ${MAX_STAGES} stages`);
    if (this.place.nesting > MAX_NESTING)
      throw new QueryError("limit", at, `pipelines cannot nest deeper than ${MAX_NESTING} levels`);
    const stages = value.map((stage, i) => this.#stage(stage, `${at}[${i}]`, i));
    return Object.freeze({ at, stages });
  }

  /** An expression that sees the variables of this pipeline. */
  expression(value: Value, at: string, more: Iterable<string> = []): Expression {
    return readExpression(value, at, { variables: new Set([...this.place.variables, ...more]) });
  }

  /** An expression whose constants fail only when a document comes, as the server does not fold them before. */
  lenientExpression(value: Value, at: string): Expression {
    return readExpression(value, at, { variables: this.place.variables, lenient: true });
  }

  /** The reader of a pipeline inside a stage of this one. */
  inside(change: { variables?: Iterable<string>; inFacet?: boolean } = {}): PipelineReader {
    return new PipelineReader(this.stages, this.refused, {
      variables: new Set([...this.place.variables, ...(change.variables ?? [])]),
      nesting: this.place.nesting + 1,
      inFacet: change.inFacet ?? this.place.inFacet,
    });
  }

  #stage(value: unknown, at: string, index: number): StageNode {
    if (!isDocument(value)) throw new QueryError("invalid", at, "a stage needs an object {$stage: …}");
    const [name, ...others] = Object.keys(value);
    if (name === undefined || others.length > 0) {
      throw new QueryError(
        "invalid",
        at,
        `a stage has exactly one field, not ${others.length + (name ? 1 : 0)}`,
      );
    }
    const where = `${at}.${name}`;
    const reason = Object.hasOwn(this.refused, name) ? this.refused[name] : undefined;
    if (reason !== undefined) throw new QueryError("unsupported", where, `${name} is not allowed: ${reason}`);
    const definition = this.stages.get(name);
    if (definition === undefined) {
      throw new QueryError("invalid", where, `unknown stage${didYouMean(name, this.stages.keys())}`);
    }
    if (definition.place === "first" && index > 0)
      throw new QueryError("invalid", where, `${name} must be the first stage of its pipeline`);
    if (this.place.inFacet && definition.inFacet === false)
      throw new QueryError("invalid", where, `${name} cannot stand in a $facet`);
    return Object.freeze({ name, ...definition.parse(value[name] ?? null, where, this) });
  }
}
