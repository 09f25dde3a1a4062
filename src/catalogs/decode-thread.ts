/** A thread that reads a file of a load, or its share of it, beside the one that writes its rows. */
import { catalogEncoder } from "../store/index.ts";
import { giveWay } from "../telemetry/niceness.ts";
import { decodeFile } from "./decode.ts";
import { CREDITS, type DecodeAnswer, type DecodeMessage } from "./messages.ts";

declare const self: Worker;

/** Loads give way to queries, and these to the thread that answers HTTP. */
const NICENESS = 5;

let credits = 0;
let awaited: (() => void) | undefined;

self.onmessage = ({ data }: MessageEvent<DecodeMessage>) => {
  if (data.type === "credit") {
    credits++;
    awaited?.();
    return;
  }
  credits = CREDITS;
  giveWay(NICENESS);
  run(data).then(
    () => send({ type: "end" }),
    (error: unknown) => {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      send({ type: "error", name, message });
    },
  );
};

async function run({ request, settings, indexes }: Extract<DecodeMessage, { type: "file" }>): Promise<void> {
  const encoder = await catalogEncoder(settings, indexes);
  for await (const piece of decodeFile(request, encoder)) {
    while (credits === 0) {
      await new Promise<void>((resolve) => {
        awaited = resolve;
      });
    }
    credits--;
    send({ type: "piece", piece });
  }
}

function send(answer: DecodeAnswer): void {
  self.postMessage(answer);
}
