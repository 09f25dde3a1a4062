/** A configured network, loaded and known to fit what goes into it. */
import type { FeatureLists, Features } from "./features.ts";
import {
  apart,
  type Outputs,
  type Port,
  type Run,
  type Runtime,
  type Session,
  type TensorInput,
} from "./session.ts";
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

/** What the networks of a thread read: the alerts at hand. */
export interface Reads {
  readonly triplet: Triplet;
  readonly features: FeatureLists;
}

export class Model {
  readonly #run: Run;

  private constructor(
    readonly session: Session,
    /** To be read before `run`, where the network takes any. */
    readonly features: Features | undefined,
    /** The file as it was loaded. */
    readonly bytes: Uint8Array,
    /** What it reads, in the order of its inputs: the data of all slots, the shape of one. */
    readonly inputs: readonly TensorInput[],
  ) {
    this.#run = session.bind(inputs.map(apart), 1);
  }

  /** Loads a network. Throws `ModelError`. */
  static async load(settings: ModelSettings, runtime: Runtime, reads: Reads): Promise<Model> {
    const { bytes, inputs } = settings;
    if (inputs.includes("triplet")) {
      const { withoutMargins } = await import("./margins.ts");
      const { extent, ...smaller } = withoutMargins(bytes);
      const model = await Model.#open({ ...settings, ...smaller }, runtime, reads, extent).catch(
        () => undefined,
      );
      if (model !== undefined) return model;
      // As it is, for what is wrong with it is told in the words of its file.
    }
    return Model.#open(settings, runtime, reads, WHOLE);
  }

  static async #open(
    settings: ModelSettings,
    runtime: Runtime,
    reads: Reads,
    extent: Extent,
  ): Promise<Model> {
    const { name, inputs, bytes } = settings;
    const session = await runtime.load(bytes).catch((error: unknown) => {
      throw new ModelError(name, `file: not a network that can be run: ${firstLine(error)}`);
    });
    const features = reads.features.of(settings.features);
    try {
      checkCount(settings, session);
      const { rows, columns } = extent;
      const stamps = [{ data: reads.triplet.part(extent), shape: [1, rows, columns, CHANNELS] }];
      const { values } = features;
      const count = settings.features.length;
      const numbers = [
        [1, count],
        [1, count, 1],
      ].map((shape) => ({ data: values, shape }));
      const tensors = inputs.map((input, index) =>
        tensorFor(settings, input, session.inputs[index], input === "triplet" ? stamps : numbers),
      );
      const model = new Model(session, inputs.includes("features") ? features : undefined, bytes, tensors);
      await model.#tryOut(name);
      return model;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** The score of what the slot apart of features and triplet holds. Throws what the network threw. */
  run(): number | Promise<number> {
    const outputs = this.#run();
    return outputs instanceof Promise ? outputs.then(scoreOf) : scoreOf(outputs);
  }

  /** Whether one run gives one number. */
  async #tryOut(name: string): Promise<void> {
    let outputs: Outputs;
    try {
      outputs = await this.#run();
    } catch (error) {
      throw new ModelError(name, `file: the network fails on a trial: ${firstLine(error)}`);
    }
    const [output = new Float32Array()] = outputs;
    if (output.length !== 1) {
      throw new ModelError(name, `file: the network gives ${output.length} numbers, expected one score`);
    }
  }
}

function scoreOf([output]: Outputs): number {
  return output?.[0] ?? Number.NaN;
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
