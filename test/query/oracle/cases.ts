/** What a case of the oracle is, and what can come of it. */
import type { Document } from "../../../src/query/index.ts";

export interface FindQuery {
  readonly kind: "find";
  readonly filter: Document;
  readonly projection?: Document;
  readonly sort?: Document;
  /** By default none is skipped, and all that are left are answered. */
  readonly skip?: number;
  readonly limit?: number;
  /** The server promises no order of the answer: an index serves it. */
  readonly anyOrder?: boolean;
}

/** A pipeline; `$lookup` and `$unionWith` may read the collection `other`. */
export interface AggregateQuery {
  readonly kind: "aggregate";
  readonly pipeline: readonly Document[];
  /** The server promises no order of the answer. */
  readonly anyOrder?: boolean;
}

export type Query = FindQuery | AggregateQuery;

/** A query and the collections that it reads. */
export interface Case {
  readonly query: Query;
  readonly documents: readonly Document[];
  readonly other: readonly Document[];
  /** The positions at `o.p` have an index for the sphere, those at `q` one for the plane. */
  readonly indexed?: boolean;
}

/** An answer; or an error, which `refused` marks as a deliberate one of ours: the server may well answer. */
export type Outcome =
  | { readonly documents: readonly Document[] }
  | { readonly error: string; readonly refused: boolean };

/** The operators that a query names. */
export function operatorsIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== "object" || value === null) return found;
  for (const [name, below] of Object.entries(value)) {
    if (/^\$[a-z]/i.test(name)) found.add(name);
    operatorsIn(below, found);
  }
  return found;
}
