/**
 * Positions sorted for cone searches: by zones of equal declination, within a zone by right ascension. A cone is
 * then a few short runs of neighbours, found by bisection, whatever the number of positions (the zones algorithm of
 * Gray, Nieto-Santisteban & Szalay 2007). Angles are kept as 32-bit fractions of their range: 0.3 milliarcseconds in
 * right ascension, half of it in declination. Pure.
 */
import { DEGREES_PER_RADIAN, RADIANS_PER_DEGREE } from "./angles.ts";

/** 39.55 arcsec each. */
const ZONE_BITS = 14;
/** Number of zones from pole to pole. */
export const ZONES = 2 ** ZONE_BITS;
const ZONE_SHIFT = 32 - ZONE_BITS;
const STEPS = 2 ** 32;
const RA_STEP = 360 / STEPS;
const DEC_STEP = 180 / STEPS;
/** What rounding may move a position: cones are taken larger by a milliarcsecond, degrees. */
const MARGIN = 1 / 3_600_000;

/** Right ascension in degrees, 0 ≤ ra < 360 or a turn off, as a 32-bit fraction of the circle. */
export function fixedRa(ra: number): number {
  const turned = ra % 360;
  return Math.min(STEPS - 1, Math.floor((turned < 0 ? turned + 360 : turned) / RA_STEP));
}

/** Declination in degrees, −90 … 90, as a 32-bit fraction of the way from pole to pole. */
export function fixedDec(dec: number): number {
  return Math.min(STEPS - 1, Math.max(0, Math.floor((dec + 90) / DEC_STEP)));
}

/** The zone of a declination as `fixedDec` gives it. */
export function zoneOf(dec: number): number {
  return dec >>> ZONE_SHIFT;
}

/** Positions in the order of zones. */
export interface ZonedPositions {
  /** Where each zone begins; one more at the end. */
  readonly starts: Uint32Array;
  /** As `fixedRa`, ascending within a zone. */
  readonly ras: Uint32Array;
  /** As `fixedDec`. */
  readonly decs: Uint32Array;
}

/** The places of positions in the order of zones, and where each zone begins. */
export function zoneOrder(
  ras: Uint32Array,
  decs: Uint32Array,
): { readonly starts: Uint32Array; readonly order: Uint32Array } {
  const starts = new Uint32Array(ZONES + 1);
  for (const dec of decs) {
    const next = zoneOf(dec) + 1;
    starts[next] = (starts[next] ?? 0) + 1;
  }
  for (let zone = 0; zone < ZONES; zone++) {
    starts[zone + 1] = (starts[zone + 1] ?? 0) + (starts[zone] ?? 0);
  }
  const next = starts.slice();
  const order = new Uint32Array(decs.length);
  decs.forEach((dec, place) => {
    const zone = zoneOf(dec);
    const at = next[zone] ?? 0;
    order[at] = place;
    next[zone] = at + 1;
  });
  for (let zone = 0; zone < ZONES; zone++) {
    const start = starts[zone] ?? 0;
    const end = starts[zone + 1] ?? 0;
    if (end - start > 1) sortByRa(order.subarray(start, end), ras);
  }
  return { starts, order };
}

/** Sorts places by their right ascension, equal ones by place. */
function sortByRa(places: Uint32Array, ras: Uint32Array): void {
  // Both in one double, which sorts natively: 32 bits of right ascension above 21 bits of rank.
  const ranks = 2 ** 21;
  if (places.length > ranks) {
    places.sort((a, b) => (ras[a] ?? 0) - (ras[b] ?? 0) || a - b);
    return;
  }
  const keys = Float64Array.from(places, (place, rank) => (ras[place] ?? 0) * ranks + rank);
  keys.sort();
  const before = places.slice();
  keys.forEach((key, at) => {
    places[at] = before[key % ranks] ?? 0;
  });
}

/**
 * Calls `visit` with the place of every position within `radius` of (`ra`, `dec`), all in degrees, and perhaps of a
 * few that are farther by rounding, a milliarcsecond at most.
 */
export function visitCone(
  { starts, ras, decs }: ZonedPositions,
  { ra, dec, radius }: { readonly ra: number; readonly dec: number; readonly radius: number },
  visit: (place: number) => void,
): void {
  const reach = radius + MARGIN;
  const lowest = fixedDec(dec - reach);
  const highest = fixedDec(dec + reach);
  const half = halfWidth(dec, reach);
  const from = half < 180 ? fixedRa(ra - half) : 0;
  const to = half < 180 ? fixedRa(ra + half) : STEPS - 1;
  const limit = Math.sin((Math.min(reach, 180) * RADIANS_PER_DEGREE) / 2) ** 2;
  const cosine = Math.cos(dec * RADIANS_PER_DEGREE);
  const look = (start: number, end: number) => {
    for (let place = start; place < end; place++) {
      const other = decs[place] ?? 0;
      if (other < lowest || other > highest) continue;
      const dec1 = other * DEC_STEP - 90;
      const north = Math.sin(((dec1 - dec) * RADIANS_PER_DEGREE) / 2);
      const east = Math.sin((((ras[place] ?? 0) * RA_STEP - ra) * RADIANS_PER_DEGREE) / 2);
      // The haversine of the separation.
      if (north * north + cosine * Math.cos(dec1 * RADIANS_PER_DEGREE) * east * east <= limit) visit(place);
    }
  };
  const last = zoneOf(highest);
  for (let zone = zoneOf(lowest); zone <= last; zone++) {
    const start = starts[zone] ?? 0;
    const end = starts[zone + 1] ?? 0;
    if (start === end) continue;
    if (from <= to) look(firstFrom(ras, from, start, end), firstFrom(ras, to + 1, start, end));
    else {
      // The cone lies across ra = 0.
      look(start, firstFrom(ras, to + 1, start, end));
      look(firstFrom(ras, from, start, end), end);
    }
  }
}

/** Half the width of a cone in right ascension, degrees; 180 where it holds a pole. */
function halfWidth(dec: number, radius: number): number {
  if (Math.abs(dec) + radius >= 90) return 180;
  const sine = Math.sin(radius * RADIANS_PER_DEGREE) / Math.cos(dec * RADIANS_PER_DEGREE);
  if (sine >= 1) return 180;
  // Next to a pole a step of the fraction is more than the margin of the cone.
  return Math.asin(sine) * DEGREES_PER_RADIAN + RA_STEP;
}

/** The first place of `start` … `end` whose value is at least `value`. */
function firstFrom(values: Uint32Array, value: number, start: number, end: number): number {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
