/** The numbers of an alert that networks take. */
import { type Document, getField, isDocument, toNumber, type Value } from "../../query/index.ts";
import { SLOTS } from "./session.ts";

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

/** The features of the alerts at hand that networks take, in memory that is filled by `read`. */
export interface Features {
  /** Of each slot, one behind the other. */
  readonly values: Float32Array;
  /** Fills a slot; answers the name of a feature that the alert does not have. */
  read(alert: Document, slot: number): string | undefined;
}

/** The lists of features of a thread's networks: those that take the same ones share them. */
export class FeatureLists {
  readonly #lists = new Map<string, Features>();

  of(names: readonly string[]): Features {
    const key = JSON.stringify(names);
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const values = new Float32Array(SLOTS * names.length);
    const slots = Array.from({ length: SLOTS }, (_, slot) =>
      values.subarray(slot * names.length, (slot + 1) * names.length),
    );
    const read = featureReader(names);
    const features: Features = { values, read: (alert, slot) => read(alert, slots[slot] ?? values) };
    this.#lists.set(key, features);
    return features;
  }
}

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
