/** Alerts of a single detection: asteroids, which move on, and bogus detections. */

import type { Detected } from "./detections.ts";
import { CHANNELS, type Exposure, isoDate, offset } from "./exposures.ts";
import type { FieldSky } from "./field-sky.ts";
import { beside, flux, type Neighbour, objectName, place, type Source } from "./objects.ts";
import { measure } from "./photometry.ts";
import { hash, Random } from "./random.ts";

/** Share of passers-by that are asteroids, as far as they are bright enough to be detected. */
const ASTEROIDS = 0.65;
const NUMBERED = 640_000;

/** `count` alerts of an exposure; `first` numbers their names. */
export function* passers(
  exposure: Exposure,
  count: number,
  sky: FieldSky,
  first: number,
): Generator<Detected, void, undefined> {
  const numbering = new Numbering(sky.population.count);
  const year = Number(isoDate(exposure.nid).slice(0, 4));
  const asteroids = Math.round(count * ASTEROIDS);
  let made = 0;
  for (let i = 0; i < asteroids; i++) {
    const found = asteroid(exposure, i, sky.population.seed, numbering, objectName(year, first + made));
    if (found === undefined) continue;
    made++;
    yield found;
  }
  for (; made < count; made++) yield bogus(exposure, made, numbering, objectName(year, first + made));
}

/** Numbers the detections of an exposure's images after those of the recurring objects. */
class Numbering {
  readonly #next: Int32Array;

  constructor(recurring: number) {
    this.#next = new Int32Array(CHANNELS).fill(Math.ceil(recurring / CHANNELS));
  }

  take(rcid: number): number {
    const number = this.#next[rcid] ?? 0;
    this.#next[rcid] = number + 1;
    return number;
  }
}

/** The same asteroid is seen again in the night's next exposure of the field, where it has moved to. */
function asteroid(
  exposure: Exposure,
  index: number,
  seed: number,
  numbering: Numbering,
  objectId: string,
): Detected | undefined {
  const { field, nid } = exposure;
  const random = new Random(hash(seed, 70 + nid, field.index, index));
  const rcid = random.integer(0, CHANNELS - 1);
  const at = place(field, rcid, random);
  const hours = (exposure.day - nid) * 24;
  const moved = offset(at.ra, at.dec, random.normal(-30, 8) * hours, random.normal(0, 12) * hours);
  const magnitude = random.between(16, 20);
  const name = String(random.integer(1, NUMBERED));
  const key = hash(exposure.key, 71, index);
  const band = magnitude + (exposure.fid === 1 ? 0.35 : exposure.fid === 2 ? -0.15 : -0.3);
  const measured = measure(exposure, key, flux(band));
  if (!measured.detected || measured.flux < 0) return undefined;
  const source: Source = {
    kind: "asteroid",
    objectId,
    key,
    rcid,
    tblid: numbering.take(rcid),
    x: at.x,
    y: at.y,
    ...moved,
    neighbour: someNeighbour(new Random(key)),
  };
  const distance = Math.abs(random.normal(0, 0.4));
  return { source, measured, planet: { name, magnitude: Number(magnitude.toFixed(1)), distance } };
}

function bogus(exposure: Exposure, index: number, numbering: Numbering, objectId: string): Detected {
  const key = hash(exposure.key, 72, index);
  const random = new Random(key);
  const rcid = random.integer(0, CHANNELS - 1);
  const source: Source = {
    kind: "bogus",
    objectId,
    key,
    rcid,
    tblid: numbering.take(rcid),
    ...place(exposure.field, rcid, random),
    neighbour: someNeighbour(random),
  };
  const { sigma } = measure(exposure, key, 0);
  const snr = random.between(5, 16);
  const flux = snr * sigma * (random.next() < 0.7 ? 1 : -1);
  return { source, measured: { flux, sigma, snr, detected: true } };
}

/** A star or galaxy that happens to be near. */
function someNeighbour(random: Random): Neighbour {
  const r = random.between(17, 22);
  const distance = 20 * Math.sqrt(random.next()) + 0.3;
  const starScore = random.next() < 0.55 ? random.between(0.7, 1) : random.between(0, 0.3);
  return beside(random, [r + 0.6, r, r - 0.3], distance, starScore);
}
