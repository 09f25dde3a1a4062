/** The ONNX Runtime as WebAssembly, where the native library cannot be loaded: slower, on any machine. */
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { wasmBinary } from "./runtime-files.ts";
import { floatsOf, type Port, type Runtime, type Session } from "./session.ts";

/** Errors come as exceptions; the library's own lines on stderr would be a second telling. */
const FATAL_ONLY = 4;
const SESSION_OPTIONS = {
  executionProviders: ["wasm"],
  graphOptimizationLevel: "all",
  logSeverityLevel: FATAL_ONLY,
} as const;
const RUN_OPTIONS = { logSeverityLevel: FATAL_ONLY } as const;

/** Prepares the module for this thread; it is compiled with the first network. */
export async function openWebAssembly(): Promise<Runtime> {
  env.logLevel = "fatal";
  env.wasm.numThreads = 1;
  env.wasm.wasmBinary = await wasmBinary();
  return {
    kind: "webassembly",
    async load(bytes) {
      return sessionOf(await InferenceSession.create(bytes, SESSION_OPTIONS));
    },
  };
}

function sessionOf(session: InferenceSession): Session {
  const inputs = session.inputMetadata.map(portOf);
  const outputs = session.outputMetadata.map(portOf);
  return {
    inputs,
    outputs,
    bind(given, count) {
      const names = session.outputNames.slice(0, count);
      const feeds: Record<string, Tensor> = {};
      for (const [index, { data, shape }] of given.entries()) {
        feeds[inputs[index]?.name ?? ""] = new Tensor("float32", data, shape);
      }
      return async () => {
        const found = await session.run(feeds, names, RUN_OPTIONS);
        return names.map((name) => floatsOf(found[name]?.data));
      };
    },
    close: () => session.release(),
  };
}

function portOf(metadata: InferenceSession.ValueMetadata): Port {
  if (!metadata.isTensor) return { name: metadata.name, type: "no tensor", shape: [] };
  const { name, type, shape } = metadata;
  return { name, type, shape: shape.map((size) => (typeof size === "number" ? size : undefined)) };
}
