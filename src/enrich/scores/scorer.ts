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
import { FeatureLists } from "./features.ts";
import { JoinedModels } from "./joined-models.ts";
import { Model, ModelError, type ModelSettings } from "./model.ts";
import { openRuntime, type RuntimeChoice } from "./runtime.ts";
import { type Runtime, SLOTS } from "./session.ts";
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
/** What is counted of an alert that a network's condition leaves out. */
const NOT_SELECTED = "not selected";
/** Where scores stand in an alert. */
const SCORES = "classifications";

interface Loaded {
  readonly settings: ModelSettings;
  readonly model: Model;
  readonly stamps: Survey["stamps"];
  readonly selects: ((alert: Document) => boolean) | undefined;
}

/** Networks that score the same alerts, one after the other. */
interface Group {
  readonly models: readonly Loaded[];
  /** All as one, where that can be. */
  readonly joined: JoinedModels | undefined;
}

export class Scorer {
  readonly tally = new ScoreTally();

  private constructor(
    readonly groups: readonly Group[],
    /** Stamps of the alerts at hand. */
    readonly triplet: Triplet,
  ) {}

  /** Loads all networks. Throws `ModelError`. */
  static async open({ runtime: choice, models }: ScoreSettings): Promise<Scorer> {
    const runtime = await openRuntime(choice);
    const reads = { triplet: new Triplet(), features: new FeatureLists() };
    const loaded: Loaded[] = [];
    try {
      for (const settings of models) {
        const selects = conditionOf(settings);
        const stamps = surveyByName(settings.survey)?.stamps;
        if (stamps === undefined)
          throw new ModelError(settings.name, `survey: there is no ${settings.survey}`);
        loaded.push({ settings, model: await Model.load(settings, runtime, reads), stamps, selects });
      }
    } catch (error) {
      for (const { model } of loaded) await model.session.close();
      throw error;
    }
    return new Scorer(await groupsOf(loaded, runtime), reads.triplet);
  }

  /**
   * Puts the scores of alerts into their `classifications`, one call at a time. A network that cannot score an alert
   * leaves it without, and why is counted; nothing is thrown.
   */
  async score(alerts: readonly Scorable[]): Promise<void> {
    for (let from = 0; from < alerts.length; from += SLOTS) {
      const held = alerts.slice(from, from + SLOTS).map((alert, slot) => new Held(alert, slot, this.triplet));
      for (const group of this.groups) {
        const own = held.filter(({ alert }) => alert.survey === group.models[0]?.settings.survey);
        const done = group.joined === undefined ? [] : await this.#scoreAtOnce(group, group.joined, own);
        for (const alert of own) if (!done.includes(alert)) await this.#scoreApart(group, alert);
      }
    }
  }

  /** Scores an alert with each network of a group by itself. */
  async #scoreApart({ models }: Group, held: Held): Promise<void> {
    for (const loaded of models) {
      const { name } = loaded.settings;
      try {
        this.tally.count(name, await outcomeOf(loaded, held));
      } catch (error) {
        this.tally.fail(name, held.alert.candid, error);
      }
    }
  }

  /**
   * Runs all networks of a group as one; answers the alerts that are done. Where something is wrong with an alert each
   * network is to be asked by itself, which tells what.
   */
  async #scoreAtOnce(
    { models }: Group,
    joined: JoinedModels,
    alerts: readonly Held[],
  ): Promise<readonly Held[]> {
    const [first] = models;
    if (first === undefined) return [];
    const takesStamps = models.some(({ settings }) => settings.inputs.includes("triplet"));
    const done: Held[] = [];
    const ready: Held[] = [];
    for (const held of alerts) {
      const isReady = isReadyFor(first, joined, held, takesStamps);
      if (isReady === true) ready.push(held);
      else if (isReady === NOT_SELECTED) {
        for (const { settings } of models) this.tally.count(settings.name, NOT_SELECTED);
        done.push(held);
      }
    }
    const put = (held: Held, scoreOf: (network: number) => number | undefined) => {
      for (const [network, { settings }] of models.entries()) {
        this.tally.count(settings.name, putScore(settings, scoreOf(network) ?? Number.NaN, held.scores));
      }
      done.push(held);
    };
    try {
      if (ready.length === SLOTS && joined.takesAll) {
        const scores = await joined.runAll();
        for (const held of ready) put(held, (network) => scores[network]?.[held.slot]);
      } else {
        for (const held of ready) {
          const scores = await joined.run(held.slot);
          put(held, (network) => scores[network]);
        }
      }
    } catch {
      // Which network it is, and on which alert, shows when they run one by one.
    }
    return done;
  }

  async close(): Promise<void> {
    for (const { models, joined } of this.groups) {
      await joined?.session.close();
      for (const { model } of models) await model.session.close();
    }
  }
}

