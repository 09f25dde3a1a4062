/** Pipelines as they are sent to the server, and what each of their stages lets through. */
import type { AggregateOptions, AggregationCursor, Document as BsonDocument, Db } from "mongodb";
import {
  type Document,
  isDocument,
  parsePipeline,
  type StageExplanation,
  type Value,
} from "../../query/index.ts";
import type { AggregateExplanation, AggregateRequest } from "../store.ts";
import { queryError } from "./errors.ts";
import { examinedBy, indexOf } from "./plan.ts";
import { WRITE_OPTIONS } from "./values.ts";

const POSITION = "coordinates.radec_geojson";

/** A cursor, over `raw` BSON or over documents of the driver. Throws `QueryError` for a pipeline that is wrong. */
export function aggregateCursor(
  db: Db,
  request: AggregateRequest,
  raw: boolean,
): AggregationCursor<BsonDocument> {
  // So that errors name the place, and code of users never runs on the server.
  parsePipeline(request.pipeline);
  const { collection, pipeline, hint, maxTimeMs, allowDiskUse = true, comment } = request;
  const options: AggregateOptions = {
    maxTimeMS: maxTimeMs,
    allowDiskUse,
    raw,
    ...WRITE_OPTIONS,
    ...(hint === undefined ? {} : { hint: hint as string }),
    ...(comment === undefined ? {} : { comment }),
  };
  return db.collection(collection).aggregate(withGeoKey(pipeline), options);
}

/** Positions have several indexes, of which the server does not choose one for `$geoNear` by itself. */
function withGeoKey(pipeline: readonly Document[]): Document[] {
  const [first, ...rest] = pipeline;
  const near = first?.["$geoNear"];
  if (!isDocument(near) || near["key"] !== undefined) return [...pipeline];
  return [{ $geoNear: { ...near, key: POSITION } }, ...rest];
}

/** Explains by counting what comes out behind each stage and condition, one query each. */
export async function explainAggregate(db: Db, request: AggregateRequest): Promise<AggregateExplanation> {
  const started = performance.now();
  const within = (pipeline: readonly Document[]): AggregateRequest => {
    const left = Math.max(1, Math.round(request.maxTimeMs - (performance.now() - started)));
    return { ...request, pipeline, maxTimeMs: left };
  };
  try {
    const plan = await aggregateCursor(db, within(request.pipeline), false).explain("executionStats");
    const lead = plan["stages"]?.[0];
    const first = lead?.["$cursor"] ?? lead?.["$geoNearCursor"] ?? plan;
    const examined = examinedBy(first);
    const count = async (pipeline: readonly Document[]) => {
      const from = performance.now();
      const [found] = await aggregateCursor(db, within([...pipeline, { $count: "n" }]), false).toArray();
      return { documents: Number(found?.["n"] ?? 0), milliseconds: performance.now() - from };
    };
    const stages: StageExplanation[] = [];
    let before = examined;
    for (const [number, stage] of request.pipeline.entries()) {
      const [name = ""] = Object.keys(stage);
      const at = `pipeline[${number}].${name}`;
      const leading = request.pipeline.slice(0, number);
      const after = await count([...leading, stage]);
      const passage = {
        at,
        documentsIn: before,
        documentsOut: after.documents,
        milliseconds: after.milliseconds,
      };
      const conditions = name === "$match" ? conditionsOf(stage["$match"], at) : [];
      const passages: StageExplanation["conditions"] & object[] = [];
      let passed = before;
      for (const [index, { at: place }] of conditions.entries()) {
        const $and = conditions.slice(0, index + 1).map(({ filter }) => filter);
        const { documents, milliseconds } = await count([...leading, { $match: { $and } }]);
        passages.push({ at: place, documentsIn: passed, documentsOut: documents, milliseconds });
        passed = documents;
      }
      stages.push({ stage: name, ...passage, ...(passages.length === 0 ? {} : { conditions: passages }) });
      before = after.documents;
    }
    const returned = stages.at(-1)?.documentsOut ?? examined;
    return {
      index: indexOf(first["queryPlanner"]?.["winningPlan"]),
      documentsExamined: examined,
      documentsReturned: returned,
      stages,
    };
  } catch (error) {
    throw queryError(error);
  }
}

/** Operators that only mean something beside each other. */
const TOGETHER: ReadonlySet<string> = new Set([
  "$regex",
  "$options",
  "$near",
  "$nearSphere",
  "$minDistance",
  "$maxDistance",
]);

/** The conditions of a filter of which a document must pass every one. */
function conditionsOf(filter: Value | undefined, at: string): { at: string; filter: Document }[] {
  if (!isDocument(filter)) return [];
  return Object.entries(filter).flatMap(([path, value]) => {
    const place = `${at}.${path}`;
    if (path === "$and" && Array.isArray(value)) {
      return value.flatMap((part, index) => conditionsOf(part, `${place}[${index}]`));
    }
    const operators = isDocument(value) ? Object.keys(value) : [];
    const apart =
      operators.length > 0 && operators.every((name) => name.startsWith("$") && !TOGETHER.has(name));
    if (!apart || path.startsWith("$")) return [{ at: place, filter: { [path]: value ?? null } }];
    return operators.map((name) => ({
      at: `${place}.${name}`,
      filter: { [path]: { [name]: (value as Document)[name] ?? null } },
    }));
  });
}
