/** An active filter ready to run: its pipeline, those of its actions, and what its matches carry along. */
import {
  type CompiledFilter,
  compileFilter,
  type Document,
  isDocument,
  toNumber,
  type Value,
} from "../query/index.ts";
import { DEFAULT_RADIUS, DEFAULT_VALIDITY_DAYS, savesMatches } from "./actions.ts";
import { ConditionCompiler, type LeadingConditions } from "./conditions.ts";
import { type FilterDocument, surveyOfCatalog } from "./definition.ts";
import { invalid } from "./errors.ts";
import type { Autosave, Followup } from "./match.ts";
import { compileStages, parseStages, readStages } from "./pipeline.ts";

export interface CompiledVersion {
  readonly filter: FilterDocument;
  readonly fid: string;
  /** Of the `$match` that the pipeline begins with, where it does. */
  readonly leading: LeadingConditions | undefined;
  /** What is left to run once the leading conditions hold; undefined when they are all. */
  readonly rest: CompiledFilter | undefined;
  /** How a match is to be saved; runs the filter's `autosave` pipeline. */
  readonly autosaveOf: (joined: Document) => Autosave | false;
  /** Which follow-up a saved match asks for; runs the `auto_followup` pipeline. */
  readonly followupOf: (joined: Document) => Followup | null;
}

/** Compiles the active version of a filter. Throws `FilterError` or `QueryError`. */
export function compileVersion(
  filter: FilterDocument,
  conditions: ConditionCompiler = new ConditionCompiler(),
): CompiledVersion {
  const { active_fid: fid } = filter;
  const version = filter.fv.find((candidate) => candidate.fid === fid);
  if (version === undefined) throw invalid(`filter ${filter._id} has no version ${fid}`);
  const { filterHistories } = surveyOfCatalog(filter.catalog);
  const joinedFields = new Set(["cross_matches", ...filterHistories.map(({ field }) => field)]);
  const stages = readStages(version.pipeline, "pipeline");
  const node = parseStages(stages, "pipeline");
  const [first] = stages;
  const leading = first?.["$match"];
  const shared = isDocument(leading) ? conditions.conditionsOf(leading, joinedFields) : undefined;
  const rest = shared?.complete === true ? { ...node, stages: node.stages.slice(1) } : node;
  return {
    filter,
    fid,
    leading: shared,
    rest: rest.stages.length === 0 ? undefined : compileFilter(rest),
    autosaveOf: autosaveRule(filter.autosave),
    followupOf: followupRule(filter.auto_followup),
  };
}

function autosaveRule(autosave: boolean | Document): CompiledVersion["autosaveOf"] {
  if (!savesMatches(autosave)) return () => false;
  if (!isDocument(autosave)) return () => ({});
  const { active: _, pipeline, ...rule } = autosave;
  if (pipeline === undefined) return () => rule as Autosave;
  const passes = compileStages(pipeline, "autosave.pipeline");
  return (joined) => (passes(joined) === undefined ? false : (rule as Autosave));
}

function followupRule(followup: Document): CompiledVersion["followupOf"] {
  if (followup["active"] !== true) return () => null;
  const passes = compileStages(followup["pipeline"], "auto_followup.pipeline");
  return (joined) => {
    const row = passes(joined);
    return row === undefined ? null : followupOf(followup, row);
  };
}

/** The request with what the row overrides: the comment, and values of keys that the payload has. */
function followupOf(followup: Document, row: Document): Followup {
  const given = isDocument(followup["payload"]) ? followup["payload"] : {};
  const overrides = isDocument(row["payload"]) ? row["payload"] : {};
  const payload: Document = { ...given };
  for (const key of Object.keys(given)) {
    const value = overrides[key];
    if (value !== undefined) payload[key] = value;
  }
  const order = followup["priority_order"] === "desc" ? "desc" : "asc";
  const key = ["urgency", "Urgency"].find((name) => payload[name] !== undefined) ?? "priority";
  const comment = typeof row["comment"] === "string" ? row["comment"] : followup["comment"];
  const { not_if_tns_reported: hours } = followup;
  return {
    allocation_id: toNumber(followup["allocation_id"]) ?? 0,
    payload,
    ...(typeof comment === "string" ? { comment } : {}),
    priority: { key, value: priorityOf(payload[key], order), order },
    target_group_ids: numbers(followup["target_group_ids"]),
    ignore_allocation_ids: numbers(followup["ignore_allocation_ids"]),
    ...(typeof hours === "number" ? { not_if_tns_reported: hours } : {}),
    radius: toNumber(followup["radius"]) ?? DEFAULT_RADIUS,
    validity_days: toNumber(followup["validity_days"]) ?? DEFAULT_VALIDITY_DAYS,
    implements_update: followup["implements_update"] === true,
  };
}

/** A payload without a priority has the least one. */
function priorityOf(value: Value | undefined, order: "asc" | "desc"): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : toNumber(value);
  if (number !== undefined && Number.isFinite(number)) return number;
  return order === "asc" ? 0 : 5;
}

function numbers(value: Value | undefined): number[] {
  return Array.isArray(value) ? value.map(toNumber).filter((number) => number !== undefined) : [];
}
