/** Runs the active filters on a batch of alerts that is about to be written. */
import type { AlertReader, AlertRecord, ObjectRecord, OutboxEntry } from "../store/index.ts";
import type { FilterEngine } from "./engine.ts";
import { type Match, outboxEntryOf } from "./match.ts";
import type { FilterRegistry } from "./registry.ts";

/**
 * The entries for the outbox of a batch, in the order of its alerts. All that came before the batch must be
 * stored: filters see the stored history, this batch's earlier alerts of the object, and the alert's own rows.
 * Alerts that are stored already, or come twice, are not filtered again.
 */
export async function filterBatch(
  alerts: readonly AlertRecord[],
  registry: FilterRegistry,
  reader: AlertReader,
): Promise<OutboxEntry[]> {
  await registry.refresh();
  const entries: OutboxEntry[] = [];
  for (const [survey, records] of bySurvey(alerts)) {
    const engine = registry.engine(survey);
    const [first] = records;
    if (engine === undefined || first === undefined) continue;
    const stored = new Set(
      await reader.storedCandids(
        first.collections,
        records.map(({ candid }) => candid),
      ),
    );
    const fresh = records.filter(({ candid }) => {
      if (stored.has(candid)) return false;
      stored.add(candid);
      return true;
    });
    entries.push(...(await filterFresh(fresh, engine, reader)));
  }
  return entries;
}

async function filterFresh(
  alerts: readonly AlertRecord[],
  engine: FilterEngine,
  reader: AlertReader,
): Promise<OutboxEntry[]> {
  const [first] = alerts;
  if (first === undefined) return [];
  const found = alerts.map((): Match[] => []);
  const waiting = alerts.map((alert, index) => engine.begin(alert, (match) => found[index]?.push(match)));
  const needed = alerts.filter((_, index) => waiting[index]?.length !== 0).map(({ objectId }) => objectId);
  const objects: ReadonlyMap<string, ObjectRecord> =
    needed.length === 0 ? new Map() : await reader.records(first.collections, needed);
  alerts.forEach((alert, index) => {
    const record = objects.get(alert.objectId);
    record?.append(alert.histories, alert.crossMatches);
    for (const rest of waiting[index] ?? []) {
      if (record !== undefined) engine.finish(rest, record, (match) => found[index]?.push(match));
    }
  });
  return found.flat().map(outboxEntryOf);
}

function bySurvey(alerts: readonly AlertRecord[]): Map<string, AlertRecord[]> {
  const groups = new Map<string, AlertRecord[]>();
  for (const alert of alerts) {
    const group = groups.get(alert.survey);
    if (group === undefined) groups.set(alert.survey, [alert]);
    else group.push(alert);
  }
  return groups;
}
