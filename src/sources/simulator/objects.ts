/** What is on the simulated sky: objects that are seen again and again, and how bright they are when. */
import { CHANNEL_PIXELS, CHANNELS, type Field, isoDate, nightOf, skyPosition } from "./exposures.ts";
import { hash, Random } from "./random.ts";
import { Walk } from "./walk.ts";

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
  readonly curve: Curve;
  /** Night of the first detection, of objects that were always there. */
  readonly knownSince?: number;
}

/** The difference to the reference image's flux, at a time (in nights) and in a filter; 1 is magnitude 0. */
export type Curve = (day: number, fid: 1 | 2 | 3) => number;

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

/** Nights after which a supernova is gone for good and another one may explode in its place of the list. */
export const LIFETIME = 150;
/** All that was always there was first detected in the survey's first year. */
const FIRST_YEAR = 2018;
const FIRST_NIGHT = nightOf(`${FIRST_YEAR}-01-01`);
const STARS = 0.5;
const GALAXIES = 0.28;

/** Where a field's objects stand among those of all fields, and which nights they are wanted for. */
export interface Population {
  readonly seed: number;
  /** Objects of a field, and of all fields. */
  readonly count: number;
  readonly total: number;
  readonly firstNid: number;
  readonly lastNid: number;
}

/** What is on a field from the first to the last night. */
export function objectsOf(field: Field, population: Population): Recurring[] {
  return Array.from({ length: population.count }, (_, slot) => objectsAt(field, slot, population)).flat();
}

/** The object at a place of the field's list, or one supernova after the other. */
function objectsAt(field: Field, slot: number, population: Population): Recurring[] {
  const { seed, count, total, firstNid, lastNid } = population;
  const key = hash(seed, 10, field.index, slot);
  const random = new Random(key);
  const number = field.index * count + slot;
  const place = { field, slot, key };
  const draw = random.next();
  if (draw < STARS + GALAXIES) {
    const isStar = draw < STARS;
    const parts = isStar ? variableStar(random) : activeGalaxy(random, key);
    const knownSince = FIRST_NIGHT + random.integer(5, 300);
    const kind = isStar ? "variable star" : "active galaxy";
    return [{ ...recurring(place, kind, objectName(FIRST_YEAR, number), parts), knownSince }];
  }
  const offset = random.between(0, LIFETIME);
  const found: Recurring[] = [];
  const first = Math.max(0, Math.floor((firstNid - FIRST_NIGHT - offset) / LIFETIME));
  for (let cycle = first; ; cycle++) {
    const explosion = FIRST_NIGHT + offset + cycle * LIFETIME;
    if (explosion > lastNid + 1) return found;
    const own = hash(key, 11, cycle);
    const name = objectName(yearOf(explosion), total * (1 + cycle) + number);
    found.push(
      recurring({ field, slot, key: own }, "supernova", name, supernova(new Random(own), explosion)),
    );
  }
}

function recurring(
  { field, slot, key }: { field: Field; slot: number; key: number },
  kind: RecurringKind,
  objectId: string,
  parts: Parts,
): Recurring {
  const rcid = slot % CHANNELS;
  const tblid = Math.floor(slot / CHANNELS);
  return { kind, objectId, key, rcid, tblid, ...place(field, rcid, new Random(hash(key, 12))), ...parts };
}

function yearOf(day: number): number {
  return Number(isoDate(Math.floor(day)).slice(0, 4));
}

type Parts = Pick<Recurring, "curve" | "neighbour">;

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

function activeGalaxy(random: Random, key: number): Parts {
  const r = random.between(16.5, 19.3);
  const colour = random.between(0.2, 0.6);
  const magnitudes: Magnitudes = [r + colour, r, r - 0.5 * colour];
  const sigma = random.between(0.12, 0.35);
  const means = magnitudes.map(flux);
  const byFilter = [1, 0.85, 0.75];
  const walk = new Walk(key);
  const curve: Curve = (day, fid) => {
    const change = sigma * (byFilter[fid - 1] ?? 1) * walk.at(day);
    return (means[fid - 1] ?? 0) * (10 ** (-0.4 * change) - 1);
  };
  return { curve, neighbour: beside(random, magnitudes, 0.2, random.between(0, 0.6)) };
}

function supernova(random: Random, explosion: number): Parts {
  const rise = random.between(12, 20);
  const peak = random.between(16.2, 19.6);
  const decline = random.between(0.03, 0.1);
  // Blue at first, redder with every day after the peak.
  const colour = random.between(-0.15, 0.25);
  const curve: Curve = (day, fid) => {
    const age = day - explosion;
    if (age <= 0 || age >= LIFETIME) return 0;
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
  return { curve, neighbour: beside(random, host, distance, random.between(0, 0.3)) };
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
