/** A light curve as a table for spreadsheets and notebooks. Pure. */
import { type LightCurvePoint, ZERO_POINT } from "./light-curve.ts";

export const UNITS = ["mag", "flux"] as const;
export type Units = (typeof UNITS)[number];

/** A point as the answers have it: in magnitudes, or in µJy with their zero point. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

export function rowOf(point: LightCurvePoint, units: Units): Row {
  const { jd, mjd, filter, mag, magerr, limmag, flux, fluxerr, origin, programid = null } = point;
  const measured =
    units === "flux"
      ? { flux, fluxerr, zp: ZERO_POINT, magsys: "ab" }
      : { mag, magerr, limmag, magsys: "ab", positive: mag === null ? null : (flux ?? 0) > 0 };
  return { jd, mjd, filter, ...measured, origin, programid };
}

/** The rows with a line of names before them; what is null is empty. */
export function csvOf(points: readonly LightCurvePoint[], units: Units): string {
  const rows = points.map((point) => rowOf(point, units));
  const columns = units === "flux" ? FLUX_COLUMNS : MAGNITUDE_COLUMNS;
  const lines = rows.map((row) => columns.map((column) => cell(row[column] ?? "")).join(","));
  return `${[columns.join(","), ...lines].join("\n")}\n`;
}

const FLUX_COLUMNS = ["jd", "mjd", "filter", "flux", "fluxerr", "zp", "magsys", "origin", "programid"];
const MAGNITUDE_COLUMNS = [
  "jd",
  "mjd",
  "filter",
  "mag",
  "magerr",
  "limmag",
  "magsys",
  "positive",
  "origin",
  "programid",
];

function cell(value: string | number | boolean): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
