/**
 * Galaxies matched by their distance: an object belongs to a galaxy when it lies within a physical radius of it.
 * The two great spirals next door, which no radius describes, are matched by their outlines.
 */
import type { DistanceMatch } from "../../config/index.ts";
import { type Document, double, getField, isDocument, toNumber, type Value } from "../../query/index.ts";
import {
  ARCSEC_PER_DEGREE,
  DEGREES_PER_RADIAN,
  formatDec,
  formatRa,
  type SkyEllipse,
} from "../../sky/index.ts";

/** How far a galaxy of a catalogue reaches. */
export interface DistanceRule {
  /** Radius in degrees within which an object belongs to the galaxy; undefined when its distance is not known. */
  reach(galaxy: Document): number | undefined;
  /** Distance in kpc at a galaxy of an angle in degrees; −1 where the galaxy's distance tells nothing. */
  kiloparsecs(galaxy: Document, angle: number): number;
}

/** Redshift at which one arcsec is taken for one kpc. */
const KPC_PER_ARCSEC_REDSHIFT = 0.05;
/** Below, peculiar velocities make redshifts no measure of distance. */
const NEAR_REDSHIFT = 0.01;
const NEAR_MPC = 40;
/** Not more than this, redshift or Mpc, and no physical distance is told. */
const NO_DISTANCE = 0.005;
const KPC_PER_MPC = 1000;

/** Compiles the rule of a catalogue. */
export function distanceRule(rule: DistanceMatch): DistanceRule {
  const path = rule.field.split(".");
  const near = rule.near_radius_arcsec / ARCSEC_PER_DEGREE;
  const measure = (galaxy: Document) => numberAt(galaxy, path);
  if (rule.unit === "redshift") {
    return {
      reach(galaxy) {
        const z = measure(galaxy);
        if (z === undefined) return undefined;
        return z < NEAR_REDSHIFT ? near : (rule.radius_kpc * KPC_PER_ARCSEC_REDSHIFT) / z / ARCSEC_PER_DEGREE;
      },
      kiloparsecs(galaxy, angle) {
        const z = measure(galaxy) ?? 0;
        return z > NO_DISTANCE ? (angle * ARCSEC_PER_DEGREE * z) / KPC_PER_ARCSEC_REDSHIFT : -1;
      },
    };
  }
  return {
    reach(galaxy) {
      const distance = measure(galaxy);
      if (distance === undefined) return undefined;
      if (distance < NEAR_MPC) return near;
      return Math.atan(rule.radius_kpc / (KPC_PER_MPC * distance)) * DEGREES_PER_RADIAN;
    },
    kiloparsecs(galaxy, angle) {
      const distance = measure(galaxy) ?? 0;
      return distance > NO_DISTANCE ? (angle / DEGREES_PER_RADIAN) * distance * KPC_PER_MPC : -1;
    },
  };
}

function numberAt(document: Document, path: readonly string[]): number | undefined {
  let value: Value | undefined = document;
  for (const part of path) value = isDocument(value) ? getField(value, part) : undefined;
  const number = toNumber(value);
  return number === undefined || Number.isNaN(number) ? undefined : number;
}

/** A near galaxy with its outline and the row that stands for it in catalogues that do not list it. */
export interface NearGalaxy {
  readonly outline: SkyEllipse;
  readonly row: Document;
}

interface Description {
  readonly id: number;
  readonly name: string;
  readonly ra: number;
  readonly dec: number;
  readonly radec?: readonly [string, string];
  readonly semiMajor: number;
  readonly ratio: number;
  readonly positionAngle: number;
  readonly z: number;
  readonly megaparsecs: number;
}

/** Identifiers as in the Census of the Local Universe. */
const DESCRIPTIONS: readonly Description[] = [
  {
    ...{ id: 596900, name: "M31", ra: 10.6847, dec: 41.26901, radec: ["00:42:44.3503", "41:16:08.634"] },
    ...{ semiMajor: 1.624875, ratio: 0.331283, positionAngle: 35, z: -0.001001, megaparsecs: 0.778 },
  },
  {
    ...{ id: 597543, name: "M33", ra: 23.46204, dec: 30.66022 },
    ...{ semiMajor: 0.603694, ratio: 0.602964, positionAngle: 23, z: -0.000597, megaparsecs: 0.869 },
  },
];

export const NEAR_GALAXIES: readonly NearGalaxy[] = DESCRIPTIONS.map((galaxy) => {
  const { ra, dec, semiMajor, ratio, positionAngle } = galaxy;
  return {
    outline: { ra, dec, semiMajor, ratio, positionAngle },
    row: {
      ...{ _id: galaxy.id, name: galaxy.name, ra: double(ra), dec: double(dec) },
      ...{ b2a: double(ratio), pa: double(positionAngle) },
      ...{ z: double(galaxy.z), DistMpc: double(galaxy.megaparsecs) },
      coordinates: {
        radec_geojson: { type: "Point", coordinates: [double(ra - 180), double(dec)] },
        radec_str: [...(galaxy.radec ?? [formatRa(ra), formatDec(dec)])],
      },
    },
  };
});
