/** Scores alerts that are stored, from their stored cutouts. */
import { stampsOf } from "../../cutouts/index.ts";
import { type Document, isDocument, toNumber, type Value } from "../../query/index.ts";
import { decodeDocument, encodeDocument, type FieldChange, type Store } from "../../store/index.ts";
import type { Survey } from "../../surveys/index.ts";
import type { ModelSettings } from "./model.ts";
import { ScorePool, type SentAlert } from "./score-pool.ts";
import type { ScoreSettings } from "./scorer.ts";
import { type ScoreNews, ScoreTally } from "./tally.ts";

export interface RescoreOptions {
  /** Only alerts that match, a find filter. */
  readonly filter?: Document;
  /** Julian dates: from the first on, before the last. */
  readonly from?: number;
  readonly to?: number;
  /** Leave out alerts that have scores of all networks in their configured versions. */
  readonly missing: boolean;
  readonly threads: number;
  /** Ends the work after what is under way. */
  readonly signal: AbortSignal;
  readonly progress: (seen: number) => void;
}

export interface Rescored {
  /** Alerts that were looked at. */
  readonly seen: number;
  /** Alerts that were passed over because their candid is no whole number: they are told apart by nothing else. */
  readonly unnamed: number;
  /** Those of them with a score that is new or differs. */
  readonly changed: number;
  readonly news: ScoreNews;
}

/** Alerts that are scored at a time; with cutouts some 8 MB. */
const PIECE = 200;
/** Pieces on their way for each thread: one is worked on while the next is read. */
const AHEAD = 2;
const NO_LIMIT_MS = 86_400_000;

/** The alerts of a survey that `rescore` looks at. */
export function rescoreFilter(
  models: readonly ModelSettings[],
  { filter, from, to, missing }: Pick<RescoreOptions, "filter" | "from" | "to" | "missing">,
): Document {
  const dates = {
    ...(from === undefined ? {} : { $gte: from }),
    ...(to === undefined ? {} : { $lt: to }),
  };
  const wanting = models.map(({ name, version }) => ({
    [`classifications.${name}_version`]: { $ne: version },
  }));
  const parts: Document[] = [
    ...(filter === undefined ? [] : [filter]),
    ...(Object.keys(dates).length === 0 ? [] : [{ "candidate.jd": dates }]),
    ...(missing ? [{ $or: wanting }] : []),
  ];
  return parts.length === 0 ? {} : { $and: parts };
}

/**
 * Scores the chosen alerts of a survey and writes what is new or differs, piece by piece: it may be ended at any time
 * and run again. A score that cannot be made stays as it is. Throws what the store throws.
 */
export async function rescore(
  store: Store,
  survey: Survey,
  scores: ScoreSettings,
  options: RescoreOptions,
): Promise<Rescored> {
  const models = scores.models.filter((model) => model.survey === survey.name);
  const pool = new ScorePool({ ...scores, models }, options.threads);
  const work = new Rescoring(store, survey, models, pool);
  try {
    const underway = new Set<Promise<void>>();
    for await (const alerts of alertsOf(store, survey, rescoreFilter(models, options))) {
      if (options.signal.aborted) break;
      const piece = work.score(alerts).then((seen) => {
        underway.delete(piece);
        options.progress(seen);
      });
      underway.add(piece);
      // A failure is met where it is waited for.
      piece.catch(() => {});
      if (underway.size >= AHEAD * options.threads) await Promise.race(underway);
    }
    await Promise.all(underway);
    return work.result();
  } finally {
    pool.close();
  }
}

/** An alert by its `_id`, which is its candid unless another system filled the database. */
interface Listed {
  readonly id: Value;
  readonly candid: Value | undefined;
}

/**
 * The alerts that match, in pieces, night by night: a night's are listed at once, and no reading of the store lasts
 * as long as the work.
 */
