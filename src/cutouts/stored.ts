/** Reads an alert's stamps from the store. */
import { isDocument } from "../query/index.ts";
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
  const { cutouts: collection } = survey.collections;
  const found = await store.findOne({ collection, filter: { candid }, maxTimeMs: MAX_TIME_MS });
  const stamps = new Map<string, StoredStamp>();
  for (const [field, stamp] of Object.entries(found ?? {})) {
    if (!isDocument(stamp)) continue;
    const { stampData: data, fileName } = stamp;
    if (!(data instanceof Uint8Array)) continue;
    stamps.set(field, { data, ...(typeof fileName === "string" ? { fileName } : {}) });
  }
  return stamps;
}
