/** Random expressions of the aggregation language. */
import type { Document, Value } from "../../../src/query/index.ts";
import { anyPath, anyScalar } from "./documents.ts";
import type { Random } from "./random.ts";

/** An expression, nested at most `depth` deep. */
export function anyExpression(random: Random, documents: readonly Document[], _depth: number): Value {
  return random.chance(0.6) ? `$${anyPath(random, documents)}` : { $literal: anyScalar(random) };
}
