/**
 * A pipeline as parsed: frozen nodes that the compiler, the planner, the permission check and explain walk
 * alike; and what a stage is once compiled.
 */
import type { Bounds } from "../bounds.ts";
import type { Deadline } from "../deadline.ts";
import type { Fusible } from "../fusion/fusible.ts";
import type { NearQuery } from "../match/index.ts";
import type { SortSpec } from "../sort.ts";
import type { Document, Value } from "../values.ts";

/** Documents on their way, and `undefined` wherever others may have a turn of the thread. */
export type Flow = Iterable<Document | undefined>;
export type Running = Generator<Document | undefined, void, undefined>;

/** Variables of the running pipeline by name: `NOW`, and those that a `$lookup` hands in. */
export type Variables = ReadonlyMap<string, Value | undefined>;

/** Reads other collections for `$lookup`, `$unionWith` and `$graphLookup`: implemented by a store. */
export interface CollectionReader {
  /**
   * Documents of a collection, at least all those within the bounds; none for an unknown collection. May
   * yield `undefined` to give others a turn.
   */
  read(collection: string, bounds: Bounds): Flow;
}

/** What a pipeline may use while it runs. */
export interface Limits {
  /** What one stage may hold in memory, bytes. */
  readonly stageBytes: number;
}

/** What the stages of one run share. */
export interface RunContext {
  readonly variables: Variables;
  readonly lookup: CollectionReader | undefined;
  readonly limits: Limits;
  /** Where the documents' position stands, for a `$geoNear` that does not say. */
  readonly positionPath: string | undefined;
}

/** A stage ready to run. */
export type CompiledStage =
  /** Makes of each document one or none, independently of all others. */
  | {
      readonly kind: "map";
      readonly apply: (document: Document, context: RunContext) => Document | undefined;
    }
  | { readonly kind: "flow"; readonly run: (input: Flow, context: RunContext) => Running };

/** What planners of stores can serve from an index. */
export type Plannable =
  /** The stage lets through nothing outside of the bounds. */
  | {
      readonly kind: "bounds";
      readonly bounds: Bounds;
      /** Narrower bounds, where they depend on the run: its variables, and where positions stand. */
      readonly within?: (variables: Variables, positionPath: string | undefined) => Bounds;
      /** For a stage that lets through only some of the nearest: which, given the stages behind it. */
      readonly nearest?: (
        following: readonly StageNode[],
        variables: Variables,
        positionPath: string | undefined,
      ) => NearestSearch | undefined;
    }
  | { readonly kind: "sort"; readonly sort: SortSpec }
  | { readonly kind: "limit" | "skip"; readonly count: number };

/** A search for what is nearest to a place; only the first of what it finds are asked for. */
export interface NearestSearch {
  readonly near: NearQuery;
  /** Where documents have their position, with dots and as parts. */
  readonly path: string;
  readonly parts: readonly string[];
  readonly most: number;
  /** Whether a document is one of those that are looked for, its distance included. */
  readonly passes: (document: Document) => boolean;
}

/** A parsed and checked stage. */
export interface StageNode {
  /** The operator, e.g. `$match`. */
  readonly name: string;
  /** Where it stands, e.g. `pipeline[2].$match`. */
  readonly at: string;
  /** Pipelines inside the stage. */
  readonly pipelines: readonly PipelineNode[];
  /** The other collection that it reads. */
  readonly collection?: string;
  /** What a store can do in the stage's place, while the stage is among the first. */
  readonly plan?: Plannable;
  /** Makes the stage ready to run; `following` are the stages behind it, of which it may make use. */
  readonly compile: (following: readonly StageNode[]) => CompiledStage;
  /** What it does, for the compiler of several stages in one function. */
  readonly fusible?: Fusible;
  /** The conditions of which a document must pass every one, each a test of its own: what explain counts. */
  readonly conjuncts?: () => readonly Conjunct[];
}

/** One condition of a stage that lets documents through. */
export interface Conjunct {
  /** Where it stands, e.g. `pipeline[0].$match.candidate.drb.$gt`. */
  readonly at: string;
  readonly test: (document: Document, variables: Variables) => boolean;
}

export interface PipelineNode {
  readonly at: string;
  readonly stages: readonly StageNode[];
}

/** Names of stages that are refused, with the reason that the error gives. */
export type Forbidden = Readonly<Record<string, string>>;

export interface PipelineOptions {
  /** Begins the places that errors name. */
  readonly path?: string;
  /** Stages to refuse at any nesting, by name, with the reason. */
  readonly forbid?: Forbidden;
  /** Variables that will be given at run time, beside `NOW`. */
  readonly variables?: Iterable<string>;
}

/** How a pipeline is run. */
export interface RunOptions {
  readonly deadline?: Deadline | undefined;
  readonly lookup?: CollectionReader | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** What `$$NOW` is; by default the time of the call. */
  readonly now?: Date | undefined;
  readonly variables?: Variables | undefined;
  /** Where the documents' position stands, for a `$geoNear` that does not say. */
  readonly positionPath?: string | undefined;
}
