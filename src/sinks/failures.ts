/** Deliveries that a receiver refused for good: kept with the reason until an operator looks at them. */
import type { Document } from "../query/index.ts";
import type { Store } from "../store/index.ts";
import { type OutboxItem, readEntries } from "./outbox.ts";
import type { Delivery } from "./sink.ts";

export const FAILURES = "sink_failures";

const MAX_TIME_MS = 60_000;
/** Failures that are read at once. */
const PAGE = 500;

/** The record of a sink's failure to deliver what begins with this entry. */
const failureId = (sink: string, entry: string) => `${sink}/${entry}`;

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
    _id: failureId(sink, items[0].id),
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

/** Takes a failure off the list: it was delivered after all. */
export async function forgetFailure(store: Store, sink: string, delivery: Delivery): Promise<void> {
  await store.remove(FAILURES, failureId(sink, delivery.items[0].id));
}

/** Failures, the latest first. */
export function listFailures(
  store: Store,
  { sink, limit }: { readonly sink?: string; readonly limit: number },
): Promise<Document[]> {
  const filter = sink === undefined ? {} : { sink };
  const request = { collection: FAILURES, filter, limit, maxTimeMs: MAX_TIME_MS };
  return Array.fromAsync(store.find({ ...request, sort: [["failed_at", -1]] }).documents());
}

/**
 * Asks for failures to be delivered again, by whichever process drains their sink; answers how many were found.
 * Without `ids`: all of the sink, or of all sinks.
 */
export async function retryFailures(
  store: Store,
  { sink, ids }: { readonly sink?: string; readonly ids?: readonly string[] },
): Promise<number> {
  const filter: Document = {
    retry: { $ne: true },
    ...(sink === undefined ? {} : { sink }),
    ...(ids === undefined ? {} : { _id: { $in: [...ids] } }),
  };
  let asked = 0;
  for (;;) {
    const request = { collection: FAILURES, filter, limit: PAGE, maxTimeMs: MAX_TIME_MS };
    const found = await Array.fromAsync(store.find(request).documents());
    for (const failure of found) await store.replace(FAILURES, { ...failure, retry: true });
    asked += found.length;
    if (found.length < PAGE) return asked;
  }
}

/** Deliveries of a sink that are to be made again, some at a time. Those whose entries are gone stay failures. */
export async function failuresToRetry(store: Store, sink: string): Promise<Delivery[]> {
  const request = {
    collection: FAILURES,
    filter: { sink, retry: true },
    limit: PAGE,
    maxTimeMs: MAX_TIME_MS,
  };
  const deliveries: Delivery[] = [];
  for await (const failure of store.find(request).documents()) {
    const { entries } = failure;
    const [first, ...others] = await readEntries(store, Array.isArray(entries) ? entries.map(String) : []);
    if (first === undefined) {
      const reason = `${String(failure["reason"])} (its matches are no longer kept)`;
      await store.replace(FAILURES, { ...failure, retry: false, reason });
    } else deliveries.push(deliveryOf([first, ...others]));
  }
  return deliveries;
}

function deliveryOf(items: [OutboxItem, ...OutboxItem[]]): Delivery {
  const { survey, candid, objectId } = items[0];
  return { survey, candid, objectId, items };
}
