/**
 * Several networks run as one, on several alerts at once. What one network leaves behind in the processor's caches the
 * next one uses again, the stamps are turned once for all, and each step is begun once instead of 24 times: braai and
 * the five ACAI networks take a tenth less time, with all that is round them.
 */
import type { Features } from "./features.ts";
import type { Model } from "./model.ts";
import { joinNetworks } from "./onnx-join.ts";
import {
  type Outputs,
  type Run,
  type Runtime,
  type Session,
  SLOTS,
  type TensorInput,
  TOGETHER,
  together,
} from "./session.ts";

/** Scores of one network and of all as one differ at most by rounding. */
const SAME = 1e-6;
/** Values for a trial, between 0 and 1, without a pattern that images could have. */
const TRIAL_PERIOD = 97;

/** By network, and in it by slot. */
export type Scores = readonly (readonly number[])[];

export class JoinedModels {
  readonly #run: Run;
  /** To be read before a run. */
  readonly features: ReadonlySet<Features>;

  private constructor(
    readonly session: Session,
    readonly models: readonly Model[],
    readonly inputs: readonly TensorInput[],
  ) {
    this.#run = session.bind(inputs.map(together), models.length);
    this.features = new Set(models.flatMap(({ features }) => (features === undefined ? [] : [features])));
  }

  /**
   * Joins networks that were loaded and tried one by one. Undefined where they cannot be joined, take one alert at a
   * time, or together give other scores on a trial than each by itself.
   */
  static async open(models: readonly Model[], runtime: Runtime): Promise<JoinedModels | undefined> {
    const inputs = new Map<string, TensorInput>();
    const parts = models.map((model) => ({
      bytes: model.bytes,
      inputs: model.inputs.map((input) => nameOf(input, inputs)),
    }));
    const bytes = joinNetworks(parts);
    const session = bytes === undefined ? undefined : await runtime.load(bytes).catch(() => undefined);
    if (session === undefined) return undefined;
    const joined = new JoinedModels(session, models, [...inputs.values()]);
    if (await joined.#tryOut().catch(() => false)) return joined;
    await session.close();
    return undefined;
  }

  /**
   * The score of each network of what each slot holds. Always all slots, for with fewer alerts an operator may add in
   * another order: which alerts stand beside one must not show in the last digit of its score. Throws what a network
   * threw.
   */
  run(): Scores | Promise<Scores> {
    const outputs = this.#run();
    return outputs instanceof Promise ? outputs.then(valuesOf) : valuesOf(outputs);
  }

  /** Whether the networks as one give the same scores in every slot, and those of each network by itself. */
  async #tryOut(): Promise<boolean> {
    for (const { data } of this.inputs) {
      const size = data.length / SLOTS;
      for (let i = 0; i < data.length; i++) data[i] = (((i % size) % TRIAL_PERIOD) + 1) / TRIAL_PERIOD;
    }
    try {
      const scores = await this.run();
      const alone = await Promise.all(this.models.map((model) => model.run()));
      return alone.every((score, network) => isSame(score, scores[network] ?? []));
    } finally {
      for (const { data } of this.inputs) data.fill(0);
    }
  }
}

function isSame(score: number, inSlots: readonly number[]): boolean {
  const [first = Number.NaN] = inSlots;
  const isOne = inSlots.length === TOGETHER && inSlots.every((other) => Object.is(other, first));
  return isOne && (Object.is(score, first) || Math.abs(score - first) <= SAME * Math.max(1, Math.abs(score)));
}

/** The name of an input of all networks that read the same memory in the same shape. */
function nameOf(input: TensorInput, known: Map<string, TensorInput>): string {
  for (const [name, { data, shape }] of known) {
    if (data === input.data && shape.join() === input.shape.join()) return name;
  }
  const name = `input ${known.size}`;
  known.set(name, input);
  return name;
}

function valuesOf(outputs: Outputs): Scores {
  return outputs.map((values) => [...values]);
}
