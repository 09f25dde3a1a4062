/** Reads the server's explanations. */
import type { Document as BsonDocument } from "mongodb";

/** The name of the index that a plan, or the first of its parts, reads; `null` for a scan. */
export function indexOf(plan: BsonDocument | undefined): string | null {
  if (plan === undefined) return null;
  if (typeof plan["indexName"] === "string") return plan["indexName"];
  if (plan["stage"] === "IDHACK") return "_id_";
  const parts = [
    plan["queryPlan"],
    plan["inputStage"],
    plan["inputStages"],
    plan["shards"],
    plan["winningPlan"],
  ];
  for (const part of parts.flat()) {
    const found = indexOf(part);
    if (found !== null) return found;
  }
  return null;
}

/** Documents that were read. */
export function examinedBy(explanation: BsonDocument): number {
  return Number(explanation["executionStats"]?.["totalDocsExamined"] ?? 0);
}
