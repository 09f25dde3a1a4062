/** The simulated alert stream: a survey's exposures of its sky, night by night, as ZTF packets. */
import { Encoder } from "../../avro/index.ts";
import type { Document } from "../../query/index.ts";
import { candidate, type Past } from "./candidate.ts";
import { type Blob, StampMaker } from "./cutouts.ts";
import { asPrevious, candidOf, type Detected, detection, forcedRow, upperLimit } from "./detections.ts";
import {
  type Exposure,
  isoDate,
  nightOf,
  PIXEL_ARCSEC,
  pidOf,
  Survey,
  type SurveyOptions,
  WINDOW_DAYS,
} from "./exposures.ts";
import { FieldSky } from "./field-sky.ts";
import { flux, LIFETIME, type Population, type Recurring, type Source } from "./objects.ts";
import { passers } from "./passers.ts";
import type { Measurement } from "./photometry.ts";
import { hash } from "./random.ts";
import { SCHEMA_VERSION, ZTF_SCHEMA } from "./schema.ts";

export interface SimulationOptions {
  /** Alerts in all; exactly as many are made. */
  readonly alerts: number;
  /** Nights they are spread over evenly; default 1. */
  readonly nights?: number;
  /** The same seed gives the same packets, byte for byte; default 1. */
  readonly seed?: number;
  /**
   * Date of the first night, `YYYY-MM-DD` (UT); default 2024-01-01. With the same seed and as many alerts a
   * night, other nights are of the same sky: the packets are those of one long survey.
   */
  readonly start?: string;
  /** Whether packets carry image stamps; default true. */
  readonly cutouts?: boolean;
}

export interface SimulatedRecord {
  /** The packet's record with values as the Avro decoder gives them; read only, rows are shared. */
  readonly record: Document;
  readonly candid: bigint;
  readonly objectId: string;
  /** Julian date of the exposure. */
  readonly jd: number;
  /** File name: `<candid>.avro`. */
  readonly name: string;
  readonly kind: Source["kind"];
}

export interface SimulatedPacket extends Omit<SimulatedRecord, "record"> {
  /** A container file with one record. */
  readonly bytes: Uint8Array;
  /** How many bytes before the end the image stamps begin; 0 without them. */
  readonly stampBytes: number;
}

export const DEFAULT_START = "2024-01-01";
/** More in one night than any survey has; detections of an image have three digits. */
export const MOST_ALERTS_A_NIGHT = 2_000_000;
/** Objects that come again are remembered; alerts beyond what they give come from passers-by. */
const MOST_OBJECTS = 100_000;
/** Share of an exposure's alerts that recurring objects give, and how many of these an exposure detects. */
const RECURRING = 0.6;
const DETECTED = 0.35;
/** Numbers of names that are kept for recurring objects: for each place one of every supernova until 2040. */
const MOST_CYCLES = 64;
const PUBLISHER = "Kowalski (simulated)";
const MARKER = new TextEncoder().encode("kowalski-simulat");

/** The packets in time order. Memory does not grow with their number. Throws `RangeError` for options. */
export function simulate(options: SimulationOptions): Generator<SimulatedPacket, void, undefined> {
  return encoded(simulateRecords(options));
}

/** The records of the packets that `simulate` makes of the same options. Throws `RangeError` for options. */
export function simulateRecords(options: SimulationOptions): Generator<SimulatedRecord, void, undefined> {
  const { alerts, nights = 1, seed = 1, start = DEFAULT_START, cutouts = true } = options;
  checkOptions(alerts, nights, start);
  return recordsOf({ alerts, nights, seed, start }, cutouts);
}

function* encoded(records: Iterable<SimulatedRecord>): Generator<SimulatedPacket, void, undefined> {
  const encoder = new Encoder(ZTF_SCHEMA, { sync: MARKER });
  for (const { record, ...rest } of records) {
    yield { ...rest, bytes: encoder.container([record]), stampBytes: stampBytes(record) };
  }
}

