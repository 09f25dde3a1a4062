/**
 * Matches the objects of a batch with the catalogues of their survey, once, at their first sight: one look into
 * each catalogue for the whole batch.
 */
import type { Document } from "../../query/index.ts";
import { type AlertReader, type AlertRecord, type CatalogState, positionOf } from "../../store/index.ts";
import { matchesOf, type Target } from "./matches.ts";
import { crossMatchRules, type MatchRule } from "./rules.ts";
import type { CrossMatchSettings } from "./settings.ts";
import { SkyIndexes } from "./sky-index.ts";

/** An object of a batch that is not stored yet. */
interface NewObject {
  readonly objectId: string;
  readonly target: Target;
}

/** The rules of one survey with what its objects have when nothing matches them. */
interface SurveyRules {
  readonly rules: readonly MatchRule[];
  readonly catalogs: readonly string[];
  /** An empty list for each catalogue. */
  readonly nothing: Document;
}

export class CrossMatcher {
  readonly #surveys: ReadonlyMap<string, SurveyRules>;
  readonly #indexes: SkyIndexes;

  /** Throws `CrossMatchError` for a rule that cannot be used. */
  constructor(
    { catalogs, dataDir }: CrossMatchSettings,
    readonly reader: AlertReader,
  ) {
    this.#indexes = new SkyIndexes(dataDir);
    this.#surveys = new Map(
      [...crossMatchRules(catalogs)].map(([survey, rules]) => {
        const names = rules.map(({ catalog }) => catalog);
        const nothing = Object.fromEntries(names.map((catalog) => [catalog, []]));
        return [survey, { rules, catalogs: names, nothing }];
      }),
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
    { rules, catalogs, nothing }: SurveyRules,
    alerts: readonly AlertRecord[],
  ): Promise<Map<string, Document> | Document> {
    const [first] = alerts;
    const states = await this.reader.catalogs.states(catalogs);
    const usable = rules.filter(({ catalog }) => (states.get(catalog)?.rows ?? 0) > 0);
    if (first === undefined || usable.length === 0) return nothing;
    const ids = new Set(alerts.map(({ objectId }) => objectId));
    const stored = await this.reader.storedObjects(first.collections, ids);
    const objects = newObjects(alerts, stored);
    const matches = new Map(objects.map(({ objectId }) => [objectId, nothing]));
    const targets = objects.map(({ target }) => target);
    const found = await Promise.all(usable.map((rule) => this.#rowsFor(rule, targets, states)));
    usable.forEach((rule, number) => {
      matchesOf(rule, targets, found[number] ?? []).forEach((list, index) => {
        const id = objects[index]?.objectId;
        const known = id === undefined ? undefined : matches.get(id);
        if (list.length === 0 || id === undefined || known === undefined) return;
        matches.set(id, { ...known, [rule.catalog]: list });
      });
    });
    return matches;
  }

  /** The rows near any of the targets: found in the catalogue's index, or else by the store. */
  #rowsFor(
    { catalog, radius }: MatchRule,
    targets: readonly Target[],
    states: ReadonlyMap<string, CatalogState>,
  ): Promise<Document[]> {
    const { catalogs } = this.reader;
    const state = states.get(catalog);
    const index = state === undefined ? undefined : this.#indexes.of(catalog, state);
    if (index !== undefined) return catalogs.rows(catalog, index.keysNear(targets, radius));
    const cones = targets.map(({ ra, dec }) => ({ longitude: ra - 180, latitude: dec, radius }));
    return catalogs.rowsNear(catalog, cones);
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
