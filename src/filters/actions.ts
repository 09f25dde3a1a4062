/** What a filter asks to be done with its matches: `autosave` and `auto_followup`, checked. */
import { type Document, double, type Value } from "../query/index.ts";
import { invalid } from "./errors.ts";
import {
  booleanField,
  integerField,
  integersField,
  numberField,
  requireObject,
  textField,
} from "./fields.ts";
import { parseStages, readStages, stagesText } from "./pipeline.ts";

const AUTOSAVE_KEYS = ["active", "comment", "ignore_group_ids", "pipeline", "saver_id"];
const FOLLOWUP_KEYS = [
  "active",
  "comment",
  "pipeline",
  "allocation_id",
  "payload",
  "target_group_ids",
  "ignore_allocation_ids",
  "not_if_tns_reported",
  "radius",
  "validity_days",
  "priority_order",
  "implements_update",
];
/** Arcseconds within which another source counts as the same, unless a filter says otherwise. */
export const DEFAULT_RADIUS = 0.5;
export const DEFAULT_VALIDITY_DAYS = 7;

/**
 * `autosave` as it is stored: `false`, `true`, or an object with `active` set and its pipeline as text.
 * Throws `FilterError` or `QueryError`.
 */
export function readAutosave(given: Value | undefined): boolean | Document {
  if (given === undefined || given === null || typeof given === "boolean") return given ?? false;
  const path = "autosave";
  const autosave = requireObject(given, path);
  refuseOtherKeys(autosave, AUTOSAVE_KEYS, path);
  const comment = textField(autosave, "comment", `${path}.comment`);
  const ignored = integersField(autosave, "ignore_group_ids", `${path}.ignore_group_ids`);
  const saver = integerField(autosave, "saver_id", { min: 1, path: `${path}.saver_id` });
  return {
    active: booleanField(autosave, "active", `${path}.active`) ?? true,
    ...(comment === undefined ? {} : { comment }),
    ...(ignored === undefined ? {} : { ignore_group_ids: ignored }),
    ...(saver === undefined ? {} : { saver_id: saver }),
    ...pipelineOf(autosave, path),
  };
}

/** `auto_followup` as it is stored: `{}` for none. Throws `FilterError` or `QueryError`. */
export function readFollowup(given: Value | undefined): Document {
  const path = "auto_followup";
  const followup = given === undefined || given === null ? {} : requireObject(given, path);
  if (Object.keys(followup).length === 0) return {};
  refuseOtherKeys(followup, FOLLOWUP_KEYS, path);
  if (followup["pipeline"] === undefined) {
    throw invalid("Cannot test auto_followup pipeline: no pipeline specified (auto_followup.pipeline)");
  }
  const allocation = integerField(followup, "allocation_id", { min: 1, path: `${path}.allocation_id` });
  if (allocation === undefined) throw invalid(`${path}.allocation_id: missing`);
  if (followup["payload"] === undefined) throw invalid(`${path}.payload: missing`);
  const order = followup["priority_order"];
  if (order !== undefined && order !== "asc" && order !== "desc") {
    throw invalid(`${path}.priority_order: expected asc or desc`);
  }
  return {
    active: booleanField(followup, "active", `${path}.active`) ?? true,
    allocation_id: allocation,
    payload: requireObject(followup["payload"], `${path}.payload`),
    ...pipelineOf(followup, path),
    priority_order: order ?? "asc",
    implements_update: booleanField(followup, "implements_update", `${path}.implements_update`) ?? false,
    ...followupLimits(followup, path),
  };
}

function followupLimits(followup: Document, path: string): Document {
  const comment = textField(followup, "comment", `${path}.comment`);
  const hours = integerField(followup, "not_if_tns_reported", {
    min: 0,
    path: `${path}.not_if_tns_reported`,
  });
  const at = (field: string) => `${path}.${field}`;
  return {
    ...(comment === undefined ? {} : { comment }),
    target_group_ids: integersField(followup, "target_group_ids", at("target_group_ids")) ?? [],
    ignore_allocation_ids:
      integersField(followup, "ignore_allocation_ids", at("ignore_allocation_ids")) ?? [],
    ...(hours === undefined ? {} : { not_if_tns_reported: hours }),
    radius: double(numberField(followup, "radius", at("radius")) ?? DEFAULT_RADIUS),
    validity_days: numberField(followup, "validity_days", at("validity_days")) ?? DEFAULT_VALIDITY_DAYS,
  };
}

/** Whether matches are saved to the group. */
export function savesMatches(autosave: Value | undefined): boolean {
  if (typeof autosave === "object" && autosave !== null)
    return requireObject(autosave, "autosave")["active"] === true;
  return autosave === true;
}

function refuseOtherKeys(document: Document, known: readonly string[], path: string): void {
  const others = Object.keys(document).filter((key) => !known.includes(key));
  if (others.length === 0) return;
  throw invalid(`${path} has invalid keys: ${others.join(", ")}; there are ${known.join(", ")}`);
}

function pipelineOf(document: Document, path: string): Document {
  const { pipeline } = document;
  if (pipeline === undefined || pipeline === null) return {};
  const stages = readStages(pipeline, `${path}.pipeline`);
  parseStages(stages, `${path}.pipeline`);
  return { pipeline: stagesText(stages) };
}
