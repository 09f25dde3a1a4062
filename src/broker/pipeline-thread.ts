/** The thread that owns the way of an alert and its writes, so that the one that answers HTTP never waits for them. */
import { IndexKeeper } from "../enrich/crossmatch/index.ts";
import { SchemaRegistry } from "../kafka/index.ts";
import { openAlertWriter } from "../store/index.ts";
import { giveWay } from "../telemetry/niceness.ts";
import { DecodePool } from "./decode-pool.ts";
import type { LogLine, PipelineAnswer, PipelineRequest } from "./messages.ts";
import { Pipeline } from "./pipeline.ts";
import { schemasOf } from "./schemas.ts";

declare const self: Worker;

const NICENESS = 5;
const STATS_INTERVAL_MS = 200;

let pipeline: Pipeline | undefined;
let stopped = false;

self.onmessage = ({ data }: MessageEvent<PipelineRequest>) => {
  if (data.type === "stop") {
    stopped = true;
    pipeline?.stop();
    return;
  }
  void run(data.options);
};

async function run(options: Extract<PipelineRequest, { type: "start" }>["options"]): Promise<void> {
  giveWay(NICENESS);
  const send = (answer: PipelineAnswer) => self.postMessage(answer);
  const log = (line: LogLine) => send({ type: "log", line });
  let failure: string | undefined;
  let pool: DecodePool | undefined;
  let keeper: IndexKeeper | undefined;
  let timer: Timer | undefined;
  try {
    const writer = await openAlertWriter(options.store, {
      followReported: options.followReported ?? false,
    });
    // Behind the writer, which makes the folder where there is none.
    const { workers: size, cutouts, crossMatches, scores, store } = options;
    const threads = new DecodePool({
      size,
      cutouts,
      crossMatches,
      scores,
      store,
      news: (news) => send({ type: "filters", ...news }),
    });
    pool = threads;
    keeper = new IndexKeeper(store, crossMatches, {
      log: (level, message) => log({ level, message, fields: {} }),
    });
    keeper.start().catch((error: Error) => log({ level: "warn", message: error.message, fields: {} }));
    const registry = new SchemaRegistry(options.registry ?? { cacheFolder: "" }, {
      log: (level, message) => log({ level, message, fields: {} }),
    });
    pipeline = new Pipeline(options, {
      writer,
      decode: async (batch, signal) =>
        threads.decode(batch, await schemasOf(batch.packets, registry, signal)),
      log,
    });
    if (stopped) pipeline.stop();
    timer = setInterval(
      () => pipeline && send({ type: "stats", stats: pipeline.stats() }),
      STATS_INTERVAL_MS,
    );
    await pipeline.run();
    await writer.close();
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  clearInterval(timer);
  keeper?.stop();
  await pool?.close();
  const stats = pipeline?.stats() ?? { ...NOTHING, sources: [] };
  send({ type: "ended", stats, ...(failure === undefined ? {} : { failure }) });
}

const NOTHING = { packets: 0, bytes: 0, stored: 0, duplicates: 0, deadLetters: 0, reasons: {}, scores: {} };