async function* alertsOf(store: Store, survey: Survey, filter: Document): AsyncGenerator<Listed[]> {
  const collection = survey.collections.alerts;
  const find = (more: Document) => ({
    collection,
    filter: { $and: [filter, more] },
    sort: [["candidate.jd", 1]] as const,
    maxTimeMs: NO_LIMIT_MS,
  });
  for (let from = 0; ; ) {
    const first = await store.findOne({
      ...find({ "candidate.jd": { $gte: from } }),
      projection: { "candidate.jd": 1 },
    });
    const candidate = first?.["candidate"];
    const jd = isDocument(candidate) ? toNumber(candidate["jd"]) : undefined;
    if (jd === undefined || !Number.isFinite(jd)) return;
    // Days of the Julian date begin at noon: a night lies within one or two.
    from = Math.floor(jd) + 1;
    const night = find({ "candidate.jd": { $gte: jd, $lt: from } });
    const listed: Listed[] = [];
    for await (const { _id: id, candid } of store.find({ ...night, projection: { candid: 1 } }).documents()) {
      if (id !== undefined) listed.push({ id, candid });
    }
    for (let at = 0; at < listed.length; at += PIECE) yield listed.slice(at, at + PIECE);
  }
}

class Rescoring {
  readonly #tally = new ScoreTally();
  readonly #needsCutouts: boolean;
  #seen = 0;
  #unnamed = 0;
  #changed = 0;

  constructor(
    readonly store: Store,
    readonly survey: Survey,
    models: readonly ModelSettings[],
    readonly pool: ScorePool,
  ) {
    this.#needsCutouts = models.some(({ inputs }) => inputs.includes("triplet"));
  }

  /** Scores a piece; answers how many alerts were seen so far. */
  async score(listed: readonly Listed[]): Promise<number> {
    const named = listed.flatMap(({ id, candid }) => (typeof candid === "bigint" ? [{ id, candid }] : []));
    const ids = new Map(named.map(({ id, candid }) => [candid, id]));
    const [alerts, cutouts] = await Promise.all([
      this.#read(this.survey.collections.alerts, [...ids.values()]),
      this.#needsCutouts ? this.#read(this.survey.collections.cutouts, [...ids.keys()]) : [],
    ]);
    const stamps = new Map(cutouts.map((document) => [document["_id"], cutoutsOf(document)]));
    const sent = alerts.flatMap((alert): SentAlert[] => {
      const { candid } = alert;
      if (typeof candid !== "bigint") return [];
      const { name: survey } = this.survey;
      const { own, document } = this.#apart(alert);
      return [{ survey, candid, document: encodeDocument(document), cutouts: stamps.get(candid) ?? own }];
    });
    const { changed, news } = await this.pool.score(sent);
    const changes = changed.map(({ candid, fields }): FieldChange => {
      const entries = Object.entries(decodeDocument(fields));
      return {
        id: ids.get(candid) ?? candid,
        fields: entries.map(([name, value]) => [`classifications.${name}`, value ?? null] as const),
      };
    });
    if (changes.length > 0) await this.store.setFields(this.survey.collections.alerts, changes);
    this.#tally.add(news);
    this.#seen += sent.length;
    this.#unnamed += listed.length - named.length;
    this.#changed += changes.length;
    return this.#seen;
  }

  result(): Rescored {
    const [seen, unnamed, changed] = [this.#seen, this.#unnamed, this.#changed];
    return { seen, unnamed, changed, news: this.#tally.take() };
  }

  /** An alert without the stamps that another system stores in it, and these. */
  #apart(alert: Document): { readonly own: SentAlert["cutouts"]; readonly document: Document } {
    const own = cutoutsOf(alert);
    const document = { ...alert };
    for (const { field } of own) delete document[field];
    return { own, document };
  }

  #read(collection: string, candids: Value[]): Promise<Document[]> {
    const request = { collection, filter: { _id: { $in: candids } }, maxTimeMs: NO_LIMIT_MS };
    return Array.fromAsync(this.store.find(request).documents());
  }
}

/** The stamps among the fields of a document, as they are sent. */
function cutoutsOf(document: Document): SentAlert["cutouts"] {
  return Array.from(stampsOf(document), ([field, { data }]) => ({ field, data }));
}
