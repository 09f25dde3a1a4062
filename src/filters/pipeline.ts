/** The pipelines of filters: read from what authors send, checked, kept as text, compiled. */
import {
  type CompiledFilter,
  compileFilter,
  type Document,
  isDocument,
  type PipelineNode,
  parseJson,
  parsePipeline,
  printJson,
  QueryError,
  type Value,
} from "../query/index.ts";
import { invalid } from "./errors.ts";

/** Stages that no filter may have, with the reason that authors read. */
const FORBIDDEN: Readonly<Record<string, string>> = {
  $lookup: "a filter sees its alert only, which is joined with its history and cross-matches already",
  $graphLookup: "a filter sees its alert only",
  $unionWith: "a filter sees its alert only",
  $geoNear: "it must be the first stage, and a filter's stages come after those that join the alert",
  $out: "filters only read",
  $merge: "filters only read",
};
const MAX_DEPTH = 100;

/** A filter's stages as given: a list, or a list as text of (extended) JSON. Throws `FilterError`. */
export function readStages(given: Value | undefined, path: string): Document[] {
  let value = given;
  if (typeof given === "string") {
    try {
      value = parseJson(given, { maxDepth: MAX_DEPTH, path });
    } catch (error) {
      if (error instanceof QueryError) throw invalid(error.message);
      throw error;
    }
  }
  if (!Array.isArray(value) || !value.every(isDocument)) {
    throw invalid(`${path}: expected a list of stages, or such a list as text of JSON`);
  }
  if (value.length === 0) throw invalid(`${path}: expected at least one stage`);
  const forbidden = forbiddenStages(value, path);
  if (forbidden.length > 0) {
    const places = forbidden.map(({ name, at }) => `${name} at ${at} (${FORBIDDEN[name]})`);
    throw invalid(`${path} uses forbidden stages: ${places.join("; ")}`);
  }
  return value;
}

/** Checks every stage. Throws `QueryError` that names the place of what is wrong. */
export function parseStages(stages: readonly Document[], path: string): PipelineNode {
  return parsePipeline(stages, { path, forbid: FORBIDDEN });
}

/** Reads, checks and compiles; for pipelines as they are stored. */
export function compileStages(given: Value | undefined, path: string): CompiledFilter {
  return compileFilter(parseStages(readStages(given, path), path));
}

/** Stages as they are stored: text of relaxed extended JSON. */
export function stagesText(stages: readonly Document[]): string {
  return printJson([...stages]);
}

/** All at once, so that an author does not meet them one by one. */
function forbiddenStages(stages: readonly Value[], path: string): { name: string; at: string }[] {
  return stages.flatMap((stage, index) => {
    if (!isDocument(stage)) return [];
    return Object.entries(stage).flatMap(([name, argument]) => {
      const at = `${path}[${index}]`;
      if (Object.hasOwn(FORBIDDEN, name)) return [{ name, at }];
      // Only facets hold pipelines that are not forbidden as a whole.
      if (name !== "$facet" || !isDocument(argument)) return [];
      return Object.entries(argument).flatMap(([facet, inner]) =>
        Array.isArray(inner) ? forbiddenStages(inner, `${at}.$facet.${facet}`) : [],
      );
    });
  });
}
