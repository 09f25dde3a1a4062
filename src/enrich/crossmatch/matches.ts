/** From the rows found around some positions to the matches of each. Pure. */
import {
  compareValues,
  type Document,
  double,
  equalValues,
  isDocument,
  sortDocuments,
} from "../../query/index.ts";
import { ARCSEC_PER_DEGREE, inEllipse, separation } from "../../sky/index.ts";
import { positionOf } from "../../store/index.ts";
import { NEAR_GALAXIES } from "./galaxies.ts";
import type { MatchRule } from "./rules.ts";

/** A position on the sky, degrees. */
export interface Target {
  readonly ra: number;
  readonly dec: number;
}

interface Placed extends Target {
  readonly row: Document;
}

interface Candidate extends Placed {
  /** Degrees from the target. */
  readonly angle: number;
}

/** Rounding of angles, degrees: a band of declination is taken wider by a milliarcsecond. */
const MARGIN = 1 / 3_600_000;
/** Degrees within which a catalogue's own entry of a near galaxy is that galaxy. */
const SAME_GALAXY = 10 / 3600;

/**
 * The matches of each target by one rule among rows that hold all of the catalogue that are within its radius,
 * and perhaps others: the nearest first, unless the rule says otherwise.
 */
export function matchesOf(
  rule: MatchRule,
  targets: readonly Target[],
  rows: readonly Document[],
): Document[][] {
  const placed = rows.flatMap((row): Placed[] => {
    const position = positionOf(row);
    return position === undefined || !rule.accepts(row)
      ? []
      : [{ row, ra: position[0] + 180, dec: position[1] }];
  });
  placed.sort((a, b) => a.dec - b.dec);
  return targets.map((target) => {
    const found = around(rule, target, placed);
    if (rule.distance !== undefined) found.push(...nearGalaxies(target, found));
    return ordered(rule, found)
      .slice(0, rule.limit)
      .map((candidate) => matchOf(rule, candidate));
  });
}

/** The rows that match a target, of rows in ascending declination. */
function around(
  { radius, distance }: MatchRule,
  { ra, dec }: Target,
  placed: readonly Placed[],
): Candidate[] {
  const found: Candidate[] = [];
  for (let i = firstFrom(placed, dec - radius - MARGIN); i < placed.length; i++) {
    const other = placed[i];
    if (other === undefined || other.dec > dec + radius + MARGIN) break;
    const angle = separation(ra, dec, other.ra, other.dec);
    if (angle > radius) continue;
    if (distance === undefined || angle < (distance.reach(other.row) ?? 0)) {
      found.push({ ...other, angle });
    }
  }
  return found;
}

/** The near galaxies whose outlines a target lies in, but those whose own entry is among what was found. */
function nearGalaxies({ ra, dec }: Target, found: readonly Candidate[]): Candidate[] {
  return NEAR_GALAXIES.flatMap(({ outline, row }) => {
    if (!inEllipse(ra, dec, outline)) return [];
    const isFound = found.some(
      (other) =>
        equalValues(other.row["_id"], row["_id"]) ||
        separation(other.ra, other.dec, outline.ra, outline.dec) < SAME_GALAXY,
    );
    if (isFound) return [];
    return [{ row, ra: outline.ra, dec: outline.dec, angle: separation(ra, dec, outline.ra, outline.dec) }];
  });
}

function ordered({ sort }: MatchRule, found: readonly Candidate[]): Candidate[] {
  // Where two are equally near, in the order of their ids: the same from every store.
  const nearestFirst = found.toSorted(
    (a, b) => a.angle - b.angle || compareValues(a.row["_id"] ?? null, b.row["_id"] ?? null),
  );
  if (sort === undefined) return nearestFirst;
  const byRow = new Map(nearestFirst.map((candidate) => [candidate.row, candidate]));
  return sortDocuments([...byRow.keys()], sort).flatMap((row) => byRow.get(row) ?? []);
}

/** A match as it is stored: the row's kept fields and how far it is. */
function matchOf({ project, distance }: MatchRule, { row, angle }: Candidate): Document {
  const match = project(row);
  const { coordinates } = match;
  match["coordinates"] = {
    ...(isDocument(coordinates) ? coordinates : {}),
    distance_arcsec: hundredths(angle * ARCSEC_PER_DEGREE),
    ...(distance === undefined ? {} : { distance_kpc: kiloparsecs(distance.kiloparsecs(row, angle)) }),
  };
  return match;
}

const hundredths = (value: number) => double(Math.round(value * 100) / 100);
const kiloparsecs = (value: number) => (value === -1 ? -1 : hundredths(value));

/** The number of the first row at this declination or above. */
function firstFrom(placed: readonly Placed[], dec: number): number {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((placed[middle]?.dec ?? 0) < dec) low = middle + 1;
    else high = middle;
  }
  return low;
}
