/** ZTF forced photometry: the rows of `fp_hists`, with magnitudes derived from difference fluxes. */

import type { FlatRecords } from "../avro/index.ts";
import { type Document, double } from "../query/index.ts";
import { type AddedField, type FlatRows, mayAdd } from "../store/flat-rows.ts";
import { numberOf } from "./fields.ts";
import { inTime } from "./flat-histories.ts";

/** What ZTF writes where a forced measurement failed. */
const NO_MEASUREMENT = -99999;
/** 2.5 / ln 10: relative flux error to magnitude error, as rounded in the values that users compare with. */
const MAGNITUDE_PER_RELATIVE_FLUX = 1.0857;

/** What the magnitudes are derived from. */
const [FLUX, FLUX_SIGMA, ZERO_POINT] = ["forcediffimflux", "forcediffimfluxunc", "magzpsci"] as const;
/** What is derived, where it is a number. */
const DERIVED = ["mag", "magerr", "snr", "limmag3sig", "limmag5sig"] as const;
/** What rows have of the alert that they came with. */
const OF_ALERT = ["alert_mag", "alert_ra", "alert_dec"] as const;
const NOTHING_DERIVED: readonly number[] = DERIVED.map(() => Number.NaN);

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

/**
 * The same rows left in the bytes of their packet, with their times; undefined where the records have such fields
 * themselves.
 */
export function forcedPhotometryFlat(
  records: FlatRecords,
  alert: AlertPoint,
): { rows: FlatRows; jds: number[] } | undefined {
  if (!mayAdd(records.fields, [...DERIVED, ...OF_ALERT])) return undefined;
  const jdColumn = records.fields.columns.get("jd");
  const times: number[] = [];
  const timed: number[] = [];
  for (let i = 0; i < records.length; i++) {
    const jd = records.number(i, jdColumn);
    if (jd === undefined || !Number.isFinite(jd)) continue;
    times.push(jd);
    timed.push(i);
  }
  const places = inTime(times).filter(
    (place, index, all) => index === 0 || times[all[index - 1] as number] !== times[place],
  );
  const order = places.map((place) => timed[place] as number);
  const ofAlert = [alert.magnitude, alert.ra, alert.dec].map((value, n) => ({
    name: OF_ALERT[n] as string,
    values: new Float64Array(order.length).fill(value),
    isOptional: false,
  }));
  const added = [...derivedFields(records, order), ...ofAlert];
  return {
    rows: { records, order, leftOut: NO_MEASUREMENT, added },
    jds: places.map((place) => times[place] as number),
  };
}

function derivedFields(records: FlatRecords, order: readonly number[]): AddedField[] {
  const { columns } = records.fields;
  const [flux, sigma, zeroPoint] = [FLUX, FLUX_SIGMA, ZERO_POINT].map((field) => columns.get(field));
  const measured = (record: number, column: number | undefined) => {
    const value = records.number(record, column);
    return value === NO_MEASUREMENT ? undefined : value;
  };
  const fields = DERIVED.map((name) => ({ name, values: new Float64Array(order.length), isOptional: true }));
  order.forEach((record, index) => {
    const values = derivedOf(measured(record, flux), measured(record, sigma), measured(record, zeroPoint));
    for (let n = 0; n < fields.length; n++) {
      (fields[n] as (typeof fields)[number]).values[index] = values[n] as number;
    }
  });
  return fields;
}

/** The values of `DERIVED`, NaN where they are no numbers. */
function derivedOf(
  flux: number | undefined,
  sigma: number | undefined,
  zeroPoint: number | undefined,
): readonly number[] {
  if (flux === undefined || sigma === undefined || zeroPoint === undefined) return NOTHING_DERIVED;
  return [
    -2.5 * Math.log10(flux) + zeroPoint,
    MAGNITUDE_PER_RELATIVE_FLUX * (sigma / flux),
    flux / sigma,
    -2.5 * Math.log10(3 * sigma) + zeroPoint,
    -2.5 * Math.log10(5 * sigma) + zeroPoint,
  ];
}

function complete(row: Document, alert: AlertPoint): Document {
  const out: Document = {};
  for (const field in row) {
    const value = row[field];
    if (value === undefined || value === null || numberOf(value) === NO_MEASUREMENT) continue;
    out[field] = value;
  }
  const [flux, sigma, zeroPoint] = [FLUX, FLUX_SIGMA, ZERO_POINT].map((field) => numberOf(out[field]));
  derivedOf(flux, sigma, zeroPoint).forEach((value, n) => {
    if (!Number.isNaN(value)) out[DERIVED[n] as string] = double(value);
  });
  out["alert_mag"] = double(alert.magnitude);
  out["alert_ra"] = double(alert.ra);
  out["alert_dec"] = double(alert.dec);
  return out;
}
