/** With which catalogues the objects of each survey are matched, compiled from the surveys' lists and the configuration. */
import { type CatalogMatch, DISTANCE_DEFAULTS, nearest } from "../../config/index.ts";
import {
  compileMatch,
  compileProjection,
  type Document,
  parseJson,
  parseSort,
  QueryError,
  type SortSpec,
} from "../../query/index.ts";
import { ARCSEC_PER_DEGREE } from "../../sky/index.ts";
import { type Survey, surveys } from "../../surveys/index.ts";
import { type DistanceRule, distanceRule } from "./galaxies.ts";
import type { CrossMatchConfig } from "./settings.ts";

/** How objects are matched with one catalogue. */
export interface MatchRule {
  /** Name of its collection, and of the matches' field. */
  readonly catalog: string;
  /** Of the search, degrees. */
  readonly radius: number;
  readonly accepts: (row: Document) => boolean;
  readonly project: (row: Document) => Document;
  /** The nearest first when there is none. */
  readonly sort: SortSpec | undefined;
  readonly limit: number;
  /** For galaxies that are matched by their distance. */
  readonly distance: DistanceRule | undefined;
}

/** A catalogue's entry that cannot be used: names its place and what is wrong. */
export class CrossMatchError extends Error {
  override readonly name = "CrossMatchError";
}

const SECTION = "cross_matches";
const DEFAULT_ARCSEC = 2;

/** The rules of every survey that has some. Throws `CrossMatchError`. */
export function crossMatchRules(
  config: CrossMatchConfig,
  known: readonly Survey[] = surveys,
): ReadonlyMap<string, readonly MatchRule[]> {
  const names = known.map(({ name }) => name);
  for (const name of Object.keys(config)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    throw new CrossMatchError(
      `${SECTION}.${name}: there is no such survey${near === undefined ? `; known are ${names.join(", ")}` : `, did you mean ${near}?`}`,
    );
  }
  const rules = known.map((survey) => [survey.name, rulesOf(survey, config)] as const);
  return new Map(rules.filter(([, list]) => list.length > 0));
}

function rulesOf({ name, crossMatches = {} }: Survey, config: CrossMatchConfig): MatchRule[] {
  const own = config[name];
  // A survey that is given as null has no cross-matches at all.
  if (Object.hasOwn(config, name) && own === undefined) return [];
  const given = own ?? {};
  const catalogs = [...new Set([...Object.keys(crossMatches), ...Object.keys(given)])];
  return catalogs.flatMap((catalog) => {
    if (Object.hasOwn(given, catalog) && given[catalog] === undefined) return [];
    return [compileRule(catalog, merged(crossMatches[catalog], given[catalog]), `${SECTION}.${name}`)];
  });
}

/** Whether a collection is one of alerts, which come all the time: no index of it would last. */
export function isLive(catalog: string): boolean {
  return surveys.some(({ collections }) => collections.alerts === catalog);
}

/** What an object has that nothing matches: an empty list for each catalogue. */
export function emptyLists(rules: readonly MatchRule[]): Document {
  return Object.fromEntries(rules.map(({ catalog }) => [catalog, []]));
}

/** An entry of the configuration laid over the survey's own, key by key. */
function merged(own: CatalogMatch = {}, given: CatalogMatch = {}): CatalogMatch {
  if (own.distance === undefined || given.distance === undefined) return { ...own, ...given };
  return { ...own, ...given, distance: { ...own.distance, ...given.distance } };
}

function compileRule(catalog: string, match: CatalogMatch, survey: string): MatchRule {
  const path = `${survey}.${catalog}`;
  // Fields of documents: `cross_matches.<catalog>.0` must lead there.
  if (catalog === "" || /^\$|[.\0]/.test(catalog)) {
    throw new CrossMatchError(`${path}: the name of a catalogue has no dots and does not begin with $`);
  }
  const { radius_arcsec = DEFAULT_ARCSEC, limit = Number.POSITIVE_INFINITY, distance } = match;
  try {
    return {
      catalog,
      radius: radius_arcsec / ARCSEC_PER_DEGREE,
      accepts: compileMatch(documentOf(match.filter, `${path}.filter`), { path: `${path}.filter` }),
      project: compileProjection(documentOf(match.projection, `${path}.projection`), {
        path: `${path}.projection`,
      }),
      sort: match.sort === undefined ? undefined : parseSort(documentOf(match.sort, path), `${path}.sort`),
      limit,
      distance: distance === undefined ? undefined : distanceRule({ ...DISTANCE_DEFAULTS, ...distance }),
    };
  } catch (error) {
    if (error instanceof QueryError) throw new CrossMatchError(error.message);
    throw error;
  }
}

/** A part of the configuration as the document that it is as JSON. */
function documentOf(value: Readonly<Record<string, unknown>> | undefined, path: string): Document {
  return parseJson(JSON.stringify(value ?? {}), { path }) as Document;
}
