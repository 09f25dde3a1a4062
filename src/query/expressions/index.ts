/** Expressions of the aggregation language. (Placeholder until this room is built: refuses everything.) */
import { QueryError } from "../errors.ts";
import type { Document, Value } from "../values.ts";

/** Compiles an expression into a function of the root document. */
export function compileExpression(_expression: Value, path: string): (root: Document) => Value | undefined {
  throw new QueryError("unsupported", path, "expressions are not supported yet");
}
