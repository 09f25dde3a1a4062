/** The broker as its starter sees it: started with sources, watched by its figures, stopped when asked. */
import type { FilterNews } from "./decode-pool.ts";
import type { BrokerOptions, BrokerStats, LogLine, PipelineAnswer, PipelineRequest } from "./messages.ts";

export interface Broker {
  /** The latest figures; at most a fraction of a second old. */
  stats(): BrokerStats;
  /** Stops reading, finishes what was read, and resolves when all is durable. */
  stop(): Promise<BrokerStats>;
  /** Resolves when all sources have ended; rejects when the broker itself failed. */
  readonly done: Promise<BrokerStats>;
}

/** A stop that takes longer than this is ended the hard way, which loses nothing: milliseconds. */
const STOP_MS = 8000;

/** Who hears of a broker's work while it goes on. */
export interface BrokerListener {
  /** What operators should know. */
  log(line: LogLine): void;
  /** What the filters did since they were last heard of. */
  filters(news: FilterNews): void;
}

/** Starts reading `options.sources` on a thread of its own. */
export function startBroker(options: BrokerOptions, listener: BrokerListener): Broker {
  let stats: BrokerStats = {
    packets: 0,
    bytes: 0,
    stored: 0,
    duplicates: 0,
    deadLetters: 0,
    reasons: {},
    scores: {},
    sources: [],
  };
  const worker = new Worker(new URL("./pipeline-thread.ts", import.meta.url).href, { smol: true });
  const send = (request: PipelineRequest) => worker.postMessage(request);
  const done = new Promise<BrokerStats>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<PipelineAnswer>) => {
      if (data.type === "log") return listener.log(data.line);
      if (data.type === "filters") return listener.filters(data);
      stats = data.stats;
      if (data.type !== "ended") return;
      worker.terminate();
      if (data.failure === undefined) resolve(data.stats);
      else reject(new Error(data.failure));
    };
    worker.onerror = (event) => reject(new Error(`the ingest thread died: ${event.message}`));
  });
  // Whoever waits for `done` hears of a failure; one that nobody waits for is in the log.
  done.catch(() => undefined);
  send({ type: "start", options });
  return {
    done,
    stats: () => stats,
    async stop() {
      send({ type: "stop" });
      let timer: Timer | undefined;
      const late = new Promise<BrokerStats>((resolve) => {
        timer = setTimeout(() => {
          worker.terminate();
          resolve(stats);
        }, STOP_MS);
      });
      return Promise.race([done, late]).finally(() => clearTimeout(timer));
    },
  };
}
