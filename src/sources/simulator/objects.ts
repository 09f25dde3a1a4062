/** What is on the simulated sky: objects that are seen again and again, and how bright they are when. */
import {
  CHANNEL_PIXELS,
  CHANNELS,
  type Field,
  isoDate,
  nightOf,
  type SurveyOptions,
  skyPosition,
  WINDOW_DAYS,
} from "./exposures.ts";
import { hash, Random } from "./random.ts";

export type RecurringKind = "variable star" | "supernova" | "active galaxy";
export type SourceKind = RecurringKind | "asteroid" | "bogus";

/** Magnitudes in g, r, i. */
export type Magnitudes = readonly [number, number, number];

/** Where a source is on the camera and what lies around it. */
export interface Source {
  readonly kind: SourceKind;
  readonly objectId: string;
  /** Distinguishes sources; the seed of what belongs to one. */
  readonly key: number;
  readonly rcid: number;
  /** Number of the detection within its image, 0 to 999. */
  readonly tblid: number;
  /** Pixels within the readout channel. */
  readonly x: number;
  readonly y: number;
  /** Degrees. */
  readonly ra: number;
  readonly dec: number;
  /** The star or galaxy of the reference image that is nearest. */
  readonly neighbour: Neighbour;
}

export interface Neighbour {
  readonly magnitudes: Magnitudes;
  /** Offset from the source, arcsec. */
  readonly east: number;
  readonly north: number;
  /** From 0 (galaxy) to 1 (star). */
  readonly starScore: number;
}

/** An object with a light curve. */
export interface Recurring extends Source {
  readonly kind: RecurringKind;
  /** Place in the list of the field's objects. */
  readonly slot: number;
  readonly curve: Curve;
  /** Detections before the simulated window, and the first of them (days since the first night). */
  readonly before: { readonly detections: number; readonly firstDay: number } | undefined;
}

/** How the flux changes, in a filter, relative to the reference image; 1 is that of magnitude 0. */
export type Curve = (day: number, fid: 1 | 2 | 3, walk: (day: number) => number) => number;

const LETTERS = 26;
const NAMES = LETTERS ** 7;
/** Odd, not a multiple of 13 and small enough to stay exact: numbers that follow each other get unlike names. */
const SCATTER = 612_367;

/** `ZTF18abcdefg`: the year (two digits) and seven letters that belong to `number` alone. */
export function objectName(year: number, number: number): string {
  let rest = (number * SCATTER + 20_180_601) % NAMES;
  let letters = "";
  for (let i = 0; i < 7; i++) {
    letters = String.fromCharCode(97 + (rest % LETTERS)) + letters;
    rest = Math.floor(rest / LETTERS);
  }
  return `ZTF${String(year % 100).padStart(2, "0")}${letters}`;
}

export function flux(magnitude: number): number {
  return 10 ** (-0.4 * magnitude);
}

/** A place on a readout channel, not at its very edge. */
export function place(field: Field, rcid: number, random: Random): Pick<Source, "x" | "y" | "ra" | "dec"> {
  const x = random.between(40, CHANNEL_PIXELS.x - 40);
  const y = random.between(40, CHANNEL_PIXELS.y - 40);
  return { x, y, ...skyPosition(field, rcid, x, y) };
}

/** The objects of a field: `count` of them, in a fixed order. */
export function objectsOf(field: Field, count: number, options: SurveyOptions): Recurring[] {
  return Array.from({ length: count }, (_, slot) => objectAt(field, slot, count, options));
}

function objectAt(
  field: Field,
  slot: number,
  count: number,
  { seed, nights, start }: SurveyOptions,
): Recurring {
  const key = hash(seed, 10, field.index, slot);
  const year = Number(start.slice(0, 4));
  const random = new Random(key);
  const rcid = slot % CHANNELS;
  const draw = random.next();
  const kind = draw < 0.5 ? "variable star" : draw < 0.78 ? "active galaxy" : "supernova";
  const parts =
    kind === "variable star"
      ? variableStar(random)
      : kind === "active galaxy"
        ? activeGalaxy(random)
        : supernova(random, nights);
  const { firstDay, ...drawn } = parts;
  // An old object was first seen in one of the years before, a supernova soon after its explosion.
  const firstYear = firstDay === undefined ? random.integer(2018, year - 1) : yearOf(start, firstDay);
  return {
    kind,
    objectId: objectName(firstYear, field.index * count + slot),
    key,
    rcid,
    tblid: Math.floor(slot / CHANNELS),
    ...place(field, rcid, random),
    slot,
    ...drawn,
    before:
      firstDay === undefined
        ? {
            detections: random.integer(3, 400),
            firstDay: daysBetween(start, `${firstYear}-01-01`) + random.between(5, 330),
          }
        : undefined,
  };
}

