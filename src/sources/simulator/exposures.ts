/** The simulated survey: which field is exposed when, in which filter and under which sky. */
import { DEGREES_PER_RADIAN, RADIANS_PER_DEGREE } from "../../sky/index.ts";
import { hash, Random, share } from "./random.ts";

/** Days of exposures before the first night, so that its alerts have histories; also a packet's window. */
export const WINDOW_DAYS = 30;
/** Readout channels of the camera: an 8 by 8 grid over the field. */
export const CHANNELS = 64;
/** Pixels of a readout channel along each side, and the size of a pixel in arcsec. */
export const CHANNEL_PIXELS = { x: 3072, y: 3080 } as const;
export const PIXEL_ARCSEC = 1.01;

/** Julian date of night 0 of ZTF's count, 2017-01-01 0h UT. */
const NIGHT_ZERO_JD = 2457754.5;
const FIELDS_LEAST = 2;
const FIELDS_MOST = 350;
const FIELD_DEGREES = 6.9;
const SECOND = 1 / 86400;
/** The dark hours as a share of the UT day, and the time from one exposure to the next. */
const DUSK = 0.125;
const CADENCE_SECONDS = 40;
/** Share of fields that clouds or the schedule leave out on a night. */
const SKIPPED = 0.5;
const ALERTS_PER_EXPOSURE = 120;
const VISITS = 2;

export interface Field {
  /** Position in the list of this survey's fields. */
  readonly index: number;
  /** ZTF's number of the field. */
  readonly id: number;
  /** Centre, degrees. */
  readonly ra: number;
  readonly dec: number;
}

export interface Exposure {
  readonly field: Field;
  /** ZTF's count of nights. */
  readonly nid: number;
  /** Julian date at the start, days, to seven digits as in packets. */
  readonly jd: number;
  /** The same in nights and their share. */
  readonly day: number;
  /** 1 = g, 2 = r, 3 = i. */
  readonly fid: 1 | 2 | 3;
  /** 1 = public, 2 = partnership, 3 = Caltech. */
  readonly programid: 1 | 2 | 3;
  readonly programpi: string;
  /** Five-sigma limit of the difference image, mag. */
  readonly limit: number;
  /** Full width at half maximum, pixels. */
  readonly seeing: number;
  /** Zero point, mag, and the calibration that goes with it. */
  readonly zeroPoint: number;
  readonly zeroPointRms: number;
  readonly colour: number;
  readonly background: number;
  /** Distinguishes exposures; the seed of what belongs to one. */
  readonly key: number;
  /** Start of the processing number; the readout channel and `15` follow. */
  readonly stem: number;
  /** Start of its images' names: time, field and filter. */
  readonly image: string;
}

export interface SurveyOptions {
  readonly seed: number;
  readonly nights: number;
  readonly alerts: number;
  /** ISO date (UT) of the first night. */
  readonly start: string;
}

/**
 * Fields and their exposures. All of a night follows from the seed, the night and the number of fields:
 * surveys of other nights with as many alerts a night are of the same sky.
 */
export class Survey {
  readonly fields: readonly Field[];
  readonly alertsPerExposure: number;
  readonly firstNid: number;

  constructor(readonly options: SurveyOptions) {
    this.firstNid = nightOf(options.start);
    const perNight = Math.ceil(options.alerts / options.nights);
    const count = Math.min(
      FIELDS_MOST,
      Math.max(FIELDS_LEAST, Math.round(perNight / (ALERTS_PER_EXPOSURE * VISITS * (1 - SKIPPED)))),
    );
    this.fields = fieldsOf(options.seed, count);
    this.alertsPerExposure = perNight / (count * VISITS * (1 - SKIPPED));
  }

