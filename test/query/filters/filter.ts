/** A filter as a transient survey would run it: what it looks for, and its stages on the joined alert. */
import type { Document, Value } from "../../../src/query/index.ts";

export interface SurveyFilter {
  readonly name: string;
  /** What it looks for. */
  readonly purpose: string;
  readonly pipeline: readonly Document[];
}

const THEN = "then";

/** A branch of `$switch`; a literal object with a `then` would be taken for a promise by linters. */
export function branch(condition: Value, value: Value): Document {
  return { case: condition, [THEN]: value };
}
