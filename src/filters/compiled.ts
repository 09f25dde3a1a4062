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
import { compileStages, parseStages, readStages, stagesText } from "./pipeline.ts";

/** A compiled pipeline: one for all filters of a survey that have it. */
export interface CompiledStages {
  /** Of the `$match` that it begins with, where it does. */
  readonly leading: LeadingConditions | undefined;
  /** What is left to run once the leading conditions hold; undefined when they are all. */
  readonly rest: CompiledFilter | undefined;
  /** Whether it draws at random: then every filter draws for itself. */
  readonly isRandom: boolean;
}

export interface CompiledVersion {
  readonly filter: FilterDocument;
  readonly fid: string;
  readonly stages: CompiledStages;
  /** How a match is to be saved; runs the filter's `autosave` pipeline. */
  readonly autosaveOf: (joined: Document) => Autosave | false;
  /** Which follow-up a saved match asks for; runs the `auto_followup` pipeline. */
  readonly followupOf: (joined: Document) => Followup | null;
}

/** What draws at random, as `stagesText` writes it; where it is no operator, filters do not share a run and that is all. */
const RANDOM = /"\$(?:rand|sample|sampleRate)"/;

/** Compiles each distinct pipeline once, for all filters of a thread. */
export class PipelineCompiler {
  readonly #conditions = new ConditionCompiler();
  /** By survey and text. */
  readonly #known = new Map<string, CompiledStages>();

  /** Compiles a pipeline as it is stored, for alerts of a catalogue. Throws `FilterError` or `QueryError`. */
  compile(pipeline: Value, catalog: string): CompiledStages {
    // Only texts are compared: as a list, which others may have stored, it is compiled for its filter alone.
    const key = typeof pipeline === "string" ? `${catalog} ${pipeline}` : undefined;
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known !== undefined) return known;
    const compiled = this.#compile(pipeline, catalog);
    if (key !== undefined) this.#known.set(key, compiled);
    return compiled;
  }

  /** Forgets all but those of these versions: filters come and go. */
  keepOnly(versions: readonly CompiledVersion[]): void {
    const used = new Set(versions.map(({ stages }) => stages));
    for (const [key, stages] of this.#known) if (!used.has(stages)) this.#known.delete(key);
  }

  #compile(pipeline: Value, catalog: string): CompiledStages {
    const { filterHistories } = surveyOfCatalog(catalog);
    const joinedFields = new Set(["cross_matches", ...filterHistories.map(({ field }) => field)]);
    const stages = readStages(pipeline, "pipeline");
    const node = parseStages(stages, "pipeline");
    const first = stages[0]?.["$match"];
    const leading = isDocument(first) ? this.#conditions.conditionsOf(first, joinedFields) : undefined;
    const rest = leading?.complete === true ? { ...node, stages: node.stages.slice(1) } : node;
    return {
      leading,
      rest: rest.stages.length === 0 ? undefined : compileFilter(rest),
      isRandom: RANDOM.test(stagesText(stages)),
    };
  }
}

/** Compiles the active version of a filter. Throws `FilterError` or `QueryError`. */
export function compileVersion(
  filter: FilterDocument,
  pipelines: PipelineCompiler = new PipelineCompiler(),
): CompiledVersion {
  const { active_fid: fid } = filter;
  const version = filter.fv.find((candidate) => candidate.fid === fid);
  if (version === undefined) throw invalid(`filter ${filter._id} has no version ${fid}`);
  return {
    filter,
    fid,
    stages: pipelines.compile(version.pipeline, filter.catalog),
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