/** Days from one date to another, `YYYY-MM-DD`. */
function daysBetween(from: string, to: string): number {
  return nightOf(to) - nightOf(from);
}

function yearOf(start: string, day: number): number {
  return Number(isoDate(nightOf(start) + Math.floor(day)).slice(0, 4));
}

interface Parts extends Pick<Recurring, "curve" | "neighbour"> {
  /** Day of the first light, of objects that were not always there. */
  readonly firstDay?: number;
}

function variableStar(random: Random): Parts {
  const r = random.between(14.2, 19);
  const colour = random.between(0.1, 0.9);
  const magnitudes: Magnitudes = [r + colour, r, r - 0.4 * colour];
  const pulsating = random.next() < 0.45;
  // RR Lyrae: half a day, up to a magnitude; the others anything from hours to weeks.
  const period = pulsating ? random.between(0.3, 0.85) : 10 ** random.between(-0.7, 1.4);
  const amplitude = pulsating ? random.between(0.4, 1.1) : random.between(0.1, 0.7);
  const phase = random.next();
  const shape = pulsating ? sawtooth : sine;
  const means = magnitudes.map(flux);
  const byFilter = [1, 0.75, 0.6];
  const curve: Curve = (day, fid) => {
    const turns = day / period + phase;
    const change = amplitude * (byFilter[fid - 1] ?? 1) * shape(turns - Math.floor(turns));
    return (means[fid - 1] ?? 0) * (10 ** (-0.4 * change) - 1);
  };
  return { curve, neighbour: beside(random, magnitudes, 0.25, random.between(0.85, 1)) };
}

/** Magnitudes from −½ to ½ of the amplitude: a fast rise and a slow decline. */
function sawtooth(phase: number): number {
  return phase < 0.15 ? 0.5 - phase / 0.15 : (phase - 0.15) / 0.85 - 0.5;
}

function sine(phase: number): number {
  return 0.5 * Math.sin(2 * Math.PI * phase);
}

function activeGalaxy(random: Random): Parts {
  const r = random.between(16.5, 19.3);
  const colour = random.between(0.2, 0.6);
  const magnitudes: Magnitudes = [r + colour, r, r - 0.5 * colour];
  const sigma = random.between(0.12, 0.35);
  const means = magnitudes.map(flux);
  const byFilter = [1, 0.85, 0.75];
  const curve: Curve = (day, fid, walk) => {
    const change = sigma * (byFilter[fid - 1] ?? 1) * walk(day);
    return (means[fid - 1] ?? 0) * (10 ** (-0.4 * change) - 1);
  };
  return { curve, neighbour: beside(random, magnitudes, 0.2, random.between(0, 0.6)) };
}

function supernova(random: Random, nights: number): Parts {
  const explosion = random.between(-WINDOW_DAYS - 40, nights);
  const rise = random.between(12, 20);
  const peak = random.between(16.2, 19.6);
  const decline = random.between(0.02, 0.1);
  // Blue at first, redder with every day after the peak.
  const colour = random.between(-0.15, 0.25);
  const curve: Curve = (day, fid) => {
    const age = day - explosion;
    if (age <= 0) return 0;
    const reddening = (fid === 1 ? 0.025 : fid === 3 ? -0.008 : 0) * Math.max(0, age - rise);
    const band = peak + (fid === 1 ? colour : fid === 3 ? 0.15 : 0) + reddening;
    if (age < rise) return flux(band) * (1 - (1 - age / rise) ** 2);
    // A tail of a third of the slope from 30 days after the peak on.
    const after = age - rise;
    return flux(band + decline * Math.min(after, 30) + 0.3 * decline * Math.max(0, after - 30));
  };
  const r = random.between(15.5, 20.5);
  const host: Magnitudes = [r + random.between(0.4, 0.9), r, r - random.between(0.2, 0.4)];
  const distance = Math.abs(random.normal(0, 3)) + 0.2;
  const firstDay = Math.max(explosion, -WINDOW_DAYS);
  return { curve, neighbour: beside(random, host, distance, random.between(0, 0.3)), firstDay };
}

/** A neighbour this many arcsec away, in a random direction. */
export function beside(
  random: Random,
  magnitudes: Magnitudes,
  distance: number,
  starScore: number,
): Neighbour {
  const angle = random.between(0, 2 * Math.PI);
  return {
    magnitudes,
    east: distance * Math.cos(angle),
    north: distance * Math.sin(angle),
    starScore,
  };
}
