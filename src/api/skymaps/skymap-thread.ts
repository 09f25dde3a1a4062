/** A thread that makes the credible regions of one localisation: of large maps it takes seconds. */
import { SkyMapError } from "../../sky/index.ts";
import { buildContours } from "./build.ts";
import type { BuildAnswer, BuildRequest } from "./source.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<BuildRequest>) => {
  let answer: BuildAnswer;
  try {
    answer = { built: buildContours(data) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    answer = error instanceof SkyMapError ? { refused: message } : { failed: message };
  }
  self.postMessage(answer);
};
