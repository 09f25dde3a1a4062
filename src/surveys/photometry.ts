/** An object's light curve as fluxes: from the rows of alerts and histories, one point per measurement. Pure. */
import type { Document } from "../query/index.ts";
import { numberOf } from "./fields.ts";

/** How a survey's rows become points of a light curve. */
export interface LightCurveRows {
  /** Names of all bandpasses. */
  readonly bands: readonly string[];
  /** Name of the row's bandpass, e.g. `ztfg`; undefined where the row is no measurement of the sky. */
  band(row: Document): string | undefined;
  /** History with forced photometry, and which of its rows are good. */
  readonly forced?: { readonly field: string; isGood(row: Document): boolean };
}

/** One measurement. */
export interface FluxPoint {
  /** Modified Julian date, days. */
  readonly mjd: number;
  readonly band: string;
  /** In units of the zero point; null for an upper limit. */
  readonly flux: number | null;
  /** The flux as measured, also where it is too faint to count as a detection; null where nothing was measured. */
  readonly measured: number | null;
  /** Limiting magnitude of the exposure. */
  readonly limit: number;
  /** One sigma, in units of the zero point. */
  readonly fluxerr: number | null;
  /** AB magnitude of flux 1. */
  readonly zp: number;
  /** Degrees; null where nothing was detected. */
  readonly ra: number | null;
  readonly dec: number | null;
  /** Program that took the exposure, where the survey has programs. */
  readonly programid: number | undefined;
}

const MJD_EPOCH = 2_400_000.5;
/** AB magnitude of 1 µJy. */
const MICROJANSKY = 23.9;
/** Limiting magnitudes are those of a 5 sigma source. */
const LIMIT_SIGMAS = 5;
/** A forced flux of no more than this many sigmas counts as an upper limit. */
const DETECTION_SIGMAS = 3;
/** Ways in which surveys say that a source is brighter than in the reference image. */
const POSITIVE: ReadonlySet<unknown> = new Set([true, 1, "1", "t", "T", "y", "Y"]);

/**
 * Points of detections and upper limits in time order, in µJy (zero point 23.9): rows that are given twice count
 * once, rows without a limiting magnitude are left out. A source fainter than in the reference has negative flux.
 */
export function alertPoints(rows: readonly Document[], survey: LightCurveRows): FluxPoint[] {
  return pointsOf(
    rows,
    survey,
    alertPoint,
    ({ row, mjd, band }) => `${mjd}/${band}/${String(row["magpsf"])}`,
  );
}

/** Points of forced photometry in time order, each with its own zero point. */
export function forcedPoints(rows: readonly Document[], survey: LightCurveRows): FluxPoint[] {
  const good = rows.filter((row) => survey.forced?.isGood(row) ?? false);
  return pointsOf(good, survey, forcedPoint, ({ mjd, band, flux }) => `${mjd}/${band}/${flux}`);
}

interface TimedRow {
  readonly row: Document;
  readonly mjd: number;
  readonly band: string;
}

function pointsOf(
  rows: readonly Document[],
  survey: LightCurveRows,
  pointOf: (row: TimedRow) => FluxPoint | undefined,
  keyOf: (point: TimedRow & FluxPoint) => string,
): FluxPoint[] {
  const points = new Map<string, FluxPoint>();
  for (const row of rows) {
    const jd = numberOf(row["jd"]);
    const band = survey.band(row);
    if (jd === undefined || band === undefined) continue;
    const timed = { row, mjd: jd - MJD_EPOCH, band };
    const point = pointOf(timed);
    if (point === undefined) continue;
    const key = keyOf({ ...timed, ...point });
    if (!points.has(key)) points.set(key, point);
  }
  return [...points.values()].sort((a, b) => a.mjd - b.mjd);
}

function alertPoint({ row, mjd, band }: TimedRow): FluxPoint | undefined {
  const limit = numberOf(row["diffmaglim"]);
  if (limit === undefined || !(limit > 0)) return undefined;
  const programid = numberOf(row["programid"]);
  const common = { mjd, band, zp: MICROJANSKY, programid, limit };
  const magnitude = numberOf(row["magpsf"]);
  if (magnitude === undefined || !Number.isFinite(magnitude)) {
    const fluxerr = fluxOf(limit, MICROJANSKY) / LIMIT_SIGMAS;
    return { ...common, flux: null, measured: null, fluxerr, ra: null, dec: null };
  }
  const sign = POSITIVE.has(plainOf(row["isdiffpos"])) ? 1 : -1;
  const flux = sign * fluxOf(magnitude, MICROJANSKY);
  const sigma = numberOf(row["sigmapsf"]);
  const fluxerr = sigma === undefined ? null : finite(Math.abs((sigma * flux * Math.LN10) / 2.5));
  const [ra, dec] = [finite(numberOf(row["ra"])), finite(numberOf(row["dec"]))];
  return { ...common, flux, measured: flux, fluxerr, ra, dec };
}

function forcedPoint({ row, mjd, band }: TimedRow): FluxPoint | undefined {
  const limit = numberOf(row["diffmaglim"]);
  const zp = numberOf(row["magzpsci"]);
  if (limit === undefined || !(limit > 0) || zp === undefined) return undefined;
  const measured = numberOf(row["forcediffimflux"]);
  const sigma = finite(numberOf(row["forcediffimfluxunc"]));
  const programid = numberOf(row["programid"]);
  const common = { mjd, band, zp, ra: null, dec: null, programid, limit };
  if (measured === undefined || !Number.isFinite(measured)) {
    return { ...common, flux: null, measured: null, fluxerr: fluxOf(limit, zp) / LIMIT_SIGMAS };
  }
  const isLimit = sigma !== null && Math.abs(measured / sigma) <= DETECTION_SIGMAS;
  return { ...common, flux: isLimit ? null : measured, measured, fluxerr: sigma };
}

const fluxOf = (magnitude: number, zp: number) => 10 ** (-0.4 * (magnitude - zp));

const finite = (value: number | undefined) => (value !== undefined && Number.isFinite(value) ? value : null);

function plainOf(value: Document[string]): unknown {
  return numberOf(value) ?? value;
}
