/** Automatic follow-up requests: new ones, and better priorities for those that wait. */
import type { Followup, Match } from "../../filters/index.ts";
import { type Document, isDocument, type Value } from "../../query/index.ts";
import { documentsOf, integersOf } from "./client.ts";

export interface FollowupMatch {
  readonly match: Match;
  readonly followup: Followup;
}

/** What is to be done about a follow-up that a match asks for. */
export type FollowupAction =
  | { readonly kind: "request" }
  | { readonly kind: "update"; readonly id: number; readonly body: Document }
  | { readonly kind: "nothing" };

const DAY_MS = 86_400_000;
/** A failed request older than this does not count any more. */
const FORGET_FAILED_MS = 12 * 3_600_000;
/** Keys that say when and how urgently, not what is asked for. */
const NOT_COMPARED: ReadonlySet<string> = new Set([
  "priority",
  "urgency",
  "Urgency",
  "start_date",
  "end_date",
  "advanced",
  "observation_choices",
]);
/** Which filters observations of these types take. */
const SHOTS: Readonly<Record<string, readonly string[]>> = {
  "3-shot (gri)": ["g", "r", "i"],
  "4-shot (ugri)": ["u", "g", "r", "i"],
};
/** SkyPortal's word for a request whose own conditions are not met: an answer, no failure. */
export const CONDITIONS_NOT_MET = /not submitting request/i;

/** The follow-ups of an alert's matches, the most important first: those asked by less first are behind. */
export function followupsOf(matches: readonly Match[]): FollowupMatch[] {
  const wanted = matches.flatMap((match) => {
    const followup = match.auto_followup;
    return match.autosave === false || followup === null || followup === undefined
      ? []
      : [{ match, followup }];
  });
  const importance = ({ followup: { priority } }: FollowupMatch) =>
    priority.order === "desc" ? -Number(priority.value) : Number(priority.value);
  const rank = ({ followup: { priority } }: FollowupMatch) => (priority.order === "desc" ? 0 : 1);
  return wanted.sort((a, b) => rank(a) - rank(b) || importance(b) - importance(a));
}

/** Requests that still count: not those that failed long ago, nor in a state that says nothing. */
export function countingRequests(answer: Value, now: number): Document[] {
  const list = isDocument(answer) ? answer["followup_requests"] : answer;
  return documentsOf(list).filter((request) => {
    const status = String(request["status"]).toLowerCase();
    if (status.includes("failed")) return now - timeOf(request["modified"]) < FORGET_FAILED_MS;
    return /complete|submitted|deleted/.test(status);
  });
}

/** What to do, given the object's requests that count. */
export function followupAction(
  { match, followup }: FollowupMatch,
  requests: readonly Document[],
): FollowupAction {
  const groups = targetGroups(match, followup);
  const same = requests.filter(
    (request) =>
      allocationOf(request) === Number(followup.allocation_id) &&
      documentsOf(request["target_groups"]).some((group) => groups.includes(Number(group["id"]))) &&
      isCovered(followup.payload, payloadOf(request)),
  );
  if (same.length === 0) return { kind: "request" };
  if (!followup.implements_update) return { kind: "nothing" };
  const { key, value, order } = followup.priority;
  const priorityOf = (request: Document) => Number(payloadOf(request)[key] ?? Number.NaN);
  const sign = order === "asc" ? 1 : -1;
  // The least important of them is the one to improve.
  const [first] = [...same].sort((a, b) => sign * (priorityOf(a) - priorityOf(b)));
  if (first === undefined || !String(first["status"]).toLowerCase().includes("submitted"))
    return { kind: "nothing" };
  const isBetter = sign * (Number(value) - priorityOf(first)) > 0;
  if (!isBetter) return { kind: "nothing" };
  return {
    kind: "update",
    id: Number(first["id"]),
    body: {
      payload: { ...payloadOf(first), [key]: value },
      obj_id: match.objectId,
      allocation_id: followup.allocation_id,
    },
  };
}

