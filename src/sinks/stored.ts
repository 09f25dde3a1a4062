/** Reads from the store what is reported of an alert and its object. */
import { type Document, isDocument } from "../query/index.ts";
import type { Store } from "../store/index.ts";
import { alertPoints, type FluxPoint, forcedPoints, type Survey } from "../surveys/index.ts";
import { RefusedError } from "./sink.ts";

const MAX_TIME_MS = 60_000;

/** The alert's document. Throws `RefusedError` when it is not stored any more. */
export async function readAlert(store: Store, survey: Survey, candid: bigint): Promise<Document> {
  const { alerts: collection } = survey.collections;
  const alert = await store.findOne({ collection, filter: { candid }, maxTimeMs: MAX_TIME_MS });
  if (alert === undefined) throw new RefusedError(`${survey.name} alert ${candid} is not stored any more`);
  return alert;
}

/** All that is known of the object's light curve: its history, its alerts, its forced photometry. */
export async function readLightCurve(
  store: Store,
  survey: Survey,
  objectId: string,
): Promise<{ alerts: FluxPoint[]; forced: FluxPoint[] }> {
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
  return {
    alerts: alertPoints(measured, rows),
    forced: rows.forced === undefined ? [] : forcedPoints(rowsOf(history, rows.forced.field), rows),
  };
}

/** The alert's stamps by field name; none when they are not kept. */
export async function readCutouts(
  store: Store,
  survey: Survey,
  candid: bigint,
): Promise<Map<string, Uint8Array>> {
  const { cutouts: collection } = survey.collections;
  const found = await store.findOne({ collection, filter: { candid }, maxTimeMs: MAX_TIME_MS });
  const stamps = new Map<string, Uint8Array>();
  for (const [field, stamp] of Object.entries(found ?? {})) {
    const data = isDocument(stamp) ? stamp["stampData"] : undefined;
    if (data instanceof Uint8Array) stamps.set(field, data);
  }
  return stamps;
}

function rowsOf(document: Document | undefined, field: string): Document[] {
  const rows = document?.[field];
  return Array.isArray(rows) ? rows.filter(isDocument) : [];
}

function exposureOf(row: Document): string {
  return `${Number(row["jd"])}/${String(row["fid"])}`;
}
