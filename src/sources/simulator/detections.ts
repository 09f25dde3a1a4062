/** Rows of a packet: detections, upper limits and forced photometry, with the fields real filters use. */
import { Double } from "bson";
import { type Document, double } from "../../query/index.ts";
import { CHANNEL_PIXELS, CHANNELS, type Exposure, offset, PIXEL_ARCSEC, pidOf, rfidOf } from "./exposures.ts";
import type { Source } from "./objects.ts";
import { type Measurement, magnitudeOf } from "./photometry.ts";
import { hash, Random } from "./random.ts";

/** What ZTF writes where there is no such source, and where a forced measurement failed. */
export const NONE = new Double(-999);
const NO_MEASUREMENT = new Double(-99999);
const THIRTY_SECONDS = new Double(30);
const RB_VERSION = "t17_f5_c3";
/** Share of forced measurements that fail. */
const FAILED = 0.03;

/** A 32-bit float as the decoder gives it. */
export function float(x: number): number | Double {
  return double(Math.fround(x));
}

/** A Solar System object that the detection is ascribed to. */
export interface MinorPlanet {
  readonly name: string;
  readonly magnitude: number;
  /** Arcsec between prediction and detection. */
  readonly distance: number;
}

/** A source that an exposure detected. */
export interface Detected {
  readonly source: Source;
  readonly measured: Measurement;
  readonly planet?: MinorPlanet;
}

export function candidOf(exposure: Exposure, source: Source, isPositive: boolean): bigint {
  return (
    BigInt(pidOf(exposure, source.rcid)) * 1_000_000n + BigInt((isPositive ? 15_000 : 10_000) + source.tblid)
  );
}

const draws = new Random(0);
const forced = new Random(0);

/** End of an image's name by readout channel: detector, quadrant and product. */
const IMAGE_ENDINGS = Array.from({ length: CHANNELS }, (_, rcid) => {
  const ccd = String(Math.floor(rcid / 4) + 1).padStart(2, "0");
  return `_c${ccd}_o_q${(rcid % 4) + 1}_scimrefdiffimg.fits`;
});

function differenceImage(exposure: Exposure, rcid: number): string {
  return exposure.image + IMAGE_ENDINGS[rcid];
}

/** Degrees with the digits of packets. */
function degrees(x: number): number | Double {
  return double(Math.round(x * 1e7) / 1e7);
}

/** The fields that a candidate and a previous detection share, in the schema's order. */
export function detection(
  source: Source,
  exposure: Exposure,
  measured: Measurement,
  planet?: MinorPlanet,
): Document {
  const { rcid, neighbour } = source;
  const random = draws.restart(hash(exposure.key, 31, source.key));
  const isBogus = source.kind === "bogus";
  const { magnitude, error } = magnitudeOf(exposure, measured);
  const isPositive = measured.flux > 0;
  // The centroid scatters by a share of the seeing that shrinks with the signal.
  const scatter = 0.5 / Math.min(50, measured.snr);
  const { ra, dec } = offset(source.ra, source.dec, random.normal(0, scatter), random.normal(0, scatter));
  const near = offset(source.ra, source.dec, neighbour.east, neighbour.north);
  const distance = Math.hypot(neighbour.east, neighbour.north) / PIXEL_ARCSEC;
  const aperture = magnitude + random.normal(0, 0.3 * error + 0.02);
  const fwhm = exposure.seeing * (isBogus ? random.between(0.5, 3.2) : random.between(0.9, 1.3));
  const elongation = isBogus ? random.between(1.1, 3) : 1 + Math.abs(random.normal(0, 0.12));
  const minor = fwhm * random.between(0.25, 0.45);
  const referenceMagnitude = neighbour.magnitudes[exposure.fid - 1] ?? 0;
  const edges = [source.x, source.y, CHANNEL_PIXELS.x - source.x, CHANNEL_PIXELS.y - source.y];
  return {
    jd: double(exposure.jd),
    fid: exposure.fid,
    pid: BigInt(pidOf(exposure, rcid)),
    diffmaglim: float(exposure.limit),
    pdiffimfilename: differenceImage(exposure, rcid),
    programpi: exposure.programpi,
    programid: exposure.programid,
    candid: candidOf(exposure, source, isPositive),
    isdiffpos: isPositive ? "t" : "f",
    tblid: BigInt(source.tblid),
    nid: exposure.nid,
    rcid,
    field: exposure.field.id,
    xpos: float(source.x),
    ypos: float(source.y),
    ra: degrees(ra),
    dec: degrees(dec),
    magpsf: float(magnitude),
    sigmapsf: float(error),
    chipsf: float(isBogus ? random.between(2, 60) : random.between(0.6, 2.5)),
    magap: float(aperture),
    sigmagap: float(error * 0.9),
    distnr: float(distance),
    magnr: float(referenceMagnitude),
    sigmagnr: float(0.01 + 0.02 * random.next()),
    chinr: float(random.between(0.4, 1.6)),
    sharpnr: float(random.normal(0.02, 0.08)),
    sky: float(random.normal(0, 0.4)),
    magdiff: float(aperture - magnitude),
    fwhm: float(fwhm),
    classtar: float(isBogus ? random.between(0, 0.6) : random.between(0.7, 1)),
    mindtoedge: float(Math.min(...edges)),
    magfromlim: float(exposure.limit - aperture),
    seeratio: float(random.between(0.8, 1.6)),
    aimage: float(minor * elongation),
    bimage: float(minor),
    aimagerat: float((minor * elongation) / fwhm),
    bimagerat: float(minor / fwhm),
    elong: float(elongation),
    nneg: isBogus ? random.integer(4, 16) : random.integer(0, 5),
    nbad: isBogus ? random.integer(0, 4) : 0,
    rb: float(isBogus ? random.between(0.02, 0.5) : random.between(0.45, 0.98)),
    ssdistnr: planet === undefined ? NONE : float(planet.distance),
    ssmagnr: planet === undefined ? NONE : float(planet.magnitude),
    ssnamenr: planet === undefined ? "null" : planet.name,
    sumrat: float(isBogus ? random.between(0.2, 0.9) : random.between(0.85, 1)),
    magapbig: float(aperture + random.normal(0, 0.5 * error + 0.01)),
    sigmagapbig: float(error * 1.2),
    ranr: degrees(near.ra),
    decnr: degrees(near.dec),
  };
}

