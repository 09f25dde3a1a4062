/** A filter's document as it is stored, and the checks of its parts. */
import type { Document, Value } from "../query/index.ts";
import { type Survey, surveys } from "../surveys/index.ts";
import { readAutosave, readFollowup, savesMatches } from "./actions.ts";
import { FilterError, invalid } from "./errors.ts";
import { booleanField, integerField, integersField } from "./fields.ts";

/** The collection of filters. */
export const FILTERS = "filters";

/** A version of a filter's pipeline: made once, never changed. */
export interface FilterVersion extends Document {
  /** Six characters a–z0–9. */
  fid: string;
  /** The stages, as text of relaxed extended JSON. */
  pipeline: string;
  created_at: Date;
}

/** Why a filter was switched off, for its author. */
export interface SwitchedOff extends Document {
  reason: string;
  at: Date;
}

export interface FilterDocument extends Document {
  /** `group_id/filter_id`. */
  _id: string;
  filter_id: number;
  group_id: number;
  /** The survey's collection of alerts, e.g. `ZTF_alerts`. */
  catalog: string;
  /** Program ids that the filter may see, of surveys that have such. */
  permissions: number[];
  active: boolean;
  autosave: boolean | Document;
  auto_followup: Document;
  update_annotations: boolean;
  /** The version that runs. */
  active_fid: string;
  fv: FilterVersion[];
  created_at: Date;
  last_modified: Date;
  switched_off?: SwitchedOff;
}

/** Who asks for a change of filters. */
export interface Author {
  readonly name: string;
  readonly isAdministrator: boolean;
  /** Groups whose filters the author may manage. */
  readonly groups: readonly number[];
  /** Program ids of a survey that the author may see; undefined: all. */
  programs(survey: Survey): readonly number[] | undefined;
}

/** The parts of a filter that may be given when it is made, again with a new version, or changed. */
export interface FilterSettings {
  permissions?: number[];
  active?: boolean;
  autosave?: boolean | Document;
  auto_followup?: Document;
  update_annotations?: boolean;
}

export function filterKey(groupId: number, filterId: number): string {
  return `${groupId}/${filterId}`;
}

/** `filter_id` and `group_id` of a request; the group may be left out where the filter is known. */
export function readIdentity(body: Document): { filterId: number; groupId: number | undefined } {
  const filterId = integerField(body, "filter_id", { min: 1 });
  if (filterId === undefined) throw invalid("filter_id: missing");
  return { filterId, groupId: integerField(body, "group_id", { min: 1 }) };
}

/** The survey whose alerts a catalogue holds. */
export function surveyOfCatalog(catalog: Value | undefined): Survey {
  const survey = surveys.find(({ collections }) => collections.alerts === catalog);
  if (survey !== undefined) return survey;
  const known = surveys.map(({ collections }) => collections.alerts).join(", ");
  throw invalid(`catalog: expected one of ${known}`);
}

/** The settings that a request gives, checked one by one; `checkSettings` checks them together. */
export function readSettings(body: Document): FilterSettings {
  const permissions = integersField(body, "permissions");
  const active = booleanField(body, "active");
  const update = booleanField(body, "update_annotations");
  return {
    ...(permissions === undefined ? {} : { permissions: [...new Set(permissions)] }),
    ...(active === undefined ? {} : { active }),
    ...(body["autosave"] === undefined ? {} : { autosave: readAutosave(body["autosave"]) }),
    ...(body["auto_followup"] === undefined ? {} : { auto_followup: readFollowup(body["auto_followup"]) }),
    ...(update === undefined ? {} : { update_annotations: update }),
  };
}

/** What must hold between the parts of a filter, and between it and all others. Throws `FilterError`. */
export function checkSettings(filter: FilterDocument, others: readonly FilterDocument[]): void {
  const { auto_followup: followup, autosave } = filter;
  if (Object.keys(followup).length === 0) return;
  if (!savesMatches(autosave)) {
    throw invalid("Cannot setup auto_followup without autosave enabled: set autosave too");
  }
  const { allocation_id: allocation, priority_order: order } = followup;
  const other = others.find(
    ({ _id, auto_followup: theirs }) =>
      _id !== filter._id && theirs["allocation_id"] === allocation && theirs["priority_order"] !== order,
  );
  if (other === undefined) return;
  throw invalid(
    `Cannot add new filter with auto_followup: existing filters with the same allocation have priority_order ` +
      `set to a different value: allocation ${String(allocation)} is asked for with ` +
      `${String(other.auto_followup["priority_order"])}, here auto_followup.priority_order is ${String(order)}`,
  );
}

/** Authors may let a filter see only what they may see. Throws `FilterError`. */
export function checkPrograms(author: Author, survey: Survey, permissions: readonly number[]): void {
  const visible = author.programs(survey);
  const beyond = visible === undefined ? [] : permissions.filter((program) => !visible.includes(program));
  if (beyond.length === 0) return;
  throw new FilterError(
    "forbidden",
    `permissions: you may not see program ${beyond.join(", ")} of ${survey.name}`,
  );
}

/** Authors manage the filters of their groups, administrators all. Throws `FilterError`. */
export function checkGroup(author: Author, groupId: number): void {
  if (author.isAdministrator || author.groups.includes(groupId)) return;
  throw new FilterError(
    "forbidden",
    `filters of group ${groupId} are for its members: you are not in that group`,
  );
}
