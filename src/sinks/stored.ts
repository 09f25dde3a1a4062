/** The alert that a match is of, as it is stored. */
import type { Document } from "../query/index.ts";
import type { Store } from "../store/index.ts";
import type { Survey } from "../surveys/index.ts";
import { RefusedError } from "./sink.ts";

const MAX_TIME_MS = 60_000;

/** The alert's document. Throws `RefusedError` when it is not stored any more. */
export async function readAlert(store: Store, survey: Survey, candid: bigint): Promise<Document> {
  const { alerts: collection } = survey.collections;
  const alert = await store.findOne({ collection, filter: { candid }, maxTimeMs: MAX_TIME_MS });
  if (alert === undefined) throw new RefusedError(`${survey.name} alert ${candid} is not stored any more`);
  return alert;
}
