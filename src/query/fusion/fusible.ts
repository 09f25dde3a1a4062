/** What stages do, told in a way that several of them can be compiled into one function. */
import { QueryError } from "../errors.ts";
import type { MatchNode } from "../match/index.ts";
import type { Expression } from "../pipeline/expression.ts";
import type { Variables } from "../pipeline/nodes.ts";
import type { ProjectionTree } from "../projection/index.ts";
import { type Document, isDocument, typeOf, type Value } from "../values.ts";

/** The expressions of a stage by place. */
export type Expressions = ReadonlyMap<string, Expression>;

export type Fusible =
  /** Lets documents through that match. */
  | { readonly kind: "match"; readonly node: MatchNode; readonly expressions: Expressions }
  /** Keeps, drops and computes fields. */
  | {
      readonly kind: "fields";
      readonly tree: ProjectionTree;
      readonly expressions: Expressions;
      /** The stage as a function of its own. */
      readonly compile: () => (document: Document, variables?: Variables) => Document;
    }
  /** Puts another document in the place of each. */
  | { readonly kind: "replace"; readonly expression: Expression; readonly at: string };

/** What replaces a document, checked. */
export function needDocument(value: Value | undefined, at: string): Document {
  if (isDocument(value)) return value;
  throw new QueryError("runtime", at, `the new document must be an object, not of type ${typeOf(value)}`);
}