/** The body of a new request; `now` in milliseconds is when it may begin. */
export function requestBody({ match, followup }: FollowupMatch, now: number) {
  const isUrgency = followup.priority.key.toLowerCase() === "urgency";
  const end = now + Number(followup.validity_days) * DAY_MS;
  const dates = isUrgency ? {} : { start_date: timestamp(now), end_date: timestamp(end) };
  const { not_if_tns_reported: hours } = followup;
  return {
    obj_id: match.objectId,
    allocation_id: followup.allocation_id,
    target_group_ids: targetGroups(match, followup),
    ignore_allocation_ids: followup.ignore_allocation_ids,
    payload: { ...followup.payload, [followup.priority.key]: followup.priority.value, ...dates },
    source_group_ids: [match.group_id],
    not_if_classified: true,
    not_if_spectra_exist: true,
    not_if_tns_classified: true,
    not_if_duplicates: true,
    radius: followup.radius,
    ...(hours === undefined ? {} : { not_if_tns_reported: hours }),
    ...(match.autosave === false || match.autosave.ignore_group_ids === undefined
      ? {}
      : { ignore_source_group_ids: match.autosave.ignore_group_ids }),
  };
}

/** The request as others of the same alert must count it. */
export function asRequested({ match, followup }: FollowupMatch, payload: Document): Document {
  return {
    status: "submitted",
    allocation: { id: followup.allocation_id },
    target_groups: targetGroups(match, followup).map((id) => ({ id })),
    payload,
  };
}

/** `fu! (priority: 2.0)` */
export function followupComment({ comment, priority }: Followup): string | undefined {
  if (comment === undefined || comment === "") return undefined;
  const value = Number(priority.value);
  return `${comment} (${priority.key}: ${Number.isInteger(value) ? value.toFixed(1) : value})`;
}

/** The filter's own group, then the others. */
export function targetGroups(match: Match, followup: Followup): number[] {
  return [...new Set([match.group_id, ...integersOf([...followup.target_group_ids])])];
}

/** `2023-10-12T10:26:03.512000`: UTC, as SkyPortal reads times. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, -1)}000`;
}

function timeOf(value: Value | undefined): number {
  const text = String(value);
  const time = Date.parse(/Z|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}

function payloadOf(request: Document): Document {
  return isDocument(request["payload"]) ? request["payload"] : {};
}

function allocationOf(request: Document): number {
  const allocation = request["allocation"];
  return Number(isDocument(allocation) ? allocation["id"] : request["allocation_id"]);
}

/** Whether a request with the payload `theirs` gives all that `ours` asks for. */
function isCovered(ours: Document, theirs: Document): boolean {
  return Object.entries(ours).every(([key, wanted]) => {
    if (NOT_COMPARED.has(key)) return true;
    if (key === "observation_type") return isObservationCovered(ours, theirs);
    return JSON.stringify(plainOf(wanted)) === JSON.stringify(plainOf(theirs[key]));
  });
}

/** An observation covers another when it takes its spectrum and all of its filters. */
function isObservationCovered(ours: Document, theirs: Document): boolean {
  const [wanted, given] = [choicesOf(ours), choicesOf(theirs)];
  if (wanted === undefined || given === undefined) {
    return String(ours["observation_type"]) === String(theirs["observation_type"]);
  }
  return wanted.every((choice) => given.includes(choice));
}

function choicesOf(payload: Document): readonly string[] | undefined {
  const type = String(payload["observation_type"]);
  if (type === "IFU") return ["IFU"];
  if (type === "Mix 'n Match") {
    const { observation_choices: choices } = payload;
    return Array.isArray(choices) ? choices.map(String) : [];
  }
  return SHOTS[type];
}

function plainOf(value: Value | undefined): unknown {
  return typeof value === "object" && value !== null && "value" in value ? value.value : value;
}
