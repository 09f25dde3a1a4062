/** The candidate of a packet: a detection with its surroundings in other catalogues and its past. */
import { Double } from "bson";
import { type Document, double } from "../../query/index.ts";
import { detection, float, type MinorPlanet, NONE } from "./detections.ts";
import { type Exposure, offset, rfidOf } from "./exposures.ts";
import type { Neighbour, Source } from "./objects.ts";
import type { Measurement } from "./photometry.ts";
import { hash, Random } from "./random.ts";

/** How often a position was seen and detected, this detection included. */
export interface Past {
  readonly detections: number;
  readonly coverage: number;
  /** Julian date of the first detection. */
  readonly firstJd: number;
}

/** Arcsec within which sources of the PS1 and Gaia catalogues are named, and Gaia's limit. */
const PS1_RADIUS = 30;
const GAIA_LIMIT = 20.5;
const GAIA_BRIGHT = 14;

const draws = new Random(0);

export function candidate(
  source: Source,
  exposure: Exposure,
  measured: Measurement,
  past: Past,
  planet: MinorPlanet | undefined,
): Document {
  const row = detection(source, exposure, measured, planet);
  const random = draws.restart(hash(exposure.key, 40, source.key));
  const surroundings = ps1Neighbours(source, random);
  const [nearest, second, third] = surroundings;
  addPs1(row, PS1_FIELDS[0], nearest);
  row["ndethist"] = past.detections;
  row["ncovhist"] = past.coverage;
  row["jdstarthist"] = double(past.firstJd);
  row["jdendhist"] = double(exposure.jd);
  row["scorr"] = double(measured.snr * 1.02);
  row["tooflag"] = 0;
  row["objectidps1"] = nearest.number;
  row["objectidps2"] = second.number;
  addPs1(row, PS1_FIELDS[1], second);
  row["objectidps3"] = third.number;
  addPs1(row, PS1_FIELDS[2], third);
  return withExposure(row, source, exposure, measured, random);
}

/** Reference image, calibration, Gaia and the deep-learning score, in the schema's order. */
function withExposure(
  row: Document,
  source: Source,
  exposure: Exposure,
  measured: Measurement,
  random: Random,
): Document {
  const isBogus = source.kind === "bogus";
  const dsnrms = measured.snr * random.between(0.35, 0.6);
  const ssnrms = measured.snr * random.between(0.8, 1.1);
  row["nmtchps"] = random.integer(3, 14);
  row["rfid"] = rfidOf(exposure, source.rcid);
  row["jdstartref"] = 2458313.966389;
  row["jdendref"] = 2458397.87794;
  row["nframesref"] = 15;
  row["rbversion"] = "t17_f5_c3";
  row["dsnrms"] = float(dsnrms);
  row["ssnrms"] = float(ssnrms);
  row["dsdiff"] = float(dsnrms - ssnrms);
  row["magzpsci"] = float(exposure.zeroPoint);
  row["magzpsciunc"] = float(2e-5);
  row["magzpscirms"] = float(exposure.zeroPointRms);
  row["nmatches"] = 200 + (hash(exposure.key, source.rcid) % 900);
  row["clrcoeff"] = float(exposure.colour);
  row["clrcounc"] = float(2.2e-5);
  row["zpclrcov"] = float(exposure.fid === 1 ? -6.6e-5 : -3.1e-6);
  row["zpmed"] = float(exposure.zeroPoint - 0.05);
  row["clrmed"] = float(exposure.fid === 3 ? 0.22 : 0.75);
  row["clrrms"] = float(0.25);
  addGaia(row, source.neighbour, random);
  row["exptime"] = new Double(30);
  row["drb"] = float(isBogus ? 0.75 * random.next() ** 2 : 1 - 0.2 * random.next() ** 4);
  row["drbversion"] = "d6_m7";
  return row;
}

/** A source of the PS1 catalogue, as far as it is near enough to be named. */
interface Ps1Source {
  readonly number: bigint | null;
  /** Magnitudes in g, r, i, z, the score and the distance, `-999` where there is none. */
  readonly values: readonly (number | Double)[];
}

const PS1_NAMES = ["sgmag", "srmag", "simag", "szmag", "sgscore", "distpsnr"];
const PS1_FIELDS = [
  PS1_NAMES.map((name) => `${name}1`),
  PS1_NAMES.map((name) => `${name}2`),
  PS1_NAMES.map((name) => `${name}3`),
] as const;
const NO_SOURCE: Ps1Source = { number: null, values: PS1_NAMES.map(() => NONE) };

function addPs1(row: Document, names: readonly string[], { values }: Ps1Source): void {
  names.forEach((name, i) => {
    row[name] = values[i];
  });
}

/** The three nearest sources of the PS1 catalogue: the source's neighbour, and two beyond it. */
function ps1Neighbours(source: Source, random: Random): readonly [Ps1Source, Ps1Source, Ps1Source] {
  const { neighbour } = source;
  const nearest = Math.hypot(neighbour.east, neighbour.north);
  const second = nearest + random.between(2, 14);
  const third = second + random.between(2, 14);
  return [
    ps1Source(source, nearest, neighbour),
    ps1Source(source, second, someSource(random)),
    ps1Source(source, third, someSource(random)),
  ];
}

function someSource(random: Random): Pick<Neighbour, "magnitudes" | "starScore"> {
  const r = random.between(17, 22);
  const starScore = random.next() < 0.5 ? random.between(0, 0.3) : random.between(0.7, 1);
  return { magnitudes: [r + 0.6, r, r - 0.3], starScore };
}

function ps1Source(
  source: Source,
  distance: number,
  { magnitudes, starScore }: Pick<Neighbour, "magnitudes" | "starScore">,
): Ps1Source {
  if (distance >= PS1_RADIUS) return NO_SOURCE;
  const [g, r, i] = magnitudes;
  return { number: ps1Number(source, distance), values: [g, r, i, i - 0.1, starScore, distance].map(float) };
}

/** Number as the PS1 catalogue forms it from a position: zone of declination and right ascension. */
function ps1Number(source: Source, distance: number): bigint {
  const { ra, dec } = offset(source.ra, source.dec, distance, 0);
  return BigInt(Math.floor((dec + 90) * 120)) * 10n ** 13n + BigInt(Math.floor(ra * 1e10));
}

function addGaia(row: Document, { magnitudes, starScore, east, north }: Neighbour, random: Random): void {
  const isStar = starScore > 0.7 && magnitudes[1] < GAIA_LIMIT;
  const nearest = isStar ? Math.hypot(east, north) : random.between(4, 70);
  const magnitude = isStar ? magnitudes[1] : random.between(15, GAIA_LIMIT);
  const hasBright = random.next() < 0.15;
  row["neargaia"] = float(nearest);
  row["neargaiabright"] = hasBright ? float(random.between(20, 90)) : NONE;
  row["maggaia"] = float(magnitude);
  row["maggaiabright"] = hasBright ? float(random.between(10, GAIA_BRIGHT)) : NONE;
}
