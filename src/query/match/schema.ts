/** `$jsonSchema`: placeholder. */
import { QueryError } from "../errors.ts";
import type { Document, Value } from "../values.ts";
export function parseSchema(_value: Value, at: string): (document: Document) => boolean {
  throw new QueryError("unsupported", at, "not supported yet");
}
