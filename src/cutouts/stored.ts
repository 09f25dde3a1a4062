/** Reads an alert's stamps from the store. */
import { type Document, isDocument } from "../query/index.ts";
import type { Store } from "../store/index.ts";
import type { Survey } from "../surveys/index.ts";

const MAX_TIME_MS = 60_000;

export interface StoredStamp {
  /** As the packet had it. */
  readonly data: Uint8Array;
  readonly fileName?: string;
}

/** The alert's stamps by field name (`cutoutScience`); none when they are not kept. */
export async function readCutouts(
  store: Store,
  survey: Survey,
  candid: bigint,
): Promise<Map<string, StoredStamp>> {
  const { cutouts, alerts } = survey.collections;
  const request = { filter: { candid }, maxTimeMs: MAX_TIME_MS };
  const stamps = stampsOf(await store.findOne({ collection: cutouts, ...request }));
  if (stamps.size > 0) return stamps;
  // Another system that filled the database keeps them in the alert.
  const projection = Object.fromEntries(Object.values(survey.stamps.fields).map((field) => [field, 1]));
  return stampsOf(await store.findOne({ collection: alerts, ...request, projection }));
}

/** The stamps among the fields of a document, by field name. */
export function stampsOf(document: Document | undefined): Map<string, StoredStamp> {
  const stamps = new Map<string, StoredStamp>();
  for (const [field, stamp] of Object.entries(document ?? {})) {
    if (!isDocument(stamp)) continue;
    const { stampData: data, fileName } = stamp;
    if (!(data instanceof Uint8Array)) continue;
    stamps.set(field, { data, ...(typeof fileName === "string" ? { fileName } : {}) });
  }
  return stamps;
}
