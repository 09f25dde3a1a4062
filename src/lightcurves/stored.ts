/** Reads what the store has of an object's light curve. */
import { type Document, isDocument } from "../query/index.ts";
import type { Store } from "../store/index.ts";
import { alertPoints, type FluxPoint, forcedPoints, type Survey } from "../surveys/index.ts";

const MAX_TIME_MS = 60_000;

export interface ObjectPhotometry {
  /** Detections and upper limits of the object's alerts and their histories, in time order. */
  readonly alerts: readonly FluxPoint[];
  /** Forced photometry, in time order. */
  readonly forced: readonly FluxPoint[];
}

/** Everything that is stored of the object's light curve; `programs`, where given, are all that may be seen. */
export async function readPhotometry(
  store: Store,
  survey: Survey,
  objectId: string,
  programs?: readonly number[],
): Promise<ObjectPhotometry> {
  const rows = survey.lightCurve;
  if (rows === undefined) return { alerts: [], forced: [] };
  const { alerts, aux } = survey.collections;
  const history = await store.findOne({ collection: aux, filter: { _id: objectId }, maxTimeMs: MAX_TIME_MS });
  const measured = rowsOf(history, "prv_candidates");
  const known = new Set(measured.map(exposureOf));
  const found = store.find({
    collection: alerts,
    filter: { objectId },
    projection: { candidate: 1 },
    sort: [["candidate.jd", 1]],
    maxTimeMs: MAX_TIME_MS,
  });
  for await (const { candidate } of found.documents()) {
    if (isDocument(candidate) && !known.has(exposureOf(candidate))) measured.push(candidate);
  }
  const visible = (row: Document) => programs === undefined || programs.includes(Number(row["programid"]));
  const { forced } = rows;
  return {
    alerts: alertPoints(measured.filter(visible), rows),
    forced: forced === undefined ? [] : forcedPoints(rowsOf(history, forced.field).filter(visible), rows),
  };
}

function rowsOf(document: Document | undefined, field: string): Document[] {
  const rows = document?.[field];
  return Array.isArray(rows) ? rows.filter(isDocument) : [];
}

function exposureOf(row: Document): string {
  return `${Number(row["jd"])}/${String(row["fid"])}`;
}
