/** Scores alerts with the configured networks, on the thread that calls it. */
import {
  compileMatchNode,
  Deadline,
  type Document,
  double,
  isDocument,
  type MatchNode,
  parseJson,
  parseMatch,
} from "../../query/index.ts";
import type { AlertRecord } from "../../store/index.ts";
import { type Survey, surveyByName } from "../../surveys/index.ts";
import { Model, ModelError, type ModelSettings } from "./model.ts";
import { openRuntime, type RuntimeChoice } from "./runtime.ts";
import { ScoreTally } from "./tally.ts";
import { Triplet } from "./triplet.ts";

/** Everything a thread needs to score alerts: plain values. */
export interface ScoreSettings {
  readonly runtime: RuntimeChoice;
  /** In the order in which they run. */
  readonly models: readonly ModelSettings[];
}

/** An alert whose document the scores go into. */
export type Scorable = Pick<AlertRecord, "survey" | "candid" | "document" | "cutouts">;

/** A condition is cheap: one that takes longer is out of hand. */
const CONDITION_MS = 100;

interface Loaded {
  readonly settings: ModelSettings;
  readonly model: Model;
  readonly stamps: Survey["stamps"];
  readonly selects: ((alert: Document) => boolean) | undefined;
}

export class Scorer {
  readonly tally = new ScoreTally();

  private constructor(
    readonly models: readonly Loaded[],
    /** Stamps of the alert at hand. */
    readonly triplet: Triplet,
  ) {}

  /** Loads all networks. Throws `ModelError`. */
  static async open({ runtime: choice, models }: ScoreSettings): Promise<Scorer> {
    const runtime = await openRuntime(choice);
    const triplet = new Triplet();
    const loaded: Loaded[] = [];
    try {
      for (const settings of models) {
        const selects = conditionOf(settings);
        const stamps = surveyByName(settings.survey)?.stamps;
        if (stamps === undefined)
          throw new ModelError(settings.name, `survey: there is no ${settings.survey}`);
        loaded.push({ settings, model: await Model.load(settings, runtime, triplet), stamps, selects });
      }
    } catch (error) {
      await new Scorer(loaded, triplet).close();
      throw error;
    }
    return new Scorer(loaded, triplet);
  }

  /**
   * Puts the scores of an alert into its `classifications`, one call at a time. A network that cannot score the
   * alert leaves it without, and why is counted; nothing is thrown.
   */
  async score(alert: Scorable): Promise<void> {
    const { document } = alert;
    const known = document["classifications"];
    const scores: Document = isDocument(known) ? known : {};
    document["classifications"] = scores;
    const stamps = new Stamps(alert, this.triplet);
    for (const loaded of this.models) {
      const { name, survey } = loaded.settings;
      if (survey !== alert.survey) continue;
      try {
        this.tally.count(name, await outcomeOf(loaded, document, scores, stamps));
      } catch (error) {
        this.tally.fail(name, alert.candid, error);
      }
    }
  }

  async close(): Promise<void> {
    for (const { model } of this.models) await model.session.close();
  }
}

/** The stamps of one alert: read once, when the first network needs them. */
class Stamps {
  #read: { readonly fault: string | undefined } | undefined;

  constructor(
    readonly alert: Scorable,
    readonly triplet: Triplet,
  ) {}

  /** Fills the triplet; answers what keeps the stamps from being used. */
  fill(fields: Survey["stamps"]): string | undefined {
    this.#read ??= { fault: this.triplet.fill(this.alert.cutouts, fields) };
    return this.#read.fault;
  }
}

/** Scores an alert with one network, cheap steps first; answers what came of it. Throws what the network threw. */
async function outcomeOf(
  { settings, model, stamps: fields, selects }: Loaded,
  document: Document,
  scores: Document,
  stamps: Stamps,
): Promise<string> {
  const { name, version, inputs } = settings;
  if (selects !== undefined && !new Deadline(CONDITION_MS, "when").run(() => selects(document))) {
    return "not selected";
  }
  const missing = model.readFeatures?.(document, model.features);
  if (missing !== undefined) return `no feature ${missing}`;
  const fault = inputs.includes("triplet") ? stamps.fill(fields) : undefined;
  if (fault !== undefined) return fault;
  const result = model.run();
  const score = typeof result === "number" ? result : await result;
  if (!Number.isFinite(score)) return "score not finite";
  scores[name] = double(score);
  scores[`${name}_version`] = version;
  return "scored";
}

/** The compiled `when` of a model. Throws `ModelError`. */
export function conditionOf({ name, when }: ModelSettings): ((alert: Document) => boolean) | undefined {
  if (when === undefined) return undefined;
  let node: MatchNode;
  try {
    const filter = parseJson(when, { path: "when" });
    if (!isDocument(filter)) throw new Error("when: expected an object");
    node = parseMatch(filter, "when");
  } catch (error) {
    throw new ModelError(name, error instanceof Error ? error.message : String(error));
  }
  return compileMatchNode(node);
}
