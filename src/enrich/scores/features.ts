/** The numbers of an alert that networks take. */
import { type Document, getField, isDocument, toNumber, type Value } from "../../query/index.ts";

/** What the ACAI networks were trained on, in their order: fields of `candidate`. */
export const ACAI_FEATURES: readonly string[] = [
  "drb",
  "diffmaglim",
  "ra",
  "dec",
  "magpsf",
  "sigmapsf",
  "chipsf",
  "fwhm",
  "sky",
  "chinr",
  "sharpnr",
  "sgscore1",
  "distpsnr1",
  "sgscore2",
  "distpsnr2",
  "sgscore3",
  "distpsnr3",
  "ndethist",
  "ncovhist",
  "scorr",
  "nmtchps",
  "clrcoeff",
  "clrcounc",
  "neargaia",
  "neargaiabright",
];

/** Packets from before the deep-learning real-bogus score have the older one in its place. */
const STAND_INS: ReadonlyMap<string, string> = new Map([["drb", "rb"]]);

/** Fills `out` with the features of an alert; answers the name of one that the alert does not have. */
export type FeatureReader = (alert: Document, out: Float32Array) => string | undefined;

/** A reader of these features, raw: fields of `candidate`, or dotted paths in the alert. */
export function featureReader(names: readonly string[]): FeatureReader {
  const reads = names.map((name) => {
    const path = name.includes(".") ? name.split(".") : ["candidate", name];
    const standIn = STAND_INS.get(name);
    return { name, path, standIn: standIn === undefined ? undefined : ["candidate", standIn] };
  });
  return (alert, out) => {
    for (const [index, { name, path, standIn }] of reads.entries()) {
      const value = numberAt(alert, path) ?? (standIn === undefined ? undefined : numberAt(alert, standIn));
      if (value === undefined) return name;
      out[index] = value;
    }
    return undefined;
  };
}

/** The finite number at a path. */
function numberAt(alert: Document, path: readonly string[]): number | undefined {
  let value: Value | undefined = alert;
  for (const part of path) {
    if (!isDocument(value)) return undefined;
    value = getField(value, part);
  }
  const number = toNumber(value);
  return number !== undefined && Number.isFinite(number) ? number : undefined;
}
