/** The thread that draws pictures. */

import { giveWay } from "../telemetry/niceness.ts";
import type { DrawAnswer, DrawRequest } from "./drawing.ts";
import { CutoutError } from "./fits.ts";
import { drawStamps } from "./picture.ts";

declare const self: Worker;

/** Pictures give way to answers. */
const NICENESS = 5;

giveWay(NICENESS);

self.onmessage = ({ data: { id, stamps, options } }: MessageEvent<DrawRequest>) => {
  try {
    const png = new Uint8Array(drawStamps(stamps, options));
    self.postMessage({ id, png } satisfies DrawAnswer, [png.buffer]);
  } catch (error) {
    const isCutoutError = error instanceof CutoutError;
    const message = error instanceof Error ? error.message : String(error);
    self.postMessage({ id, error: message, isCutoutError } satisfies DrawAnswer);
  }
};
