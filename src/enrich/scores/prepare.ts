/** From the configuration to networks that are known to work. */
import { readFileSync } from "node:fs";
import type { Config, ModelConfig } from "../../config/index.ts";
import { nearest } from "../../config/index.ts";
import { surveyByName, surveys } from "../../surveys/index.ts";
import { ACAI_FEATURES } from "./features.ts";
import { ModelError, type ModelSettings } from "./model.ts";
import { chooseRuntime, type RuntimeChoice } from "./runtime.ts";
import { tryApart } from "./score-pool.ts";
import { Scorer, type ScoreSettings } from "./scorer.ts";
import { cacheFolders } from "./unpack.ts";

/**
 * Reads, loads and tries every configured network; undefined when none is configured. Throws `ModelError` at the
 * first that does not work.
 */
export async function prepareScores({ models, data_dir }: Config): Promise<ScoreSettings | undefined> {
  const names = Object.keys(models);
  if (names.length === 0) return undefined;
  const settings = Object.entries(models).map(([name, model]) => modelSettings(name, model));
  const runtime = await chooseRuntime(cacheFolders(data_dir, process.env));
  const prepared = { runtime, models: settings };
  // A module of WebAssembly keeps its memory, some 100 MB, as long as its thread lives.
  if (runtime.kind === "webassembly") await tryApart(prepared);
  else await (await Scorer.open(prepared)).close();
  return prepared;
}

/** What operators should know of the runtime, in one line. */
export function runtimeText(runtime: RuntimeChoice): string {
  return runtime.kind === "native"
    ? "the native ONNX Runtime"
    : `the ONNX Runtime as WebAssembly, several times slower than the native one: ${runtime.why}`;
}

/** Checks what can be told without running the network, and reads its file. Throws `ModelError`. */
export function modelSettings(name: string, model: ModelConfig): ModelSettings {
  const { file, version, inputs, when } = model;
  const survey = surveyByName(model.survey)?.name;
  if (survey === undefined) throw new ModelError(name, `survey: ${unknownSurvey(model.survey)}`);
  if (inputs.length === 0) throw new ModelError(name, "inputs: expected triplet, features, or both");
  if (new Set(inputs).size < inputs.length) throw new ModelError(name, "inputs: each may be named once");
  if (model.features.length > 0 && !inputs.includes("features")) {
    throw new ModelError(name, "features: are named, but `inputs` has no features");
  }
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(readFileSync(file));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError(name, `file: ${file} cannot be read: ${reason}`);
  }
  return {
    name,
    survey,
    version,
    inputs,
    features: model.features.length > 0 ? model.features : ACAI_FEATURES,
    bytes,
    ...(when === undefined ? {} : { when: JSON.stringify(when) }),
  };
}

function unknownSurvey(name: string): string {
  const known = surveys.map((survey) => survey.name);
  const near = nearest(name, known);
  return `there is no survey ${name}${near === undefined ? `; known are ${known.join(", ")}` : `, did you mean ${near}?`}`;
}
