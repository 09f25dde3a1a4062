/** Deliveries that a receiver refused for good: kept with the reason until an operator looks at them. */
import type { Document } from "../query/index.ts";
import type { Store } from "../store/index.ts";
import type { Delivery } from "./sink.ts";

export const FAILURES = "sink_failures";

/** Notes that a sink's receiver refuses a delivery. Noting it again changes nothing but the time. */
export async function recordFailure(
  store: Store,
  sink: string,
  delivery: Delivery,
  reason: string,
  attempts: number,
): Promise<void> {
  const { survey, candid, objectId, items } = delivery;
  const failure: Document = {
    _id: `${sink}/${items[0].id}`,
    sink,
    survey,
    candid,
    objectId,
    entries: items.map(({ id }) => id),
    filters: items.flatMap(({ match }) => (match === undefined ? [] : [match.filter])),
    reason,
    attempts,
    failed_at: new Date(),
  };
  await store.replace(FAILURES, failure, { upsert: true });
}
