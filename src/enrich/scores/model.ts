/** A configured network, loaded and known to fit what goes into it. */
import { type FeatureReader, featureReader } from "./features.ts";
import type { Port, Run, Runtime, Session, TensorInput } from "./session.ts";
import { CHANNELS, type Extent, SIDE, type Triplet, WHOLE } from "./triplet.ts";

/** A network for the threads that run it: plain values. */
export interface ModelSettings {
  readonly name: string;
  readonly survey: string;
  readonly version: string;
  readonly inputs: readonly ("triplet" | "features")[];
  readonly features: readonly string[];
  /** A find filter as JSON. */
  readonly when?: string;
  /** The ONNX file. */
  readonly bytes: Uint8Array;
}

/** A network that cannot be used: names it, says why and what to do. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  constructor(
    /** Name in the configuration. */
    readonly model: string,
    readonly reason: string,
  ) {
    super(`models.${model}: ${reason}`);
  }
}

export class Model {
  readonly #run: Run;

  private constructor(
    readonly session: Session,
    readonly readFeatures: FeatureReader | undefined,
    /** To be filled by `readFeatures` before `run`. */
    readonly features: Float32Array,
    inputs: readonly TensorInput[],
  ) {
    this.#run = session.bind(inputs);
  }

  /** Loads a network; `triplet` is what it reads stamps from. Throws `ModelError`. */
  static async load(settings: ModelSettings, runtime: Runtime, triplet: Triplet): Promise<Model> {
    const { bytes, inputs } = settings;
    if (inputs.includes("triplet")) {
      const { withoutMargins } = await import("./margins.ts");
      const { extent, ...smaller } = withoutMargins(bytes);
      const model = await Model.#open({ ...settings, ...smaller }, runtime, triplet, extent).catch(
        () => undefined,
      );
      if (model !== undefined) return model;
      // As it is, for what is wrong with it is told in the words of its file.
    }
    return Model.#open(settings, runtime, triplet, WHOLE);
  }

  static async #open(
    settings: ModelSettings,
    runtime: Runtime,
    triplet: Triplet,
    extent: Extent,
  ): Promise<Model> {
    const { name, inputs, bytes } = settings;
    const session = await runtime.load(bytes).catch((error: unknown) => {
      throw new ModelError(name, `file: not a network that can be run: ${firstLine(error)}`);
    });
    const features = new Float32Array(settings.features.length);
    try {
      checkCount(settings, session);
      const { rows, columns } = extent;
      const stamps = [{ data: triplet.part(extent), shape: [1, rows, columns, CHANNELS] }];
      const numbers = [
        [1, features.length],
        [1, features.length, 1],
      ].map((shape) => ({ data: features, shape }));
      const tensors = inputs.map((input, index) =>
        tensorFor(settings, input, session.inputs[index], input === "triplet" ? stamps : numbers),
      );
      const reader = inputs.includes("features") ? featureReader(settings.features) : undefined;
      const model = new Model(session, reader, features, tensors);
      await model.#tryOut(name);
      return model;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** The score of what `features` and the triplet hold. Throws what the network threw. */
  run(): number | Promise<number> {
    const output = this.#run();
    return output instanceof Promise ? output.then(scoreOf) : scoreOf(output);
  }

  /** Whether one run gives one number. */
  async #tryOut(name: string): Promise<void> {
    let output: Float32Array;
    try {
      output = await this.#run();
    } catch (error) {
      throw new ModelError(name, `file: the network fails on a trial: ${firstLine(error)}`);
    }
    if (output.length !== 1) {
      throw new ModelError(name, `file: the network gives ${output.length} numbers, expected one score`);
    }
  }
}

function scoreOf(output: Float32Array): number {
  return output[0] ?? Number.NaN;
}

function checkCount({ name, inputs }: ModelSettings, { inputs: ports }: Session): void {
  if (ports.length === inputs.length) return;
  const takes = ports.map(describe).join(", ");
  throw new ModelError(name, `inputs: the network takes ${ports.length} (${takes}), not ${inputs.length}`);
}

/** The first of the tensors offered for an input that its shape can hold. */
function tensorFor(
  { name, features }: ModelSettings,
  input: "triplet" | "features",
  port: Port | undefined,
  offered: readonly TensorInput[],
): TensorInput {
  const found = offered.find(({ shape }) => port !== undefined && fits(port, shape));
  if (found !== undefined) return found;
  const what = input === "triplet" ? `${SIDE} × ${SIDE} × ${CHANNELS} pixels` : `${features.length} features`;
  const takes = port === undefined ? "nothing" : describe(port);
  throw new ModelError(name, `inputs: the network takes ${takes} where ${what} are configured`);
}

function fits({ type, shape }: Port, wanted: readonly number[]): boolean {
  return (
    type === "float32" &&
    shape.length === wanted.length &&
    shape.every((size, index) => size === undefined || size === wanted[index])
  );
}

/** `triplet: float32 n × 63 × 63 × 3` */
function describe({ name, type, shape }: Port): string {
  return `${name}: ${type} ${shape.map((size) => size ?? "n").join(" × ")}`.trim();
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0] ?? message;
}
