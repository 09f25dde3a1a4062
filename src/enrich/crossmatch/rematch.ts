/**
 * Matches objects that are stored once more, after catalogues were loaded or replaced: in the order of their names,
 * piece by piece. How far it came is written with each piece, so that it goes on there when it was interrupted.
 */
import {
  type AlertReader,
  type AlertWriter,
  openAlertReader,
  openAlertWriter,
  type StoreSettings,
} from "../../store/index.ts";
import { surveyByName } from "../../surveys/index.ts";
import { buildSkyIndex, MOST_ROWS } from "./build-index.ts";
import { CatalogSearch } from "./catalog-search.ts";
import { CrossMatchError, crossMatchRules, emptyLists, isLive, type MatchRule } from "./rules.ts";
import type { CrossMatchSettings } from "./settings.ts";
import { SkyIndexes } from "./sky-index.ts";

/** Objects that are written in one transaction. */
const PIECE = 500;
/** Pause after each, in which alerts have their turn, milliseconds. */
const PAUSE_MS = 2;
/** For fewer objects the store is asked where there is no index yet. */
const WORTH_AN_INDEX = 1000;

export interface RematchOptions {
  readonly store: StoreSettings;
  readonly settings: CrossMatchSettings;
  /** Name of the survey. */
  readonly survey: string;
  /** Only these of its catalogues; all when empty. */
  readonly catalogs: readonly string[];
  /** Begin anew, also where the same was interrupted. */
  readonly fromStart: boolean;
  /** About how many objects there are: many are worth indexes of the catalogues. */
  readonly total: number;
  readonly signal: AbortSignal;
  readonly progress: (objects: number) => void;
  /** Told before the index of a catalogue is built, which may take minutes. */
  readonly onIndex: (catalog: string) => void;
}

export interface RematchResult {
  /** Objects that were looked at. */
  readonly objects: number;
  /** Those that match a row of at least one of the catalogues. */
  readonly matched: number;
  /** Whether it went on where an earlier run was interrupted. */
  readonly resumed: boolean;
  /** Whether it was stopped before the end. */
  readonly stopped: boolean;
  /** Whether a catalogue was written to meanwhile, so that some objects have the matches of before. */
  readonly outdated: boolean;
}

/** Throws `CrossMatchError` for a survey or catalogue that there is no rule for, and what the store says. */
export async function rematch(options: RematchOptions): Promise<RematchResult> {
  const rules = rulesFor(options);
  const reader = await openAlertReader(options.store);
  try {
    const writer = await openAlertWriter(options.store);
    try {
      return await new Rematch(options, rules, reader, writer).run();
    } finally {
      await writer.close();
    }
  } finally {
    reader.close();
  }
}

/** The rules of the catalogues that are asked for. */
function rulesFor({ settings, survey, catalogs }: RematchOptions): readonly MatchRule[] {
  const rules = crossMatchRules(settings.catalogs).get(survey) ?? [];
  const missing = catalogs.filter((name) => !rules.some(({ catalog }) => catalog === name));
  if (missing.length > 0) {
    throw new CrossMatchError(`objects of ${survey} are not matched with ${missing.join(", ")}`);
  }
  return catalogs.length === 0 ? rules : rules.filter(({ catalog }) => catalogs.includes(catalog));
}

/** How far a run came. */
interface Place {
  readonly of: string;
  /** Name of the last object. */
  readonly after: string;
}

/** A place as it was written; undefined when another version wrote something else. */
function placeOf(text: string): Place | undefined {
  try {
    const { of, after } = JSON.parse(text) as Place;
    return typeof of === "string" && typeof after === "string" ? { of, after } : undefined;
  } catch {
    return undefined;
  }
}

class Rematch {
  readonly #search: CatalogSearch;

  constructor(
    readonly options: RematchOptions,
    readonly rules: readonly MatchRule[],
    readonly reader: AlertReader,
    readonly writer: AlertWriter,
  ) {
    this.#search = new CatalogSearch(reader.catalogs, options.settings.dataDir);
  }

  async run(): Promise<RematchResult> {
    const { survey, fromStart, signal, progress } = this.options;
    const collections = surveyByName(survey)?.collections;
    if (collections === undefined) throw new CrossMatchError(`there is no survey ${survey}`);
    const source = `cross-matches of ${survey}`;
    const of = await this.#fingerprint();
    const known = fromStart ? undefined : await this.writer.position(source);
    const came = known === undefined || known.done ? undefined : placeOf(known.position);
    const resumed = came?.of === of;
    await this.#buildIndexes();
    let after = resumed ? came?.after : undefined;
    let objects = 0;
    let matched = 0;
    while (!signal.aborted) {
      const page = await this.reader.objects(collections, { after, limit: PIECE });
      const last = page.at(-1)?.objectId;
      const found = await this.#match(page);
      matched += found.filter(({ isMatched }) => isMatched).length;
      after = last ?? after;
      const place: Place = { of, after: after ?? "" };
      const position = { source, position: JSON.stringify(place), done: last === undefined };
      const batch = { alerts: [], deadLetters: [], outbox: [], positions: [position] };
      await this.writer.write({ ...batch, rematched: { collections, objects: found } });
      if (last === undefined) {
        const outdated = (await this.#fingerprint()) !== of;
        return { objects, matched, resumed, stopped: false, outdated };
      }
      objects += page.length;
      progress(objects);
      await Bun.sleep(PAUSE_MS);
    }
    return { objects, matched, resumed, stopped: true, outdated: false };
  }

  async #buildIndexes(): Promise<void> {
    const { total, signal, onIndex, settings } = this.options;
    if (total < WORTH_AN_INDEX) return;
    const { catalogs } = this.reader;
    const names = this.rules.map(({ catalog }) => catalog).filter((name) => !isLive(name));
    const indexes = new SkyIndexes(settings.dataDir);
    for (const [catalog, state] of await catalogs.states(names, { fresh: true })) {
      if (signal.aborted) return;
      if (state.rows === 0 || state.rows > MOST_ROWS || indexes.of(catalog, state) !== undefined) continue;
      onIndex(catalog);
      await buildSkyIndex(catalogs, { dataDir: settings.dataDir, catalog, signal });
    }
  }

  /** Of the rules and the states of the catalogues: a run on others begins anew. */
  async #fingerprint(): Promise<string> {
    const { survey, settings } = this.options;
    const names = this.rules.map(({ catalog }) => catalog);
    const states = await this.reader.catalogs.states(names, { fresh: true });
    const marks = names.map((name) => [name, states.get(name)?.mark ?? null]);
    const all = JSON.stringify([marks, settings.catalogs[survey] ?? null]);
    return Bun.hash(all).toString(36);
  }

  async #match(page: Awaited<ReturnType<AlertReader["objects"]>>) {
    const states = await this.reader.catalogs.states(this.rules.map(({ catalog }) => catalog));
    const placed = page.flatMap(({ objectId, position }) =>
      position === undefined ? [] : [{ objectId, target: { ra: position[0] + 180, dec: position[1] } }],
    );
    const nothing = emptyLists(this.rules);
    const targets = placed.map(({ target }) => target);
    const matches = await this.#search.matches(this.rules, targets, states, nothing);
    return placed.map(({ objectId }, index) => {
      const crossMatches = matches[index] ?? nothing;
      return { objectId, crossMatches, isMatched: crossMatches !== nothing };
    });
  }
}
