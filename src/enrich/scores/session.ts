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

export type Run = () => Float32Array | Promise<Float32Array>;

export interface Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /**
   * Ties inputs, in their order, to memory that is read at every run; answers what runs the network and gives the
   * values of its first output. A run throws what went wrong.
   */
  bind(inputs: readonly TensorInput[]): Run;
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
