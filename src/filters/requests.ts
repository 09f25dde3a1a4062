/** Requests to try a filter, saved or not, and to fill in what it would have matched: read and checked. */
import type { Document } from "../query/index.ts";
import { type Survey, surveys } from "../surveys/index.ts";
import {
  type Author,
  checkGroup,
  checkPrograms,
  type FilterDocument,
  surveyOfCatalog,
} from "./definition.ts";
import { invalid } from "./errors.ts";
import { integerField, integersField } from "./fields.ts";
import { readStages, stagesText } from "./pipeline.ts";
import { readChoice } from "./selection.ts";
import type { NamedStages, TrialScope } from "./trial.ts";

const DEFAULT_TIME_MS = 30_000;
const MOST_TIME_MS = 300_000;
/** Programs of a pipeline that says nothing of them: all that there are. */
const ALL_PROGRAMS = [1, 2, 3];

export interface TryRequest {
  readonly stages: NamedStages;
  readonly scope: TrialScope;
}

/** A try of a version of a saved filter, by default the last one; the author sees no more than otherwise. */
export function readSavedTry(author: Author, filter: FilterDocument, body: Document): TryRequest {
  const survey = surveyOfCatalog(filter.catalog);
  const fid = body["filter_version"] ?? filter.fv.at(-1)?.fid;
  const version = filter.fv.find((candidate) => candidate.fid === fid);
  if (version === undefined) throw invalid(`Filter version ${String(fid)} not found`);
  const permissions = visible(author, survey, filter.permissions);
  return { stages: { path: "pipeline", text: version.pipeline }, scope: scopeOf(survey, permissions, body) };
}

/** A try of a pipeline that is not saved: `catalog`, `pipeline`, `permissions`. */
export function readUnsavedTry(author: Author, body: Document): TryRequest {
  const survey = surveyOfCatalog(body["catalog"] ?? surveys[0]?.collections.alerts);
  const stages = readStages(body["pipeline"], "pipeline");
  const given = integersField(body, "permissions");
  if (given !== undefined) checkPrograms(author, survey, given);
  const permissions = given ?? visible(author, survey, ALL_PROGRAMS);
  return {
    stages: { path: "pipeline", text: stagesText(stages) },
    scope: scopeOf(survey, permissions, body),
  };
}

/** A backfill of a saved filter's active version. */
export function readBackfill(author: Author, filter: FilterDocument, body: Document): TrialScope {
  checkGroup(author, filter.group_id);
  return scopeOf(surveyOfCatalog(filter.catalog), filter.permissions, body);
}

/** Of these programs those that the author may see. */
export function visible(author: Author, survey: Survey, permissions: readonly number[]): number[] {
  const programs = author.programs(survey);
  return permissions.filter((program) => programs === undefined || programs.includes(program));
}

function scopeOf(survey: Survey, permissions: readonly number[], body: Document): TrialScope {
  const maxTimeMs = integerField(body, "max_time_ms", { min: 1 }) ?? DEFAULT_TIME_MS;
  if (maxTimeMs > MOST_TIME_MS) {
    throw invalid(`max_time_ms must be less than 5 minutes (in ms: ${MOST_TIME_MS})`);
  }
  return { survey: survey.name, permissions, choice: readChoice(body), maxTimeMs };
}
