/** Light curves of ZTF's public data releases: one row a source, with lists of its epochs. */
import { type Document, double, toNumber, type Value } from "../../query/index.ts";
import type { Preset } from "./preset.ts";

/** Fields of an epoch by the columns that hold lists of them. */
const EPOCH: Readonly<Record<string, string>> = {
  hmjd: "hjd",
  mag: "mag",
  magerr: "magerr",
  clrcoeff: "clrcoeffs",
  catflags: "catflags",
};
/** Magnitudes are 32-bit: more decimals than these are noise. */
const ROUNDED = new Set(["mag", "magerr", "clrcoeff"]);

export const ztfPublic: Preset = {
  name: "ztf_public",
  summary: "light curves of a ZTF public data release (ztf_*.parquet)",
  spec: { name: "ZTF_public_sources_20210401", ra: "objra", dec: "objdec", id: "objectid" },
  rename: {
    objra: "ra",
    objdec: "dec",
    filterid: "filter",
    fieldid: "field",
    rcid: "rc",
    nepochs: "nobs",
  },
  adapt(document) {
    delete document["objectid"];
    const lists = Object.keys(EPOCH).map((column) => [column, document[column]] as const);
    if (!lists.some(([, values]) => Array.isArray(values))) return;
    for (const [column] of lists) delete document[column];
    document["data"] = epochsOf(lists);
  },
};

function epochsOf(lists: readonly (readonly [string, Value | undefined])[]): Document[] {
  const length = Math.max(...lists.map(([, values]) => (Array.isArray(values) ? values.length : 0)));
  return Array.from({ length }, (_, i) => {
    const epoch: Document = {};
    for (const [column, values] of lists) {
      const value = Array.isArray(values) ? values[i] : undefined;
      if (value !== undefined && value !== null) epoch[EPOCH[column] ?? column] = rounded(column, value);
    }
    return epoch;
  });
}

function rounded(column: string, value: Value): Value {
  const number = toNumber(value);
  if (!ROUNDED.has(column) || number === undefined || Number.isInteger(number)) return value;
  return double(Math.round(number * 1000) / 1000);
}
