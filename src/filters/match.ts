/**
 * A match: a filter passed an alert. It is the `document` of an entry of the outbox, one per filter and
 * alert, written in the transaction of the alert. Sinks read it; `/api/filters/{id}/matches` lists it.
 */
import { type Document, setField, type Value } from "../query/index.ts";
import type { OutboxEntry } from "../store/index.ts";

/** How the passing object is to be saved to the filter's group; from the filter's `autosave`. */
export interface Autosave {
  readonly comment?: string;
  readonly ignore_group_ids?: readonly number[];
  readonly saver_id?: number;
}

/** A follow-up request that the filter asks for; its own pipeline passed too and its row is worked in. */
export interface Followup {
  readonly allocation_id: number;
  /** With the values that the row of the filter's follow-up pipeline overrides, the priority among them. */
  readonly payload: Document;
  /** The row's comment, else the filter's. */
  readonly comment?: string;
  /** Which key of the payload tells the priority, its value, and whether more (`asc`) or less is better. */
  readonly priority: { readonly key: string; readonly value: number; readonly order: "asc" | "desc" };
  readonly target_group_ids: readonly number[];
  readonly ignore_allocation_ids: readonly number[];
  /** Hours; not asked for when the object was reported to TNS within them. */
  readonly not_if_tns_reported?: number;
  /** Arcseconds within which another source counts as the same. */
  readonly radius: number;
  readonly validity_days: number;
  readonly implements_update: boolean;
}

export interface Match {
  /** `group_id/filter_id`: what identifies the filter. */
  readonly filter: string;
  readonly group_id: number;
  readonly filter_id: number;
  /** The version that passed the alert. */
  readonly fid: string;
  readonly survey: string;
  readonly candid: bigint;
  readonly objectId: string;
  /** Julian date of the alert, days. */
  readonly jd: number;
  /** What the pipeline projected as `annotations`: one document for copies of a filter, not to be modified. */
  readonly annotations: Document;
  /** Program ids that the filter may see: no sink sends more to its group. */
  readonly permissions: readonly number[];
  readonly update_annotations: boolean;
  /** Whether and how the object is saved to the filter's group. */
  readonly autosave: Autosave | false;
  readonly auto_followup: Followup | null;
  readonly passed_at: Date;
  /** From a run over stored alerts instead of the stream. */
  readonly backfill: boolean;
}

/** Key of a match: the same filter and alert always give the same, so that nothing is recorded twice. */
export function matchId(match: Pick<Match, "survey" | "candid" | "filter">): string {
  return `${match.survey}/${match.candid}/${match.filter}`;
}

/** The entry of the outbox for a match. */
export function outboxEntryOf(match: Match): OutboxEntry {
  const { survey, candid, objectId } = match;
  return { id: matchId(match), survey, candid, objectId, document: documentOf(match) };
}

function documentOf(match: Match): Document {
  const document: Document = {};
  for (const [field, value] of Object.entries(match)) {
    if (value !== undefined) setField(document, field, value as Value);
  }
  return document;
}

/** The match that an entry of the outbox holds. */
export function matchOf(entry: Pick<OutboxEntry, "document">): Match {
  return entry.document as unknown as Match;
}
