/** The progress of long work: packets, rate, MB/s and time left. */

export interface ProgressOptions {
  /** What is counted, in the plural: `packets`. */
  readonly unit: string;
  /** How many there will be, when it is known. */
  readonly total?: number;
}

/** How far the work is. `bytesTotal` or the options' `total` give the share done and the time left. */
export interface ProgressState {
  readonly count: number;
  readonly bytes?: number;
  readonly bytesTotal?: number | undefined;
  /** A word on what is worked on, e.g. the file's name. */
  readonly note?: string;
}

export interface ProgressTarget {
  readonly write: (text: string) => void;
  /** Width of the terminal, or `undefined` for plain lines. */
  readonly columns: number | undefined;
  readonly json: boolean;
  /** Milliseconds; replaced in tests. */
  readonly now?: () => number;
}

const BAR_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 5000;
const BAR_WIDTH = 24;

export class Progress {
  readonly #options: ProgressOptions;
  readonly #target: ProgressTarget;
  readonly #now: () => number;
  readonly #started: number;
  #printed: number;
  #state: ProgressState = { count: 0 };

  constructor(options: ProgressOptions, target: ProgressTarget) {
    this.#options = options;
    this.#target = target;
    this.#now = target.now ?? (() => performance.now());
    this.#started = this.#now();
    this.#printed = this.#started;
  }

  /** Tells how far the work is; prints only now and then, so it may be called as often as one likes. */
  update(state: ProgressState): void {
    this.#state = state;
    const interval = this.#target.columns === undefined ? LINE_INTERVAL_MS : BAR_INTERVAL_MS;
    if (this.#now() - this.#printed < interval) return;
    this.#printed = this.#now();
    this.#print(false);
  }

  /** Prints the last state and leaves the line. */
  finish(state: ProgressState = this.#state): void {
    this.#state = state;
    this.#print(true);
  }

  #print(last: boolean): void {
    const { write, columns, json } = this.#target;
    if (json) {
      write(`${JSON.stringify(this.#numbers(last))}\n`);
    } else if (columns === undefined) {
      write(`${this.#text()}\n`);
    } else {
      const bar = barText(this.#share());
      write(`\r\u001b[2K${`${bar}${this.#text()}`.slice(0, Math.max(20, columns - 1))}${last ? "\n" : ""}`);
    }
  }

  /** Share done from 0 to 1, or `undefined`. */
  #share(): number | undefined {
    const { bytes, bytesTotal, count } = this.#state;
    if (bytes !== undefined && bytesTotal !== undefined && bytesTotal > 0)
      return Math.min(1, bytes / bytesTotal);
    const { total } = this.#options;
    return total !== undefined && total > 0 ? Math.min(1, count / total) : undefined;
  }

  #numbers(last: boolean): Record<string, unknown> {
    const seconds = Math.max(0.001, (this.#now() - this.#started) / 1000);
    const share = this.#share();
    return {
      event: last ? "finished" : "progress",
      unit: this.#options.unit,
      ...this.#state,
      ...(this.#options.total === undefined ? {} : { total: this.#options.total }),
      seconds: round(seconds, 3),
      rate: round(this.#state.count / seconds, 1),
      ...(this.#state.bytes === undefined
        ? {}
        : { megabytesPerSecond: round(this.#state.bytes / seconds / 1e6, 2) }),
      ...(share === undefined || share === 0
        ? {}
        : { secondsLeft: round((seconds * (1 - share)) / share, 1) }),
    };
  }

  #text(): string {
    const { count, bytes, note } = this.#state;
    const seconds = Math.max(0.001, (this.#now() - this.#started) / 1000);
    const share = this.#share();
    const total = this.#options.total === undefined ? "" : ` of ${this.#options.total}`;
    return [
      `${count}${total} ${this.#options.unit}`,
      `${Math.round(count / seconds)}/s`,
      ...(bytes === undefined ? [] : [`${(bytes / seconds / 1e6).toFixed(1)} MB/s`]),
      ...(share === undefined || share === 0 || share === 1
        ? []
        : [`${Math.floor(share * 100)} %`, `${duration((seconds * (1 - share)) / share)} left`]),
      ...(note === undefined ? [] : [note]),
    ].join(", ");
  }
}

function barText(share: number | undefined): string {
  if (share === undefined) return "";
  const filled = Math.round(share * BAR_WIDTH);
  return `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}] `;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** `9 s`, `4 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
