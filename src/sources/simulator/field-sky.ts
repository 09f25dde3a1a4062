/** One field of the simulated sky: its objects, when it was exposed, and how often each was detected. */
import type { Past } from "./candidate.ts";
import { type Exposure, type Field, type SurveyOptions, WINDOW_DAYS } from "./exposures.ts";
import { objectsOf, type Recurring, type Source } from "./objects.ts";
import { type Measurement, measure } from "./photometry.ts";
import { hash } from "./random.ts";
import { Walks } from "./walk.ts";

export class FieldSky {
  readonly #objects: readonly Recurring[];
  readonly #walks: Walks;
  readonly #detections: Int32Array;
  readonly #firstJd: Float64Array;
  /** Exposures of the last 30 days, in time order. */
  #exposures: Exposure[] = [];
  #covered = 0;

  constructor(
    readonly field: Field,
    readonly count: number,
    readonly options: SurveyOptions,
  ) {
    const { seed } = options;
    this.#objects = objectsOf(field, count, options);
    this.#walks = new Walks(count, hash(seed, 21, field.index), -WINDOW_DAYS);
    this.#detections = new Int32Array(count);
    this.#firstJd = new Float64Array(count);
  }

  beginNight(night: number): void {
    this.#walks.advance(night + 1);
  }

  /** Measures every object and remembers the detections, which are answered. */
  detect(exposure: Exposure): { source: Recurring; measured: Measurement }[] {
    this.#covered++;
    const detected: { source: Recurring; measured: Measurement }[] = [];
    for (const source of this.#objects) {
      const measured = this.measure(source, exposure);
      if (!measured.detected) continue;
      const { slot } = source;
      const before = this.#detections[slot] ?? 0;
      if (before === 0) this.#firstJd[slot] = exposure.jd;
      this.#detections[slot] = before + 1;
      detected.push({ source, measured });
    }
    return detected;
  }

  /** What an exposure measures at a source; passers-by were not there in earlier exposures. */
  measure(source: Source | Recurring, exposure: Exposure): Measurement {
    const flux =
      "curve" in source
        ? source.curve(exposure.day, exposure.fid, (day) => this.#walks.at(source.slot, day))
        : 0;
    return measure(exposure, source.key, flux);
  }

  /** The past of an object that this exposure detected. */
  pastOf(source: Recurring, exposure: Exposure): Past {
    const { slot, before } = source;
    const detections = this.#detections[slot] ?? 0;
    const coverage = this.coverage(source.rcid);
    if (before === undefined) return { detections, coverage, firstJd: this.#firstJd[slot] ?? exposure.jd };
    const firstJd = Number((exposure.jd - exposure.day + before.firstDay).toFixed(7));
    return { detections: detections + before.detections, coverage: coverage + before.detections, firstJd };
  }

  /** How often a readout channel's part of the sky was exposed. */
  coverage(rcid: number): number {
    return this.#covered + 200 + (hash(this.options.seed, 22, this.field.index, rcid) % 1500);
  }

  /** The exposures that a packet of this one looks back on. */
  history(exposure: Exposure): readonly Exposure[] {
    return this.#exposures.filter(({ jd }) => jd < exposure.jd && exposure.jd - jd <= WINDOW_DAYS);
  }

  remember(exposure: Exposure): void {
    this.#exposures = this.#exposures.filter(({ jd }) => exposure.jd - jd <= WINDOW_DAYS);
    this.#exposures.push(exposure);
  }
}