/** Networks beside each other that the same alerts go to, and whose order does not matter, as groups. */
async function groupsOf(loaded: readonly Loaded[], runtime: Runtime): Promise<Group[]> {
  const groups: Loaded[][] = [];
  for (const next of loaded) {
    const group = groups.at(-1);
    const before = group?.[0]?.settings;
    const { survey, when } = next.settings;
    // A condition may ask for the score of the network before it.
    const isAlike = before?.survey === survey && before.when === when && when?.includes(SCORES) !== true;
    if (isAlike) group?.push(next);
    else groups.push([next]);
  }
  return Promise.all(
    groups.map(async (models) => ({
      models,
      joined:
        models.length > 1
          ? await JoinedModels.open(
              models.map(({ model }) => model),
              runtime,
            )
          : undefined,
    })),
  );
}

/** An alert at hand, in its slot. */
class Held {
  /** Its classifications, which the scores go into. */
  readonly scores: Document;
  #stamps: { readonly fault: string | undefined } | undefined;

  constructor(
    readonly alert: Scorable,
    readonly slot: number,
    readonly triplet: Triplet,
  ) {
    const known = alert.document[SCORES];
    this.scores = isDocument(known) ? known : {};
    alert.document[SCORES] = this.scores;
  }

  /** Reads the stamps once, when the first network needs them; answers what keeps them from being used. */
  fill(fields: Survey["stamps"]): string | undefined {
    this.#stamps ??= { fault: this.triplet.fill(this.alert.cutouts, fields, this.slot) };
    return this.#stamps.fault;
  }
}

/** Whether all that joined networks take of an alert is in its slot, or the alert is none of theirs. */
function isReadyFor(
  first: Loaded,
  joined: JoinedModels,
  held: Held,
  takesStamps: boolean,
): boolean | typeof NOT_SELECTED {
  const { document } = held.alert;
  try {
    if (!isSelected(first, document)) return NOT_SELECTED;
    for (const features of joined.features)
      if (features.read(document, held.slot) !== undefined) return false;
    return !takesStamps || held.fill(first.stamps) === undefined;
  } catch {
    return false;
  }
}

/** Scores an alert with one network, cheap steps first; answers what came of it. Throws what the network threw. */
async function outcomeOf(loaded: Loaded, held: Held): Promise<string> {
  const { settings, model, stamps } = loaded;
  const { document } = held.alert;
  if (!isSelected(loaded, document)) return NOT_SELECTED;
  const missing = model.features?.read(document, held.slot);
  if (missing !== undefined) return `no feature ${missing}`;
  const fault = settings.inputs.includes("triplet") ? held.fill(stamps) : undefined;
  if (fault !== undefined) return fault;
  return putScore(settings, await model.run(held.slot), held.scores);
}

/** Whether an alert is one that the network scores. */
function isSelected({ selects }: Loaded, document: Document): boolean {
  return selects === undefined || new Deadline(CONDITION_MS, "when").run(() => selects(document));
}

/** Puts a score where it belongs; answers what came of it. */
function putScore({ name, version }: ModelSettings, score: number, scores: Document): string {
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
