/** Threads that score alerts by themselves, apart from the way of new alerts. */
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

export interface ScoreAnswer {
  readonly id: number;
  readonly changed: readonly NewScores[];
  readonly news: ScoreNews;
}

interface Waiting {
  readonly resolve: (answer: ScoreAnswer) => void;
  readonly reject: (error: Error) => void;
}

class ScoreWorker {
  readonly #worker = new Worker(new URL("./score-thread.ts", import.meta.url).href);
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  constructor(scores: ScoreSettings) {
    this.#worker.onmessage = ({ data }: MessageEvent<ScoreAnswer>) => {
      this.#waiting.get(data.id)?.resolve(data);
      this.#waiting.delete(data.id);
    };
    this.#worker.onerror = ({ message }) => {
      const error = new Error(`a thread of networks died: ${message}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    this.#worker.postMessage({ type: "open", scores } satisfies ScoreRequest);
  }

  /** Requests under way. */
  get load(): number {
    return this.#waiting.size;
  }

  score(alerts: readonly SentAlert[]): Promise<ScoreAnswer> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ type: "score", id, alerts } satisfies ScoreRequest);
    });
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
  score(alerts: readonly SentAlert[]): Promise<ScoreAnswer> {
    const idlest = this.#workers.reduce((least, other) => (other.load < least.load ? other : least));
    return idlest.score(alerts);
  }

  close(): void {
    for (const worker of this.#workers) worker.close();
  }
}
