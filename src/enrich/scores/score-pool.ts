/** Threads that score alerts by themselves, apart from the way of new alerts. */
import { ModelError } from "./model.ts";
import type { ScoreSettings } from "./scorer.ts";
import type { ScoreNews } from "./tally.ts";

/** An alert on its way to a thread: text and bytes only. */
export interface SentAlert {
  readonly survey: string;
  readonly candid: bigint;
  /** As `encodeDocument` writes it. */
  readonly document: string;
  readonly cutouts: readonly { readonly field: string; readonly data: Uint8Array }[];
}

/** The scores of an alert that differ from those it had. */
export interface NewScores {
  readonly candid: bigint;
  /** A document with the changed fields of `classifications`, as text. */
  readonly fields: string;
}

export type ScoreRequest =
  | { readonly type: "open"; readonly scores: ScoreSettings }
  | { readonly type: "score"; readonly id: number; readonly alerts: readonly SentAlert[] };

export interface Scored {
  readonly type: "scored";
  readonly id: number;
  readonly changed: readonly NewScores[];
  readonly news: ScoreNews;
}

export type ScoreAnswer =
  | { readonly type: "opened" }
  /** A network that does not work. */
  | { readonly type: "refused"; readonly model: string; readonly reason: string }
  | Scored;

interface Waiting {
  readonly resolve: (answer: Scored) => void;
  readonly reject: (error: Error) => void;
}

class ScoreWorker {
  readonly #worker = new Worker(new URL("./score-thread.ts", import.meta.url).href);
  readonly #waiting = new Map<number, Waiting>();
  /** Rejects with `ModelError`. */
  readonly opened: Promise<void>;
  /** Requests under way. */
  load = 0;
  #next = 0;

  constructor(scores: ScoreSettings) {
    const opened = Promise.withResolvers<void>();
    this.opened = opened.promise;
    // Who does not wait for it hears of it with the first alerts.
    this.opened.catch(() => {});
    const fail = (error: Error) => {
      opened.reject(error);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    this.#worker.onmessage = ({ data }: MessageEvent<ScoreAnswer>) => {
      if (data.type === "opened") opened.resolve();
      else if (data.type === "refused") fail(new ModelError(data.model, data.reason));
      else {
        this.#waiting.get(data.id)?.resolve(data);
        this.#waiting.delete(data.id);
      }
    };
    this.#worker.onerror = ({ message }) => fail(new Error(`a thread of networks died: ${message}`));
    this.#worker.postMessage({ type: "open", scores } satisfies ScoreRequest);
  }

  async score(alerts: readonly SentAlert[]): Promise<Scored> {
    this.load++;
    try {
      await this.opened;
      const id = this.#next++;
      return await new Promise<Scored>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#worker.postMessage({ type: "score", id, alerts } satisfies ScoreRequest);
      });
    } finally {
      this.load--;
    }
  }

  close(): void {
    this.#worker.terminate();
  }
}

export class ScorePool {
  readonly #workers: readonly ScoreWorker[];

  constructor(scores: ScoreSettings, size: number) {
    this.#workers = Array.from({ length: size }, () => new ScoreWorker(scores));
  }

  /** Scores some alerts on the thread that has least to do. */
  score(alerts: readonly SentAlert[]): Promise<Scored> {
    const idlest = this.#workers.reduce((least, other) => (other.load < least.load ? other : least));
    return idlest.score(alerts);
  }

  close(): void {
    for (const worker of this.#workers) worker.close();
  }
}

/** Loads and tries networks on a thread of their own, whose memory is free afterwards. Throws `ModelError`. */
export async function tryApart(scores: ScoreSettings): Promise<void> {
  const worker = new ScoreWorker(scores);
  try {
    await worker.opened;
  } finally {
    worker.close();
  }
}
