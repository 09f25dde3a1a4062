/** One light curve from all that is known of an object: in time order, nothing twice, in magnitudes and in µJy. Pure. */
import type { FluxPoint } from "../surveys/index.ts";
import type { ObjectPhotometry } from "./stored.ts";

/** A measurement or an upper limit. */
export interface LightCurvePoint {
  readonly jd: number;
  readonly mjd: number;
  /** Name of the bandpass, e.g. `ztfg`. */
  readonly filter: string;
  /** AB magnitude of the difference to the reference image; null for an upper limit. */
  readonly mag: number | null;
  readonly magerr: number | null;
  /** Five sigma limiting magnitude of the exposure; null where it is not known. */
  readonly limmag: number | null;
  /** µJy (zero point 23.9); negative where the source is fainter than in the reference image. */
  readonly flux: number | null;
  /** One sigma, µJy. */
  readonly fluxerr: number | null;
  /** `alert`: measured when something was detected. `forced`: measured at the object's place in every exposure. */
  readonly origin: "alert" | "forced";
  readonly programid: number | undefined;
}

const MJD_EPOCH = 2_400_000.5;
/** AB magnitude of 1 µJy. */
export const ZERO_POINT = 23.9;
const LIMIT_SIGMAS = 5;
/** 2.5 / ln 10. */
const MAGNITUDES = 2.5 / Math.LN10;
/** Exposures are minutes apart: times closer than this are of one, days. */
const SAME_EXPOSURE = 1e-5;

/**
 * The light curve. An upper limit of an alert's history gives way to forced photometry of the same exposure, which
 * says more; a detection and its forced measurement both stay.
 */
export function lightCurveOf({ alerts, forced }: ObjectPhotometry): LightCurvePoint[] {
  const exposures = new Set(forced.map(exposureOf));
  const kept = alerts.filter((point) => point.flux !== null || !exposures.has(exposureOf(point)));
  const points = [
    ...kept.map((point) => pointOf(point, "alert")),
    ...forced.map((point) => pointOf(point, "forced")),
  ];
  return points.sort((a, b) => a.mjd - b.mjd);
}

function exposureOf({ mjd, band }: FluxPoint): string {
  return `${Math.round(mjd / SAME_EXPOSURE)}/${band}`;
}

function pointOf(point: FluxPoint, origin: LightCurvePoint["origin"]): LightCurvePoint {
  const { mjd, band, programid, zp, limit } = point;
  const scale = 10 ** (0.4 * (ZERO_POINT - zp));
  const scaled = (value: number | null) => (value === null ? null : value * scale);
  const detected = scaled(point.flux);
  const fluxerr = scaled(point.fluxerr);
  return {
    jd: mjd + MJD_EPOCH,
    mjd,
    filter: band,
    mag: detected === null || detected === 0 ? null : magnitudeOf(Math.abs(detected)),
    magerr: detected === null || fluxerr === null ? null : Math.abs((MAGNITUDES * fluxerr) / detected),
    limmag: origin === "alert" || fluxerr === null ? limit : magnitudeOf(LIMIT_SIGMAS * fluxerr),
    flux: scaled(point.measured),
    fluxerr,
    origin,
    programid,
  };
}

const magnitudeOf = (flux: number) => ZERO_POINT - 2.5 * Math.log10(flux);