function* recordsOf(options: SurveyOptions, cutouts: boolean): Generator<SimulatedRecord, void, undefined> {
  const { alerts, nights, seed } = options;
  const survey = new Survey(options);
  const stream = new Stream(survey, cutouts ? new StampMaker(seed) : undefined);
  const { firstNid } = survey;
  // Supernovae of the first night may be as old as they get.
  for (let nid = firstNid - LIFETIME - WINDOW_DAYS; nid < firstNid; nid++) {
    for (const exposure of survey.exposures(nid)) stream.pass(exposure);
  }
  for (let night = 0; night < nights; night++) {
    const exposures = survey.exposures(firstNid + night);
    const quota = shareOf(alerts, nights, night);
    stream.beginNight(firstNid + night);
    for (const [index, exposure] of exposures.entries()) {
      yield* stream.expose(exposure, shareOf(quota, exposures.length, index));
    }
  }
}

function checkOptions(alerts: number, nights: number, start: string): void {
  if (!Number.isSafeInteger(alerts) || alerts < 1)
    throw new RangeError(`alerts: expected at least 1, found ${alerts}`);
  if (!Number.isSafeInteger(nights) || nights < 1)
    throw new RangeError(`nights: expected at least 1, found ${nights}`);
  if (nights > alerts)
    throw new RangeError(`nights: ${nights} nights need at least ${nights} alerts, found ${alerts}`);
  if (alerts / nights > MOST_ALERTS_A_NIGHT) {
    const needed = Math.ceil(alerts / MOST_ALERTS_A_NIGHT);
    throw new RangeError(
      `nights: a night has at most ${MOST_ALERTS_A_NIGHT} alerts, so take at least ${needed}`,
    );
  }
  const time = Date.parse(`${start}T00:00:00Z`);
  if (
    !/^\d{4}-\d{2}-\d{2}$/.test(start) ||
    Number.isNaN(time) ||
    new Date(time).toISOString().slice(0, 10) !== start
  ) {
    throw new RangeError(`start: expected a date such as ${DEFAULT_START}, found ${start}`);
  }
  if (start < "2019-01-01" || start > "2040-01-01") {
    throw new RangeError(`start: expected a night from 2019-01-01 to 2040-01-01, found ${start}`);
  }
}

/** The part that falls to `index` when `total` is shared out evenly in whole numbers. */
function shareOf(total: number, parts: number, index: number): number {
  return Math.floor(((index + 1) * total) / parts) - Math.floor((index * total) / parts);
}

class Stream {
  readonly #skies: readonly FieldSky[];
  readonly #total: number;
  /** Names of passers-by are numbered by the day of the year. */
  #nextName = 0;
  /** Rows of upper limits of the exposures of one field, by exposure and channel. */
  #limits = new Map<number, Document>();

  constructor(
    readonly survey: Survey,
    readonly stamps: StampMaker | undefined,
  ) {
    const { fields, alertsPerExposure, firstNid, options } = survey;
    const wanted = Math.ceil((alertsPerExposure * RECURRING) / DETECTED);
    const count = Math.max(1, Math.min(wanted, Math.floor(MOST_OBJECTS / fields.length)));
    this.#total = count * fields.length;
    const population: Population = {
      seed: options.seed,
      count,
      total: this.#total,
      firstNid: firstNid - LIFETIME - WINDOW_DAYS,
      lastNid: firstNid + options.nights,
    };
    this.#skies = fields.map((field) => new FieldSky(field, survey, population));
  }

  /** Exposes a field in a night that packets only look back on. */
  pass(exposure: Exposure): void {
    this.#skies[exposure.field.index]?.pass(exposure);
  }

  beginNight(nid: number): void {
    const newYear = nightOf(`${isoDate(nid).slice(0, 4)}-01-01`);
    this.#nextName = this.#total * MOST_CYCLES + (nid - newYear) * MOST_ALERTS_A_NIGHT;
  }

