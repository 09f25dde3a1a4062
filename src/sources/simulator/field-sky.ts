/** One field of the simulated sky: its objects, when it was exposed, and how often each was detected. */
import type { Past } from "./candidate.ts";
import { type Exposure, type Field, julianDate, nightOf, type Survey, WINDOW_DAYS } from "./exposures.ts";
import { objectsOf, type Population, type Recurring, type Source } from "./objects.ts";
import { type Measurement, measure } from "./photometry.ts";
import { hash } from "./random.ts";

/** Night from which on the field counts its exposures. */
const SURVEY_BEGINS = nightOf("2018-01-01");
/** Exposures of before, that a readout channel's part of the sky may have had at most. */
const EARLIER_MOST = 300;

/** Detections of a supernova so far. */
interface Record {
  detections: number;
  readonly firstJd: number;
}

export class FieldSky {
  readonly #objects: readonly Recurring[];
  readonly #supernovae: readonly Recurring[];
  readonly #records = new Map<Source, Record>();
  /** Exposures before the first detection, of objects that were always there. */
  readonly #unseen = new Map<Source, number>();
  /** Exposures of the last 30 days, in time order. */
  #exposures: Exposure[] = [];
  #covered: number;

  /** The field before the population's first night. */
  constructor(
    readonly field: Field,
    readonly survey: Survey,
    readonly population: Population,
  ) {
    this.#objects = objectsOf(field, population);
    this.#supernovae = this.#objects.filter(({ kind }) => kind === "supernova");
    this.#covered = survey.coverage(field, SURVEY_BEGINS, population.firstNid);
  }

  /** Remembers an exposure that makes no alerts; only supernovae are counted by detections. */
  pass(exposure: Exposure): void {
    this.#covered++;
    this.#measureAll(this.#supernovae, exposure);
    this.remember(exposure);
  }

  /** Measures every object and remembers the detections, which are answered. */
  detect(exposure: Exposure): { source: Recurring; measured: Measurement }[] {
    this.#covered++;
    return this.#measureAll(this.#objects, exposure);
  }

  #measureAll(objects: readonly Recurring[], exposure: Exposure) {
    const detected: { source: Recurring; measured: Measurement }[] = [];
    for (const source of objects) {
      const flux = source.curve(exposure.day, exposure.fid);
      // Most supernovae are not there, and noise is not drawn for nothing.
      if (flux === 0) continue;
      const measured = measure(exposure, source.key, flux);
      if (!measured.detected) continue;
      if (source.kind === "supernova") this.#count(source, exposure);
      detected.push({ source, measured });
    }
    return detected;
  }

  #count(source: Recurring, { jd }: Exposure): void {
    const record = this.#records.get(source);
    if (record === undefined) this.#records.set(source, { detections: 1, firstJd: jd });
    else record.detections++;
  }

  /** What an exposure measures at a source; passers-by were not there in earlier exposures. */
  measure(source: Source | Recurring, exposure: Exposure): Measurement {
    const flux = "curve" in source ? source.curve(exposure.day, exposure.fid) : 0;
    return measure(exposure, source.key, flux);
  }

  /**
   * The past of an object that this exposure detected. Of what was always there every exposure since the
   * first detection counts: raw detections go far below the limit of alerts.
   */
  pastOf(source: Recurring, exposure: Exposure): Past {
    const coverage = this.coverage(source.rcid);
    const { knownSince } = source;
    if (knownSince === undefined) {
      return { coverage, ...(this.#records.get(source) ?? { detections: 1, firstJd: exposure.jd }) };
    }
    let unseen = this.#unseen.get(source);
    if (unseen === undefined) {
      unseen = this.survey.coverage(this.field, SURVEY_BEGINS, knownSince);
      this.#unseen.set(source, unseen);
    }
    return { coverage, detections: this.#covered - unseen, firstJd: julianDate(knownSince + 0.3) };
  }

  /** How often a readout channel's part of the sky was exposed. */
  coverage(rcid: number): number {
    return this.#covered + (hash(this.population.seed, 22, this.field.index, rcid) % EARLIER_MOST);
  }

  /** The exposures that a packet of this one looks back on. */
  history(exposure: Exposure): readonly Exposure[] {
    return this.#exposures.filter(({ jd }) => jd < exposure.jd && exposure.jd - jd <= WINDOW_DAYS);
  }

  remember(exposure: Exposure): void {
    const old = this.#exposures.findIndex(({ jd }) => exposure.jd - jd <= WINDOW_DAYS);
    this.#exposures.splice(0, old < 0 ? this.#exposures.length : old);
    this.#exposures.push(exposure);
  }
}