  /** The exposures of a night in time order. */
  exposures(nid: number): Exposure[] {
    const observed = this.fields.filter((field) => this.#isObserved(nid, field));
    const made: Exposure[] = [];
    for (let visit = 0; visit < VISITS; visit++) {
      for (const field of observed) made.push(this.#exposure(nid, visit, field, made.length));
    }
    return made;
  }

  /** How often a field was exposed from one night to the night before another. */
  coverage(field: Field, from: number, to: number): number {
    let nights = 0;
    for (let nid = from; nid < to; nid++) if (this.#isObserved(nid, field)) nights++;
    return nights * VISITS;
  }

  /** No night is without alerts: where all fields would be left out, one is observed after all. */
  #isObserved(nid: number, { index }: Field): boolean {
    if (this.#isScheduled(nid, index)) return true;
    if (nid % this.fields.length !== index) return false;
    return !this.fields.some((other) => this.#isScheduled(nid, other.index));
  }

  #isScheduled(nid: number, index: number): boolean {
    return share(this.options.seed, 1, nid, index) >= SKIPPED;
  }

  #exposure(nid: number, visit: number, field: Field, order: number): Exposure {
    const { seed } = this.options;
    const key = hash(seed, 2, nid * VISITS + visit, field.index);
    const random = new Random(key);
    const jitter = random.between(0, 6);
    const second = Math.floor(order * CADENCE_SECONDS + jitter);
    const dayShare = Number((DUSK + second * SECOND).toFixed(7));
    const jd = Number((NIGHT_ZERO_JD + nid + dayShare).toFixed(7));
    const fid = filterOf(nid, visit, random);
    const programid = programOf(fid, random);
    const zeroPoint = [26.28, 26.16, 25.75][fid - 1] ?? 26;
    const fraction = Math.floor((jd - NIGHT_ZERO_JD - nid) * 1e6 + 0.5);
    return {
      field,
      nid,
      jd,
      day: nid + dayShare,
      fid,
      programid,
      programpi: programid === 3 ? "Graham" : "Kulkarni",
      limit: Math.max(18.6, random.normal([20.65, 20.5, 20.0][fid - 1] ?? 20, 0.3)),
      seeing: Math.max(1.5, random.normal(2.1, 0.3)),
      zeroPoint: zeroPoint + random.normal(0, 0.03),
      zeroPointRms: 0.03 + 0.01 * random.next(),
      colour: random.normal(fid === 1 ? -0.07 : 0.09, 0.01),
      background: random.between(90, 260),
      key,
      stem: nid * 100_000 + Math.floor(fraction / 10),
      image: imageStem(nid, fraction, field.id, fid),
    };
  }
}

/** `ztf_20231012433727_000505_zg`: date and millionths of the day, field, filter. */
function imageStem(nid: number, fraction: number, field: number, fid: number): string {
  const date = isoDate(nid).replaceAll("-", "");
  const [time, place] = [fraction, field].map((number) => String(number).padStart(6, "0"));
  return `ztf_${date}${time}_${place}_z${"gri"[fid - 1]}`;
}

/** Processing number of a readout channel's image: night, share of the day, channel, `15`. */
export function pidOf(exposure: Exposure, rcid: number): number {
  return exposure.stem * 10_000 + rcid * 100 + 15;
}

/** Number of the reference image: field, `120`, filter, channel. */
export function rfidOf(exposure: Exposure, rcid: number): bigint {
  return BigInt(exposure.field.id * 1_000_000 + 120_000 + exposure.fid * 100 + rcid);
}

/** Sky position of a pixel of a readout channel, degrees. */
export function skyPosition(field: Field, rcid: number, x: number, y: number): { ra: number; dec: number } {
  const column = (rcid % 8) - 4 + x / CHANNEL_PIXELS.x;
  const row = Math.floor(rcid / 8) - 4 + y / CHANNEL_PIXELS.y;
  const dec = field.dec + (row * CHANNEL_PIXELS.y * PIXEL_ARCSEC) / 3600;
  const east = (column * CHANNEL_PIXELS.x * PIXEL_ARCSEC) / 3600;
  const ra = field.ra + east / Math.cos(dec * RADIANS_PER_DEGREE);
  return { ra: (ra + 360) % 360, dec };
}

/** ZTF's count of nights on a date `YYYY-MM-DD` (UT). */
export function nightOf(date: string): number {
  return Math.round(Date.parse(`${date}T00:00:00Z`) / 86_400_000 + 2440587.5 - NIGHT_ZERO_JD);
}

/** Julian date of a time in nights. */
export function julianDate(day: number): number {
  return Number((NIGHT_ZERO_JD + day).toFixed(7));
}

/** The date of a night, `YYYY-MM-DD`. */
export function isoDate(nid: number): string {
  return new Date((NIGHT_ZERO_JD + nid - 2440587.5) * 86_400_000).toISOString().slice(0, 10);
}

function filterOf(nid: number, visit: number, random: Random): 1 | 2 | 3 {
  if (random.next() < 0.12) return 3;
  return (nid + visit) % 2 === 0 ? 1 : 2;
}

function programOf(fid: number, random: Random): 1 | 2 | 3 {
  const draw = random.next();
  // i-band belongs to the partnership.
  if (fid === 3) return draw < 0.8 ? 2 : 3;
  return draw < 0.72 ? 1 : draw < 0.93 ? 2 : 3;
}

/** Fields of equal size over the northern sky, some of them chosen by the seed. */
function fieldsOf(seed: number, count: number): Field[] {
  const grid: { id: number; ra: number; dec: number }[] = [];
  for (let dec = -24; dec <= 80; dec += FIELD_DEGREES) {
    const inRow = Math.max(1, Math.floor((360 * Math.cos(dec * RADIANS_PER_DEGREE)) / FIELD_DEGREES));
    for (let i = 0; i < inRow; i++) {
      grid.push({ id: 245 + grid.length, ra: (360 * i) / inRow, dec: Number(dec.toFixed(2)) });
    }
  }
  const chosen = grid.map((field) => ({ field, rank: share(seed, 3, field.id) }));
  chosen.sort((a, b) => a.rank - b.rank);
  return chosen.slice(0, count).map(({ field }, index) => ({ index, ...field }));
}

/** Degrees of right ascension and declination of an offset in arcsec at a declination. */
export function offset(ra: number, dec: number, east: number, north: number): { ra: number; dec: number } {
  const moved = dec + north / 3600;
  const cos = Math.cos(moved / DEGREES_PER_RADIAN);
  return { ra: (ra + east / 3600 / cos + 360) % 360, dec: moved };
}
