/**
 * The native ONNX Runtime, by the binding of onnxruntime-node. That package finds its library beside its own
 * files only, so the binding is opened from where the library was put, without the package's JavaScript.
 *
 * The package stays at 1.27: releases from 1.29 on write an identifier of the machine to the user's cache and report
 * to their maker over the network.
 */
import { Tensor } from "onnxruntime-common";
import { floatsOf, type Port, type Runtime, type Session } from "./session.ts";

interface Metadata {
  readonly name: string;
  readonly isTensor: boolean;
  /** Number of the element type in the ONNX format. */
  readonly type: number;
  /** −1 for any size. */
  readonly shape: readonly number[];
}

interface NativeSession {
  readonly inputMetadata: readonly Metadata[];
  readonly outputMetadata: readonly Metadata[];
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  run(feeds: Record<string, Tensor>, fetches: Record<string, null>, options: object): Record<string, Tensor>;
  dispose(): void;
}

interface Binding {
  readonly InferenceSession: new () => NativeSession;
  initOrtOnce(logLevel: number, tensor: typeof Tensor, isMainThread: boolean): void;
}

/** Errors come as exceptions; the library's own lines on stderr would be a second telling. */
const FATAL_ONLY = 4;
/** Workers run side by side: each network keeps to its own thread. */
const SESSION_OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  logSeverityLevel: FATAL_ONLY,
};
const FLOAT32 = 1;

/** Opens the binding at this path, once for each thread. Throws when the system cannot load it. */
export function openNative(path: string): Runtime {
  const module: { exports: Partial<Binding> } = { exports: {} };
  process.dlopen(module, path);
  const { InferenceSession, initOrtOnce } = module.exports;
  if (InferenceSession === undefined || initOrtOnce === undefined) {
    throw new Error(`${path} is not the binding of the ONNX Runtime`);
  }
  initOrtOnce(FATAL_ONLY, Tensor, Bun.isMainThread);
  return {
    kind: "native",
    async load(bytes) {
      const session = new InferenceSession();
      session.loadModel(bytes.buffer, bytes.byteOffset, bytes.byteLength, SESSION_OPTIONS);
      return sessionOf(session);
    },
  };
}

function sessionOf(session: NativeSession): Session {
  const inputs = session.inputMetadata.map(portOf);
  const outputs = session.outputMetadata.map(portOf);
  return {
    inputs,
    outputs,
    bind(given, count) {
      const names = outputs.slice(0, count).map(({ name }) => name);
      const fetches = Object.fromEntries(names.map((name) => [name, null]));
      const feeds: Record<string, Tensor> = {};
      for (const [index, { data, shape }] of given.entries()) {
        feeds[inputs[index]?.name ?? ""] = new Tensor("float32", data, shape);
      }
      return () => {
        const found = session.run(feeds, fetches, {});
        return names.map((name) => floatsOf(found[name]?.data));
      };
    },
    close: () => session.dispose(),
  };
}

function portOf({ name, isTensor, type, shape }: Metadata): Port {
  const sizes = isTensor ? shape.map((size) => (size < 0 ? undefined : size)) : [];
  return { name, type: isTensor && type === FLOAT32 ? "float32" : `another type (${type})`, shape: sizes };
}
