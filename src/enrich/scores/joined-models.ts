/**
 * Several networks run as one, on several alerts at once. What one network leaves behind in the processor's caches the
 * next one uses again, the stamps are turned once for all, and each step is begun once instead of 24 times: braai and
 * the five ACAI networks take a tenth less time, with all that is round them.
 */
import type { Features } from "./features.ts";
import { type Model, runsOf } from "./model.ts";
import { joinNetworks } from "./onnx-join.ts";
import {
  allSlots,
  type Outputs,
  type Run,
  type Runtime,
  type Session,
  SLOTS,
  type TensorInput,
} from "./session.ts";

/** Scores of one network and of all as one differ at most by rounding. */
const SAME = 1e-6;
/** Values for a trial, between 0 and 1, without a pattern that images could have. */
const TRIAL_PERIOD = 97;

/** By network, and in it by slot. */
export type Scores = readonly (readonly number[])[];

export class JoinedModels {
  readonly #runs: readonly Run[];
  #runAll: Run | undefined;
  /** To be read before a run. */
  readonly features: ReadonlySet<Features>;

  private constructor(
    readonly session: Session,
    readonly models: readonly Model[],
    readonly inputs: readonly TensorInput[],
  ) {
    this.#runs = runsOf(session, inputs, models.length);
    this.#runAll = session.bind(inputs.map(allSlots), models.length);
    this.features = new Set(models.flatMap(({ features }) => (features === undefined ? [] : [features])));
  }

  /**
   * Joins networks that were loaded and tried one by one. Undefined where they cannot be joined, or together give
   * other scores on a trial than each by itself.
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
    if (await joined.#tryOut()) return joined;
    await session.close();
    return undefined;
  }

  /** Whether `runAll` works: not with networks that take one alert at a time. */
  get takesAll(): boolean {
    return this.#runAll !== undefined;
  }

  /** The score of each network of what all slots hold. Throws what a network threw. */
  async runAll(): Promise<Scores> {
    return valuesOf((await this.#runAll?.()) ?? []);
  }

  /** The score of each network of what one slot holds. Throws what a network threw. */
  async run(slot: number): Promise<readonly number[]> {
    return valuesOf((await this.#runs[slot]?.()) ?? []).map(([score]) => score ?? Number.NaN);
  }

  /** Compares the scores of all as one to those of each by itself. */
  async #tryOut(): Promise<boolean> {
    for (const { data } of this.inputs) {
      for (let i = 0; i < data.length; i++) data[i] = ((i % TRIAL_PERIOD) + 1) / TRIAL_PERIOD;
    }
    try {
      const apart = await Promise.all(
        this.models.map((model) => Promise.all(Array.from({ length: SLOTS }, (_, slot) => model.run(slot)))),
      );
      const all = await this.runAll().catch(() => undefined);
      if (all === undefined || !isSame(apart, all)) this.#runAll = undefined;
      const one = await this.run(0);
      return isSame(
        apart.map((scores) => scores.slice(0, 1)),
        one.map((score) => [score]),
      );
    } catch {
      return false;
    } finally {
      for (const { data } of this.inputs) data.fill(0);
    }
  }
}

function isSame(some: Scores, others: Scores): boolean {
  return some.every((scores, network) => {
    const same = others[network] ?? [];
    return (
      same.length === scores.length &&
      scores.every((score, slot) => {
        const other = same[slot] ?? Number.NaN;
        return Object.is(score, other) || Math.abs(score - other) <= SAME * Math.max(1, Math.abs(score));
      })
    );
  });
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
