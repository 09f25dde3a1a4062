/** The networks beside a development checkout, as a configuration names them. */
import type { ModelConfig } from "../../src/config/index.ts";
import { type ModelSettings, modelSettings } from "../../src/enrich/scores/index.ts";
import { sharedPath } from "./shared.ts";

const ACAI = ["acai_h", "acai_v", "acai_o", "acai_n", "acai_b"];
const ACAI_VERSION = "d1_dnn_20201130";

/** The section `models` for braai and the five ACAI networks. */
export function realModels(): Record<string, ModelConfig> {
  const braai = entry("braai", "d6_m9", ["triplet"]);
  return {
    braai,
    ...Object.fromEntries(ACAI.map((name) => [name, entry(name, ACAI_VERSION, ["features", "triplet"])])),
  };
}

/** The same, read from their files. */
export function realModelSettings(change: Partial<ModelConfig> = {}): ModelSettings[] {
  return Object.entries(realModels()).map(([name, model]) => modelSettings(name, { ...model, ...change }));
}

function entry(name: string, version: string, inputs: ModelConfig["inputs"]): ModelConfig {
  const file = sharedPath("models", `${name}.${version}.onnx`);
  return { file, survey: "ZTF", version, inputs, features: [], when: undefined };
}

/** A small network as a configuration names it: `m` of ZTF, which takes the triplet, unless told otherwise. */
export function model(bytes: Uint8Array, given: Partial<ModelSettings> = {}): ModelSettings {
  return {
    name: "m",
    survey: "ZTF",
    version: "v1",
    inputs: ["triplet"],
    features: ["magpsf"],
    bytes,
    ...given,
  };
}
