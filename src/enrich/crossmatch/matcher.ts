/**
 * Matches the objects of a batch with the catalogues of their survey, once, at their first sight: one look into
 * each catalogue for the whole batch.
 */
import type { Document } from "../../query/index.ts";
import { type AlertReader, type AlertRecord, positionOf } from "../../store/index.ts";
import { CatalogSearch } from "./catalog-search.ts";
import type { Target } from "./matches.ts";
import { crossMatchRules, emptyLists, type MatchRule } from "./rules.ts";
import type { CrossMatchSettings } from "./settings.ts";

/** The rules of one survey with what its objects have when nothing matches them. */
interface SurveyRules {
  readonly rules: readonly MatchRule[];
  readonly nothing: Document;
}

/** An object of a batch that is not stored yet. */
interface NewObject {
  readonly objectId: string;
  readonly target: Target;
}

export class CrossMatcher {
  readonly #surveys: ReadonlyMap<string, SurveyRules>;
  readonly #search: CatalogSearch;

  /** Throws `CrossMatchError` for a rule that cannot be used. */
  constructor(
    { catalogs, dataDir }: CrossMatchSettings,
    readonly reader: AlertReader,
  ) {
    this.#search = new CatalogSearch(reader.catalogs, dataDir);
    this.#surveys = new Map(
      [...crossMatchRules(catalogs)].map(([survey, rules]) => [
        survey,
        { rules, nothing: emptyLists(rules) },
      ]),
    );
  }

  /**
   * The records with the matches of their objects, in the same order; those of objects that are stored are
   * unchanged. All batches before must be stored. An object that comes several times has the matches around its
   * first alert.
   */
  async match(records: readonly AlertRecord[]): Promise<readonly AlertRecord[]> {
    const matched = new Map<string, Map<string, Document> | Document>();
    for (const [survey, alerts] of Map.groupBy(records, (record) => record.survey)) {
      const rules = this.#surveys.get(survey);
      if (rules !== undefined) matched.set(survey, await this.#matchSurvey(rules, alerts));
    }
    return records.map((record) => {
      const ofSurvey = matched.get(record.survey);
      const crossMatches = ofSurvey instanceof Map ? ofSurvey.get(record.objectId) : ofSurvey;
      return crossMatches === undefined ? record : { ...record, crossMatches };
    });
  }

  /** Matches by object, or what all have when there is no catalogue to look into. */
  async #matchSurvey(
    { rules, nothing }: SurveyRules,
    alerts: readonly AlertRecord[],
  ): Promise<Map<string, Document> | Document> {
    const [first] = alerts;
    const states = await this.reader.catalogs.states(rules.map(({ catalog }) => catalog));
    const isAny = [...states.values()].some((state) => state.rows > 0);
    if (first === undefined || !isAny) return nothing;
    const ids = new Set(alerts.map(({ objectId }) => objectId));
    const objects = newObjects(alerts, await this.reader.storedObjects(first.collections, ids));
    const targets = objects.map(({ target }) => target);
    const matches = await this.#search.matches(rules, targets, states, nothing);
    return new Map(objects.map(({ objectId }, index) => [objectId, matches[index] ?? nothing]));
  }
}

/** The objects of alerts that are not stored, each at the place of its first alert. */
function newObjects(alerts: readonly AlertRecord[], stored: ReadonlySet<string>): NewObject[] {
  const objects = new Map<string, NewObject>();
  for (const { objectId, document } of alerts) {
    if (stored.has(objectId) || objects.has(objectId)) continue;
    const position = positionOf(document);
    if (position === undefined) continue;
    objects.set(objectId, { objectId, target: { ra: position[0] + 180, dec: position[1] } });
  }
  return [...objects.values()];
}
