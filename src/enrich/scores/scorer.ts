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
import { APART, type Runtime, TOGETHER } from "./session.ts";
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

/** Networks that run as one. */
interface Joined {
  readonly models: readonly Loaded[];
  readonly joined: JoinedModels;
}

/** Networks in their order: neighbours that run as one, or that do not. */
type Step = Joined | { readonly models: readonly Loaded[]; readonly joined: undefined };

/** Lets others have a turn, where it is time. */
type Pause = () => Promise<void> | undefined;

export class Scorer {
  readonly tally = new ScoreTally();

  private constructor(
    readonly steps: readonly Step[],
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
    return new Scorer(await stepsOf(loaded, runtime), reads.triplet);
  }

  /**
   * Puts the scores of alerts into their `classifications`, one call at a time. A network that cannot score an alert
   * leaves it without, and why is counted; nothing is thrown. `pause` is called between runs.
   */
  async score(alerts: readonly Scorable[], pause?: Pause): Promise<void> {
    const apart: Apart = { holds: undefined };
    const held = alerts.map((alert) => new Held(alert, this.triplet, apart));
    for (const step of this.steps) {
      if (step.joined !== undefined) await this.#scoreTogether(step, held, pause);
      else {
        for (const alert of held) {
          await this.#scoreApart(step.models, alert);
          await pause?.();
        }
      }
    }
  }

  /** Scores an alert with each network by itself. */
  async #scoreApart(models: readonly Loaded[], held: Held): Promise<void> {
    for (const loaded of models) {
      const { name, survey } = loaded.settings;
      if (survey !== held.alert.survey) continue;
      try {
        this.tally.count(name, await outcomeOf(loaded, held));
      } catch (error) {
        this.tally.fail(name, held.alert.candid, error);
      }
    }
  }

  /**
   * Runs networks as one, on so many alerts at once as there are slots. Where something is wrong with an alert each
   * network is asked by itself, which tells what.
   */
  async #scoreTogether(step: Joined, alerts: readonly Held[], pause: Pause | undefined): Promise<void> {
    const survey = step.models[0]?.settings.survey;
    const ready: Held[] = [];
    const run = async () => {
      await this.#runTogether(step, ready.splice(0));
      await pause?.();
    };
    for (const held of alerts) {
      if (held.alert.survey !== survey) continue;
      const isReady = isReadyFor(step, held, ready.length);
      if (isReady === true) ready.push(held);
      else if (isReady === false) await this.#scoreApart(step.models, held);
      else for (const { settings } of step.models) this.tally.count(settings.name, NOT_SELECTED);
      if (ready.length === TOGETHER) await run();
    }
    if (ready.length > 0) await run();
  }

  /** Scores the alerts whose inputs are in the first slots. */
  async #runTogether(step: Joined, alerts: readonly Held[]): Promise<void> {
    try {
      await this.#putScores(step, alerts);
    } catch {
      // Others, or what alerts before left in a slot, may be what fails: each is scored as it would be without them.
      for (const held of alerts) await this.#scoreAlone(step, held);
    }
  }

  /** Runs networks as one on one alert, which stands in all slots. */
  async #scoreAlone(step: Joined, held: Held): Promise<void> {
    try {
      for (let slot = 0; slot < TOGETHER; slot++) isReadyFor(step, held, slot);
      await this.#putScores(step, [held]);
    } catch {
      await this.#scoreApart(step.models, held);
    }
  }

  /** Throws what a network threw, when nothing has been put or counted. */
  async #putScores({ models, joined }: Joined, alerts: readonly Held[]): Promise<void> {
    const found = joined.run();
    const scores = found instanceof Promise ? await found : found;
    for (const [slot, held] of alerts.entries()) {
      for (const [network, { settings }] of models.entries()) {
        const score = scores[network]?.[slot] ?? Number.NaN;
        this.tally.count(settings.name, putScore(settings, score, held.scores));
      }
    }
  }

  async close(): Promise<void> {
    for (const { models, joined } of this.steps) {
      await joined?.session.close();
      for (const { model } of models) await model.session.close();
    }
  }
}

/** Joins networks beside each other that the same alerts go to, and whose order does not matter. */
async function stepsOf(loaded: readonly Loaded[], runtime: Runtime): Promise<Step[]> {
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
  const steps: Step[] = [];
  for (const group of groups) {
    const models = group.map(({ model }) => model);
    const joined = models.length > 1 ? await JoinedModels.open(models, runtime) : undefined;
    const last = steps.at(-1);
    // An alert stays in its slot for all networks that it goes through by themselves.
    if (joined !== undefined) steps.push({ models: group, joined });
    else if (last === undefined || last.joined !== undefined) steps.push({ models: group, joined });
    else steps[steps.length - 1] = { models: [...last.models, ...group], joined };
  }
  return steps;
}

/** What the slot apart holds: the stamps of an alert, or what keeps them from being used. */
interface Apart {
  holds: { readonly alert: Held; readonly fault: string | undefined } | undefined;
}

/** An alert at hand. */
class Held {
  /** Its classifications, which the scores go into. */
  readonly scores: Document;

  constructor(
    readonly alert: Scorable,
    readonly triplet: Triplet,
    readonly apart: Apart,
  ) {
    const known = alert.document[SCORES];
    this.scores = isDocument(known) ? known : {};
    alert.document[SCORES] = this.scores;
  }

  /** Reads the stamps into a slot; answers what keeps them from being used. */
  fill(fields: Survey["stamps"], slot: number): string | undefined {
    return this.triplet.fill(this.alert.cutouts, fields, slot);
  }

  /** The same for the slot apart, unless they are there. */
  fillApart(fields: Survey["stamps"]): string | undefined {
    if (this.apart.holds?.alert !== this) {
      this.apart.holds = { alert: this, fault: this.fill(fields, APART) };
    }
    return this.apart.holds.fault;
  }
}

/** Puts all that joined networks take of an alert into a slot; false when something is wrong with it. */
function isReadyFor({ models, joined }: Joined, held: Held, slot: number): boolean | typeof NOT_SELECTED {
  const { document } = held.alert;
  const [first] = models;
  if (first === undefined) return false;
  try {
    if (!isSelected(first, document)) return NOT_SELECTED;
    for (const features of joined.features) if (features.read(document, slot) !== undefined) return false;
    const takesStamps = models.some(({ settings }) => settings.inputs.includes("triplet"));
    return !takesStamps || held.fill(first.stamps, slot) === undefined;
  } catch {
    return false;
  }
}

/** Scores an alert with one network, cheap steps first; answers what came of it. Throws what the network threw. */
async function outcomeOf(loaded: Loaded, held: Held): Promise<string> {
  const { settings, model, stamps } = loaded;
  const { document } = held.alert;
  if (!isSelected(loaded, document)) return NOT_SELECTED;
  const missing = model.features?.read(document, APART);
  if (missing !== undefined) return `no feature ${missing}`;
  const fault = settings.inputs.includes("triplet") ? held.fillApart(stamps) : undefined;
  if (fault !== undefined) return fault;
  return putScore(settings, await model.run(), held.scores);
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
