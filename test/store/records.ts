/** Alerts made by hand for tests of stores. */
import { Double } from "bson";
import type { Document } from "../../src/query/index.ts";
import type { AlertRecord, HistoryUpdate } from "../../src/store/index.ts";

export const COLLECTIONS = {
  alerts: "TEST_alerts",
  aux: "TEST_alerts_aux",
  cutouts: "TEST_alerts_cutouts",
} as const;

/** Rows of a history at these times, each identified by its time. */
export function history(
  field: string,
  jds: readonly number[],
  options: { rank?: number; startsRecord?: boolean; row?: (jd: number) => Document } = {},
): HistoryUpdate {
  const { rank, startsRecord = true, row = (jd) => ({ jd, mag: new Double(18), fid: 1 }) } = options;
  return {
    field,
    merge: rank === undefined ? "first-seen" : "lowest-rank",
    rows: jds.map(row),
    keys: jds.map(String),
    jds,
    ...(rank === undefined ? {} : { rank }),
    startsRecord,
  };
}

/** An alert of the survey TEST. */
export function alert(
  candid: bigint,
  objectId: string,
  options: {
    jd?: number;
    ra?: number;
    dec?: number;
    drb?: number;
    histories?: readonly HistoryUpdate[];
    cutout?: Uint8Array;
    fields?: Document;
  } = {},
): AlertRecord {
  const { jd = 2460000.5, ra = 150.25, dec = 2.5, drb = 0.5, histories = [], cutout, fields = {} } = options;
  return {
    survey: "TEST",
    collections: COLLECTIONS,
    candid,
    objectId,
    jd,
    document: {
      _id: candid,
      candid,
      objectId,
      candidate: { jd, ra, dec, drb, exptime: new Double(30), programid: 1, missing: null },
      coordinates: { radec_geojson: { type: "Point", coordinates: [ra - 180, dec] } },
      classifications: {},
      ...fields,
    },
    histories,
    cutouts:
      cutout === undefined
        ? []
        : [
            { field: "cutoutScience", fileName: "science.fits.gz", data: cutout },
            { field: "cutoutTemplate", data: new Uint8Array([9]) },
          ],
  };
}