/** What follows a detection's shared fields in `prv_candidates`. */
export function asPrevious(row: Document, exposure: Exposure, { snr }: Measurement): Document {
  row["scorr"] = double(snr * 1.02);
  return withCalibration(row, exposure);
}

function withCalibration(row: Document, exposure: Exposure): Document {
  row["magzpsci"] = float(exposure.zeroPoint);
  row["magzpsciunc"] = float(2e-5);
  row["magzpscirms"] = float(exposure.zeroPointRms);
  row["clrcoeff"] = float(exposure.colour);
  row["clrcounc"] = float(2.2e-5);
  row["rbversion"] = RB_VERSION;
  return row;
}

/** A row of `prv_candidates` for an exposure that detected nothing: all of the detection is null. */
export function upperLimit(exposure: Exposure, rcid: number): Document {
  return withCalibration(
    {
      jd: double(exposure.jd),
      fid: exposure.fid,
      pid: BigInt(pidOf(exposure, rcid)),
      diffmaglim: float(exposure.limit),
      pdiffimfilename: differenceImage(exposure, rcid),
      programpi: exposure.programpi,
      programid: exposure.programid,
      candid: null,
      isdiffpos: null,
      tblid: null,
      nid: exposure.nid,
      rcid,
      field: exposure.field.id,
      xpos: null,
      ypos: null,
      ra: null,
      dec: null,
      magpsf: null,
      sigmapsf: null,
      chipsf: null,
      magap: null,
      sigmagap: null,
      distnr: null,
      magnr: null,
      sigmagnr: null,
      chinr: null,
      sharpnr: null,
      sky: null,
      magdiff: null,
      fwhm: null,
      classtar: null,
      mindtoedge: null,
      magfromlim: null,
      seeratio: null,
      aimage: null,
      bimage: null,
      aimagerat: null,
      bimagerat: null,
      elong: null,
      nneg: null,
      nbad: null,
      rb: null,
      ssdistnr: null,
      ssmagnr: null,
      ssnamenr: null,
      sumrat: null,
      magapbig: null,
      sigmagapbig: null,
      ranr: null,
      decnr: null,
      scorr: null,
    },
    exposure,
  );
}

/** A row of `fp_hists`: the flux at the alert's position, detected or not, now and then without a result. */
export function forcedRow(source: Source, exposure: Exposure, measured: Measurement): Document {
  const { rcid, neighbour } = source;
  const random = forced.restart(hash(exposure.key, 32, source.key));
  const failed = random.next() < FAILED;
  const near = offset(source.ra, source.dec, neighbour.east, neighbour.north);
  return {
    field: exposure.field.id,
    rcid,
    fid: exposure.fid,
    pid: BigInt(pidOf(exposure, rcid)),
    rfid: rfidOf(exposure, rcid),
    sciinpseeing: float(exposure.seeing),
    scibckgnd: float(exposure.background),
    scisigpix: float(Math.sqrt(exposure.background) * 0.45),
    magzpsci: float(exposure.zeroPoint),
    magzpsciunc: float(2e-5),
    magzpscirms: float(exposure.zeroPointRms),
    clrcoeff: float(exposure.colour),
    clrcounc: float(2.2e-5),
    exptime: THIRTY_SECONDS,
    adpctdif1: float(0.07 + 0.03 * random.next()),
    adpctdif2: float(0.07 + 0.03 * random.next()),
    diffmaglim: float(exposure.limit),
    programid: exposure.programid,
    jd: double(exposure.jd),
    forcediffimflux: failed ? NO_MEASUREMENT : float(measured.flux),
    forcediffimfluxunc: failed ? NO_MEASUREMENT : float(measured.sigma),
    procstatus: failed ? "61" : "0",
    distnr: failed ? NO_MEASUREMENT : float(Math.hypot(neighbour.east, neighbour.north)),
    ranr: failed ? NO_MEASUREMENT : degrees(near.ra),
    decnr: failed ? NO_MEASUREMENT : degrees(near.dec),
    magnr: failed ? NO_MEASUREMENT : float(neighbour.magnitudes[exposure.fid - 1] ?? 0),
    sigmagnr: failed ? NO_MEASUREMENT : float(0.02),
    chinr: failed ? NO_MEASUREMENT : float(0.9),
    sharpnr: failed ? NO_MEASUREMENT : float(0.02),
  };
}
