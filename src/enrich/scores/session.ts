/** A loaded network, whichever runtime runs it. */

/** One input or output. */
export interface Port {
  readonly name: string;
  /** `float32`, …; anything else for what is no tensor. */
  readonly type: string;
  /** Its sizes; undefined where the network takes any. */
  readonly shape: readonly (number | undefined)[];
}

export interface TensorInput {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** Alerts that are scored in one run where networks take several: their inputs stand in as many slots. */
export const TOGETHER = 4;
/** The slot behind those, of an alert that is scored by itself. */
export const APART = TOGETHER;
/** All slots. */
export const SLOTS = TOGETHER + 1;

/** Of an input whose data is that of all slots, one behind the other, and whose shape that of one: the one apart. */
export function apart({ data, shape }: TensorInput): TensorInput {
  return { data: data.subarray((data.length / SLOTS) * APART), shape };
}

/** The slots of such an input that are scored together. */
export function together({ data, shape: [, ...sizes] }: TensorInput): TensorInput {
  return { data: data.subarray(0, (data.length / SLOTS) * TOGETHER), shape: [TOGETHER, ...sizes] };
}

/** The values of each output that was asked for. */
export type Outputs = readonly Float32Array[];
export type Run = () => Outputs | Promise<Outputs>;

export interface Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /**
   * Ties inputs, in their order, to memory that is read at every run; answers what runs the network and gives the
   * values of its first outputs, so many. A run throws what went wrong.
   */
  bind(inputs: readonly TensorInput[], outputs: number): Run;
  close(): void | Promise<void>;
}

export interface Runtime {
  readonly kind: "native" | "webassembly";
  /** Loads a network from the bytes of its ONNX file. Throws what is wrong with them. */
  load(bytes: Uint8Array): Promise<Session>;
}

/** The values of an output, which must be a tensor of 32-bit floats. */
export function floatsOf(data: unknown): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new Error("its output is no tensor of 32-bit floats");
}
