/** ZTF forced photometry: the rows of `fp_hists`, with magnitudes derived from difference fluxes. */
import { type Document, double } from "../query/index.ts";
import { numberOf } from "./fields.ts";

/** What ZTF writes where a forced measurement failed. */
const NO_MEASUREMENT = -99999;
/** 2.5 / ln 10: relative flux error to magnitude error, as rounded in the values that users compare with. */
const MAGNITUDE_PER_RELATIVE_FLUX = 1.0857;

/** The alert that a packet's forced photometry came with. */
export interface AlertPoint {
  /** Magnitude of the alert. */
  readonly magnitude: number;
  /** Degrees. */
  readonly ra: number;
  readonly dec: number;
}

/**
 * Rows of forced photometry as they are stored: nulls and failed measurements dropped, sorted by `jd`, one
 * row per `jd` (the first), each with `mag`, `magerr`, `snr`, `limmag3sig`, `limmag5sig` where they are
 * numbers and the alert's own magnitude and position. Rows without `jd` are left out.
 */
export function forcedPhotometryRows(
  rows: readonly Document[],
  alert: AlertPoint,
): { row: Document; jd: number }[] {
  const timed: { row: Document; jd: number }[] = [];
  for (const row of rows) {
    const jd = numberOf(row["jd"]);
    if (jd !== undefined && Number.isFinite(jd)) timed.push({ row, jd });
  }
  timed.sort((a, b) => a.jd - b.jd);
  const kept = timed.filter(({ jd }, index) => index === 0 || timed[index - 1]?.jd !== jd);
  return kept.map(({ row, jd }) => ({ row: complete(row, alert), jd }));
}

function complete(row: Document, alert: AlertPoint): Document {
  const out: Document = {};
  for (const field in row) {
    const value = row[field];
    if (value === undefined || value === null || numberOf(value) === NO_MEASUREMENT) continue;
    out[field] = value;
  }
  const flux = numberOf(out["forcediffimflux"]);
  const sigma = numberOf(out["forcediffimfluxunc"]);
  const zeroPoint = numberOf(out["magzpsci"]);
  if (flux !== undefined && sigma !== undefined && zeroPoint !== undefined) {
    setNumber(out, "mag", -2.5 * Math.log10(flux) + zeroPoint);
    setNumber(out, "magerr", MAGNITUDE_PER_RELATIVE_FLUX * (sigma / flux));
    setNumber(out, "snr", flux / sigma);
    setNumber(out, "limmag3sig", -2.5 * Math.log10(3 * sigma) + zeroPoint);
    setNumber(out, "limmag5sig", -2.5 * Math.log10(5 * sigma) + zeroPoint);
  }
  out["alert_mag"] = double(alert.magnitude);
  out["alert_ra"] = double(alert.ra);
  out["alert_dec"] = double(alert.dec);
  return out;
}

function setNumber(row: Document, field: string, value: number): void {
  if (!Number.isNaN(value)) row[field] = double(value);
}