  /** Exposes a field and yields `quota` of its alerts; the rest is only remembered. */
  *expose(exposure: Exposure, quota: number): Generator<SimulatedRecord, void, undefined> {
    const sky = this.#skies[exposure.field.index];
    if (sky === undefined) throw new RangeError("no such field");
    const detected = sky.detect(exposure);
    this.#limits = new Map();
    let left = quota;
    const start = detected.length === 0 ? 0 : exposure.key % detected.length;
    for (let i = 0; i < detected.length && left > quota * (1 - RECURRING); i++, left--) {
      const found = detected[(start + i) % detected.length];
      if (found !== undefined) yield this.#alert(sky, exposure, found, sky.pastOf(found.source, exposure));
    }
    if (left > 0) {
      for (const found of passers(exposure, left, sky, this.#nextName)) {
        const past = { detections: 1, coverage: sky.coverage(found.source.rcid), firstJd: exposure.jd };
        yield this.#alert(sky, exposure, found, past);
      }
      this.#nextName += left;
    }
    sky.remember(exposure);
  }

  #alert(sky: FieldSky, exposure: Exposure, found: Detected, past: Past): SimulatedRecord {
    const { source, measured, planet } = found;
    const candid = candidOf(exposure, source, measured.flux > 0);
    const earlier = sky.history(exposure);
    const measurements = earlier.map((one) => sky.measure(source, one));
    const rows = earlier.map((one, i) => this.#previous(source, one, measurements[i]));
    const forced: Document[] = [];
    for (let i = earlier.length - 1; i >= 0; i--) {
      const [one, then] = [earlier[i], measurements[i]];
      if (one !== undefined && then !== undefined) forced.push(forcedRow(source, one, then));
    }
    const record: Document = {
      schemavsn: SCHEMA_VERSION,
      publisher: PUBLISHER,
      objectId: source.objectId,
      candid,
      candidate: candidate(source, exposure, measured, past, planet),
      prv_candidates: rows.length === 0 ? null : rows,
      fp_hists: forced.length === 0 ? null : forced,
      ...this.#cutouts(found, exposure, candid),
    };
    const { objectId, kind } = source;
    return { record, candid, objectId, jd: exposure.jd, name: `${candid}.avro`, kind };
  }

  #previous(source: Source, exposure: Exposure, measured: Measurement | undefined): Document {
    if (measured?.detected === true && isRecurring(source)) {
      return asPrevious(detection(source, exposure, measured), exposure, measured);
    }
    const pid = pidOf(exposure, source.rcid);
    let row = this.#limits.get(pid);
    if (row === undefined) {
      row = upperLimit(exposure, source.rcid);
      this.#limits.set(pid, row);
    }
    return row;
  }

  #cutouts({ source, measured }: Detected, exposure: Exposure, candid: bigint): Document {
    if (this.stamps === undefined)
      return { cutoutScience: null, cutoutTemplate: null, cutoutDifference: null };
    const isPositive = measured.flux > 0;
    const scale = 10 ** (0.4 * exposure.zeroPoint);
    const { neighbour } = source;
    const steady: Blob = {
      flux: flux(neighbour.magnitudes[exposure.fid - 1] ?? 99) * scale,
      dx: -neighbour.east / PIXEL_ARCSEC,
      dy: neighbour.north / PIXEL_ARCSEC,
      fwhm: exposure.seeing * (neighbour.starScore < 0.5 ? 2.2 : 1),
    };
    const stamps = this.stamps.make(
      hash(exposure.key, 60, source.key),
      [steady],
      changes(source, exposure, Math.abs(measured.flux)),
      isPositive,
    );
    const pid = pidOf(exposure, source.rcid);
    const stem = `candid${candid}`;
    const difference = isPositive ? "scimref" : "refmsci";
    return {
      cutoutScience: { fileName: `${stem}_pid${pid}_targ_sci.fits.gz`, stampData: stamps.science },
      cutoutTemplate: { fileName: `${stem}_ref.fits.gz`, stampData: stamps.template },
      cutoutDifference: {
        fileName: `${stem}_pid${pid}_targ_${difference}.fits.gz`,
        stampData: stamps.difference,
      },
    };
  }
}

/** What the difference image shows: a point of light, or for bogus detections a dipole or a hot pixel. */
function changes(source: Source, exposure: Exposure, total: number): Blob[] {
  const point = { flux: total, dx: 0, dy: 0, fwhm: exposure.seeing };
  if (source.kind !== "bogus") return [point];
  if (source.key % 2 === 0) return [{ ...point, fwhm: 0.7 }];
  return [
    { ...point, flux: 2 * total, dx: 0.8 },
    { ...point, flux: -1.8 * total, dx: -0.8 },
  ];
}

function isRecurring(source: Source): source is Recurring {
  return "curve" in source;
}

function stampBytes(record: Document): number {
  let total = 0;
  for (const field of ["cutoutScience", "cutoutTemplate", "cutoutDifference"]) {
    const stamp = record[field] as { readonly stampData: Uint8Array } | null;
    if (stamp !== null) total += stamp.stampData.length;
  }
  return total;
}
